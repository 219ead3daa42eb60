// SPDX-License-Identifier: Apache-2.0
#include "recycler.hpp"

namespace constrint::detail {

Recycler::End::~End() {
  for (Block*& block : of_thread_.free) {
    while (block != nullptr) {
      Block* const next = block->next;
      ::operator delete(block);
      block = next;
    }
  }
  of_thread_.room = 0;
}

// Whether there is room for a block, once what has to happen at the thread's end is arranged.
bool Recycler::make_room(std::size_t size) {
  if (of_thread_.used || kMostKept == 0) return false;
  of_thread_.used = true;
  of_thread_.room = kMostKept;
  static thread_local const End end;
  return size <= kMostKept;
}

}  // namespace constrint::detail
