// SPDX-License-Identifier: Apache-2.0
// Single steps of a level's program on a block of pairs.
#include <algorithm>

#include "arithmetic.hpp"
#include "expander.hpp"

namespace constrint::detail {

namespace {

// 64-bit division is several times slower than 32-bit division, and most operands are small.
std::int64_t fast_divide(std::int64_t a, std::int64_t b) {
  if (((static_cast<std::uint64_t>(a) | static_cast<std::uint64_t>(b)) >> 32) == 0) {
    return static_cast<std::uint32_t>(a) / static_cast<std::uint32_t>(b);
  }
  return floor_divide(a, b);
}

std::int64_t fast_modulo(std::int64_t a, std::int64_t b) {
  if (((static_cast<std::uint64_t>(a) | static_cast<std::uint64_t>(b)) >> 32) == 0) {
    return static_cast<std::uint32_t>(a) % static_cast<std::uint32_t>(b);
  }
  // The remainder by -1 is 0, which the processor does not find for the lowest integer.
  return b == -1 ? 0 : floor_modulo(a, b);
}

std::int64_t small_power(std::int64_t base, std::int64_t exponent) {
  Int128 result = 0;
  power_exact(base, exponent, result);
  return static_cast<std::int64_t>(result);
}

bool member(const Instruction& step, std::int64_t value) {
  if (step.op == Op::in_range) return step.pool[0] <= value && value <= step.pool[1];
  return std::binary_search(step.pool, step.pool + step.value, value);
}

template <class F>
void apply(std::int64_t* target, const std::int64_t* a, const std::int64_t* b,
           std::int64_t constant_a, std::int64_t constant_b, std::size_t n, F f) {
  if (a == nullptr) {
    for (std::size_t i = 0; i < n; ++i) target[i] = f(constant_a, b[i]);
  } else if (b == nullptr) {
    for (std::size_t i = 0; i < n; ++i) target[i] = f(a[i], constant_b);
  } else {
    for (std::size_t i = 0; i < n; ++i) target[i] = f(a[i], b[i]);
  }
}

// Writes the rows where f holds into selected; returns how many.
template <class F>
std::size_t select(std::uint16_t* selected, const std::int64_t* a, const std::int64_t* b,
                   std::int64_t constant_a, std::int64_t constant_b, std::size_t n, F f) {
  std::size_t kept = 0;
  if (a == nullptr) {
    for (std::size_t i = 0; i < n; ++i) {
      selected[kept] = static_cast<std::uint16_t>(i);
      kept += f(constant_a, b[i]) ? 1U : 0U;
    }
  } else if (b == nullptr) {
    for (std::size_t i = 0; i < n; ++i) {
      selected[kept] = static_cast<std::uint16_t>(i);
      kept += f(a[i], constant_b) ? 1U : 0U;
    }
  } else {
    for (std::size_t i = 0; i < n; ++i) {
      selected[kept] = static_cast<std::uint16_t>(i);
      kept += f(a[i], b[i]) ? 1U : 0U;
    }
  }
  return kept;
}

}  // namespace

void Expander::compute(const Instruction& step) {
  const std::size_t n = pairs_;
  std::int64_t* target = reg(step.target);
  const std::int64_t* a = step.a.reg < 0 ? nullptr : reg(step.a.reg);
  const std::int64_t* b = step.b.reg < 0 ? nullptr : reg(step.b.reg);
  const auto with = [&](auto f) { apply(target, a, b, step.a.constant, step.b.constant, n, f); };
  using I = std::int64_t;
  switch (step.op) {
    case Op::negate:
      with([](I x, I) { return -x; });
      break;
    case Op::add:
      with([](I x, I y) { return x + y; });
      break;
    case Op::subtract:
      with([](I x, I y) { return x - y; });
      break;
    case Op::multiply:
      with([](I x, I y) { return x * y; });
      break;
    // A guard elsewhere drops the rows whose divisor is zero.
    case Op::divide:
      if (step.divisor_nonzero) {
        with([](I x, I y) { return fast_divide(x, y); });
      } else {
        with([](I x, I y) { return y == 0 ? 0 : fast_divide(x, y); });
      }
      break;
    case Op::modulo:
      if (step.divisor_nonzero) {
        with([](I x, I y) { return fast_modulo(x, y); });
      } else {
        with([](I x, I y) { return y == 0 ? 0 : fast_modulo(x, y); });
      }
      break;
    case Op::power:
      with([&](I x, I) { return small_power(x, step.value); });
      break;
    case Op::minimum:
      with([](I x, I y) { return x < y ? x : y; });
      break;
    case Op::maximum:
      with([](I x, I y) { return x < y ? y : x; });
      break;
    case Op::absolute:
      with([](I x, I) { return x < 0 ? -x : x; });
      break;
    case Op::equal:
      with([](I x, I y) { return I{x == y}; });
      break;
    case Op::not_equal:
      with([](I x, I y) { return I{x != y}; });
      break;
    case Op::less:
      with([](I x, I y) { return I{x < y}; });
      break;
    case Op::less_equal:
      with([](I x, I y) { return I{x <= y}; });
      break;
    case Op::in_list:
    case Op::in_range:
      with([&](I x, I) { return I{member(step, x)}; });
      break;
    case Op::logical_not:
      with([](I x, I) { return 1 - x; });
      break;
    case Op::logical_and:
      with([](I x, I y) { return x & y; });
      break;
    case Op::logical_or:
      with([](I x, I y) { return x | y; });
      break;
    default:
      break;
  }
}

void Expander::filter(const Instruction& step) {
  const std::int64_t* a = step.a.reg < 0 ? nullptr : reg(step.a.reg);
  const std::int64_t* b = step.b.reg < 0 ? nullptr : reg(step.b.reg);
  const auto with = [&](auto f) {
    return select(selected_.data(), a, b, step.a.constant, step.b.constant, pairs_, f);
  };
  using I = std::int64_t;
  std::size_t kept = 0;
  if (step.kind == Instruction::Kind::filter_range) {
    const Interval range = step.range;
    kept = with([range](I x, I) { return (x >= range.low) & (x <= range.high); });
  } else {
    switch (step.op) {
      case Op::equal:
        kept = with([](I x, I y) { return x == y; });
        break;
      case Op::not_equal:
        kept = with([](I x, I y) { return x != y; });
        break;
      case Op::less:
        kept = with([](I x, I y) { return x < y; });
        break;
      default:
        kept = with([](I x, I y) { return x <= y; });
    }
  }
  if (kept != pairs_) compact(step, kept);
}

void Expander::compact(const Instruction& step, std::size_t kept) {
  const std::uint16_t* selected = selected_.data();
  const auto pack = [&](auto* column) {
    for (std::size_t i = 0; i < kept; ++i) column[i] = column[selected[i]];
  };
  pack(state_.data());
  if (ranged_) pack(high_.data());
  pack(reg(0));
  for (const std::int32_t r : step.live) pack(reg(r));
  pairs_ = kept;
}

}  // namespace constrint::detail
