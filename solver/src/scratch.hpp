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
  // Of the chunk in use.
  struct Rest {
    std::byte* begin;
    std::byte* end;
  };

 public:
  static void* allocate(std::size_t bytes) {
    constexpr std::size_t kAlign = alignof(std::max_align_t);
    bytes = (bytes + kAlign - 1) / kAlign * kAlign;
    Rest& rest = rest_;
    if (bytes > static_cast<std::size_t>(rest.end - rest.begin)) of_thread().add_chunk(bytes);
    std::byte* const result = rest.begin;
    rest.begin += bytes;
    return result;
  }

  /// Gives back what was allocated since its construction. Scopes must end in reverse order.
  class Scope {
   public:
    Scope() : next_(of_thread().next_), before_(rest_) { ++of_thread().scopes_; }
    ~Scope() {
      Scratch& own = of_thread();
      own.next_ = next_;
      rest_ = before_;
      if (--own.scopes_ == 0 && own.total_ > kKept) own.shrink();
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    std::size_t next_;
    Rest before_;
  };

 private:
  // Between problems a thread keeps no more than this.
  static constexpr std::size_t kKept = std::size_t{4} << 20;
  static constexpr std::size_t kFirstChunk = std::size_t{64} << 10;
  struct Chunk {
    std::unique_ptr<std::byte[]> data;
    std::size_t size;
  };

  static Scratch& of_thread() {
    static thread_local Scratch scratch;
    return scratch;
  }
  // Goes on in a chunk that has room for `bytes`.
  void add_chunk(std::size_t bytes);
  void shrink();

  std::vector<Chunk> chunks_;
  std::size_t total_ = 0;  // size of all chunks
  std::size_t next_ = 0;   // the chunk behind the one in use
  std::size_t scopes_ = 0;
  // Without constructor and destructor, so that no allocation has to ask whether it is there.
  static inline constinit thread_local Rest rest_{};
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
    return static_cast<T*>(Scratch::allocate(n * each));
  }
  void deallocate(T*, std::size_t) {}
  friend bool operator==(const ScratchAllocator&, const ScratchAllocator&) { return true; }
};

template <class T>
using ScratchVector = std::vector<T, ScratchAllocator<T>>;

}  // namespace constrint::detail
