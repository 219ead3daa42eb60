// SPDX-License-Identifier: Apache-2.0
// Whether a level is affine.
#include <algorithm>

#include "affine_level.hpp"

namespace constrint::detail {

namespace {

bool same(const Operand& a, const Operand& b) {
  return a.reg == b.reg && (a.reg >= 0 || a.constant == b.constant);
}

// Whether a filter asks that a remainder is 0.
bool asks_zero(const Instruction& step) {
  if (step.kind == Instruction::Kind::filter_range)
    return step.range.low == 0 && step.range.high == 0;
  return step.op == Op::equal && step.b.reg < 0 && step.b.constant == 0;
}

}  // namespace

bool AffineLevel::classify() {
  kind_.assign(static_cast<std::size_t>(program_.registers), Kind::fixed);
  kind_[static_cast<std::size_t>(program_.variable)] = Kind::multiple;
  multiples_.push_back(program_.variable);
  std::vector<bool> zero(kind_.size(), false);  // remainders that a filter asks for
  for (const Instruction& step : program_.code) {
    if (step.kind == Instruction::Kind::compute) {
      if (!classify_compute(step)) return false;
      continue;
    }
    const Kind a = kind_of(step.a);
    if (a == Kind::remainder) {
      if (!asks_zero(step)) return false;
      zero[static_cast<std::size_t>(step.a.reg)] = true;
      continue;
    }
    const bool bounds = step.kind == Instruction::Kind::filter_range || step.op == Op::equal ||
                        step.op == Op::less || step.op == Op::less_equal;
    if (!bounds || kind_of(step.b) == Kind::remainder) return false;
    bounds_.push_back(&step);
  }
  for (std::size_t r = 0; r < kind_.size(); ++r) {
    if (kind_[r] == Kind::remainder && !zero[r]) return false;
  }
  return true;
}

bool AffineLevel::classify_compute(const Instruction& step) {
  const Kind a = kind_of(step.a);
  const Kind b = is_binary(step.op) ? kind_of(step.b) : Kind::fixed;
  if (a == Kind::remainder || b == Kind::remainder) return false;
  Kind& own = kind_[static_cast<std::size_t>(step.target)];
  const bool fixed_divisor = b == Kind::fixed && step.divisor_nonzero;
  switch (step.op) {
    case Op::negate:
      own = a;
      break;
    case Op::add:
    case Op::subtract:
      own = a == Kind::multiple && b == Kind::multiple ? Kind::multiple : Kind::affine;
      break;
    case Op::multiply:
      if (a != Kind::fixed && b != Kind::fixed) return false;
      own = a == Kind::fixed ? b : a;
      break;
    case Op::modulo:
      if (a != Kind::multiple || !fixed_divisor) return false;
      own = Kind::remainder;
      plain_.push_back(&step);
      return true;
    case Op::divide: {
      // Exact only where a remainder says so.
      const auto exact = [&](const Instruction* other) {
        return other->op == Op::modulo && same(other->a, step.a) && same(other->b, step.b);
      };
      if (a != Kind::multiple || !fixed_divisor || std::ranges::none_of(plain_, exact))
        return false;
      own = Kind::quotient;
      break;
    }
    default:
      return false;
  }
  if (own == Kind::multiple || own == Kind::fixed) {
    plain_.push_back(&step);
    multiples_.push_back(step.target);
  } else {
    later_.push_back(&step);
  }
  return true;
}

}  // namespace constrint::detail
