// SPDX-License-Identifier: Apache-2.0
#include "lanes.hpp"

#include <algorithm>

#include "lane_arithmetic.hpp"

namespace constrint::detail {

namespace {

using I = std::int32_t;
using U = std::uint32_t;

template <class F>
[[gnu::always_inline]] inline void each(I* __restrict target, const I* a, const I* b, std::size_t n,
                                        F f) {
  for (std::size_t i = 0; i < n; ++i) target[i] = f(a[i], b[i]);
}

void power_of(I* target, const I* base, std::int64_t exponent, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) target[i] = power_lane(base[i], exponent);
}

void members_of(I* target, const I* values, const LaneStep& step, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) target[i] = member_lane(values[i], step.pool, step.value);
}

[[gnu::always_inline]] inline void compute(const LaneStep& step, I* columns, std::size_t n) {
  I* target = columns + step.target * kColumn;
  const I* a = columns + step.a * kColumn;
  const I* b = columns + step.b * kColumn;
  const auto wrap = [](U value) { return static_cast<I>(value); };
  switch (step.op) {
    case Op::negate:
      each(target, a, b, n, [&](I x, I) { return wrap(0U - static_cast<U>(x)); });
      break;
    case Op::add:
      each(target, a, b, n, [&](I x, I y) { return wrap(static_cast<U>(x) + static_cast<U>(y)); });
      break;
    case Op::subtract:
      each(target, a, b, n, [&](I x, I y) { return wrap(static_cast<U>(x) - static_cast<U>(y)); });
      break;
    case Op::multiply:
      each(target, a, b, n, [&](I x, I y) { return wrap(static_cast<U>(x) * static_cast<U>(y)); });
      break;
    case Op::divide:
      each(target, a, b, n, [](I x, I y) { return divide_lane(x, y).quotient; });
      break;
    case Op::modulo:
      each(target, a, b, n, [](I x, I y) { return divide_lane(x, y).remainder; });
      break;
    case Op::power:
      power_of(target, a, step.value, n);
      break;
    case Op::minimum:
      each(target, a, b, n, [](I x, I y) { return x < y ? x : y; });
      break;
    case Op::maximum:
      each(target, a, b, n, [](I x, I y) { return x < y ? y : x; });
      break;
    case Op::absolute:
      each(target, a, b, n, [&](I x, I) { return x < 0 ? wrap(0U - static_cast<U>(x)) : x; });
      break;
    case Op::equal:
      each(target, a, b, n, [](I x, I y) { return x == y ? 1 : 0; });
      break;
    case Op::not_equal:
      each(target, a, b, n, [](I x, I y) { return x != y ? 1 : 0; });
      break;
    case Op::less:
      each(target, a, b, n, [](I x, I y) { return x < y ? 1 : 0; });
      break;
    case Op::less_equal:
      each(target, a, b, n, [](I x, I y) { return x <= y ? 1 : 0; });
      break;
    case Op::in_range:
      for (std::size_t i = 0; i < n; ++i) {
        target[i] = step.pool[0] <= a[i] && a[i] <= step.pool[1] ? 1 : 0;
      }
      break;
    case Op::in_list:
      members_of(target, a, step, n);
      break;
    case Op::logical_not:
      each(target, a, b, n, [](I x, I) { return x ^ 1; });
      break;
    case Op::logical_and:
      each(target, a, b, n, [](I x, I y) { return x & y; });
      break;
    case Op::logical_or:
      each(target, a, b, n, [](I x, I y) { return x | y; });
      break;
    default:
      break;
  }
}

template <class F>
[[gnu::always_inline]] inline void keep(I* __restrict alive, const I* a, const I* b, std::size_t n,
                                        F f) {
  for (std::size_t i = 0; i < n; ++i) alive[i] &= f(a[i], b[i]) ? -1 : 0;
}

[[gnu::always_inline]] inline void filter(const LaneStep& step, I* columns, I* alive,
                                          std::size_t n) {
  const I* a = columns + step.a * kColumn;
  const I* b = columns + step.b * kColumn;
  if (step.kind == LaneStep::Kind::filter_range) {
    const I low = step.low;
    const I high = step.high;
    keep(alive, a, b, n, [=](I x, I) { return (x >= low) & (x <= high); });
    return;
  }
  switch (step.op) {
    case Op::equal:
      keep(alive, a, b, n, [](I x, I y) { return x == y; });
      break;
    case Op::not_equal:
      keep(alive, a, b, n, [](I x, I y) { return x != y; });
      break;
    case Op::less:
      keep(alive, a, b, n, [](I x, I y) { return x < y; });
      break;
    default:
      keep(alive, a, b, n, [](I x, I y) { return x <= y; });
  }
}

[[gnu::always_inline]] inline void run_all(const LaneStep* steps, std::size_t count, I* columns,
                                           I* alive, std::size_t lanes) {
  const std::size_t n = (lanes + kLaneChunk - 1) / kLaneChunk * kLaneChunk;
  std::fill_n(alive, n, -1);
  for (std::size_t s = 0; s < count; ++s) {
    if (steps[s].kind == LaneStep::Kind::compute) {
      compute(steps[s], columns, n);
    } else {
      filter(steps[s], columns, alive, n);
    }
  }
}

void run_plainly(const LaneStep* steps, std::size_t count, I* columns, I* alive,
                 std::size_t lanes) {
  run_all(steps, count, columns, alive, lanes);
}

#if defined(__x86_64__) && defined(__GNUC__)
// Eight lanes at once, which not every processor can.
[[gnu::target("avx2")]] void run_with_avx2(const LaneStep* steps, std::size_t count, I* columns,
                                           I* alive, std::size_t lanes) {
  run_all(steps, count, columns, alive, lanes);
}
#endif

}  // namespace

void run_lanes(const LaneStep* steps, std::size_t count, std::int32_t* columns, std::int32_t* alive,
               std::size_t lanes) {
#if defined(__x86_64__) && defined(__GNUC__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx2) return run_with_avx2(steps, count, columns, alive, lanes);
#endif
  run_plainly(steps, count, columns, alive, lanes);
}

}  // namespace constrint::detail
