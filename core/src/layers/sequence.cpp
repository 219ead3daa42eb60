// SPDX-License-Identifier: Apache-2.0
#include "layers/sequence.hpp"

#include <cstdint>
#include <cstdlib>

#include "flashrnn/error.hpp"
#include "flashrnn/recurrence/workspace.hpp"

namespace flashrnn {
namespace {

void require_row_distance(const char* name, const char* axis, Index count, Index stride,
                          Index distance, Index length) {
  if (count > 1 && distance < length)
    throw InvalidArgument(std::string(name) + ": the stride of axis " + axis + " (length " +
                          std::to_string(count) + ") is " + std::to_string(stride) +
                          " elements; expected at least the " + std::to_string(length) +
                          " of a row");
}

template <class Pointer>
BasicSequence<Pointer> resolve(const SequenceFrame& frame, const char* name,
                               const BasicTensor<Pointer, Strides>& tensor, Index length) {
  BasicSequence<Pointer> sequence = frame.contiguous(tensor.data, length);
  if (tensor.data == nullptr) return sequence;
  require_aligned(name, tensor.data, frame.type);
  if (!tensor.strides) return sequence;
  sequence.step = tensor.strides->step;
  sequence.batch = tensor.strides->batch;
  require_row_distance(name, "step", frame.steps, sequence.step, std::llabs(sequence.step), length);
  require_row_distance(name, "batch", frame.batch, sequence.batch, sequence.batch, length);
  return sequence;
}

}  // namespace

ConstSequence SequenceFrame::checked(const char* name, const ConstTensor& tensor,
                                     Index length) const {
  return resolve(*this, name, tensor, length);
}
Sequence SequenceFrame::checked(const char* name, const Tensor& tensor, Index length) const {
  return resolve(*this, name, tensor, length);
}

void require_tensor(const char* name, const void* data, const std::string& why) {
  if (data == nullptr)
    throw InvalidArgument(std::string(name) + ": expected a pointer, found null; " + why);
}

void require_aligned(const char* name, const void* data, DataType type) {
  if (reinterpret_cast<std::uintptr_t>(data) % size_of(type) != 0)
    throw InvalidArgument(std::string(name) + ": expected an address aligned to the " +
                          std::to_string(size_of(type)) + " bytes of " +
                          std::string(name_of(type)));
}

void require_memory(const char* name, const void* data, std::size_t bytes) {
  if (bytes == 0) return;
  require_tensor(name, data, "this problem needs " + std::to_string(bytes) + " bytes of it");
  if (reinterpret_cast<std::uintptr_t>(data) % WorkspaceDivider::alignment != 0)
    throw InvalidArgument(std::string(name) + ": expected an address aligned to 64 bytes");
}

}  // namespace flashrnn
