// SPDX-License-Identifier: Apache-2.0
#include "scratch.hpp"

namespace constrint::detail {

void Scratch::add_chunk(std::size_t bytes) {
  while (next_ < chunks_.size() && chunks_[next_].size < bytes) ++next_;
  if (next_ == chunks_.size()) {
    // Mostly as large as all before it, so that few are needed.
    const std::size_t size = std::max({bytes, kFirstChunk, std::min(total_, kKept / 4)});
    total_ += size;
    chunks_.push_back({std::make_unique_for_overwrite<std::byte[]>(size), size});
  }
  const Chunk& chunk = chunks_[next_++];
  rest_ = {chunk.data.get(), chunk.data.get() + chunk.size};
}

void Scratch::shrink() {
  while (total_ > kKept) {
    total_ -= chunks_.back().size;
    chunks_.pop_back();
  }
}

}  // namespace constrint::detail
