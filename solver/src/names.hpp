// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "arithmetic.hpp"

namespace constrint::detail {

template <class Word>
[[nodiscard]] inline Word load(const char* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// Names are often long and differ in the middle, so every byte counts; sixteen at a time.
inline std::uint64_t hash_name(std::string_view name) {
  constexpr std::uint64_t kFirst = 0x9E3779B97F4A7C15ULL;
  constexpr std::uint64_t kSecond = 0xD6E8FEB86659FD93ULL;
  // Both halves of the product of 64 bits by 64 bits.
  const auto mix = [](std::uint64_t a, std::uint64_t b) {
    const Uint128 product = static_cast<Uint128>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  };
  const char* at = name.data();
  const std::size_t size = name.size();
  const char* const end = at + size;
  std::uint64_t hash = size * kFirst;
  if (size >= 8) {
    for (; end - at > 16; at += 16) {
      hash = mix(hash ^ load<std::uint64_t>(at) ^ kFirst, load<std::uint64_t>(at + 8) ^ kSecond);
    }
    // The last words overlap what was hashed: no harm.
    const char* const last = size >= 16 ? end - 16 : name.data();
    return mix(hash ^ load<std::uint64_t>(last) ^ kFirst, load<std::uint64_t>(end - 8) ^ kSecond);
  }
  std::uint64_t word = 0;
  if (size >= 4) {
    word = load<std::uint32_t>(at) | std::uint64_t{load<std::uint32_t>(end - 4)} << 32;
  } else if (size > 0) {
    word = static_cast<unsigned char>(at[0]) |
           static_cast<std::uint64_t>(static_cast<unsigned char>(at[size / 2])) << 8 |
           static_cast<std::uint64_t>(static_cast<unsigned char>(end[-1])) << 16;
  }
  return mix(hash ^ kFirst, word ^ kSecond);
}

/// Whether two names of one size are the same.
inline bool same_name(const char* a, const char* b, std::size_t size) {
  using Word = std::uint64_t;
  const auto differ = [&](std::size_t i) { return load<Word>(a + i) ^ load<Word>(b + i); };
  if (size >= 16) {
    for (std::size_t i = 0; i + 16 < size; i += 16) {
      if ((differ(i) | differ(i + 8)) != 0) return false;
    }
    // The last words overlap those before.
    return (differ(size - 16) | differ(size - 8)) == 0;
  }
  if (size >= 8) return (differ(0) | differ(size - 8)) == 0;
  if (size >= 4) {
    return load<std::uint32_t>(a) == load<std::uint32_t>(b) &&
           load<std::uint32_t>(a + size - 4) == load<std::uint32_t>(b + size - 4);
  }
  for (std::size_t i = 0; i < size; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

}  // namespace constrint::detail
