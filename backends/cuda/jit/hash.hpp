// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace flashrnn::cuda {

// ISO C++ has no such type; __extension__ silences -Wpedantic only in front of a typedef.
__extension__ typedef unsigned __int128 Hash;

/// One step: of two states, or of two words, different ones become different ones. The multiplier
/// is odd and otherwise of no pattern; a product carries nothing down, so its upper half is folded
/// into the lower one.
inline Hash hash_step(Hash state, Hash word) {
  constexpr Hash multiplier = (Hash(0x9fb21c651e98df25ull) << 64) | 0xd6e8feb86659fd93ull;
  const Hash product = (state ^ word) * multiplier;
  return product ^ (product >> 64);
}

/// 128 bits over a text, from a given start, which may be the hash of another text. Texts that
/// nobody chose to be alike get different ones; it is no protection against somebody who does. Two
/// states, each of every other 16 bytes, because a step waits for the product of the one before:
/// programs are 200 KB, and plans are made at run time.
inline Hash hash(std::string_view text, Hash start = 0) {
  constexpr std::size_t word_bytes = sizeof(Hash);
  const auto word = [](const char* from) {
    Hash out = 0;
    std::memcpy(&out, from, word_bytes);
    return out;
  };
  Hash even = hash_step(start, text.size()), odd = hash_step(even, 1);
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left >= 2 * word_bytes; left -= 2 * word_bytes, at += 2 * word_bytes) {
    even = hash_step(even, word(at));
    odd = hash_step(odd, word(at + word_bytes));
  }
  char last[2 * word_bytes] = {};
  if (left > 0) std::memcpy(last, at, left);
  even = hash_step(even, word(last));
  odd = hash_step(odd, word(last + word_bytes));
  // The last words reach all bits too.
  return hash_step(hash_step(hash_step(even, odd), 2), 3);
}

inline std::string hexadecimal(Hash value) {
  std::string out(2 * sizeof(Hash), '0');
  for (std::size_t n = out.size(); n-- > 0; value >>= 4)
    out[n] = "0123456789abcdef"[static_cast<unsigned>(value) & 15u];
  return out;
}

}  // namespace flashrnn::cuda
