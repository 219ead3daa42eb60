// SPDX-License-Identifier: Apache-2.0
#include "graph.hpp"

#include <algorithm>
#include <utility>

namespace constrint::detail {

Graph::Graph(const Propagator& root, std::span<const OrderedVariable> free,
             const std::vector<Definition>& definitions, std::span<const std::int32_t> constraints)
    : own_(*root.circuit().model, root.circuit().gates.size()), free_(free.begin(), free.end()) {
  const std::size_t variables = root.variable_count();
  level_.assign(variables, -1);
  gate_of_variable_.resize(variables);
  for (std::size_t v = 0; v < variables; ++v) {
    own_.set_domain(static_cast<std::int32_t>(v), root.domain(v));
    gate_of_variable_[v] = static_cast<std::int32_t>(v);
  }
  for (std::size_t l = 0; l < free_.size(); ++l) {
    level_[static_cast<std::size_t>(free_[l].variable)] = static_cast<int>(l);
  }
  std::vector<std::int32_t> used;
  for (const Definition& definition : definitions) {
    add_definition(root, definition);
    used.push_back(definition.constraint);
  }
  for (const std::int32_t c : constraints) {
    if (std::ranges::find(used, c) != used.end()) continue;
    add_constraint(root, root.circuit().constraints[static_cast<std::size_t>(c)]);
  }
  add_partial_divisors();
  find_ranges();
  linear_.clear();
  interned_.clear();
}

bool Graph::before(std::int32_t a, std::int32_t b) const {
  const int level_a = level(a);
  const int level_b = level(b);
  return level_a != level_b ? level_a < level_b : a < b;
}

std::int32_t Graph::constant(Int128 value) {
  const std::int64_t narrow = saturate(value);
  if (narrow != value || narrow == kInfinity || narrow == kMinusInfinity) exact_ = false;
  return intern(Op::constant, 0, 0, narrow);
}

std::int32_t Graph::intern(Op op, std::int32_t a, std::int32_t b, std::int64_t value) {
  RecyclingVector<Gate>& gates = own_.circuit().gates;
  std::uint64_t key = static_cast<std::uint64_t>(op) * 0x9E3779B97F4A7C15ULL;
  for (const std::uint64_t part : {static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b),
                                   static_cast<std::uint64_t>(value)}) {
    key = (key ^ part) * 0xD6E8FEB86659FD93ULL;
    key ^= key >> 32;
  }
  const auto [first, last] = interned_.equal_range(key);
  for (auto it = first; it != last; ++it) {
    const Gate& other = gate(it->second);
    if (other.op == op && other.a == a && other.b == b && other.value == value) return it->second;
  }
  Gate own;
  own.op = op;
  own.a = a;
  own.b = b;
  own.value = value;
  int own_level = -1;
  if (op == Op::constant) {
    own.range = {value, value};
  } else {
    own.range = evaluate(own_.circuit(), own);
    if (own.range.empty()) own.range = {};
    own_level = std::max(level(a), is_binary(op) ? level(b) : -1);
    if (own.range.fixed()) return constant(own.range.low);
  }
  gates.push_back(own);
  level_.push_back(own_level);
  const auto id = static_cast<std::int32_t>(gates.size() - 1);
  interned_.emplace(key, id);
  return id;
}

Graph::Linear Graph::linear_of(const Propagator& root, std::int32_t id) {
  const Gate& old = root.circuit().gates[static_cast<std::size_t>(id)];
  Linear result;
  if (static_cast<std::size_t>(id) < root.variable_count()) {
    const Domain& domain = root.domain(static_cast<std::size_t>(id));
    if (domain.fixed()) {
      result.constant = domain.low;
      return result;
    }
    const std::int32_t own = gate_of_variable_[static_cast<std::size_t>(id)];
    if (gate(own).op == Op::constant) {
      result.constant = gate(own).value;
    } else {
      result.terms.push_back({1, {own}});
    }
    return result;
  }
  if (old.op == Op::constant) {
    result.constant = old.value;
    return result;
  }
  return linear_[static_cast<std::size_t>(id - offset_)];
}

void Graph::build_gate(const Propagator& root, std::int32_t id) {
  const Gate old = root.circuit().gates[static_cast<std::size_t>(id)];
  Linear& result = linear_[static_cast<std::size_t>(id - offset_)];
  if (old.op == Op::constant) return;
  Linear a = linear_of(root, old.a);
  Linear b = is_binary(old.op) ? linear_of(root, old.b) : Linear{};
  std::int32_t gate = -1;
  switch (old.op) {
    case Op::negate:
      scale(a, -1);
      result = std::move(a);
      return;
    case Op::add:
      result = sum(std::move(a), b, 1);
      return;
    case Op::subtract:
      result = sum(std::move(a), b, -1);
      return;
    case Op::multiply:
      result = product(std::move(a), std::move(b));
      return;
    case Op::equal:
    case Op::not_equal:
    case Op::less:
    case Op::less_equal:
      gate = compare(old.op, std::move(a), b);
      break;
    case Op::power:
      gate = intern(old.op, gate_of(a), 0, old.value);
      break;
    case Op::in_list:
    case Op::in_range:
      gate = intern(old.op, gate_of(a), old.b, old.value);
      break;
    case Op::logical_not:
    case Op::absolute:
      gate = intern(old.op, gate_of(a), 0, 0);
      break;
    case Op::logical_and:
    case Op::logical_or: {
      std::int32_t left = gate_of(a);
      std::int32_t right = gate_of(b);
      if (this->gate(left).op == Op::constant) std::swap(left, right);
      if (this->gate(right).op == Op::constant) {
        // One operand is decided: either it decides, or the other one is the answer.
        const bool value = this->gate(right).value != 0;
        gate = value == (old.op == Op::logical_and) ? left : right;
      } else {
        if (before(right, left)) std::swap(left, right);
        gate = intern(old.op, left, right, 0);
      }
      break;
    }
    default:
      gate = intern(old.op, gate_of(a), gate_of(b), 0);
  }
  if (this->gate(gate).op == Op::constant) {
    result.constant = this->gate(gate).value;
  } else {
    result.terms.push_back({1, {gate}});
  }
}

void Graph::build_range(const Propagator& root, std::int32_t begin, std::int32_t end) {
  offset_ = begin;
  linear_.assign(static_cast<std::size_t>(end - begin), {});
  for (std::int32_t g = begin; g < end; ++g) build_gate(root, g);
}

void Graph::add_root(std::int32_t id) {
  std::vector<std::int32_t> stack{id};
  while (!stack.empty()) {
    const std::int32_t top = stack.back();
    stack.pop_back();
    const Gate& own = gate(top);
    if (own.op == Op::logical_and) {
      stack.push_back(own.a);
      stack.push_back(own.b);
    } else if (own.op == Op::constant) {
      consistent_ = consistent_ && own.value != 0;
    } else if (std::ranges::find(roots_, top) == roots_.end()) {
      roots_.push_back(top);
    }
  }
}

void Graph::add_constraint(const Propagator& root, const Constraint& constraint) {
  build_range(root, constraint.begin, constraint.end);
  add_root(gate_of(linear_of(root, constraint.root)));
}

void Graph::add_partial_divisors() {
  // A % (x * y) == 0 holds only if A % x == 0, which can be tested before y is known.
  const std::vector<std::int32_t> roots = roots_;
  for (const std::int32_t id : roots) {
    const Gate own = gate(id);
    if (own.op != Op::equal || gate(own.b).op != Op::constant || gate(own.b).value != 0) continue;
    const Gate remainder = gate(own.a);
    if (remainder.op != Op::modulo) continue;
    divisibilities_.push_back({remainder.a, remainder.b});
    std::int32_t divisor = remainder.b;
    while (gate(divisor).op == Op::multiply) {
      const int last = std::max(level(divisor), level(remainder.a));
      divisor = gate(divisor).a;
      if (std::max(level(divisor), level(remainder.a)) >= last ||
          gate(divisor).op == Op::constant) {
        continue;
      }
      add_root(intern(Op::equal, intern(Op::modulo, remainder.a, divisor, 0), constant(0), 0));
      divisibilities_.push_back({remainder.a, divisor});
    }
  }
}

void Graph::find_ranges() {
  Circuit& circuit = own_.circuit();
  // All roots as one constraint: what must hold is pushed backward through the whole graph.
  tested_.assign(circuit.gates.size() + roots_.size() + 1, 0);
  if (!roots_.empty() && consistent_) {
    Constraint all;
    all.begin = static_cast<std::int32_t>(own_.variable_count());
    std::int32_t top = roots_[0];
    for (std::size_t i = 1; i < roots_.size(); ++i) {
      Gate both;
      both.op = Op::logical_and;
      both.a = top;
      both.b = roots_[i];
      both.range = {0, 1};
      circuit.gates.push_back(both);
      level_.push_back(static_cast<int>(free_.size()));
      top = static_cast<std::int32_t>(circuit.gates.size() - 1);
    }
    all.root = top;
    all.end = static_cast<std::int32_t>(circuit.gates.size());
    for (int pass = 0; pass < 3 && consistent_; ++pass) consistent_ = own_.revise(all);
  }
  for (std::size_t g = own_.variable_count(); g < circuit.gates.size(); ++g) {
    const Gate& own = circuit.gates[g];
    if (own.op == Op::constant || is_condition(own.op)) continue;
    Interval forward = evaluate(circuit, own);
    if (forward.empty()) forward = {};
    if (forward.low < own.range.low || forward.high > own.range.high) tested_[g] = 1;
  }
}

}  // namespace constrint::detail
