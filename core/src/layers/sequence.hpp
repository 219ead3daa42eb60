// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "flashrnn/problem.hpp"
#include "flashrnn/tensors.hpp"

namespace flashrnn {

/// Rows [T, B, length] without gaps inside a row: u, y, the projected x, and their gradients.
/// Strides are in elements; `step` may be negative, `batch` may not.
template <class Pointer>
struct BasicSequence {
  Pointer data = nullptr;
  Index length = 1;
  Index step = 0;
  Index batch = 0;
};
using ConstSequence = BasicSequence<const void*>;
using Sequence = BasicSequence<void*>;

inline ConstSequence as_const(const Sequence& sequence) {
  return {sequence.data, sequence.length, sequence.step, sequence.batch};
}

/// The address `elements` elements behind `data`; null stays null.
inline const void* advance(const void* data, Index elements, DataType type) {
  if (data == nullptr) return nullptr;
  return static_cast<const char*>(data) + elements * static_cast<Index>(size_of(type));
}
inline void* advance(void* data, Index elements, DataType type) {
  if (data == nullptr) return nullptr;
  return static_cast<char*>(data) + elements * static_cast<Index>(size_of(type));
}

/// Sizes and type that the sequences of a layer or network have in common.
struct SequenceFrame {
  Index steps = 1;
  Index batch = 1;
  SequenceOrder order = SequenceOrder::time_major;
  DataType type = DataType::float32;
  MatmulPrecision float32_precision = MatmulPrecision::highest;  ///< of products

  /// Contiguous rows in the frame's order.
  template <class Pointer>
  BasicSequence<Pointer> contiguous(Pointer data, Index length) const {
    return order == SequenceOrder::time_major
               ? BasicSequence<Pointer>{data, length, batch * length, length}
               : BasicSequence<Pointer>{data, length, length, steps * length};
  }

  /// A caller's tensor with its strides resolved; null stays null.
  /// @throws InvalidArgument naming it if it is not aligned or its rows overlap.
  ConstSequence checked(const char* name, const ConstTensor& tensor, Index length) const;
  Sequence checked(const char* name, const Tensor& tensor, Index length) const;

  Index elements(Index length) const { return steps * batch * length; }
};

/// @throws InvalidArgument if `data` is null; the message gives `why` it is needed.
void require_tensor(const char* name, const void* data, const std::string& why);
/// @throws InvalidArgument if `data` is not aligned to its elements.
void require_aligned(const char* name, const void* data, DataType type);
/// The same for a caller's memory of `bytes` bytes: it must be given if not 0, aligned to 64 bytes.
void require_memory(const char* name, const void* data, std::size_t bytes);

}  // namespace flashrnn
