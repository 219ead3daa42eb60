// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

namespace constrint::detail {

/// A thread's memory for what lives only while a problem is prepared: handed out one piece after
/// the other, given back all at once at the end of a scope. Small problems would otherwise spend
/// most of their time in malloc and free.
class Scratch {
 public:
  static Scratch& of_thread() {
    static thread_local Scratch scratch;
    return scratch;
  }

  void* allocate(std::size_t bytes) {
    constexpr std::size_t kAlign = alignof(std::max_align_t);
    bytes = (bytes + kAlign - 1) / kAlign * kAlign;
    while (chunk_ < chunks_.size() && used_ + bytes > chunks_[chunk_].size) {
      ++chunk_;
      used_ = 0;
    }
    if (chunk_ == chunks_.size()) {
      // Mostly as large as all before it, so that few are needed.
      const std::size_t size = std::max({bytes, kFirstChunk, std::min(total_, kKept / 4)});
      total_ += size;
      chunks_.push_back({std::make_unique_for_overwrite<std::byte[]>(size), size});
      used_ = 0;
    }
    std::byte* result = chunks_[chunk_].data.get() + used_;
    used_ += bytes;
    return result;
  }

  /// Gives back what was allocated since its construction. Scopes must end in reverse order.
  class Scope {
   public:
    Scope() : chunk_(of_thread().chunk_), used_(of_thread().used_) { ++of_thread().scopes_; }
    ~Scope() {
      Scratch& own = of_thread();
      own.chunk_ = chunk_;
      own.used_ = used_;
      if (--own.scopes_ == 0 && own.total_ > kKept) own.shrink();
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    std::size_t chunk_;
    std::size_t used_;
  };

 private:
  // Between problems a thread keeps no more than this.
  static constexpr std::size_t kKept = std::size_t{4} << 20;
  static constexpr std::size_t kFirstChunk = std::size_t{64} << 10;
  struct Chunk {
    std::unique_ptr<std::byte[]> data;
    std::size_t size;
  };
  void shrink() {
    while (total_ > kKept) {
      total_ -= chunks_.back().size;
      chunks_.pop_back();
    }
  }

  std::vector<Chunk> chunks_;
  std::size_t total_ = 0;  // size of all chunks
  std::size_t chunk_ = 0;
  std::size_t used_ = 0;
  std::size_t scopes_ = 0;
};

/// Allocates from the thread's scratch memory. A container with it must not outlive the scope in
/// which it grew.
template <class T>
struct ScratchAllocator {
  using value_type = T;
  ScratchAllocator() = default;
  template <class U>
  ScratchAllocator(const ScratchAllocator<U>&) {}  // NOLINT(google-explicit-constructor)
  T* allocate(std::size_t n) {
    // T may be a pointer, whose size is meant.
    constexpr std::size_t each = sizeof(T);  // NOLINT(bugprone-sizeof-expression)
    return static_cast<T*>(Scratch::of_thread().allocate(n * each));
  }
  void deallocate(T*, std::size_t) {}
  friend bool operator==(const ScratchAllocator&, const ScratchAllocator&) { return true; }
};

template <class T>
using ScratchVector = std::vector<T, ScratchAllocator<T>>;

}  // namespace constrint::detail
