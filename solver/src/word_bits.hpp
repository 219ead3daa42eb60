// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "recycler.hpp"

namespace constrint::detail {

/// Which bytes of a text belong to words (letters, digits, _), a bit for each: the length of a word
/// is then a matter of a few instructions.
class WordBits {
 public:
  /// The text is read in blocks: up to so many bytes behind its end, which must be zeros.
  static constexpr std::size_t kBlock = 64;

  WordBits(const char* text, std::size_t size);

  /// Length of the run of word characters that begins at a byte of the text, or kShortRun if it is
  /// not shorter than that: what eight bytes of bits hold for sure, whichever bit of the first byte
  /// is the first.
  static constexpr std::size_t kShortRun = 57;
  [[nodiscard]] std::size_t run(std::size_t at) const {
    std::uint64_t word = 0;
    if constexpr (std::endian::native == std::endian::little) {
      std::memcpy(&word, bits_.data() + at / 8, sizeof word);
    } else {
      for (std::size_t i = sizeof word; i-- > 0;) word = word << 8 | bits_.data()[at / 8 + i];
    }
    const std::uint64_t others = ~(word >> at % 8) | std::uint64_t{1} << kShortRun;
    return static_cast<std::size_t>(std::countr_zero(others));
  }
  /// The same for runs of any length.
  [[nodiscard]] std::size_t long_run(std::size_t at) const;

 private:
  RecycledArray<std::uint8_t> bits_;
};

}  // namespace constrint::detail
