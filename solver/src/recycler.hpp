// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <memory>
#include <new>
#include <vector>

namespace constrint::detail {

/// Blocks of memory that a thread has given back and takes again. Vectors that grow and go level by
/// level would otherwise have the heap shrink and grow, page fault by page fault.
class Recycler {
 public:
  static void* take(std::size_t bytes) {
    const std::size_t size_class = class_of(bytes);
    Kept& kept = of_thread_;
    Block* const block = kept.free[size_class];
    if (block == nullptr) return ::operator new (std::size_t{1} << size_class);
    kept.room += std::size_t{1} << size_class;
    kept.free[size_class] = block->next;
    block->~Block();
    return block;
  }
  static void give_back(void* memory, std::size_t bytes) {
    const std::size_t size_class = class_of(bytes);
    const std::size_t size = std::size_t{1} << size_class;
    Kept& kept = of_thread_;
    if (size > kept.room && !make_room(size)) return ::operator delete(memory);
    kept.room -= size;
    kept.free[size_class] = ::new (memory) Block{kept.free[size_class]};
  }

 private:
  struct Block {
    Block* next;
  };
#if defined(__SANITIZE_ADDRESS__)
  static constexpr std::size_t kMostKept = 0;  // for AddressSanitizer to see what is freed
#else
  static constexpr std::size_t kMostKept = std::size_t{4} << 20;
#endif

  // Without constructor and destructor, so that no access has to ask whether it is there. There is
  // no room before the first block is given back, and none after the thread's end: static objects
  // end later, and may still own memory then.
  struct Kept {
    std::array<Block*, 64> free;
    std::size_t room;  // bytes that may be kept besides
    bool used;
  };
  // Frees the blocks at the thread's end.
  struct End {
    End() = default;
    End(const End&) = delete;
    End& operator=(const End&) = delete;
    ~End();
  };

  // Sizes are powers of two, from 64 bytes.
  static std::size_t class_of(std::size_t bytes) {
    return static_cast<std::size_t>(std::bit_width(std::max<std::size_t>(bytes, 64) - 1));
  }
  static bool make_room(std::size_t size);

  static inline constinit thread_local Kept of_thread_{};
};

/// Allocates from the recycler of the thread, and frees to that of the thread that frees.
template <class T>
struct RecyclingAllocator {
  using value_type = T;
  RecyclingAllocator() = default;
  template <class U>
  RecyclingAllocator(const RecyclingAllocator<U>&) {}  // NOLINT(google-explicit-constructor)
  T* allocate(std::size_t n) { return static_cast<T*>(Recycler::take(n * sizeof(T))); }
  void deallocate(T* memory, std::size_t n) { Recycler::give_back(memory, n * sizeof(T)); }
  friend bool operator==(const RecyclingAllocator&, const RecyclingAllocator&) { return true; }
};

/// Base of classes of which each object has a block of its own.
struct Recycled {
  static void* operator new(std::size_t bytes) { return Recycler::take(bytes); }
  static void operator delete(void* memory, std::size_t bytes) {
    Recycler::give_back(memory, bytes);
  }
};

template <class T>
using RecyclingVector = std::vector<T, RecyclingAllocator<T>>;

/// An array of numbers, not set at first.
template <class T>
class RecycledArray {
 public:
  RecycledArray() = default;
  explicit RecycledArray(std::size_t size)
      : values_(RecyclingAllocator<T>().allocate(size), GiveBack{size}) {}
  [[nodiscard]] T* data() { return values_.get(); }
  [[nodiscard]] const T* data() const { return values_.get(); }
  [[nodiscard]] std::size_t size() const { return values_.get_deleter().size; }
  [[nodiscard]] T& operator[](std::size_t i) { return values_[i]; }
  [[nodiscard]] const T& operator[](std::size_t i) const { return values_[i]; }

 private:
  struct GiveBack {
    std::size_t size;  // value-initialised where there are none
    void operator()(T* values) const { RecyclingAllocator<T>().deallocate(values, size); }
  };
  std::unique_ptr<T[], GiveBack> values_;
};

}  // namespace constrint::detail
