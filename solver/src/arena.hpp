// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "recycler.hpp"

namespace constrint::detail {

/// Lists of integers with stack discipline: allocated one after the other, all after a mark
/// released at once. Memory is kept for reuse.
class ListArena {
 public:
  struct Mark {
    std::size_t chunk = 0;
    std::size_t used = 0;
  };

  std::int64_t* allocate(std::size_t size) {
    while (chunk_ < chunks_.size() && used_ + size > chunks_[chunk_].size()) {
      ++chunk_;
      used_ = 0;
    }
    if (chunk_ == chunks_.size()) {
      const std::size_t capacity = size > kChunk ? size : kChunk;
      chunks_.emplace_back(capacity);
      used_ = 0;
    }
    std::int64_t* result = chunks_[chunk_].data() + used_;
    used_ += size;
    return result;
  }
  /// Gives back the last `size` integers of the latest allocation.
  void shrink(std::size_t size) { used_ -= size; }
  [[nodiscard]] Mark mark() const { return {chunk_, used_}; }
  void release(Mark mark) {
    chunk_ = mark.chunk;
    used_ = mark.used;
  }

 private:
  static constexpr std::size_t kChunk = 2048;
  RecyclingVector<RecycledArray<std::int64_t>> chunks_;
  std::size_t chunk_ = 0;
  std::size_t used_ = 0;
};

}  // namespace constrint::detail
