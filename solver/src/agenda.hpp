// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "recycler.hpp"

namespace constrint::detail {

/// The constraints that wait for a revision. They are taken in sweeps by their number: where each
/// defines a variable from those before it, one sweep passes a change on to all of them, and each
/// is revised once. What a revision adds in front of itself waits for the next sweep, so that none
/// is starved.
class Agenda {
 public:
  /// For so many constraints, none of them waiting.
  void reset(std::size_t constraints) { words_.assign((constraints + kBits - 1) / kBits, 0); }
  void add(std::size_t constraint) {
    std::uint64_t& word = words_[constraint / kBits];
    const std::uint64_t bit = std::uint64_t{1} << constraint % kBits;
    count_ += (word & bit) == 0 ? 1 : 0;
    word |= bit;
  }
  /// One that waits (or not) does so no longer.
  void remove(std::size_t constraint) {
    std::uint64_t& word = words_[constraint / kBits];
    const std::uint64_t bit = std::uint64_t{1} << constraint % kBits;
    count_ -= (word & bit) != 0 ? 1 : 0;
    word &= ~bit;
  }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  /// Takes the next one of the sweep off an agenda that is not empty.
  std::size_t take() {
    std::size_t at = place_ / kBits;
    std::uint64_t waiting = words_[at] >> place_ % kBits << place_ % kBits;
    while (waiting == 0) {
      at = at + 1 < words_.size() ? at + 1 : 0;
      waiting = words_[at];
    }
    const auto bit = static_cast<std::size_t>(std::countr_zero(waiting));
    words_[at] &= ~(std::uint64_t{1} << bit);
    --count_;
    place_ = at * kBits + bit;
    return place_;
  }
  /// The next sweep begins at the first constraint.
  void start_over() { place_ = 0; }
  void clear() {
    for (std::uint64_t& word : words_) word = 0;
    count_ = 0;
  }

 private:
  static constexpr std::size_t kBits = 64;

  RecyclingVector<std::uint64_t> words_;
  std::size_t count_ = 0;
  std::size_t place_ = 0;
};

}  // namespace constrint::detail
