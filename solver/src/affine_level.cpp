// SPDX-License-Identifier: Apache-2.0
#include "affine_level.hpp"

#include <algorithm>
#include <numeric>

#include "arithmetic.hpp"

namespace constrint::detail {

namespace {

constexpr std::int64_t kLargest = std::int64_t{1} << 60;  // of any value, so that sums fit as well

}  // namespace

AffineLevel::AffineLevel(const LevelProgram& program, const Candidates& candidates,
                         const Domain& domain)
    : program_(program), domain_(domain) {
  possible_ = program.outputs.empty() && candidates.kind == Candidates::Kind::list &&
              !domain.is_list() && domain.step == 1 && domain.low >= 1 && classify();
  if (!possible_) return;
  const std::size_t size = static_cast<std::size_t>(program.registers) * kBlock;
  base_ = RecycledArray<std::int64_t>(size);
  slope_ = RecycledArray<std::int64_t>(size);
  for (auto* column : {&modulus_, &first_, &last_}) *column = RecycledArray<std::int64_t>(kBlock);
}

// Bounds of the magnitudes, from those of the states: of what a register is at x == 0, and of what
// any number of steps adds.
bool AffineLevel::values_fit(const StateTable& from) const {
  std::vector<Int128> largest(kind_.size(), 0);
  largest[static_cast<std::size_t>(program_.variable)] = domain_.high;
  if (domain_.high > kLargest) return false;
  for (const LevelProgram::Input& input : program_.inputs) {
    const std::int64_t* column = from.column(static_cast<std::size_t>(input.slot));
    const auto [low, high] = std::minmax_element(column, column + from.size());
    largest[static_cast<std::size_t>(input.reg)] =
        std::max<Int128>(-static_cast<Int128>(*low), *high);
  }
  const auto of = [&](const Operand& operand) {
    const Int128 value = operand.constant;
    return operand.reg < 0 ? std::max(value, -value)
                           : largest[static_cast<std::size_t>(operand.reg)];
  };
  for (const Instruction& step : program_.code) {
    if (of(step.a) > kLargest || of(step.b) > kLargest) return false;
    if (step.kind != Instruction::Kind::compute) continue;
    Int128& own = largest[static_cast<std::size_t>(step.target)];
    own = of(step.a);
    if (step.op == Op::add || step.op == Op::subtract) own += of(step.b);
    if (step.op == Op::multiply) own *= of(step.b);
    if (own > kLargest) return false;
    // Only positive divisors: the sign of a remainder does not matter where it must be 0.
    if (step.op != Op::divide && step.op != Op::modulo) continue;
    Int128 least = step.b.constant;
    if (step.b.reg < 0) {
      if (least < 1) return false;
      own /= least;
      continue;
    }
    const auto input = std::ranges::find(program_.inputs, step.b.reg, &LevelProgram::Input::reg);
    if (input == program_.inputs.end()) return false;
    const std::int64_t* column = from.column(static_cast<std::size_t>(input->slot));
    least = *std::min_element(column, column + from.size());
    if (least < 1) return false;
    own /= least;
  }
  return true;
}

void AffineLevel::load(const StateTable& from, std::size_t begin, std::size_t size) {
  size_ = size;
  std::fill_n(base(program_.variable), size, 0);
  std::fill_n(slope(program_.variable), size, 1);
  for (const LevelProgram::Input& input : program_.inputs) {
    std::copy_n(from.column(static_cast<std::size_t>(input.slot)) + begin, size, base(input.reg));
    std::fill_n(slope(input.reg), size, 0);
  }
  std::fill_n(modulus_.data(), size, 1);
}

void AffineLevel::compute(const Instruction& step) {
  std::int64_t* target = base(step.target);
  std::int64_t* target_slope = slope(step.target);
  // Operands by state; constants do not move.
  const auto with = [&](auto f) {
    const auto run = [&](auto a, auto as, auto b, auto bs) {
      for (std::size_t i = 0; i < size_; ++i) f(i, a(i), as(i), b(i), bs(i));
    };
    const auto column = [](const std::int64_t* values) {
      return [values](std::size_t i) { return values[i]; };
    };
    const auto constant = [](std::int64_t value) { return [value](std::size_t) { return value; }; };
    if (step.a.reg < 0) {
      run(constant(step.a.constant), constant(0), column(base(step.b.reg)),
          column(slope(step.b.reg)));
    } else if (step.b.reg < 0) {
      run(column(base(step.a.reg)), column(slope(step.a.reg)), constant(step.b.constant),
          constant(0));
    } else {
      run(column(base(step.a.reg)), column(slope(step.a.reg)), column(base(step.b.reg)),
          column(slope(step.b.reg)));
    }
  };
  using I = std::int64_t;
  switch (step.op) {
    case Op::negate:
      with([=](std::size_t i, I a, I as, I, I) {
        target[i] = -a;
        target_slope[i] = -as;
      });
      break;
    case Op::add:
      with([=](std::size_t i, I a, I as, I b, I bs) {
        target[i] = a + b;
        target_slope[i] = as + bs;
      });
      break;
    case Op::subtract:
      with([=](std::size_t i, I a, I as, I b, I bs) {
        target[i] = a - b;
        target_slope[i] = as - bs;
      });
      break;
    case Op::multiply:
      // One of them does not move.
      with([=](std::size_t i, I a, I as, I b, I bs) {
        target[i] = a * b;
        target_slope[i] = as * b + a * bs;
      });
      break;
    default:  // divide: exactly, and both at 0 there
      with([=](std::size_t i, I, I as, I b, I) {
        target[i] = 0;
        target_slope[i] = as / b;
      });
  }
}

// multiple % number == 0: x must be a multiple of what the two have not in common.
void AffineLevel::take_modulus(const Instruction& step) {
  const std::int64_t* factor = slope(step.a.reg);
  const std::int64_t* number = step.b.reg < 0 ? nullptr : base(step.b.reg);
  for (std::size_t i = 0; i < size_; ++i) {
    const std::int64_t own = number == nullptr ? step.b.constant : number[i];
    const std::int64_t need = own / std::gcd(own, factor[i]);
    if (need == 1 || need == modulus_[i]) continue;
    const Int128 both = static_cast<Int128>(modulus_[i]) / std::gcd(modulus_[i], need) * need;
    // One beyond the domain is as good as any other there.
    modulus_[i] = static_cast<std::int64_t>(std::min<Int128>(both, Int128{domain_.high} + 1));
  }
}

// From here on a step of x is one to the next multiple of the modulus.
void AffineLevel::scale() {
  for (std::size_t i = 0; i < size_; ++i) {
    const std::int64_t modulus = modulus_[i];
    first_[i] = ceil_divide(domain_.low, modulus);
    last_[i] = floor_divide(domain_.high, modulus);
    // No step is possible: the slopes would only overflow.
    if (last_[i] < first_[i]) modulus_[i] = 1;
  }
  for (const std::int32_t r : multiples_) {
    std::int64_t* column = slope(r);
    for (std::size_t i = 0; i < size_; ++i) column[i] *= modulus_[i];
  }
}

void AffineLevel::bound(const Instruction& step) {
  const bool range = step.kind == Instruction::Kind::filter_range;
  const std::int64_t* b = range || step.b.reg < 0 ? nullptr : base(step.b.reg);
  const std::int64_t* bs = b == nullptr ? nullptr : slope(step.b.reg);
  const std::int64_t* a = step.a.reg < 0 ? nullptr : base(step.a.reg);
  const std::int64_t* as = a == nullptr ? nullptr : slope(step.a.reg);
  std::int64_t low = range ? std::max(step.range.low, -2 * kLargest) : -2 * kLargest;
  std::int64_t high = range ? std::min(step.range.high, 2 * kLargest) : 0;
  if (!range && step.op == Op::less) high = -1;
  if (!range && step.op == Op::equal) low = 0;
  for (std::size_t i = 0; i < size_; ++i) {
    if (last_[i] < first_[i]) continue;
    // low <= at + by * step <= high
    std::int64_t at = a == nullptr ? step.a.constant : a[i];
    std::int64_t by = a == nullptr ? 0 : as[i];
    if (!range) {
      at -= b == nullptr ? step.b.constant : b[i];
      by -= b == nullptr ? 0 : bs[i];
    }
    const std::int64_t begin = at + by * first_[i];
    const std::int64_t end = at + by * last_[i];
    if (std::min(begin, end) >= low && std::max(begin, end) <= high) continue;
    if (by == 0) {
      last_[i] = first_[i] - 1;
    } else if (by > 0) {
      if (begin < low) first_[i] = ceil_divide(low - at, by);
      if (end > high) last_[i] = floor_divide(high - at, by);
    } else {
      if (begin > high) first_[i] = ceil_divide(at - high, -by);
      if (end < low) last_[i] = floor_divide(at - low, -by);
    }
  }
}

AffineLevel::Result AffineLevel::add(const StateTable& from, Limits& limits, Uint128& count) {
  if (!values_fit(from)) return Result::unusable;
  if (!limits.spend(from.size())) return Result::limit;
  Uint128 total = count;
  for (std::size_t begin = 0; begin < from.size(); begin += kBlock) {
    load(from, begin, std::min(kBlock, from.size() - begin));
    for (const Instruction* step : plain_) {
      if (step->op == Op::modulo) {
        take_modulus(*step);
      } else {
        compute(*step);
      }
    }
    scale();
    for (const Instruction* step : later_) compute(*step);
    for (const Instruction* step : bounds_) bound(*step);
    for (std::size_t i = 0; i < size_; ++i) {
      if (last_[i] < first_[i]) continue;
      Uint128 own = static_cast<std::uint64_t>(last_[i] - first_[i]) + 1;
      if (__builtin_mul_overflow(own, from.weights[begin + i], &own) ||
          __builtin_add_overflow(total, own, &total)) {
        return Result::limit;
      }
    }
  }
  count = total;
  return Result::done;
}

}  // namespace constrint::detail
