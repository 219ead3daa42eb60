// SPDX-License-Identifier: Apache-2.0
#include "evaluate.hpp"

#include <algorithm>

namespace oracle {
namespace {

Wide magnitude(Wide value) {
  return value < 0 ? -value : value;
}

Wide checked(bool overflowed, Wide value) {
  // The lowest 128-bit value has no magnitude; keep clear of it.
  if (overflowed || value < -(Wide{1} << 126) || value > (Wide{1} << 126)) {
    throw Overflow("an intermediate value leaves 126 bits");
  }
  return value;
}

Wide multiply(Wide a, Wide b) {
  Wide result = 0;
  const bool overflowed = __builtin_mul_overflow(a, b, &result);
  return checked(overflowed, result);
}

Wide floor_divide(Wide a, Wide b) {
  const Wide quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

Wide raise(Wide base, Wide exponent) {
  Wide result = 1;
  for (Wide i = 0; i < exponent; ++i) {
    result = multiply(result, base);
    if (result == 0 || (result == 1 && base == 1)) break;
    if (base == -1) return exponent % 2 == 0 ? 1 : -1;
  }
  return result;
}

std::optional<Wide> combine(const Node& node, const std::vector<Wide>& in) {
  switch (node.op) {
    case Op::negate:
      return -in[0];
    case Op::add:
      return checked(false, in[0] + in[1]);
    case Op::subtract:
      return checked(false, in[0] - in[1]);
    case Op::multiply:
      return multiply(in[0], in[1]);
    case Op::divide:
      if (in[1] == 0) return std::nullopt;
      return floor_divide(in[0], in[1]);
    case Op::modulo:
      if (in[1] == 0) return std::nullopt;
      return in[0] - floor_divide(in[0], in[1]) * in[1];
    case Op::power:
      return raise(in[0], in[1]);
    case Op::minimum:
      return *std::min_element(in.begin(), in.end());
    case Op::maximum:
      return *std::max_element(in.begin(), in.end());
    case Op::absolute:
      return magnitude(in[0]);
    default:
      throw std::logic_error("a truth value where a number is needed");
  }
}

bool compare(Wide a, Compare sign, Wide b) {
  switch (sign) {
    case Compare::equal:
      return a == b;
    case Compare::not_equal:
      return a != b;
    case Compare::less:
      return a < b;
    case Compare::less_equal:
      return a <= b;
    case Compare::greater:
      return a > b;
    case Compare::greater_equal:
      return a >= b;
  }
  return false;
}

std::optional<bool> truth_of_chain(const Node& node, std::span<const std::int64_t> row,
                                   Wide* widest) {
  std::vector<Wide> in;
  bool defined = true;
  for (const Expr& operand : node.operands) {
    const auto value = value_of(operand, row, widest);
    defined = defined && value.has_value();
    in.push_back(value.value_or(0));
  }
  if (!defined) return std::nullopt;
  for (std::size_t i = 0; i < node.compare.size(); ++i) {
    if (!compare(in[i], node.compare[i], in[i + 1])) return false;
  }
  return true;
}

}  // namespace

std::optional<Wide> value_of(const Expr& expression, std::span<const std::int64_t> row,
                             Wide* widest) {
  const Node& node = *expression;
  std::optional<Wide> result;
  if (node.op == Op::number) {
    result = node.value;
  } else if (node.op == Op::variable) {
    result = row[node.variable];
  } else {
    std::vector<Wide> in;
    bool defined = true;
    for (const Expr& operand : node.operands) {
      const auto value = value_of(operand, row, widest);
      defined = defined && value.has_value();
      in.push_back(value.value_or(0));
    }
    if (!defined) return std::nullopt;
    result = combine(node, in);
  }
  if (widest != nullptr && result) *widest = std::max(*widest, magnitude(*result));
  return result;
}

std::optional<bool> truth_of(const Expr& expression, std::span<const std::int64_t> row,
                             Wide* widest) {
  const Node& node = *expression;
  if (node.op == Op::chain) return truth_of_chain(node, row, widest);
  std::vector<bool> in;
  bool defined = true;
  for (const Expr& operand : node.operands) {
    const auto truth = truth_of(operand, row, widest);
    defined = defined && truth.has_value();
    in.push_back(truth.value_or(false));
  }
  if (!defined) return std::nullopt;
  const auto count = std::count(in.begin(), in.end(), true);
  switch (node.op) {
    case Op::negation:
      return !in[0];
    case Op::conjunction:
      return count == static_cast<std::ptrdiff_t>(in.size());
    case Op::disjunction:
      return count > 0;
    case Op::implication:
      return !in[0] || in[1];
    default:
      throw std::logic_error("a number where a truth value is needed");
  }
}

}  // namespace oracle
