// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace flashrnn::cuda {

// ISO C++ has no such type; __extension__ silences -Wpedantic only in front of a typedef.
__extension__ typedef unsigned __int128 Hash;

/// 128 bits over a text that comes in pieces, of any sizes. Texts that nobody chose to be alike get
/// different ones; it is no protection against somebody who does.
class Hasher {
 public:
  /// `start` may be the hash of another text, which then counts too.
  explicit Hasher(Hash start = 0) : even_(start), odd_(step(start, 1)) {}

  void add(std::string_view text) {
    if (text.empty()) return;
    size_ += text.size();
    if (held_ > 0) {
      const std::size_t taken = std::min(text.size(), block_bytes - held_);
      std::memcpy(block_ + held_, text.data(), taken);
      held_ += taken;
      text.remove_prefix(taken);
      if (held_ < block_bytes) return;
      add_blocks({block_, block_bytes});
    }
    const std::size_t whole = text.size() / block_bytes * block_bytes;
    add_blocks(text.substr(0, whole));
    held_ = text.size() - whole;
    if (held_ > 0) std::memcpy(block_, text.data() + whole, held_);
  }

  Hash finish() {
    std::memset(block_ + held_, 0, block_bytes - held_);
    add_blocks({block_, block_bytes});
    // The last words reach all bits too.
    return step(step(step(even_, odd_), size_), 2);
  }

 private:
  static constexpr std::size_t word_bytes = sizeof(Hash), block_bytes = 2 * word_bytes;

  /// Of two states, or of two words, different ones become different ones. The multiplier is odd
  /// and otherwise of no pattern; a product carries nothing down, so its upper half is folded into
  /// the lower one.
  static Hash step(Hash state, Hash word) {
    constexpr Hash multiplier = (Hash(0x9fb21c651e98df25ull) << 64) | 0xd6e8feb86659fd93ull;
    const Hash product = (state ^ word) * multiplier;
    return product ^ (product >> 64);
  }

  static Hash word(const char* from) {
    Hash out = 0;
    std::memcpy(&out, from, word_bytes);
    return out;
  }

  /// Two states, each of every other word, because a step waits for the product of the one before:
  /// a program is 130 to 190 KB, and plans are made at run time.
  void add_blocks(std::string_view blocks) {
    Hash even = even_, odd = odd_;
    for (const char* at = blocks.data(); at != blocks.data() + blocks.size(); at += block_bytes) {
      even = step(even, word(at));
      odd = step(odd, word(at + word_bytes));
    }
    even_ = even;
    odd_ = odd;
  }

  Hash even_, odd_;
  std::size_t size_ = 0, held_ = 0;
  char block_[block_bytes] = {};
};

inline Hash hash(std::string_view text, Hash start = 0) {
  Hasher hasher(start);
  hasher.add(text);
  return hasher.finish();
}

inline std::string hexadecimal(Hash value) {
  std::string out(2 * sizeof(Hash), '0');
  for (std::size_t n = out.size(); n-- > 0; value >>= 4)
    out[n] = "0123456789abcdef"[static_cast<unsigned>(value) & 15u];
  return out;
}

}  // namespace flashrnn::cuda
