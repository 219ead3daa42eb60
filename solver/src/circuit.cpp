// SPDX-License-Identifier: Apache-2.0
#include "circuit.hpp"

#include <utility>

#include "evaluate_gate.hpp"

namespace constrint::detail {

Interval evaluate(const Circuit& circuit, const Gate& gate) {
  return evaluate_gate(circuit, gate);
}

std::int32_t Compiler::constant_gate(const Operand& operand) {
  Gate& own = circuit_.gates.emplace_back();
  own.op = Op::constant;
  own.value = operand.value();
  own.range = operand.range;
  return static_cast<std::int32_t>(circuit_.gates.size() - 1);
}

void Compiler::begin_scope() {
  seen_.resize(circuit_.model->variables.size(), 0);
  ++seen_mark_;
}

// Whether an identity may say something: most gates are none of these.
inline bool Compiler::may_be_known(Op op, const Operand& a, const Operand& b) const {
  if (op == Op::add || op == Op::multiply) return false;
  if (!is_binary(op)) return op == Op::power;
  if (op == Op::divide || op == Op::modulo) return true;
  // Remainders, minima, maxima and magnitudes say something of what they are compared with.
  const auto says = [this](const Operand& operand) {
    if (operand.id < 0) return false;
    const Op own = circuit_.gates[static_cast<std::size_t>(operand.id)].op;
    return own == Op::modulo || (own >= Op::minimum && own <= Op::absolute);
  };
  return (a.range.low == b.range.low && a.range.high == b.range.high) || says(a) || says(b);
}

// offset: of members in the pool, for operators without a second operand.
Compiler::Operand Compiler::gate(Op op, const Operand& a, const Operand& b, std::int32_t offset,
                                 std::int64_t value) {
  Operand result;
  if (may_be_known(op, a, b) && identity(op, a, b, value, result)) return result;
  Interval range = evaluate_operator(
      *circuit_.model, op, a.range, [&] { return b.range; }, offset, value, Interval());
  // An empty range comes from a division whose divisor can only be zero; the guard makes the
  // statement false.
  if (range.empty()) range = {};
  if (range.fixed()) return constant(range.low);
  if (op == Op::logical_and || op == Op::logical_or) {
    // A decided operand that does not decide the gate leaves the other one.
    if (a.range.fixed()) return b;
    if (b.range.fixed()) return a;
  }
  const std::int32_t first = gate_of(a);
  const std::int32_t second = is_binary(op) ? gate_of(b) : offset;
  read(first);
  if (is_binary(op)) read(second);
  circuit_.gates.push_back({{range.low, range.high}, value, first, second, op, false});
  return {static_cast<std::int32_t>(circuit_.gates.size() - 1), range};
}

// gate() for the most frequent operator. False where it is not as simple.
inline bool Compiler::multiply_gate(const Operand& a, const Operand& b, Operand& result) {
  std::int64_t low = 0;
  std::int64_t high = 0;
  if ((a.range.low | b.range.low) < 0 || __builtin_mul_overflow(a.range.low, b.range.low, &low) ||
      __builtin_mul_overflow(a.range.high, b.range.high, &high)) {
    return false;
  }
  result.id = -1;
  result.range.low = low;
  result.range.high = high;
  if (result.range.fixed()) return true;
  const std::int32_t first = gate_of(a);
  const std::int32_t second = gate_of(b);
  read(first);
  read(second);
  result.id = static_cast<std::int32_t>(circuit_.gates.size());
  circuit_.gates.push_back({{low, high}, 0, first, second, Op::multiply, false});
  return true;
}

// For so many operands, which are not set: each is before it is read.
void Compiler::make_room(std::size_t operands) {
  if (operand_.size() < operands) operand_ = RecycledArray<Operand>(operands);
}

// Constants and variables need not be visited before they are read.
inline Compiler::Operand Compiler::operand_of(std::int32_t node) const {
  const Node& own = circuit_.model->nodes[static_cast<std::size_t>(node)];
  if (own.op == Op::constant) return constant(own.value);
  // End by end: what was written so is slow to read whole.
  if (own.op == Op::variable) {
    const Interval& range = circuit_.gates[static_cast<std::size_t>(own.a)].range;
    return {own.a, {range.low, range.high}};
  }
  const Operand& known = operand_[static_cast<std::size_t>(node)];
  return {known.id, {known.range.low, known.range.high}};
}

inline Compiler::Operand Compiler::build_node(const Node& node) {
  const bool binary = is_binary(node.op);
  Operand a = operand_of(node.a);
  Operand b = binary ? operand_of(node.b) : Operand();
  Op op = node.op;
  if (op == Op::greater || op == Op::greater_equal) {
    std::swap(a, b);
    op = op == Op::greater ? Op::less : Op::less_equal;
  } else if (op == Op::implies) {
    a = gate(Op::logical_not, a, {}, 0, 0);
    op = Op::logical_or;
  } else if (op == Op::divide || op == Op::modulo) {
    if (b.range.contains(0)) guards_.push_back(b);
  }
  if (knows_squares_ && op == Op::multiply) [[unlikely]]
    return product_gate(a, b);
  return gate(op, a, b, binary ? 0 : node.b, node.value);
}

// With what is known of squares.
Compiler::Operand Compiler::product_gate(const Operand& a, const Operand& b) {
  const Operand result = gate(Op::multiply, a, b, 0, 0);
  if (result.range.low < 0 && same(a, b)) squares_.push_back(result);
  return result;
}

// A statement of a text has its nodes one after the other, children first.
Compiler::Operand Compiler::build_in_order(std::int32_t first, std::int32_t root) {
  const RecyclingVector<Node>& nodes = circuit_.model->nodes;
  make_room(nodes.size());
  for (auto at = static_cast<std::size_t>(first); at <= static_cast<std::size_t>(root); ++at) {
    const Node& node = nodes[at];
    if (is_leaf(node.op)) continue;
    if (node.op == Op::multiply &&
        multiply_gate(operand_of(node.a), operand_of(node.b), operand_[at])) {
      continue;
    }
    operand_[at] = build_node(node);
  }
  return operand_of(root);
}

Compiler::Operand Compiler::build(std::int32_t root) {
  const RecyclingVector<Node>& nodes = circuit_.model->nodes;
  make_room(nodes.size());
  mark_.resize(nodes.size(), 0);
  ++current_;
  stack_.push_back(root);
  const auto done = [&](std::int32_t node) {
    const auto at = static_cast<std::size_t>(node);
    return is_leaf(nodes[at].op) || mark_[at] == current_;
  };
  while (!stack_.empty()) {
    const std::int32_t id = stack_.back();
    const auto at = static_cast<std::size_t>(id);
    const Node& node = nodes[at];
    if (done(id)) {
      stack_.pop_back();
      continue;
    }
    const bool binary = is_binary(node.op);
    if (!done(node.a) || (binary && !done(node.b))) {
      if (binary && !done(node.b)) stack_.push_back(node.b);
      if (!done(node.a)) stack_.push_back(node.a);
      continue;
    }
    operand_[at] = build_node(node);
    mark_[at] = current_;
    stack_.pop_back();
  }
  return operand_of(root);
}

// A division by zero anywhere makes the whole statement false, so every such divisor must differ
// from zero. That squares are not negative is true anyway.
Compiler::Operand Compiler::add_guards(Operand top) {
  for (const Operand& divisor : guards_) {
    const Operand differs = gate(Op::not_equal, divisor, constant(0), 0, 0);
    top = gate(Op::logical_and, top, differs, 0, 0);
  }
  for (const Operand& square : squares_) {
    const Operand holds = gate(Op::less_equal, constant(0), square, 0, 0);
    top = gate(Op::logical_and, top, holds, 0, 0);
  }
  return top;
}

bool Compiler::add_statement(const Statement& statement, std::int32_t index) {
  Constraint constraint;
  constraint.statement = index;
  constraint.begin = static_cast<std::int32_t>(circuit_.gates.size());
  constraint.scope_begin = static_cast<std::int32_t>(circuit_.scope.size());
  guards_.clear();
  squares_.clear();
  begin_scope();
  Operand top =
      statement.first < 0 ? build(statement.root) : build_in_order(statement.first, statement.root);
  if (!guards_.empty() || !squares_.empty()) top = add_guards(top);
  if (top.range.low == 1) {  // holds always
    circuit_.gates.resize(static_cast<std::size_t>(constraint.begin));
    circuit_.scope.resize(static_cast<std::size_t>(constraint.scope_begin));
    return false;
  }
  constraint.root = gate_of(top);
  constraint.end = static_cast<std::int32_t>(circuit_.gates.size());
  constraint.scope_end = static_cast<std::int32_t>(circuit_.scope.size());
  circuit_.constraints.push_back(constraint);
  return true;
}

}  // namespace constrint::detail
