// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "circuit.hpp"

namespace constrint::detail {

inline Interval truth(bool certain, bool impossible) {
  return {certain ? 1 : 0, impossible ? 0 : 1};
}

/// Whether a <= b for all values of intervals that end and begin there. The ends of 64 bits stand
/// for more than themselves, so equal ends say nothing there.
inline bool at_most(std::int64_t high, std::int64_t low) {
  return high <= low && high != kInfinity && low != kMinusInfinity;
}

inline Interval equality(Interval a, Interval b) {
  return truth(a.fixed() && b.fixed() && a.low == b.low, a.high < b.low || b.high < a.low);
}

/// in_list and in_range: `pool` is where the members or the two ends are.
inline Interval membership(Op op, Interval a, const std::int64_t* pool, std::int64_t size) {
  if (op == Op::in_range) {
    return truth(
        a.low >= pool[0] && a.high <= pool[1] && a.high != kInfinity && a.low != kMinusInfinity,
        a.high < pool[0] || a.low > pool[1]);
  }
  const std::int64_t* end = pool + size;
  const std::int64_t* first = std::lower_bound(pool, end, a.low);
  const bool none = first == end || *first > a.high;
  return truth(a.fixed() && !none, none);
}

/// An operator on an interval and on what `b()` gives, which is called for binary ones only.
/// offset: of members in the model's pool. other: what any further operator gives.
template <class Second>
[[gnu::always_inline]] inline Interval evaluate_operator(const ModelData& model, Op op, Interval a,
                                                         Second&& b, std::int32_t offset,
                                                         std::int64_t value, Interval other) {
  switch (op) {
    case Op::negate:
      return negate(a);
    case Op::power:
      return power(a, value);
    case Op::absolute:
      return absolute(a);
    case Op::in_list:
    case Op::in_range:
      return membership(op, a, model.pool.data() + offset, value);
    case Op::logical_not:
      return {1 - a.high, 1 - a.low};
    case Op::add:
      return add(a, b());
    case Op::subtract:
      return subtract(a, b());
    case Op::multiply:
      return multiply(a, b());
    case Op::divide:
      return divide(a, b());
    case Op::modulo:
      return modulo(a, b());
    case Op::minimum:
      return {std::min(a.low, b().low), std::min(a.high, b().high)};
    case Op::maximum:
      return {std::max(a.low, b().low), std::max(a.high, b().high)};
    case Op::equal:
      return equality(a, b());
    case Op::not_equal: {
      const Interval same = equality(a, b());
      return {1 - same.high, 1 - same.low};
    }
    case Op::less:
      return truth(a.high < b().low, at_most(b().high, a.low));
    case Op::less_equal:
      return truth(at_most(a.high, b().low), b().high < a.low);
    case Op::logical_and:
      return {a.low & b().low, a.high & b().high};
    case Op::logical_or:
      return {a.low | b().low, a.high | b().high};
    default:
      return other;
  }
}

/// evaluate(), in place: for loops over gates, which spend much of their time in it.
[[gnu::always_inline]] inline Interval evaluate_gate(const Circuit& circuit, const Gate& gate) {
  const Gate* gates = circuit.gates.data();
  // End by end: what was written so is slow to read whole.
  const auto range_of = [gates](std::int32_t id) -> Interval {
    const Interval& range = gates[static_cast<std::size_t>(id)].range;
    return {range.low, range.high};
  };
  return evaluate_operator(*circuit.model, gate.op, range_of(gate.a),
                           [&] { return range_of(gate.b); }, gate.b, gate.value,
                           {gate.range.low, gate.range.high});
}

}  // namespace constrint::detail
