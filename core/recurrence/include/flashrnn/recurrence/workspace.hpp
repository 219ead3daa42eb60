// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace flashrnn {

/// Divides a caller's workspace into aligned parts. The same sequence of calls on a null base gives
/// the size that is needed, so size and use cannot disagree.
class WorkspaceDivider {
 public:
  static constexpr std::size_t alignment = 64;

  explicit WorkspaceDivider(void* base) : base_(static_cast<char*>(base)) {}

  /// The next part, of `count` elements; null while only sizes are asked for, or if count is 0.
  template <class Element>
  Element* take(std::size_t count) {
    const std::size_t offset = used_;
    used_ += (count * sizeof(Element) + alignment - 1) / alignment * alignment;
    if (base_ == nullptr || count == 0) return nullptr;
    return reinterpret_cast<Element*>(base_ + offset);
  }

  /// Bytes taken so far.
  std::size_t used() const { return used_; }

 private:
  char* base_;
  std::size_t used_ = 0;
};

}  // namespace flashrnn
