// SPDX-License-Identifier: Apache-2.0
#include "names.hpp"

#include <algorithm>

namespace constrint::detail {

void NameTable::put(const Slot& slot, std::uint64_t hash) {
  std::size_t at = slot_of(hash);
  while (slots_[at].number >= 0) at = (at + 1) & mask_;
  slots_[at] = slot;
}

NameTable::Place NameTable::add(std::string_view text, std::uint64_t hash, std::int32_t number) {
  if (2 * count_ + 2 > slots_.size() || used_ + text.size() > words_.size() * kWord) {
    reserve(count_ + 1, std::max(used_, text.size()));
  }
  const Place place{static_cast<std::uint32_t>(used_), static_cast<std::uint32_t>(text.size())};
  std::memcpy(reinterpret_cast<char*>(words_.data()) + used_,  // NOLINT: any object is bytes
              text.data(), text.size());
  used_ += text.size();
  ++count_;
  put({tag_of(hash), number, place}, hash);
  return place;
}

void NameTable::reserve(std::size_t names, std::size_t letters) {
  constexpr std::size_t kLeast = 32;
  const std::size_t words = (used_ + letters) / kWord + 1;
  if (words > words_.size()) words_.resize(words);
  const std::size_t size = std::bit_ceil(std::max(kLeast, 2 * (count_ + names)));
  if (size <= slots_.size()) return;
  const RecyclingVector<Slot> old = std::exchange(slots_, RecyclingVector<Slot>(size));
  mask_ = size - 1;
  for (const Slot& slot : old) {
    if (slot.number >= 0) put(slot, hash_name(text(slot.place)));
  }
}

}  // namespace constrint::detail
