// SPDX-License-Identifier: Apache-2.0
#include "bounds.hpp"

#include <algorithm>

namespace loops {
namespace {

using oracle::Op;

Bounds hull(std::initializer_list<Wide> values) {
  return {std::min(values), std::max(values)};
}

Wide product(Wide a, Wide b) {
  Wide result = 0;
  if (__builtin_mul_overflow(a, b, &result)) throw std::overflow_error("a product leaves 128 bits");
  return result;
}

Wide floor_quotient(Wide a, Wide b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

Bounds quotient(const Bounds& a, const Bounds& b) {
  // The divisor nearest to zero on either side, and the ends, bound the quotient.
  Bounds result{};
  bool empty = true;
  for (const Wide divisor : {b.low, b.high, Wide{-1}, Wide{1}}) {
    if (divisor == 0 || !b.contains(divisor)) continue;
    const Bounds part = hull({floor_quotient(a.low, divisor), floor_quotient(a.high, divisor)});
    result = empty ? part : hull({result.low, result.high, part.low, part.high});
    empty = false;
  }
  return result;
}

Bounds power(const Bounds& base, Wide exponent) {
  Bounds result{1, 1};
  for (Wide i = 0; i < exponent; ++i) {
    result = hull({product(result.low, base.low), product(result.low, base.high),
                   product(result.high, base.low), product(result.high, base.high)});
  }
  return result;
}

Bounds combine(const oracle::Node& node, const std::vector<Bounds>& in) {
  switch (node.op) {
    case Op::negate:
      return {-in[0].high, -in[0].low};
    case Op::add:
      return {in[0].low + in[1].low, in[0].high + in[1].high};
    case Op::subtract:
      return {in[0].low - in[1].high, in[0].high - in[1].low};
    case Op::multiply:
      return hull({product(in[0].low, in[1].low), product(in[0].low, in[1].high),
                   product(in[0].high, in[1].low), product(in[0].high, in[1].high)});
    case Op::divide:
      return quotient(in[0], in[1]);
    case Op::modulo:
      return {std::min<Wide>(in[1].low + 1, 0), std::max<Wide>(in[1].high - 1, 0)};
    case Op::power:
      return power(in[0], in[1].high);
    case Op::absolute:
      return {in[0].contains(0) ? 0
                                : std::min(in[0].low < 0 ? -in[0].low : in[0].low,
                                           in[0].high < 0 ? -in[0].high : in[0].high),
              std::max(in[0].low < 0 ? -in[0].low : in[0].low,
                       in[0].high < 0 ? -in[0].high : in[0].high)};
    case Op::minimum:
    case Op::maximum: {
      Bounds result = in[0];
      for (const Bounds& other : in) {
        const bool least = node.op == Op::minimum;
        result.low = least ? std::min(result.low, other.low) : std::max(result.low, other.low);
        result.high = least ? std::min(result.high, other.high) : std::max(result.high, other.high);
      }
      return result;
    }
    default:
      return {0, 1};  // a truth value
  }
}

}  // namespace

Bounds bounds_of(const oracle::Expr& expression, const std::vector<Bounds>& variables,
                 Bounds& extremes) {
  std::vector<Bounds> operands;
  for (const oracle::Expr& operand : expression->operands) {
    operands.push_back(bounds_of(operand, variables, extremes));
  }
  Bounds result{};
  if (expression->op == Op::number) {
    result = {expression->value, expression->value};
  } else if (expression->op == Op::variable) {
    result = variables.at(expression->variable);
  } else {
    result = combine(*expression, operands);
  }
  const Wide limit = Wide{1} << 120;
  if (result.low < -limit || result.high > limit) throw std::overflow_error("bounds leave 2^120");
  extremes = hull({extremes.low, extremes.high, result.low, result.high});
  return result;
}

}  // namespace loops
