// SPDX-License-Identifier: Apache-2.0
// Variables that an equality gives: its solution for them, and whether that is in their domains.
#include <utility>

#include "arithmetic.hpp"
#include "graph.hpp"

namespace constrint::detail {

void Graph::add_domain_test(std::int32_t id, const Domain& domain) {
  const Interval range = gate(id).range;
  // An end that is no number may lie beyond a domain that ends with the 64-bit numbers.
  if (range.low == kMinusInfinity || range.high == kInfinity) exact_ = false;
  if (range.low < domain.low || range.high > domain.high) {
    add_root(intern(Op::less_equal, id, constant(domain.high), 0));
    add_root(intern(Op::less_equal, constant(domain.low), id, 0));
  }
  if (domain.is_list()) {
    // Membership in a short list: a chain of comparisons.
    std::int32_t any = constant(0);
    for (const std::int64_t value : domain.list()) {
      const std::int32_t same = intern(Op::equal, id, constant(value), 0);
      if (gate(same).op == Op::constant && gate(same).value == 0) continue;
      any = gate(any).op == Op::constant && gate(any).value == 0
                ? same
                : intern(Op::logical_or, any, same, 0);
    }
    add_root(any);
  } else if (domain.step > 1) {
    const std::int32_t remainder = intern(Op::modulo, id, constant(domain.step), 0);
    add_root(
        intern(Op::equal, remainder, constant(floor_modulo<Int128>(domain.low, domain.step)), 0));
  }
}

void Graph::add_definition(const Propagator& root, const Definition& definition) {
  const Constraint& constraint =
      root.circuit().constraints[static_cast<std::size_t>(definition.constraint)];
  // The variable itself has no level yet; gates above it are built but not used.
  const bool exact_before = exact_;
  build_range(root, constraint.begin, constraint.end);
  exact_ = exact_before;
  const auto old = [&](std::int32_t id) -> const Gate& {
    return root.circuit().gates[static_cast<std::size_t>(id)];
  };
  Linear value;
  Linear divisor;
  divisor.constant = 1;
  const auto solve = [&] {
    // value / divisor, which must be exact.
    if (is_constant(divisor) && divisor.constant == 1) return;
    Int128 common = 0;
    const auto include = [&common](const Linear& linear) {
      common = common_divisor(common, linear.constant);
      for (const Term& term : linear.terms) {
        common = common_divisor(common, term.coefficient);
      }
    };
    include(value);
    include(divisor);
    for (Linear* linear : {&value, &divisor}) {
      if (common <= 1) break;
      linear->constant /= common;
      for (Term& term : linear->terms) term.coefficient /= common;
    }
    if (is_constant(divisor) && divisor.constant == 1) return;
    const std::int32_t numerator = gate_of(value);
    const std::int32_t denominator = gate_of(divisor);
    add_root(intern(Op::equal, intern(Op::modulo, numerator, denominator, 0), constant(0), 0));
    const std::int32_t quotient = intern(Op::divide, numerator, denominator, 0);
    value = Linear{};
    if (gate(quotient).op == Op::constant) {
      value.constant = gate(quotient).value;
    } else {
      value.terms.push_back({1, {quotient}});
    }
    divisor = Linear{};
    divisor.constant = 1;
  };
  for (std::size_t i = 0; i < definition.path.size(); ++i) {
    const Gate& own = old(definition.path[i]);
    const std::int32_t next =
        i + 1 < definition.path.size() ? definition.path[i + 1] : definition.variable;
    const bool left = own.a == next;
    if (own.op == Op::negate) {
      scale(value, -1);
      continue;
    }
    Linear other = linear_of(root, left ? own.b : own.a);
    switch (own.op) {
      case Op::equal:
        value = std::move(other);
        break;
      case Op::multiply:
        divisor = product(std::move(divisor), std::move(other));
        break;
      case Op::add:
        solve();
        value = sum(std::move(value), other, -1);
        break;
      default:  // subtract: x - other == value, or other - x == value
        solve();
        if (left) {
          value = sum(std::move(value), other, 1);
        } else {
          scale(value, -1);
          value = sum(std::move(value), other, 1);
        }
    }
  }
  solve();
  const std::int32_t result = gate_of(value);
  add_domain_test(result, root.domain(static_cast<std::size_t>(definition.variable)));
  gate_of_variable_[static_cast<std::size_t>(definition.variable)] = result;
  outputs_.push_back({definition.variable, result});
}

}  // namespace constrint::detail
