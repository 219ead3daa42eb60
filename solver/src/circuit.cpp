// SPDX-License-Identifier: Apache-2.0
#include "circuit.hpp"

#include <algorithm>

#include "evaluate_gate.hpp"

namespace constrint::detail {

Interval evaluate(const Circuit& circuit, const Gate& gate) {
  return evaluate_gate(circuit, gate);
}

std::int32_t Compiler::constant(std::int64_t value) {
  Gate gate;
  gate.op = Op::constant;
  gate.value = value;
  gate.range = {value, value};
  circuit_.gates.push_back(gate);
  return static_cast<std::int32_t>(circuit_.gates.size() - 1);
}

// What holds whatever the operands are, which intervals do not see: x - x, x % x, x ^ 1, and that a
// remainder is never its divisor. Divisors that may be zero have guards of their own. -1: nothing.
std::int32_t Compiler::identity(Op op, std::int32_t a, std::int32_t b, std::int64_t value) {
  if (op == Op::power && value == 1) return a;
  if (!is_binary(op)) return -1;
  if (op == Op::equal || op == Op::not_equal) {
    const auto is_remainder_by = [&](std::int32_t remainder, std::int32_t divisor) {
      const Gate& own = circuit_.gates[static_cast<std::size_t>(remainder)];
      return own.op == Op::modulo && own.b == divisor;
    };
    if (is_remainder_by(a, b) || is_remainder_by(b, a)) return constant(op == Op::equal ? 0 : 1);
  }
  if (a != b) return -1;
  switch (op) {
    case Op::subtract:
    case Op::modulo:
    case Op::not_equal:
    case Op::less:
      return constant(0);
    case Op::divide:
    case Op::equal:
    case Op::less_equal:
      return constant(1);
    case Op::minimum:
    case Op::maximum:
    case Op::logical_and:
    case Op::logical_or:
      return a;
    default:
      return -1;
  }
}

std::int32_t Compiler::gate(Op op, std::int32_t a, std::int32_t b, std::int64_t value) {
  if (const std::int32_t known = identity(op, a, b, value); known >= 0) return known;
  Gate gate;
  gate.op = op;
  gate.a = a;
  gate.b = b;
  gate.value = value;
  gate.range = evaluate(circuit_, gate);
  // An empty range comes from a division whose divisor can only be zero; the guard makes the
  // statement false.
  if (gate.range.empty()) gate.range = {};
  if (gate.range.fixed()) return constant(gate.range.low);
  if (op == Op::logical_and || op == Op::logical_or) {
    // A decided operand that does not decide the gate leaves the other one.
    if (circuit_.gates[static_cast<std::size_t>(a)].range.fixed()) return b;
    if (circuit_.gates[static_cast<std::size_t>(b)].range.fixed()) return a;
  }
  circuit_.gates.push_back(gate);
  return static_cast<std::int32_t>(circuit_.gates.size() - 1);
}

std::int32_t Compiler::build(std::int32_t root) {
  const std::vector<Node>& nodes = circuit_.model->nodes;
  if (mark_.size() < nodes.size()) {
    gate_of_.resize(nodes.size());
    mark_.resize(nodes.size(), 0);
    stack_.reserve(64);
  }
  ++current_;
  stack_.push_back(root);
  const auto done = [&](std::int32_t node) {
    return mark_[static_cast<std::size_t>(node)] == current_;
  };
  while (!stack_.empty()) {
    const std::int32_t id = stack_.back();
    const auto at = static_cast<std::size_t>(id);
    const Node& node = nodes[at];
    if (done(id)) {
      stack_.pop_back();
      continue;
    }
    if (node.op == Op::variable) {
      gate_of_[at] = node.a;
    } else if (node.op == Op::constant) {
      gate_of_[at] = constant(node.value);
    } else {
      const bool binary = is_binary(node.op);
      if (!done(node.a) || (binary && !done(node.b))) {
        if (binary && !done(node.b)) stack_.push_back(node.b);
        if (!done(node.a)) stack_.push_back(node.a);
        continue;
      }
      std::int32_t a = gate_of_[static_cast<std::size_t>(node.a)];
      std::int32_t b = binary ? gate_of_[static_cast<std::size_t>(node.b)] : node.b;
      Op op = node.op;
      if (op == Op::greater || op == Op::greater_equal) {
        std::swap(a, b);
        op = op == Op::greater ? Op::less : Op::less_equal;
      } else if (op == Op::implies) {
        a = gate(Op::logical_not, a, 0, 0);
        op = Op::logical_or;
      } else if (op == Op::divide || op == Op::modulo) {
        if (circuit_.gates[static_cast<std::size_t>(b)].range.contains(0)) guards_.push_back(b);
      }
      gate_of_[at] = gate(op, a, b, node.value);
    }
    mark_[at] = current_;
    stack_.pop_back();
  }
  return gate_of_[static_cast<std::size_t>(root)];
}

void Compiler::collect_scope(Constraint& constraint) {
  constraint.scope_begin = static_cast<std::int32_t>(circuit_.scope.size());
  const std::size_t variables = circuit_.model->variables.size();
  seen_.resize(variables, 0);
  ++seen_mark_;
  const auto visit = [&](std::int32_t id) {
    const auto at = static_cast<std::size_t>(id);
    if (at >= variables || seen_[at] == seen_mark_) return;
    seen_[at] = seen_mark_;
    const Interval range = circuit_.gates[at].range;
    if (range.low != range.high) circuit_.scope.push_back(id);
  };
  visit(constraint.root);
  for (std::int32_t g = constraint.begin; g < constraint.end; ++g) {
    const Gate& gate = circuit_.gates[static_cast<std::size_t>(g)];
    if (gate.op == Op::constant) continue;
    visit(gate.a);
    if (is_binary(gate.op)) visit(gate.b);
  }
  constraint.scope_end = static_cast<std::int32_t>(circuit_.scope.size());
}

void Compiler::add_statement(std::int32_t root, std::int32_t statement) {
  Constraint constraint;
  constraint.statement = statement;
  constraint.begin = static_cast<std::int32_t>(circuit_.gates.size());
  guards_.clear();
  std::int32_t top = build(root);
  // A division by zero anywhere makes the whole statement false, so every such divisor must differ
  // from zero.
  for (const std::int32_t divisor : guards_) {
    const std::int32_t zero = constant(0);
    top = gate(Op::logical_and, top, gate(Op::not_equal, divisor, zero, 0), 0);
  }
  constraint.root = top;
  constraint.end = static_cast<std::int32_t>(circuit_.gates.size());
  const Interval range = circuit_.gates[static_cast<std::size_t>(top)].range;
  if (range.low == 1) return;  // holds always
  collect_scope(constraint);
  circuit_.constraints.push_back(constraint);
}

std::int32_t Compiler::add_objective(std::int32_t root) {
  Constraint constraint;
  constraint.begin = static_cast<std::int32_t>(circuit_.gates.size());
  guards_.clear();
  const std::int32_t value = build(root);
  std::int32_t top = constant(1);
  for (const std::int32_t divisor : guards_) {
    const std::int32_t zero = constant(0);
    top = gate(Op::logical_and, top, gate(Op::not_equal, divisor, zero, 0), 0);
  }
  constraint.root = top;
  constraint.end = static_cast<std::int32_t>(circuit_.gates.size());
  collect_scope(constraint);
  circuit_.constraints.push_back(constraint);
  return value;
}

bool Compiler::recompile(Constraint& constraint) {
  RecyclingVector<Gate>& gates = circuit_.gates;
  const auto begin = static_cast<std::int32_t>(gates.size());
  const auto old_begin = constraint.begin;
  gate_of_.resize(std::max(gate_of_.size(), static_cast<std::size_t>(constraint.end - old_begin)));
  const auto moved = [&](std::int32_t id) {
    return id < old_begin ? id : gate_of_[static_cast<std::size_t>(id - old_begin)];
  };
  for (std::int32_t g = old_begin; g < constraint.end; ++g) {
    const Gate old = gates[static_cast<std::size_t>(g)];
    auto& target = gate_of_[static_cast<std::size_t>(g - old_begin)];
    if (old.op == Op::constant) {
      target = g;
    } else {
      target = gate(old.op, moved(old.a), is_binary(old.op) ? moved(old.b) : old.b, old.value);
    }
  }
  constraint.root = moved(constraint.root);
  constraint.begin = begin;
  constraint.end = static_cast<std::int32_t>(gates.size());
  return gates[static_cast<std::size_t>(constraint.root)].range.low != 1;
}

}  // namespace constrint::detail
