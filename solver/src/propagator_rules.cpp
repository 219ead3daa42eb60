// SPDX-License-Identifier: Apache-2.0
// What a gate's known interval says about its operands.
#include <algorithm>

#include "arithmetic.hpp"
#include "propagator.hpp"

namespace constrint::detail {

namespace {

// Whether the ends of `own` are those of a factor of `result` beside `other`, found without a
// division. False where it would take more to tell.
bool is_factor(Interval result, Interval own, Interval other) {
  if (own.low <= 0 || other.low <= 0) return false;
  std::int64_t least = 0;
  std::int64_t most = 0;
  const bool low_stays = other.high == kInfinity ||
                         __builtin_mul_overflow(own.low, other.high, &least) || least >= result.low;
  const bool high_stays =
      result.high == kInfinity ||
      (!__builtin_mul_overflow(own.high, other.low, &most) && most <= result.high);
  return low_stays && high_stays;
}

}  // namespace

bool Propagator::exclude(std::int32_t id, std::int64_t value) {
  if (is_variable(id)) {
    Domain domain = domains_[static_cast<std::size_t>(id)];
    domain.remove(value, arena_);
    return commit(id, domain);
  }
  const Interval own = range(id);
  if (own.low == value && own.high == value) return !own.fixed();
  if (own.low == value && value != kInfinity && value != kMinusInfinity) {
    return narrow(id, {value + 1, own.high});
  }
  if (own.high == value && value != kInfinity && value != kMinusInfinity) {
    return narrow(id, {own.low, value - 1});
  }
  return true;
}

bool Propagator::backward(const Gate& own) {
  const Interval result = own.range;
  const std::int32_t a = own.a;
  const std::int32_t b = own.b;
  if (is_condition(own.op)) {
    return result.low != result.high || backward_condition(own, result.low == 1);
  }
  switch (own.op) {
    case Op::negate:
      return narrow(a, negate(result));
    case Op::add:
      return narrow(a, subtract(result, range(b))) && narrow(b, subtract(result, range(a)));
    case Op::subtract:
      return narrow(a, add(result, range(b))) && narrow(b, subtract(range(a), result));
    case Op::multiply:
      if (result.fixed() && result.low != 0)
        return must_divide(a, result.low) && must_divide(b, result.low) &&
               narrow(a, factor(result, range(b))) && narrow(b, factor(result, range(a)));
      return (is_factor(result, range(a), range(b)) || narrow(a, factor(result, range(b)))) &&
             (is_factor(result, range(b), range(a)) || narrow(b, factor(result, range(a))));
    case Op::divide: {
      const Interval divisor = range(b);
      if (divisor.low <= 0) return true;
      // q <= a / b < q + 1 with b > 0.
      const Interval low = multiply({result.low, result.low}, divisor);
      Interval high = multiply({add_high(result.high, 1), add_high(result.high, 1)}, divisor);
      if (!narrow(a, {low.low, add_high(high.high, -1)})) return false;
      const Interval dividend = range(a);
      if (dividend.low >= 0 && result.low > 0 && dividend.high != kInfinity) {
        if (!narrow(b, {1, dividend.high / result.low})) return false;
      }
      if (dividend.low > 0 && result.high >= 0 && result.high < kInfinity - 1) {
        return narrow(b, {add_low(dividend.low / (result.high + 1), 1), kInfinity});
      }
      return true;
    }
    case Op::modulo:
      return backward_modulo(own);
    case Op::power:
      return narrow(a, root(result, own.value, range(a)));
    case Op::minimum:
      if (!narrow(a, {result.low, kInfinity}) || !narrow(b, {result.low, kInfinity})) return false;
      if (range(b).low > result.high && !narrow(a, {kMinusInfinity, result.high})) return false;
      return range(a).low <= result.high || narrow(b, {kMinusInfinity, result.high});
    case Op::maximum:
      if (!narrow(a, {kMinusInfinity, result.high}) || !narrow(b, {kMinusInfinity, result.high})) {
        return false;
      }
      if (range(b).high < result.low && !narrow(a, {result.low, kInfinity})) return false;
      return range(a).high >= result.low || narrow(b, {result.low, kInfinity});
    case Op::absolute:
      if (!narrow(a, {negate_high(result.high), result.high})) return false;
      if (range(a).low > negate_low(result.low)) return narrow(a, {result.low, kInfinity});
      if (range(a).high < result.low) return narrow(a, {kMinusInfinity, negate_low(result.low)});
      return true;
    default:
      return true;
  }
}

bool Propagator::backward_condition(const Gate& own, bool holds) {
  const std::int32_t a = own.a;
  const std::int32_t b = own.b;
  const Interval yes{1, 1};
  const Interval no{0, 0};
  Op op = own.op;
  if (op == Op::equal || op == Op::not_equal) {
    if ((op == Op::equal) == holds) {
      if (!narrow(a, range(b)) || !narrow(b, range(a))) return false;
      if (is_variable(a) && is_variable(b)) {
        const Domain left = domains_[static_cast<std::size_t>(a)];
        const Domain right = domains_[static_cast<std::size_t>(b)];
        const bool to_right = left.is_list() && (!right.is_list() || right.count > left.count);
        Domain wider = to_right ? right : left;
        if (to_right || right.is_list()) {
          wider.restrict_to_list((to_right ? left : right).list(), arena_);
          return commit(to_right ? b : a, wider);
        }
      }
      return true;
    }
    if (range(a).fixed() && !exclude(b, range(a).low)) return false;
    return !range(b).fixed() || exclude(a, range(b).low);
  }
  switch (op) {
    case Op::less:
      if (holds) {
        return narrow(a, {kMinusInfinity, add_high(range(b).high, -1)}) &&
               narrow(b, {add_low(range(a).low, 1), kInfinity});
      }
      return narrow(b, {kMinusInfinity, range(a).high}) && narrow(a, {range(b).low, kInfinity});
    case Op::less_equal:
      if (holds) {
        return narrow(a, {kMinusInfinity, range(b).high}) && narrow(b, {range(a).low, kInfinity});
      }
      return narrow(b, {kMinusInfinity, add_high(range(a).high, -1)}) &&
             narrow(a, {add_low(range(b).low, 1), kInfinity});
    case Op::in_range: {
      const std::int64_t* pool = circuit_.model->pool.data() + b;
      if (holds) return narrow(a, {pool[0], pool[1]});
      if (range(a).low >= pool[0] && pool[1] != kInfinity && pool[0] <= pool[1]) {
        return narrow(a, {pool[1] + 1, kInfinity});
      }
      if (range(a).high <= pool[1] && pool[0] != kMinusInfinity && pool[0] <= pool[1]) {
        return narrow(a, {kMinusInfinity, pool[0] - 1});
      }
      return true;
    }
    case Op::in_list: {
      const std::int64_t* pool = circuit_.model->pool.data() + b;
      const auto size = static_cast<std::size_t>(own.value);
      if (is_variable(a)) {
        Domain domain = domains_[static_cast<std::size_t>(a)];
        if (holds) {
          domain.restrict_to_list({pool, size}, arena_);
        } else {
          for (std::size_t i = 0; i < size && !domain.empty(); ++i) domain.remove(pool[i], arena_);
        }
        return commit(a, domain);
      }
      return !holds || narrow(a, {pool[0], pool[size - 1]});
    }
    case Op::logical_not:
      return narrow(a, holds ? no : yes);
    case Op::logical_and:
      if (holds) return narrow(a, yes) && narrow(b, yes);
      if (range(a).low == 1) return narrow(b, no);
      return range(b).low != 1 || narrow(a, no);
    case Op::logical_or:
      if (!holds) return narrow(a, no) && narrow(b, no);
      if (range(a).high == 0) return narrow(b, yes);
      return range(b).high != 0 || narrow(a, yes);
    default:
      return true;
  }
}

bool Propagator::backward_modulo(const Gate& own) {
  const Interval result = own.range;
  const Interval dividend = range(own.a);
  const Interval divisor = range(own.b);
  // The remainder has the sign of the divisor and is smaller.
  if (result.low > 0 && !narrow(own.b, {add_low(result.low, 1), kInfinity})) return false;
  if (result.high < 0 && !narrow(own.b, {kMinusInfinity, add_high(result.high, -1)})) return false;
  if (!result.fixed()) return true;
  const std::int64_t remainder = result.low;
  if (divisor.fixed() && divisor.low > 0) {
    return must_be_congruent(own.a, divisor.low, remainder);
  }
  if (dividend.fixed()) {
    const Int128 multiple = static_cast<Int128>(dividend.low) - remainder;
    if (multiple != 0) {
      return multiple != static_cast<std::int64_t>(multiple) ||
             must_divide(own.b, static_cast<std::int64_t>(multiple));
    }
    if (dividend.low > 0) return narrow(own.b, {dividend.low + 1, kInfinity});
    return dividend.low == 0 || narrow(own.b, {kMinusInfinity, dividend.low - 1});
  }
  if (remainder != 0 || dividend.contains(0)) return true;
  const std::int64_t largest = std::max(negate_low(dividend.low), dividend.high);
  if (!narrow(own.b, {negate_high(largest), largest})) return false;
  if (dividend.low > 0 && range(own.b).low > 0 && !narrow(own.a, {range(own.b).low, kInfinity})) {
    return false;
  }
  RecyclingVector<std::int64_t> numbers;
  const Interval left = range(own.b);
  const auto width = static_cast<std::uint64_t>(left.high) - static_cast<std::uint64_t>(left.low);
  if (width > kLargeDomain && value_set(own.a, numbers)) return must_divide_some(own.b, numbers);
  return true;
}

}  // namespace constrint::detail
