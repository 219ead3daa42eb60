// SPDX-License-Identifier: Apache-2.0
#include "columns.hpp"

#include "arithmetic.hpp"
#include "lane_arithmetic.hpp"

namespace constrint::detail {

namespace {

using I = std::int32_t;
using U = std::uint32_t;

struct Varying {
  const I* values;
  I operator[](std::size_t i) const { return values[i]; }
};
struct Same {
  I value;
  I operator[](std::size_t) const { return value; }
};

template <class A, class B, class F>
[[gnu::always_inline]] inline void run(I* __restrict target, A a, B b, std::size_t n, F f) {
  n = n / kColumnChunk * kColumnChunk;
  for (std::size_t i = 0; i < n; ++i) target[i] = f(a[i], b[i]);
}

template <class F>
[[gnu::always_inline]] inline void each(const ColumnStep& step, I* target, std::size_t n, F f) {
  if (step.a.column == nullptr) {
    run(target, Same{step.a.value}, Varying{step.b.column}, n, f);
  } else if (step.b.column == nullptr) {
    run(target, Varying{step.a.column}, Same{step.b.value}, n, f);
  } else {
    run(target, Varying{step.a.column}, Varying{step.b.column}, n, f);
  }
}

[[gnu::always_inline]] inline void compute(const ColumnStep& step, I* target, std::size_t n) {
  const auto wrap = [](U value) { return static_cast<I>(value); };
  switch (step.op) {
    case Op::negate:
      return each(step, target, n, [&](I x, I) { return wrap(0U - static_cast<U>(x)); });
    case Op::add:
      return each(step, target, n,
                  [&](I x, I y) { return wrap(static_cast<U>(x) + static_cast<U>(y)); });
    case Op::subtract:
      return each(step, target, n,
                  [&](I x, I y) { return wrap(static_cast<U>(x) - static_cast<U>(y)); });
    case Op::multiply:
      return each(step, target, n,
                  [&](I x, I y) { return wrap(static_cast<U>(x) * static_cast<U>(y)); });
    case Op::divide:
      return each(step, target, n, [](I x, I y) { return divide_lane(x, y).quotient; });
    case Op::modulo:
      return each(step, target, n, [](I x, I y) { return divide_lane(x, y).remainder; });
    case Op::power:
      return each(step, target, n, [&](I x, I) { return power_lane(x, step.value); });
    case Op::minimum:
      return each(step, target, n, [](I x, I y) { return x < y ? x : y; });
    case Op::maximum:
      return each(step, target, n, [](I x, I y) { return x < y ? y : x; });
    case Op::absolute:
      return each(step, target, n,
                  [&](I x, I) { return x < 0 ? wrap(0U - static_cast<U>(x)) : x; });
    case Op::equal:
      return each(step, target, n, [](I x, I y) { return x == y ? 1 : 0; });
    case Op::not_equal:
      return each(step, target, n, [](I x, I y) { return x != y ? 1 : 0; });
    case Op::less:
      return each(step, target, n, [](I x, I y) { return x < y ? 1 : 0; });
    case Op::less_equal:
      return each(step, target, n, [](I x, I y) { return x <= y ? 1 : 0; });
    case Op::in_range: {
      const std::int64_t low = step.pool[0];
      const std::int64_t high = step.pool[1];
      return each(step, target, n, [=](I x, I) { return low <= x && x <= high ? 1 : 0; });
    }
    case Op::in_list:
      return each(step, target, n, [&](I x, I) { return member_lane(x, step.pool, step.value); });
    case Op::logical_not:
      return each(step, target, n, [](I x, I) { return x ^ 1; });
    case Op::logical_and:
      return each(step, target, n, [](I x, I y) { return x & y; });
    case Op::logical_or:
      return each(step, target, n, [](I x, I y) { return x | y; });
    default:
      return;
  }
}

// Calls f with the operands of a comparison and the comparison.
template <class F>
[[gnu::always_inline]] inline auto with_operands(const ColumnStep& step, F f) {
  const auto compare = [&](auto holds) {
    if (step.a.column == nullptr) return f(Same{step.a.value}, Varying{step.b.column}, holds);
    if (step.b.column == nullptr) return f(Varying{step.a.column}, Same{step.b.value}, holds);
    return f(Varying{step.a.column}, Varying{step.b.column}, holds);
  };
  switch (step.op) {
    case Op::equal:
      return compare([](I x, I y) { return x == y; });
    case Op::not_equal:
      return compare([](I x, I y) { return x != y; });
    case Op::less:
      return compare([](I x, I y) { return x < y; });
    default:
      return compare([](I x, I y) { return x <= y; });
  }
}

[[gnu::always_inline]] inline bool filter(const ColumnStep& step, const I* before,
                                          I* __restrict alive, std::size_t n) {
  n = n / kColumnChunk * kColumnChunk;
  return with_operands(step, [=](auto a, auto b, auto holds) {
    I any = 0;
    if (before == nullptr) {
      for (std::size_t i = 0; i < n; ++i) any |= alive[i] = holds(a[i], b[i]) ? -1 : 0;
    } else {
      for (std::size_t i = 0; i < n; ++i) {
        any |= alive[i] = before[i] & (holds(a[i], b[i]) ? -1 : 0);
      }
    }
    return any != 0;
  });
}

[[gnu::always_inline]] inline void mark(U* __restrict masks, bool fresh, const I* alive, U bits,
                                        std::size_t n) {
  n = n / kColumnChunk * kColumnChunk;
  if (fresh) {
    for (std::size_t i = 0; i < n; ++i) masks[i] = static_cast<U>(alive[i]) & bits;
  } else {
    for (std::size_t i = 0; i < n; ++i) masks[i] |= static_cast<U>(alive[i]) & bits;
  }
}

[[gnu::always_inline]] inline void mark_all_where(const ColumnStep& step, U* __restrict masks,
                                                  bool fresh, U bits, std::size_t n) {
  n = n / kColumnChunk * kColumnChunk;
  with_operands(step, [=](auto a, auto b, auto holds) {
    if (fresh) {
      for (std::size_t i = 0; i < n; ++i) masks[i] = holds(a[i], b[i]) ? bits : 0;
    } else {
      for (std::size_t i = 0; i < n; ++i) masks[i] |= holds(a[i], b[i]) ? bits : 0;
    }
  });
}

[[gnu::always_inline]] inline U restrict_all(U* __restrict masks, bool fresh, const U* others,
                                             U bits, std::size_t n) {
  n = n / kColumnChunk * kColumnChunk;
  U any = 0;
  if (fresh) {
    for (std::size_t i = 0; i < n; ++i) any |= masks[i] = others[i] | bits;
  } else {
    for (std::size_t i = 0; i < n; ++i) any |= masks[i] &= others[i] | bits;
  }
  return any;
}

#if defined(__x86_64__) && defined(__GNUC__)
// Eight lanes at once, which not every processor can.
[[gnu::target("avx2")]] void compute_with_avx2(const ColumnStep& step, I* target, std::size_t n) {
  compute(step, target, n);
}
[[gnu::target("avx2")]] bool filter_with_avx2(const ColumnStep& step, const I* before, I* alive,
                                              std::size_t n) {
  return filter(step, before, alive, n);
}
[[gnu::target("avx2")]] void mark_with_avx2(U* masks, bool fresh, const I* alive, U bits,
                                            std::size_t n) {
  mark(masks, fresh, alive, bits, n);
}
[[gnu::target("avx2")]] void mark_where_with_avx2(const ColumnStep& step, U* masks, bool fresh,
                                                  U bits, std::size_t n) {
  mark_all_where(step, masks, fresh, bits, n);
}
[[gnu::target("avx2")]] U restrict_with_avx2(U* masks, bool fresh, const U* others, U bits,
                                             std::size_t n) {
  return restrict_all(masks, fresh, others, bits, n);
}
bool has_avx2() {
  static const bool result = __builtin_cpu_supports("avx2") != 0;
  return result;
}
#endif

}  // namespace

void compute_column(const ColumnStep& step, std::int32_t* target, std::size_t lanes) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (has_avx2()) return compute_with_avx2(step, target, padded_lanes(lanes));
#endif
  compute(step, target, padded_lanes(lanes));
}

bool filter_column(const ColumnStep& step, const std::int32_t* before, std::int32_t* alive,
                   std::size_t lanes) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (has_avx2()) return filter_with_avx2(step, before, alive, padded_lanes(lanes));
#endif
  return filter(step, before, alive, padded_lanes(lanes));
}

void mark_column(std::uint32_t* masks, bool fresh, const std::int32_t* alive, std::uint32_t bits,
                 std::size_t lanes) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (has_avx2()) return mark_with_avx2(masks, fresh, alive, bits, padded_lanes(lanes));
#endif
  mark(masks, fresh, alive, bits, padded_lanes(lanes));
}

void mark_where(const ColumnStep& step, std::uint32_t* masks, bool fresh, std::uint32_t bits,
                std::size_t lanes) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (has_avx2()) return mark_where_with_avx2(step, masks, fresh, bits, padded_lanes(lanes));
#endif
  mark_all_where(step, masks, fresh, bits, padded_lanes(lanes));
}

std::uint32_t restrict_masks(std::uint32_t* masks, bool fresh, const std::uint32_t* others,
                             std::uint32_t bits, std::size_t lanes) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (has_avx2()) return restrict_with_avx2(masks, fresh, others, bits, padded_lanes(lanes));
#endif
  return restrict_all(masks, fresh, others, bits, padded_lanes(lanes));
}

std::int32_t compute_value(const ColumnStep& step) {
  const std::int64_t a = step.a.value;
  const std::int64_t b = step.b.value;
  switch (step.op) {
    case Op::power:
      return power_lane(step.a.value, step.value);
    case Op::in_range:
      return step.pool[0] <= a && a <= step.pool[1] ? 1 : 0;
    case Op::in_list:
      return member_lane(step.a.value, step.pool, step.value);
    case Op::divide:
    case Op::modulo: {
      const LaneDivision both = divide_lane(step.a.value, step.b.value);
      return step.op == Op::divide ? both.quotient : both.remainder;
    }
    case Op::negate:
      return static_cast<std::int32_t>(-a);
    case Op::add:
      return static_cast<std::int32_t>(a + b);
    case Op::subtract:
      return static_cast<std::int32_t>(a - b);
    case Op::multiply:
      return static_cast<std::int32_t>(a * b);
    case Op::minimum:
      return static_cast<std::int32_t>(std::min(a, b));
    case Op::maximum:
      return static_cast<std::int32_t>(std::max(a, b));
    case Op::absolute:
      return static_cast<std::int32_t>(a < 0 ? -a : a);
    case Op::equal:
      return a == b ? 1 : 0;
    case Op::not_equal:
      return a != b ? 1 : 0;
    case Op::less:
      return a < b ? 1 : 0;
    case Op::less_equal:
      return a <= b ? 1 : 0;
    case Op::logical_not:
      return a == 0 ? 1 : 0;
    case Op::logical_and:
      return a != 0 && b != 0 ? 1 : 0;
    default:
      return a != 0 || b != 0 ? 1 : 0;
  }
}

}  // namespace constrint::detail
