// SPDX-License-Identifier: Apache-2.0
// What holds whatever the operands are, which intervals do not see: x - x, x % x, min(x, y) <= x.
// Divisors that may be zero have guards of their own.
#include <utility>

#include "circuit.hpp"

namespace constrint::detail {

namespace {

constexpr int kMostSteps = 32;  // of a comparison of two expressions
constexpr int kMostDepth = 8;

bool compares(Op op) {
  return op >= Op::equal && op <= Op::less_equal;
}

bool equal_ranges(const Interval& a, const Interval& b) {
  return a.low == b.low && a.high == b.high;
}

}  // namespace

// Whether two gates are the same expression; false also where that takes more than `steps`.
// NOLINTNEXTLINE(misc-no-recursion): `steps` bounds it
bool Compiler::same(std::int32_t a, std::int32_t b, int& steps) const {
  if (a == b) return true;
  if (--steps < 0) return false;
  const Gate& left = circuit_.gates[static_cast<std::size_t>(a)];
  const Gate& right = circuit_.gates[static_cast<std::size_t>(b)];
  if (left.op != right.op || left.op == Op::variable || left.value != right.value) return false;
  if (left.op == Op::constant) return true;
  if (!is_binary(left.op)) {
    const bool members = left.op == Op::in_list || left.op == Op::in_range;
    return (!members || left.b == right.b) && same(left.a, right.a, steps);
  }
  if (same(left.a, right.a, steps) && same(left.b, right.b, steps)) return true;
  const bool commutes = left.op == Op::add || left.op == Op::multiply || left.op == Op::minimum ||
                        left.op == Op::maximum;
  return commutes && same(left.a, right.b, steps) && same(left.b, right.a, steps);
}

bool Compiler::same(const Operand& a, const Operand& b) const {
  if (a.id < 0 || b.id < 0) return a.range.fixed() && equal_ranges(a.range, b.range);
  // Nearly all that differ differ in their ranges.
  if (a.id != b.id && !equal_ranges(a.range, b.range)) return false;
  int steps = kMostSteps;
  return same(a.id, b.id, steps);
}

Compiler::Operand Compiler::operand_of_gate(std::int32_t id) const {
  const Gate& own = circuit_.gates[static_cast<std::size_t>(id)];
  return own.op == Op::constant ? constant(own.value) : Operand{id, own.range};
}

bool Compiler::identity(Op op, const Operand& a, const Operand& b, std::int64_t value,
                        Operand& result) {
  if (op == Op::power && value == 1) {
    result = a;
    return true;
  }
  if (!is_binary(op)) return false;
  if (op == Op::divide || op == Op::modulo) {
    if (a.id < 0 && a.value() == 0) {
      result = a;
      return true;
    }
    if (a.id < 0 || b.id < 0) return false;
    if (a.id != b.id && quotient_identity(op, a, b, result)) return true;
  }
  if (compares(op) && order_identity(op, a, b, result)) return true;
  if (a.id < 0 || b.id < 0) return false;
  const bool joins = op == Op::logical_and || op == Op::logical_or;  // which all look alike
  if (joins ? a.id != b.id : !same(a, b)) return false;
  switch (op) {
    case Op::subtract:
    case Op::modulo:
    case Op::not_equal:
    case Op::less:
      result = constant(0);
      return true;
    case Op::divide:
    case Op::equal:
    case Op::less_equal:
      result = constant(1);
      return true;
    case Op::minimum:
    case Op::maximum:
    case Op::logical_and:
    case Op::logical_or:
      result = a;
      return true;
    default:
      return false;
  }
}

// Whether a gate is a multiple of another one, which is not zero, by its form.
// NOLINTNEXTLINE(misc-no-recursion): `depth` bounds it
bool Compiler::is_multiple(std::int32_t id, const Operand& of, int depth) const {
  const Gate& own = circuit_.gates[static_cast<std::size_t>(id)];
  if (same({id, own.range}, of)) return true;
  if (depth == kMostDepth) return false;
  switch (own.op) {
    case Op::negate:
    case Op::absolute:
      return is_multiple(own.a, of, depth + 1);
    case Op::power:
      return own.value > 0 && is_multiple(own.a, of, depth + 1);
    case Op::multiply:
      return is_multiple(own.a, of, depth + 1) || is_multiple(own.b, of, depth + 1);
    case Op::add:
    case Op::subtract:
    case Op::minimum:
    case Op::maximum:
      return is_multiple(own.a, of, depth + 1) && is_multiple(own.b, of, depth + 1);
    default:
      return false;
  }
}

// x * y / y, multiples of y % y, x % y / y and x % y % y.
bool Compiler::quotient_identity(Op op, const Operand& a, const Operand& b, Operand& result) const {
  const Gate& own = circuit_.gates[static_cast<std::size_t>(a.id)];
  if (own.op == Op::modulo && same(operand_of_gate(own.b), b)) {
    result = op == Op::modulo ? a : constant(0);
    return true;
  }
  if (op == Op::modulo) {
    // Multiples of -y and of abs(y) are those of y.
    Operand of = b;
    while (of.id >= 0) {
      const Gate& divisor = circuit_.gates[static_cast<std::size_t>(of.id)];
      if (divisor.op != Op::negate && divisor.op != Op::absolute) break;
      of = operand_of_gate(divisor.a);
    }
    if (!is_multiple(a.id, of, 0)) return false;
    result = constant(0);
    return true;
  }
  if (own.op != Op::multiply) return false;
  for (const auto& [factor, other] : {std::pair(own.a, own.b), std::pair(own.b, own.a)}) {
    if (!same(operand_of_gate(factor), b)) continue;
    result = operand_of_gate(other);
    return true;
  }
  return false;
}

// Remainders are never their divisors; minima and maxima compared with what they are taken of.
bool Compiler::order_identity(Op op, const Operand& a, const Operand& b, Operand& result) {
  if (op == Op::equal || op == Op::not_equal) {
    const auto is_remainder_by = [&](const Operand& remainder, const Operand& divisor) {
      if (remainder.id < 0) return false;
      const Gate& own = circuit_.gates[static_cast<std::size_t>(remainder.id)];
      return own.op == Op::modulo && own.b == divisor.id;
    };
    if (is_remainder_by(a, b) || is_remainder_by(b, a)) {
      result = constant(op == Op::equal ? 0 : 1);
      return true;
    }
  }
  return extreme_identity(op, a, b, true, result) || extreme_identity(op, b, a, false, result);
}

// Whether an operand is one of those that nested minima or maxima are taken of.
bool Compiler::is_among(Op op, std::int32_t id, const Operand& own) const {
  for (int depth = 0; depth < kMostDepth; ++depth) {
    const Gate& extreme = circuit_.gates[static_cast<std::size_t>(id)];
    if (extreme.op != op) return false;
    if (same(operand_of_gate(extreme.b), own) || same(operand_of_gate(extreme.a), own)) return true;
    id = extreme.a;
  }
  return false;
}

// left: the minimum, maximum or magnitude stands to the left of what it is compared with.
bool Compiler::extreme_identity(Op op, const Operand& extreme, const Operand& own, bool left,
                                Operand& result) {
  if (extreme.id < 0) return false;
  const Gate gate_of_extreme = circuit_.gates[static_cast<std::size_t>(extreme.id)];
  const bool minimum = gate_of_extreme.op == Op::minimum;
  if (gate_of_extreme.op == Op::absolute) {
    // x <= abs(x) holds, x > abs(x) does not.
    const bool known = op == Op::less_equal ? !left : op == Op::less && left;
    if (known && same(operand_of_gate(gate_of_extreme.a), own)) {
      result = constant(op == Op::less_equal ? 1 : 0);
      return true;
    }
  }
  if (!minimum && gate_of_extreme.op != Op::maximum) return false;
  // min(x, y) <= x and x <= max(x, y) hold, min(x, y) > x and x > max(x, y) do not.
  if ((op == Op::less_equal && left == minimum) || (op == Op::less && left != minimum)) {
    if (!is_among(gate_of_extreme.op, extreme.id, own)) return false;
    result = constant(op == Op::less_equal ? 1 : 0);
    return true;
  }
  // Otherwise it is x and y that are compared.
  Operand other = operand_of_gate(gate_of_extreme.b);
  if (same(other, own)) {
    other = operand_of_gate(gate_of_extreme.a);
  } else if (!same(operand_of_gate(gate_of_extreme.a), own)) {
    return false;
  }
  const bool strict = op == Op::less || op == Op::not_equal;
  // x == min(x, y) is x <= y, x != min(x, y) is y < x; likewise x <= min(x, y) and min(x, y) < x.
  const bool own_first = minimum != strict;
  result = gate(strict ? Op::less : Op::less_equal, own_first ? own : other,
                own_first ? other : own, 0, 0);
  return true;
}

}  // namespace constrint::detail
