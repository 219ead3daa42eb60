// SPDX-License-Identifier: Apache-2.0
#include "listing_plan.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "arithmetic.hpp"

namespace constrint::detail {

namespace {

constexpr std::uint64_t kFirstLevel = 4096;  // longest domain of the first level
constexpr std::size_t kMostLevels = 63;
constexpr std::int64_t kNarrow = std::int64_t{1} << 30;

bool is_commutative(Op op) {
  return op == Op::add || op == Op::multiply || op == Op::minimum || op == Op::maximum ||
         op == Op::equal || op == Op::not_equal || op == Op::logical_and || op == Op::logical_or;
}

Circuit& thread_circuit() {
  static thread_local Circuit circuit;
  return circuit;
}

}  // namespace

ListingPlan::ListingPlan(const Propagator& root, const VariableOrder& order)
    : circuit_(thread_circuit()) {
  circuit_.model = root.circuit().model;
  circuit_.gates.clear();
  const std::size_t size = root.circuit().gates.size();
  interned_.assign(std::bit_ceil(2 * size + 64), -1);
  gate_of_.resize(size);
  level_.reserve(size + 64);
  levels_of_.reserve(size + 64);
  filters_.reserve(32);
  stack_.reserve(16);
  tops_.reserve(16);
  find_definitions(root, order);
  possible_ = add_levels(root, order);
  for (const Definition& definition : definitions_) {
    if (!possible_) return;
    tops_.assign(1, definition.other);
    read_gates(root, *definition.constraint);
    if (!possible_) return;
    const std::int32_t gate = operand(root, definition.other);
    gate_of_variable_[static_cast<std::size_t>(definition.variable)] = gate;
    add_domain_test(gate, root.domain(static_cast<std::size_t>(definition.variable)));
    outputs_.push_back({definition.variable, gate});
  }
  for (const Constraint& constraint : root.circuit().constraints) {
    if (!constraint.active || constraint.scope_begin == constraint.scope_end) continue;
    split(root.circuit(), constraint);
    std::erase_if(tops_, [&](std::int32_t id) {
      return std::ranges::find(definitions_, id, &Definition::equality) != definitions_.end();
    });
    read_gates(root, constraint);
    if (!possible_) return;
    for (const std::int32_t top : tops_) add_filter(operand(root, top));
  }
  possible_ = possible_ && make_stages();
  if (!possible_) return;
  add_partial_divisors();
  if (!possible_) return;
  order_gates();
  find_last_stages();
}

// The conditions that must hold for a constraint, each as early as it is known, into tops_.
void ListingPlan::split(const Circuit& circuit, const Constraint& constraint) {
  tops_.clear();
  stack_.assign(1, constraint.root);
  while (!stack_.empty()) {
    const std::int32_t id = stack_.back();
    stack_.pop_back();
    const Gate& own = circuit.gates[static_cast<std::size_t>(id)];
    if (own.op == Op::logical_and) {
      stack_.push_back(own.b);
      stack_.push_back(own.a);
    } else {
      tops_.push_back(id);
    }
  }
}

bool ListingPlan::add_levels(const Propagator& root, const VariableOrder& order) {
  gate_of_variable_.assign(order.size(), -1);
  levels_.reserve(std::min(order.size(), kMostLevels));
  for (const OrderedVariable& entry : order) {
    const auto v = static_cast<std::size_t>(entry.variable);
    const Domain& domain = root.domain(v);
    if (domain.fixed()) continue;
    const bool defined = std::ranges::find(definitions_, entry.variable, &Definition::variable) !=
                         definitions_.end();
    if (defined) continue;
    if (domain.low < -kNarrow || domain.high > kNarrow) return false;
    const auto size = domain.is_list()
                          ? domain.count
                          : static_cast<std::size_t>((domain.high - domain.low) / domain.step) + 1;
    if (size > (levels_.empty() ? kFirstLevel : kCombinations)) return false;
    if (levels_.size() == kMostLevels) return false;
    Level& level = levels_.emplace_back();
    level.variable = entry.variable;
    level.gate = push({{domain.low, domain.high}, 0, 0, 0, Op::variable, false},
                      std::uint64_t{1} << (levels_.size() - 1));
    level.size = static_cast<std::uint32_t>(size);
    level.values = ScratchAllocator<std::int32_t>().allocate(size);
    if (domain.is_list()) {
      const std::int64_t* from = entry.largest ? domain.values + size - 1 : domain.values;
      const std::ptrdiff_t step = entry.largest ? -1 : 1;
      for (std::size_t i = 0; i < size; ++i, from += step) {
        level.values[i] = static_cast<std::int32_t>(*from);
      }
    } else {
      std::int64_t value = entry.largest ? domain.high : domain.low;
      const std::int64_t step = entry.largest ? -domain.step : domain.step;
      for (std::size_t i = 0; i < size; ++i, value += step) {
        level.values[i] = static_cast<std::int32_t>(value);
      }
    }
    gate_of_variable_[v] = level.gate;
  }
  return !levels_.empty();
}

std::int32_t ListingPlan::push(const Gate& gate, std::uint64_t levels) {
  circuit_.gates.push_back(gate);
  level_.push_back(static_cast<std::int32_t>(std::bit_width(levels)) - 1);
  levels_of_.push_back(levels);
  return static_cast<std::int32_t>(circuit_.gates.size() - 1);
}

std::int32_t ListingPlan::constant(std::int64_t value) {
  return intern(Op::constant, 0, 0, value);
}

std::int32_t ListingPlan::intern(Op op, std::int32_t a, std::int32_t b, std::int64_t value) {
  if (is_commutative(op) && b < a) std::swap(a, b);
  std::uint64_t key = (static_cast<std::uint64_t>(static_cast<std::uint32_t>(a)) << 32 |
                       static_cast<std::uint32_t>(b)) ^
                      static_cast<std::uint64_t>(value) * 0x9E3779B97F4A7C15ULL ^
                      static_cast<std::uint64_t>(op) << 17;
  key *= 0xD6E8FEB86659FD93ULL;
  const std::size_t mask = interned_.size() - 1;
  std::size_t slot = (key >> 32) & mask;
  for (; interned_[slot] >= 0; slot = (slot + 1) & mask) {
    const Gate& other = gate(interned_[slot]);
    if (other.op == op && other.a == a && other.b == b && other.value == value) {
      return interned_[slot];
    }
  }
  Gate own;
  own.op = op;
  own.a = a;
  own.b = b;
  own.value = value;
  std::uint64_t levels = 0;
  if (op == Op::constant) {
    own.range = {value, value};
  } else {
    own.range = evaluate(circuit_, own);
    // Empty: a divisor that is always 0, so nothing that reads it counts.
    if (own.range.empty()) own.range = {0, 0};
    if (own.range.fixed()) return constant(own.range.low);
    levels = levels_of(a) | (is_binary(op) ? levels_of(b) : 0);
  }
  // The table has no room for more; such problems are not small.
  if (own.range.low < -kNarrow || own.range.high > kNarrow ||
      2 * circuit_.gates.size() >= interned_.size()) {
    possible_ = false;
  }
  const std::int32_t id = push(own, levels);
  if (possible_) interned_[slot] = id;
  return id;
}

std::int32_t ListingPlan::operand(const Propagator& root, std::int32_t id) {
  const auto at = static_cast<std::size_t>(id);
  if (at < root.variable_count()) {
    if (root.domain(at).fixed()) return constant(root.domain(at).low);
    return gate_of_variable_[at];
  }
  const Gate& own = root.circuit().gates[at];
  return own.op == Op::constant ? constant(own.value) : gate_of_[at];
}

std::int32_t ListingPlan::translate(const Propagator& root, const Gate& old) {
  const std::int32_t a = operand(root, old.a);
  if (!is_binary(old.op)) return intern(old.op, a, old.b, old.value);
  const std::int32_t b = operand(root, old.b);
  if (old.op == Op::logical_and || old.op == Op::logical_or) {
    // A decided operand that does not decide the gate leaves the other one.
    const std::int64_t neutral = old.op == Op::logical_and ? 1 : 0;
    if (gate(a).op == Op::constant && gate(a).value == neutral) return b;
    if (gate(b).op == Op::constant && gate(b).value == neutral) return a;
  }
  return intern(old.op, a, b, old.value);
}

// Translates the gates of a constraint that those in tops_ are computed from.
void ListingPlan::read_gates(const Propagator& root, const Constraint& constraint) {
  const RecyclingVector<Gate>& gates = root.circuit().gates;
  cone_.assign(static_cast<std::size_t>(constraint.end - constraint.begin), 0);
  const auto mark = [&](std::int32_t id) {
    if (id >= constraint.begin) cone_[static_cast<std::size_t>(id - constraint.begin)] = 1;
  };
  for (const std::int32_t top : tops_) mark(top);
  for (std::int32_t g = constraint.end; g-- > constraint.begin;) {
    const Gate& own = gates[static_cast<std::size_t>(g)];
    if (cone_[static_cast<std::size_t>(g - constraint.begin)] == 0 || is_leaf(own.op)) continue;
    mark(own.a);
    if (is_binary(own.op)) mark(own.b);
  }
  for (std::int32_t g = constraint.begin; g < constraint.end && possible_; ++g) {
    const Gate& own = gates[static_cast<std::size_t>(g)];
    if (cone_[static_cast<std::size_t>(g - constraint.begin)] == 0 || is_leaf(own.op)) continue;
    gate_of_[static_cast<std::size_t>(g)] = translate(root, own);
  }
}

void ListingPlan::add_filter(std::int32_t id) {
  // A constant that is not true is found out as a filter of the first level.
  if (gate(id).op == Op::constant && gate(id).value != 0) return;
  if (std::ranges::find(filters_, id) == filters_.end()) filters_.push_back(id);
}

}  // namespace constrint::detail
