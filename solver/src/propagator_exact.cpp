// SPDX-License-Identifier: Apache-2.0
// Constraints by exact arithmetic, where intervals of 64 bits do not decide.
#include <algorithm>

#include "arithmetic.hpp"
#include "propagator.hpp"

namespace constrint::detail {

Propagator::Wide Propagator::wide_value(const Constraint& constraint, std::int32_t id,
                                        std::int32_t unknown) const {
  if (id == unknown) return {0, Exactness::overflow};
  if (is_variable(id)) return {domains_[static_cast<std::size_t>(id)].low, Exactness::exact};
  const Gate& own = gate(id);
  if (own.op == Op::constant) return {own.value, Exactness::exact};
  return wide_[static_cast<std::size_t>(id - constraint.begin)];
}

void Propagator::evaluate_exactly(const Constraint& constraint, std::int32_t unknown) {
  wide_.resize(static_cast<std::size_t>(constraint.end - constraint.begin));
  const auto value_of = [&](std::int32_t id) { return wide_value(constraint, id, unknown); };
  for (std::int32_t g = constraint.begin; g < constraint.end; ++g) {
    const Gate& own = gate(g);
    Wide& result = wide_[static_cast<std::size_t>(g - constraint.begin)];
    if (own.op == Op::constant) {
      result = {own.value, Exactness::exact};
      continue;
    }
    const Wide a = value_of(own.a);
    const Wide b = is_binary(own.op) ? value_of(own.b) : Wide{0, Exactness::exact};
    result = {0, std::max(a.exactness, b.exactness)};
    if (result.exactness != Exactness::exact) continue;
    const std::int64_t* pool = circuit_.model->pool.data() + own.b;
    if (own.op == Op::power) {
      if (!power_exact(a.value, own.value, result.value)) result.exactness = Exactness::overflow;
    } else if (own.op == Op::in_range) {
      result.value = a.value >= pool[0] && a.value <= pool[1];
    } else if (own.op == Op::in_list) {
      const std::int64_t* end = pool + own.value;
      const std::int64_t* found = std::lower_bound(pool, end, a.value);
      result.value = found != end && *found == a.value;
    } else {
      result.exactness = apply_exact(own.op, a.value, b.value, result.value);
    }
  }
}

bool Propagator::check_exact(const Constraint& constraint) {
  evaluate_exactly(constraint, -1);
  const Wide root = wide_value(constraint, constraint.root, -1);
  // Guards are part of the root, so something undefined is false whatever else overflowed.
  if (root.exactness == Exactness::overflow) overflowed_ = true;
  return root.exactness == Exactness::exact && root.value != 0;
}

// variable == (something known): intervals do not find that value where one of the known ones is an
// end of 64 bits, which stands for more than itself there.
bool Propagator::solve_for_last(const Constraint& constraint, std::int32_t variable) {
  constexpr std::uint64_t kFew = 64;  // values that are tried one by one as quickly
  if (domains_[static_cast<std::size_t>(variable)].size() <= kFew) return true;
  evaluate_exactly(constraint, variable);
  RecyclingVector<std::int32_t> open{constraint.root};
  while (!open.empty()) {
    const std::int32_t id = open.back();
    open.pop_back();
    if (is_variable(id)) continue;
    const Gate own = gate(id);
    if (own.op == Op::logical_and) {
      open.push_back(own.a);
      open.push_back(own.b);
    }
    if (own.op != Op::equal || (own.a == variable) == (own.b == variable)) continue;
    const Wide known = wide_value(constraint, own.a == variable ? own.b : own.a, variable);
    if (known.exactness == Exactness::undefined) return false;
    if (known.exactness != Exactness::exact) continue;
    const auto value = static_cast<std::int64_t>(known.value);
    if (value != known.value) return false;
    if (!domains_[static_cast<std::size_t>(variable)].contains(value)) return false;
    assign(variable, value);
    return true;
  }
  return true;
}

}  // namespace constrint::detail
