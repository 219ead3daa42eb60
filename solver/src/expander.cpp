// SPDX-License-Identifier: Apache-2.0
#include "expander.hpp"

#include <algorithm>

#include "arithmetic.hpp"
#include "factorisation.hpp"

namespace constrint::detail {

Expander::Expander(const Graph& graph, const Schedule& schedule, Limits& limits)
    : graph_(graph), schedule_(schedule), limits_(limits) {
  std::int32_t registers = 1;
  std::size_t outputs = 0;
  for (const LevelProgram& program : schedule.levels) {
    registers = std::max(registers, program.registers);
    outputs = std::max(outputs, program.outputs.size());
  }
  registers_ = RecycledArray<std::int64_t>(static_cast<std::size_t>(registers) * kBlock);
  state_ = RecycledArray<std::uint32_t>(kBlock);
  high_ = RecycledArray<std::int64_t>(kBlock);
  selected_ = RecycledArray<std::uint16_t>(kBlock + 1);
  hash_ = RecycledArray<std::uint64_t>(kBlock);
  child_ = RecycledArray<std::uint32_t>(kBlock);
  gathered_ = RecycledArray<std::int64_t>(outputs * kBlock);
}

const std::vector<std::int64_t>& Expander::divisors_of(std::int64_t number, const Domain& domain,
                                                       bool largest) {
  const auto [entry, fresh] = divisors_.try_emplace(number);
  if (!fresh) return entry->second;
  entry->second = divisors_within(number, domain, largest);
  return entry->second;
}

std::span<const std::int64_t> Expander::within_bounds(const Candidates& candidates,
                                                      const StateTable& from, std::size_t state,
                                                      bool largest) const {
  std::span<const std::int64_t> values = candidates.values;
  if (candidates.bounds.empty()) return values;
  Interval range;
  for (const Candidates::Bound& bound : candidates.bounds) {
    const std::int64_t slot = from.column(static_cast<std::size_t>(bound.slot))[state];
    if (bound.range.low != kMinusInfinity) {
      range.low = std::max(range.low, ceil_divide(bound.range.low, slot));
    }
    if (bound.range.high != kInfinity) {
      range.high = std::min(range.high, floor_divide(bound.range.high, slot));
    }
  }
  if (range.empty()) return {};
  const auto outside = [&](std::int64_t v) { return largest ? v > range.high : v < range.low; };
  const auto inside = [&](std::int64_t v) { return largest ? v >= range.low : v <= range.high; };
  const auto first = std::partition_point(values.begin(), values.end(), outside);
  const auto last = std::partition_point(first, values.end(), inside);
  return {first, last};
}

void Expander::find_segments(std::size_t level, const StateTable& from, std::size_t state) {
  const Domain& domain = graph_.domain(level);
  const LevelProgram& program = schedule_.levels[level];
  const Int128 low = domain.low;
  std::vector<Int128> cuts;
  // The program on one pair, (state, lowest value), without dropping it.
  pairs_ = 1;
  reg(0)[0] = domain.low;
  for (const LevelProgram::Input& input : program.inputs) {
    reg(input.reg)[0] = from.column(static_cast<std::size_t>(input.slot))[state];
  }
  for (const Instruction& step : program.code) {
    if (step.kind == Instruction::Kind::compute) compute(step);
  }
  for (const Candidates::Threshold& threshold : schedule_.candidates[level].thresholds) {
    const Instruction& step = program.code[static_cast<std::size_t>(threshold.instruction)];
    const auto value = [&](const Operand& read) -> Int128 {
      return read.reg < 0 ? read.constant : reg(read.reg)[0];
    };
    const auto cut = [&](Int128 difference) {
      // slope * (x - low) == difference at the threshold.
      cuts.push_back(low + ceil_divide(difference, threshold.slope));
      cuts.push_back(low + floor_divide(difference, threshold.slope) + 1);
    };
    if (step.kind == Instruction::Kind::filter_range) {
      cut(step.range.low - value(step.a));
      cut(step.range.high - value(step.a));
    } else if (step.op == Op::in_range) {
      cut(step.pool[0] - value(step.a));
      cut(step.pool[1] - value(step.a));
    } else {
      // Either side may be the one with x; the difference changes its sign with it.
      const Int128 difference = value(step.b) - value(step.a);
      cut(difference);
      cut(-difference);
    }
  }
  std::ranges::sort(cuts);
  segments_.clear();
  std::int64_t begin = domain.low;
  const Int128 step = domain.step;
  for (const Int128 at : cuts) {
    if (at <= begin || at > domain.high) continue;
    const auto next =
        static_cast<std::int64_t>(begin + ceil_divide<Int128>(at - begin, step) * step);
    if (next > domain.high || next == begin) continue;
    segments_.emplace_back(begin, next - domain.step);
    begin = next;
  }
  segments_.emplace_back(begin, domain.high);
  if (graph_.variable(level).largest) std::ranges::reverse(segments_);
}

std::size_t Expander::expand(std::size_t level, const StateTable& from, std::size_t begin,
                             StateTable& to, EdgeList* edges, std::size_t max_states,
                             std::size_t max_edges) {
  const Candidates& candidates = schedule_.candidates[level];
  ranged_ = candidates.kind == Candidates::Kind::segments;
  const bool largest = graph_.variable(level).largest;
  if (edges != nullptr) edges->first.assign(from.size() + 1, 0);
  divisors_.clear();
  pairs_ = 0;
  const auto put = [&](std::size_t state, std::int64_t value, std::int64_t high) {
    state_[pairs_] = static_cast<std::uint32_t>(state);
    reg(0)[pairs_] = value;
    high_[pairs_] = high;
    return ++pairs_ < kBlock || flush(level, from, to, edges);
  };
  std::size_t state = begin;
  const auto full = [&] {
    return to.size() >= max_states || (edges != nullptr && edges->child.size() >= max_edges);
  };
  for (; state < from.size() && !full(); ++state) {
    if (candidates.kind == Candidates::Kind::segments) {
      if (!flush(level, from, to, edges)) return npos;
      find_segments(level, from, state);
      pairs_ = 0;
      for (const auto& [low, high] : segments_) {
        if (!put(state, low, high)) return npos;
      }
      continue;
    }
    const std::span<const std::int64_t> values =
        candidates.kind == Candidates::Kind::list
            ? within_bounds(candidates, from, state, largest)
            : divisors_of(candidates.slot < 0
                              ? candidates.number
                              : from.column(static_cast<std::size_t>(candidates.slot))[state],
                          graph_.domain(level), largest);
    // Whole runs of one state at a time.
    for (std::size_t v = 0; v < values.size();) {
      const std::size_t run = std::min(values.size() - v, kBlock - pairs_);
      std::fill_n(state_.data() + pairs_, run, static_cast<std::uint32_t>(state));
      std::copy_n(values.data() + v, run, reg(0) + pairs_);
      pairs_ += run;
      v += run;
      if (pairs_ == kBlock && !flush(level, from, to, edges)) return npos;
    }
  }
  if (!flush(level, from, to, edges)) return npos;
  if (edges != nullptr) {
    for (std::size_t s = 0; s < from.size(); ++s) edges->first[s + 1] += edges->first[s];
  }
  return state;
}

void Expander::load(const LevelProgram::Input& input, const StateTable& from) {
  const std::int64_t* const column = from.column(static_cast<std::size_t>(input.slot));
  const std::uint32_t* const state = state_.data();
  std::int64_t* const target = reg(input.reg);
  for (std::size_t i = 0; i < pairs_; ++i) target[i] = column[state[i]];
}

bool Expander::flush(std::size_t level, const StateTable& from, StateTable& to, EdgeList* edges) {
  if (pairs_ == 0) return true;
  if (!limits_.spend(pairs_)) return false;
  const LevelProgram& program = schedule_.levels[level];
  // What the state gives is taken when it is read first: fewer pairs are left then.
  auto input = program.inputs.begin();
  for (std::size_t i = 0; i < program.code.size(); ++i) {
    const Instruction& step = program.code[i];
    for (; input != program.inputs.end() && input->first <= i; ++input) load(*input, from);
    if (step.kind == Instruction::Kind::compute) {
      compute(step);
    } else if (!step.implied) {
      filter(step);
    }
    if (pairs_ == 0) return true;
  }
  for (; input != program.inputs.end(); ++input) load(*input, from);
  find_children(program, from, to);
  if (!from.weights.empty() && !pass_weights(level, from, to)) return false;
  if (edges != nullptr) add_edges(*edges);
  pairs_ = 0;
  return true;
}

// The states behind all pairs.
void Expander::find_children(const LevelProgram& program, const StateTable& from, StateTable& to) {
  std::uint32_t* const child = child_.data();
  if (program.outputs.empty()) {
    std::fill_n(child, pairs_, to.insert_empty());
    return;
  }
  constexpr std::uint64_t kFactor = 0x9E3779B97F4A7C15ULL;
  std::uint64_t* const hash = hash_.data();
  const std::uint32_t* const state = state_.data();
  std::fill_n(hash, pairs_, std::uint64_t{0x243F6A8885A308D3});
  keys_.clear();
  std::uint64_t factor = kFactor;  // another one for each slot
  for (std::size_t c = 0; c < program.outputs.size(); ++c, factor = factor * kFactor + 2) {
    const LevelProgram::Output& output = program.outputs[c];
    if (output.reg >= 0) {
      const std::int64_t* const own = reg(output.reg);
      for (std::size_t i = 0; i < pairs_; ++i) {
        hash[i] += static_cast<std::uint64_t>(own[i]) * factor;
      }
      keys_.push_back(own);
      continue;
    }
    const std::int64_t* const column = from.column(static_cast<std::size_t>(output.slot));
    std::int64_t* const own = gathered_.data() + c * kBlock;
    for (std::size_t i = 0; i < pairs_; ++i) {
      own[i] = column[state[i]];
      hash[i] += static_cast<std::uint64_t>(own[i]) * factor;
    }
    keys_.push_back(own);
  }
  for (std::size_t i = 0; i < pairs_; ++i) {
    hash[i] = (hash[i] ^ hash[i] >> 32) * 0xD6E8FEB86659FD93ULL;
  }
  to.insert(keys_.data(), hash, pairs_, child);
}

// Adds the number of ways to reach each state behind. False if it is 2^128 or more.
bool Expander::pass_weights(std::size_t level, const StateTable& from, StateTable& to) const {
  to.weights.resize(to.size(), 0);
  const std::uint32_t* const child = child_.data();
  const std::uint32_t* const state = state_.data();
  const auto step = static_cast<std::uint64_t>(graph_.domain(level).step);
  bool overflow = false;
  for (std::size_t i = 0; i < pairs_; ++i) {
    Uint128 weight = from.weights[state[i]];
    if (ranged_) {
      const std::uint64_t span =
          static_cast<std::uint64_t>(high_[i]) - static_cast<std::uint64_t>(reg(0)[i]);
      overflow |= __builtin_mul_overflow(weight, Uint128{span / step} + 1, &weight);
    }
    Uint128& own = to.weights[child[i]];
    overflow |= __builtin_add_overflow(own, weight, &own);
  }
  return !overflow;
}

void Expander::add_edges(EdgeList& edges) {
  for (std::size_t i = 0; i < pairs_; ++i) ++edges.first[state_[i] + 1];
  edges.child.insert(edges.child.end(), child_.data(), child_.data() + pairs_);
  edges.value.insert(edges.value.end(), reg(0), reg(0) + pairs_);
  if (ranged_) edges.high.insert(edges.high.end(), high_.data(), high_.data() + pairs_);
}

}  // namespace constrint::detail
