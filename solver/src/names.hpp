// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "recycler.hpp"

namespace constrint::detail {

template <class Word>
[[nodiscard]] inline Word load(const char* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// Names are often long and differ in the middle, so every byte counts; sixteen at a time. The
/// upper half is the better one.
inline std::uint64_t hash_name(std::string_view name) {
  constexpr std::uint64_t kFirst = 0x9E3779B97F4A7C15ULL;
  constexpr std::uint64_t kSecond = 0xD6E8FEB86659FD93ULL;
  const char* at = name.data();
  const std::size_t size = name.size();
  const char* const end = at + size;
  std::uint64_t first = size;
  std::uint64_t second = 0;
  // Two chains; what a product leaves in its upper bits comes down for the next one.
  const auto mix = [&](std::uint64_t a, std::uint64_t b) {
    first = std::rotl(first ^ a, 32) * kFirst;
    second = std::rotl(second ^ b, 32) * kSecond;
  };
  if (size >= 16) {
    for (; end - at > 16; at += 16) mix(load<std::uint64_t>(at), load<std::uint64_t>(at + 8));
    // The last words overlap what was hashed: no harm.
    mix(load<std::uint64_t>(end - 16), load<std::uint64_t>(end - 8));
  } else if (size >= 8) {
    mix(load<std::uint64_t>(at), load<std::uint64_t>(end - 8));
  } else if (size >= 4) {
    mix(load<std::uint32_t>(at), load<std::uint32_t>(end - 4));
  } else if (size > 0) {
    mix(static_cast<unsigned char>(at[0]) |
            static_cast<std::uint64_t>(static_cast<unsigned char>(at[size / 2])) << 8,
        static_cast<unsigned char>(end[-1]));
  }
  return (first ^ std::rotl(second, 32) ^ first >> 32) * kFirst;
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

/// Names and their numbers: a hash table with open addressing, and the names' letters.
class NameTable {
 public:
  struct Place {
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
  };

  /// The number of a name, or -1. hash: hash_name() of it.
  [[nodiscard]] std::int32_t find(std::string_view text, std::uint64_t hash) const {
    if (slots_.empty()) return -1;
    for (std::size_t slot = slot_of(hash); slots_[slot].number >= 0; slot = (slot + 1) & mask_) {
      const Slot& own = slots_[slot];
      if (own.tag == tag_of(hash) && own.place.size == text.size() &&
          same_name(letters() + own.place.offset, text.data(), text.size())) {
        return own.number;
      }
    }
    return -1;
  }
  /// Adds a name that is not there.
  Place add(std::string_view text, std::uint64_t hash, std::int32_t number);
  /// Makes room for so many more names, and for letters.
  void reserve(std::size_t names, std::size_t letters);
  [[nodiscard]] std::string_view text(Place place) const {
    return {letters() + place.offset, place.size};
  }

 private:
  struct Slot {
    std::uint32_t tag = 0;  // a part of the hash
    std::int32_t number = -1;
    Place place;
  };
  static std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }
  [[nodiscard]] std::size_t slot_of(std::uint64_t hash) const { return hash >> 40 & mask_; }
  void put(const Slot& slot, std::uint64_t hash);

  static constexpr std::size_t kWord = sizeof(std::uint64_t);
  [[nodiscard]] const char* letters() const {
    return reinterpret_cast<const char*>(words_.data());  // NOLINT: any object is bytes
  }

  RecyclingVector<Slot> slots_;
  RecyclingVector<std::uint64_t> words_;  // room for letters, of which used_ are
  std::size_t mask_ = 0;                  // size of slots_ - 1
  std::size_t count_ = 0;
  std::size_t used_ = 0;
};

}  // namespace constrint::detail
