// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "graph.hpp"
#include "scratch.hpp"

namespace constrint::detail {

/// A register of a level's program, or a constant.
struct Operand {
  std::int64_t constant = 0;
  std::int32_t reg = -1;  // -1: the constant
};

/// One step on columns: computes a register, or drops the rows where a condition fails.
struct Instruction {
  enum class Kind : std::uint8_t { compute, filter, filter_range };
  Kind kind = Kind::compute;
  Op op = Op::constant;     // compute, filter (a comparison, or logical_and for "a is true")
  std::int32_t target = 0;  // compute
  Operand a;
  Operand b;
  std::int64_t value = 0;              // exponent or length of a list
  Interval range;                      // filter_range: of a
  const std::int64_t* pool = nullptr;  // list or range of a membership
  bool divisor_nonzero = true;         // divide, modulo: the divisor cannot be zero
  bool implied = false;                // filters: by the bounds of the level's candidates
  ScratchVector<std::int32_t> live;    // filters: registers set before and needed afterwards
};

/// What happens when the variable of a level gets its values.
struct LevelProgram {
  struct Input {
    std::int32_t reg = 0;
    std::int32_t slot = 0;
    std::size_t first = 0;  // the instruction that reads it first
  };
  struct Output {
    std::int32_t reg = -1;   // a register, or
    std::int32_t slot = -1;  // a slot of the state before, unchanged
  };
  std::int32_t registers = 0;
  std::int32_t variable = -1;   // register of the level's variable, always 0
  ScratchVector<Input> inputs;  // slots that the program reads, in the order of `first`
  ScratchVector<Instruction> code;
  ScratchVector<Output> outputs;  // the slots of the next state
};

/// How a level gets its candidate values.
struct Candidates {
  enum class Kind : std::uint8_t {
    list,       // all values of the domain
    divisors,   // divisors of a slot
    segments,   // intervals on which every condition is constant
    impossible  // too many, and no structure to use
  };
  Kind kind = Kind::list;
  ScratchVector<std::int64_t> values;  // list: in the order of preference
  std::int32_t slot = -1;              // divisors: of this slot, or
  std::int64_t number = 0;             // of this constant
  struct Threshold {
    std::int32_t instruction =
        0;  // comparison whose left side is slope * x + (its value at x == 0)
    Int128 slope = 0;
  };
  ScratchVector<Threshold> thresholds;  // segments
  struct Bound {
    std::int32_t slot = 0;  // slot * value must lie in the range, and the slot is positive
    Interval range;
  };
  ScratchVector<Bound> bounds;  // list: which of the values a state needs to try at all
};

/// Programs for all levels. The state between two levels is the values of the gates that are still
/// needed, its slots.
struct Schedule {
  explicit Schedule(const Graph& graph);

 private:
  Scratch::Scope scope_;  // first: of the memory of the other members

 public:
  ScratchVector<LevelProgram> levels;
  ScratchVector<Candidates> candidates;
  ScratchVector<std::size_t> slots;  // by level: width of the state before it; one more at the end
  ScratchVector<ScratchVector<Interval>> slot_ranges;  // as slots: what values they may have
  bool narrow = true;                                  // whether all values are far within 32 bits
  bool possible = true;  // false if a level has no usable candidates or values leave 64 bits
};

}  // namespace constrint::detail
