// SPDX-License-Identifier: Apache-2.0
// Variables that are computed from those before them.
#include <algorithm>
#include <utility>

#include "arithmetic.hpp"
#include "listing_plan.hpp"

namespace constrint::detail {

namespace {

constexpr std::size_t kListTest = 16;  // longest list that a defined value is compared with

}  // namespace

// Variables that an equality gives from variables before them: v == expression.
void ListingPlan::find_definitions(const Propagator& root, const VariableOrder& order) {
  const Circuit& circuit = root.circuit();
  ScratchVector<std::int32_t> place;
  for (const Constraint& constraint : circuit.constraints) {
    if (!constraint.active || constraint.scope_begin == constraint.scope_end) continue;
    split(circuit, constraint);
    for (const std::int32_t id : tops_) {
      const Gate& own = circuit.gates[static_cast<std::size_t>(id)];
      if (own.op != Op::equal) continue;
      for (const auto& [variable, other] : {std::pair{own.a, own.b}, std::pair{own.b, own.a}}) {
        if (static_cast<std::size_t>(variable) >= root.variable_count()) continue;
        if (place.empty()) {
          place.resize(order.size());
          for (std::size_t i = 0; i < order.size(); ++i) {
            place[static_cast<std::size_t>(order[i].variable)] = static_cast<std::int32_t>(i);
          }
        }
        const std::int32_t own_place = place[static_cast<std::size_t>(variable)];
        bool last = true;
        for (std::int32_t s = constraint.scope_begin; s < constraint.scope_end; ++s) {
          const std::int32_t v = circuit.scope[static_cast<std::size_t>(s)];
          last = last && (v == variable || place[static_cast<std::size_t>(v)] < own_place);
        }
        if (!last || !define(root, constraint, id, variable, other)) continue;
        definitions_.back().place = own_place;
        break;
      }
    }
  }
  std::ranges::sort(definitions_, {}, &Definition::place);
}

bool ListingPlan::define(const Propagator& root, const Constraint& constraint,
                         std::int32_t equality, std::int32_t variable, std::int32_t other) {
  const Circuit& circuit = root.circuit();
  const Domain& domain = root.domain(static_cast<std::size_t>(variable));
  if (domain.fixed() || (domain.is_list() && domain.count > kListTest)) return false;
  if (std::ranges::find(definitions_, variable, &Definition::variable) != definitions_.end()) {
    return false;
  }
  // The value must not depend on the variable itself: what it is computed from, downward.
  cone_.assign(static_cast<std::size_t>(constraint.end - constraint.begin), 0);
  const auto mark = [&](std::int32_t id) {
    if (id >= constraint.begin) cone_[static_cast<std::size_t>(id - constraint.begin)] = 1;
    return id != variable;
  };
  if (!mark(other)) return false;
  for (std::int32_t g = constraint.end; g-- > constraint.begin;) {
    const Gate& own = circuit.gates[static_cast<std::size_t>(g)];
    if (cone_[static_cast<std::size_t>(g - constraint.begin)] == 0 || is_leaf(own.op)) continue;
    if (!mark(own.a) || (is_binary(own.op) && !mark(own.b))) return false;
  }
  definitions_.push_back({variable, 0, equality, other, &constraint});
  return true;
}

// A defined value must be in its variable's domain.
void ListingPlan::add_domain_test(std::int32_t id, const Domain& domain) {
  const Interval range = gate(id).range;
  if (range.low < domain.low) add_filter(intern(Op::less_equal, constant(domain.low), id, 0));
  if (range.high > domain.high) add_filter(intern(Op::less_equal, id, constant(domain.high), 0));
  if (domain.is_list()) {
    std::int32_t any = -1;
    for (const std::int64_t value : domain.list()) {
      const std::int32_t same = intern(Op::equal, id, constant(value), 0);
      any = any < 0 ? same : intern(Op::logical_or, any, same, 0);
    }
    add_filter(any);
  } else if (domain.step > 1) {
    const std::int64_t rest = floor_modulo<std::int64_t>(domain.low, domain.step);
    const std::int32_t remainder = intern(Op::modulo, id, constant(domain.step), 0);
    add_filter(intern(Op::equal, remainder, constant(rest), 0));
  }
}

}  // namespace constrint::detail
