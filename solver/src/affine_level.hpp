// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "constrint/count.hpp"
#include "expander.hpp"

namespace constrint::detail {

/// The last level of a count where all that is asked of its variable x is affine: multiples of x
/// and of other values within bounds, divisible by known numbers, exact quotients of them. Then the
/// values that a state allows are the multiples of one number within an interval, and their number
/// needs no trying.
class AffineLevel {
 public:
  AffineLevel(const LevelProgram& program, const Candidates& candidates, const Domain& domain);

  /// Whether the level is such a one.
  [[nodiscard]] bool possible() const { return possible_; }
  enum class Result { done, unusable, limit };
  /// Adds the completions of all states, by weight, to the count. unusable: values of these states
  /// might leave 64 bits, nothing was added.
  Result add(const StateTable& from, Limits& limits, Uint128& count);

 private:
  static constexpr std::size_t kBlock = 256;

  // Which values a register has in a state.
  enum class Kind : std::uint8_t {
    fixed,      // the same for every x
    multiple,   // a fixed number times x
    quotient,   // an exact quotient of such a one
    affine,     // a sum of any of these
    remainder,  // of a multiple, which must be 0
  };
  bool classify();
  bool classify_compute(const Instruction& step);
  [[nodiscard]] Kind kind_of(const Operand& operand) const {
    return operand.reg < 0 ? Kind::fixed : kind_[static_cast<std::size_t>(operand.reg)];
  }
  [[nodiscard]] bool values_fit(const StateTable& from) const;
  void load(const StateTable& from, std::size_t begin, std::size_t size);
  void compute(const Instruction& step);
  void take_modulus(const Instruction& step);
  void scale();
  void bound(const Instruction& step);

  // A column of the block: the values at x == 0, or what is added for each step of x.
  std::int64_t* base(std::int32_t r) { return base_.data() + static_cast<std::size_t>(r) * kBlock; }
  std::int64_t* slope(std::int32_t r) {
    return slope_.data() + static_cast<std::size_t>(r) * kBlock;
  }

  const LevelProgram& program_;
  const Domain& domain_;
  bool possible_ = false;
  std::vector<Kind> kind_;                  // by register
  std::vector<const Instruction*> plain_;   // needed for the moduli, by x
  std::vector<const Instruction*> later_;   // what is computed from quotients, by steps of x
  std::vector<const Instruction*> bounds_;  // filters
  std::vector<std::int32_t> multiples_;     // registers of plain_, and x
  RecycledArray<std::int64_t> base_;
  RecycledArray<std::int64_t> slope_;
  RecycledArray<std::int64_t> modulus_;  // by state of the block
  RecycledArray<std::int64_t> first_;    // least and
  RecycledArray<std::int64_t> last_;     // greatest number of steps
  std::size_t size_ = 0;                 // states of the block
};

}  // namespace constrint::detail
