// SPDX-License-Identifier: Apache-2.0
// Which values of its variable a level tries.
#include <algorithm>

#include "schedule_planner.hpp"

namespace constrint::detail {

namespace {

constexpr std::uint64_t kListed = 1 << 16;  // longest domain that a level runs through
constexpr std::uint64_t kBounded = 8;       // shorter lists are not worth bounding
constexpr std::uint64_t kDivisors = 40;  // longer domains are replaced by divisors where possible

}  // namespace

Candidates Planner::choose_candidates(LevelProgram& program, int level,
                                      const ScratchVector<std::int32_t>& state,
                                      const ScratchVector<std::int32_t>& gates) {
  Candidates result;
  const OrderedVariable entry = graph_.variable(static_cast<std::size_t>(level));
  const Domain& domain = graph_.domain(static_cast<std::size_t>(level));
  if (domain.size() > kDivisors && find_divisors(result, entry.variable, level, state)) {
    return result;
  }
  if (domain.size() > kListed) {
    result.kind = find_segments(result, program, entry.variable, level, gates)
                      ? Candidates::Kind::segments
                      : Candidates::Kind::impossible;
    if (result.kind == Candidates::Kind::impossible) schedule_.possible = false;
    return result;
  }
  const auto size = static_cast<std::uint64_t>(domain.size());
  for (std::uint64_t i = 0; i < size; ++i) {
    result.values.push_back(domain.at(entry.largest ? size - 1 - i : i));
  }
  if (size > kBounded) find_bounds(result, program, entry.variable, state, gates);
  return result;
}

// Products slot * x with limits: they cut a range out of the values without evaluating anything
// for the others.
void Planner::find_bounds(Candidates& result, LevelProgram& program, std::int32_t variable,
                          const ScratchVector<std::int32_t>& state,
                          const ScratchVector<std::int32_t>& gates) {
  const auto product = [&](std::int32_t id, Interval range) {
    const Gate& own = gate(id);
    if (own.op != Op::multiply || (own.a == variable) == (own.b == variable)) return;
    const std::int32_t other = own.a == variable ? own.b : own.a;
    const auto slot = std::ranges::find(state, other);
    if (slot == state.end() || gate(other).range.low < 1) return;
    result.bounds.push_back({static_cast<std::int32_t>(slot - state.begin()), range});
    for (Instruction& step : program.code) {
      step.implied = step.implied || (step.kind == Instruction::Kind::filter_range &&
                                      step.a.reg == register_[static_cast<std::size_t>(id)]);
    }
  };
  for (const std::int32_t id : gates) {
    const Gate& own = gate(id);
    if (graph_.needs_range_test(id)) product(id, own.range);
    if (is_root_[static_cast<std::size_t>(id)] != 0 && own.op == Op::less_equal) {
      const Gate& right = gate(own.b);
      if (right.op == Op::constant) product(own.a, {kMinusInfinity, right.value});
    }
  }
}

// A % (... * x) == 0 with A known before x: only divisors of A are candidates.
bool Planner::find_divisors(Candidates& result, std::int32_t variable, int level,
                            const ScratchVector<std::int32_t>& state) {
  for (const Graph::Divisibility& pair : graph_.divisibilities()) {
    if (graph_.level(pair.divisor) != level || graph_.level(pair.dividend) >= level) continue;
    const Gate& dividend = gate(pair.dividend);
    if (dividend.range.contains(0)) continue;
    std::int32_t factor = pair.divisor;
    while (factor != variable && gate(factor).op == Op::multiply) {
      factor = gate(factor).b == variable ? variable : gate(factor).a;
    }
    if (factor != variable) continue;
    if (dividend.op == Op::constant) {
      result.number = dividend.value;
    } else {
      const auto slot = std::ranges::find(state, pair.dividend);
      if (slot == state.end()) continue;
      result.slot = static_cast<std::int32_t>(slot - state.begin());
    }
    result.kind = Candidates::Kind::divisors;
    return true;
  }
  return false;
}

// Whether x is read only by comparisons of slope * x + rest with something that does not depend
// on x.
bool Planner::find_segments(Candidates& result, const LevelProgram& program, std::int32_t variable,
                            int level, const ScratchVector<std::int32_t>& gates) {
  if (last_use_[static_cast<std::size_t>(variable)] > level) return false;
  ScratchVector<Int128> slope(graph_.gates().size(), 0);
  slope[static_cast<std::size_t>(variable)] = 1;
  for (const std::int32_t id : gates) {
    const Gate& own = gate(id);
    const Int128 a = slope[static_cast<std::size_t>(own.a)];
    const Int128 b = is_binary(own.op) ? slope[static_cast<std::size_t>(own.b)] : Int128{0};
    if (a == 0 && b == 0) continue;
    Int128& own_slope = slope[static_cast<std::size_t>(id)];
    if (own.op == Op::add) {
      own_slope = a + b;
    } else if (own.op == Op::subtract) {
      own_slope = a - b;
    } else if (own.op == Op::negate) {
      own_slope = -a;
    } else if (own.op == Op::multiply) {
      const Gate& other = gate(a != 0 ? own.b : own.a);
      if ((a != 0 && b != 0) || other.op != Op::constant) return false;
      own_slope = (a != 0 ? a : b) * other.value;
    } else if (!(is_comparison(own.op) || own.op == Op::in_range) || b != 0) {
      if (own.op == Op::less_equal && a == 0 && gate(own.a).op == Op::constant) continue;
      return false;
    }
    if (is_condition(own.op)) continue;
    if (own_slope == 0 || last_use_[static_cast<std::size_t>(id)] > level) return false;
    if (own_slope > (Int128{1} << 62) || own_slope < -(Int128{1} << 62)) return false;
  }
  // The thresholds belong to instructions, which read registers.
  ScratchVector<Int128> by_register(static_cast<std::size_t>(program.registers), 0);
  for (std::size_t g = 0; g < slope.size(); ++g) {
    if (slope[g] != 0 && register_[g] >= 0)
      by_register[static_cast<std::size_t>(register_[g])] = slope[g];
  }
  for (std::size_t i = 0; i < program.code.size(); ++i) {
    const Instruction& step = program.code[i];
    const auto slope_of = [&](const Operand& read) {
      return read.reg < 0 ? Int128{0} : by_register[static_cast<std::size_t>(read.reg)];
    };
    const bool compares = step.kind == Instruction::Kind::filter_range || is_comparison(step.op) ||
                          step.op == Op::in_range;
    if (!compares) continue;
    const Int128 own_slope = slope_of(step.a) != 0 ? slope_of(step.a) : slope_of(step.b);
    if (own_slope != 0) result.thresholds.push_back({static_cast<std::int32_t>(i), own_slope});
  }
  return true;
}

}  // namespace constrint::detail
