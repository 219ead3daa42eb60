// SPDX-License-Identifier: Apache-2.0
// What a level becomes before it is expanded: where slots lie in a state, and steps on lanes.
#include <algorithm>
#include <bit>

#include "narrow_expander.hpp"

namespace constrint::detail {

namespace {

constexpr unsigned kTableBits = 10;  // states of so many bits index a table
constexpr unsigned kStateBits = 63;
constexpr std::size_t kFirstHash = 512;

unsigned width_of(const Interval& range) {
  return static_cast<unsigned>(std::bit_width(static_cast<std::uint64_t>(range.high) -
                                              static_cast<std::uint64_t>(range.low)));
}

}  // namespace

unsigned NarrowExpander::layout(const ScratchVector<Interval>& ranges, std::vector<Field>& fields) {
  fields.clear();
  unsigned bits = 0;
  for (const Interval& range : ranges) {
    const unsigned width = width_of(range);
    fields.push_back({range.low, bits, (std::uint64_t{1} << width) - 1});
    bits += width;
  }
  return bits;
}

bool NarrowExpander::can_run(const Schedule& schedule) {
  if (!schedule.possible || !schedule.narrow) return false;
  for (const ScratchVector<Interval>& ranges : schedule.slot_ranges) {
    unsigned bits = 0;
    for (const Interval& range : ranges) {
      if (range.empty()) return false;
      bits += width_of(range);
    }
    if (bits > kStateBits) return false;
  }
  return std::ranges::all_of(schedule.candidates, [](const Candidates& candidates) {
    return candidates.kind == Candidates::Kind::list ||
           candidates.kind == Candidates::Kind::divisors;
  });
}

std::uint16_t NarrowExpander::column_of(const Operand& operand) {
  if (operand.reg >= 0) return static_cast<std::uint16_t>(operand.reg);
  std::fill_n(column(constants_), kColumn, static_cast<std::int32_t>(operand.constant));
  return static_cast<std::uint16_t>(constants_++);
}

void NarrowExpander::prepare(std::size_t level) {
  const LevelProgram& program = schedule_.levels[level];
  Memory& own = memory_;
  candidates_ = &schedule_.candidates[level];
  domain_ = &graph_.domain(level);
  largest_ = graph_.variable(level).largest;
  layout(schedule_.slot_ranges[level], own.fields);
  const unsigned bits = layout(schedule_.slot_ranges[level + 1], own.next_fields);
  constants_ = static_cast<std::size_t>(program.registers);
  own.inputs.clear();
  for (const LevelProgram::Input& input : program.inputs) {
    own.inputs.push_back(
        {static_cast<std::size_t>(input.reg), own.fields[static_cast<std::size_t>(input.slot)]});
  }
  own.steps.clear();
  for (const Instruction& from : program.code) {
    if (from.implied) continue;
    LaneStep step;
    step.kind = from.kind == Instruction::Kind::compute  ? LaneStep::Kind::compute
                : from.kind == Instruction::Kind::filter ? LaneStep::Kind::filter
                                                         : LaneStep::Kind::filter_range;
    step.op = from.op;
    step.target = static_cast<std::uint16_t>(from.target);
    step.a = column_of(from.a);
    step.b = is_binary(from.op) ? column_of(from.b) : step.a;
    step.value = from.value;
    step.pool = from.pool;
    if (step.kind == LaneStep::Kind::filter_range) {
      // What lies beyond the values of a narrow schedule does not cut anything off.
      constexpr std::int64_t kBeyond = std::int64_t{1} << 30;
      step.low = static_cast<std::int32_t>(std::clamp(from.range.low, -kBeyond, kBeyond));
      step.high = static_cast<std::int32_t>(std::clamp(from.range.high, -kBeyond, kBeyond));
    }
    own.steps.push_back(step);
  }
  own.kept.clear();
  own.made.clear();
  offset_ = 0;
  std::uint64_t passed = 0;  // slots that the next state still has
  bool variable_kept = false;
  for (std::size_t s = 0; s < own.next_fields.size(); ++s) {
    const LevelProgram::Output& output = program.outputs[s];
    const Field& field = own.next_fields[s];
    if (output.reg < 0) {
      const auto slot = static_cast<std::size_t>(output.slot);
      own.kept.push_back({own.fields[slot], field.shift});
      passed |= std::uint64_t{1} << (slot & 63);
      continue;
    }
    own.made.push_back({static_cast<std::size_t>(output.reg), field.shift});
    offset_ -= static_cast<std::uint64_t>(field.low) << field.shift;
    variable_kept = variable_kept || output.reg == program.variable;
    for (const LevelProgram::Input& input : program.inputs) {
      if (input.reg == output.reg) passed |= std::uint64_t{1} << (input.slot & 63);
    }
  }
  // A state that holds all of the one before, and the variable, is new each time.
  const std::size_t slots = own.fields.size();
  const bool unique = variable_kept && slots < 64 && passed == (std::uint64_t{1} << slots) - 1;
  identity_ = own.next_fields.empty() ? Identity::single
              : unique                ? Identity::unique
              : bits <= kTableBits    ? Identity::table
                                      : Identity::hashed;
  own.next.clear();
  if (identity_ == Identity::table) own.numbers.assign(std::size_t{1} << bits, 0);
  if (identity_ == Identity::hashed) {
    own.numbers.assign(std::bit_ceil(std::max(kFirstHash, own.states.size() * 4)), 0);
  }
  if (candidates_->kind == Candidates::Kind::list) {
    own.values.resize(candidates_->values.size() + kLaneChunk);
    for (std::size_t i = 0; i < candidates_->values.size(); ++i) {
      own.values[i] = static_cast<std::int32_t>(candidates_->values[i]);
    }
  } else {
    divisors_.clear();
  }
}

}  // namespace constrint::detail
