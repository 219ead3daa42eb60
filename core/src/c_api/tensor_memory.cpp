// SPDX-License-Identifier: Apache-2.0
#include "tensor_memory.hpp"

#include <string>

#include "flashrnn/error.hpp"

namespace flashrnn::c_api {
namespace {

std::string described(const TensorAxes& axes, DataType type) {
  return axes.describe() + " of " + std::string(name_of(type));
}

std::string bytes_text(std::size_t bytes) {
  return std::to_string(bytes) + " bytes";
}

[[noreturn]] void fail(const char* name, const std::string& text) {
  throw InvalidArgument(std::string(name) + ": " + text);
}

/// Distance in elements between the first and last index of an axis, without its sign.
/// @throws InvalidArgument if it does not fit.
Index reach(const char* name, const Axis& axis, Index stride) {
  Index out = 0;
  if (__builtin_mul_overflow(axis.length - 1, stride, &out) ||
      (out < 0 && __builtin_sub_overflow(Index(0), out, &out)))
    fail(name, "the stride of axis " + std::string(axis.name) + " is " + std::to_string(stride) +
                   " elements, which reaches beyond 2^63 elements");
  return out;
}

/// Elements from the lowest to the highest one, both included.
Index span(const char* name, const TensorAxes& axes, const std::int64_t* strides) {
  Index total = 1;
  for (int n = 0; n < axes.rank; ++n)
    if (__builtin_add_overflow(total, reach(name, axes.axes[n], strides[n]), &total))
      fail(name, "its strides reach beyond 2^63 elements");
  return total;
}

/// Walks the axes from the smallest stride to the largest: each must step over all that lies below.
/// Sufficient for elements to be apart, and true of every layout that is a permutation of axes with
/// gaps.
void check_apart(const char* name, const TensorAxes& axes, const std::int64_t* strides) {
  struct Step {
    Index distance;
    const Axis* axis;
    Index stride;
  } steps[TensorAxes::most];
  int count = 0;
  for (int n = 0; n < axes.rank; ++n) {
    if (axes.axes[n].length == 1) continue;
    const Index distance = strides[n] < 0 ? -strides[n] : strides[n];
    int place = count++;
    for (; place > 0 && steps[place - 1].distance > distance; --place)
      steps[place] = steps[place - 1];
    steps[place] = {distance, &axes.axes[n], strides[n]};
  }
  Index below = 1;
  for (int n = 0; n < count; ++n) {
    if (steps[n].distance < below)
      fail(name, "the stride of axis " + std::string(steps[n].axis->name) + " is " +
                     std::to_string(steps[n].stride) +
                     " elements, so that elements overlap; expected at least " +
                     std::to_string(below));
    below += steps[n].distance * (steps[n].axis->length - 1);
  }
}

}  // namespace

void check_memory(const char* name, const TensorAxes& axes, DataType type, const void* data,
                  std::size_t bytes, const std::int64_t* strides, Access access) {
  if (data == nullptr) {
    if (bytes != 0)
      fail(name, "expected a pointer to " + bytes_text(bytes) + ", found null; a tensor that is " +
                     "not given has 0 bytes");
    return;
  }
  const std::size_t element = size_of(type);
  if (strides == nullptr) {
    const std::size_t expected = static_cast<std::size_t>(axes.elements()) * element;
    if (bytes != expected)
      fail(name, "expected " + bytes_text(expected) + " for " + described(axes, type) + ", found " +
                     bytes_text(bytes));
    return;
  }
  const Axis& last = axes.axes[axes.rank - 1];
  if (strides[axes.rank - 1] != 1)
    fail(name, "the stride of axis " + std::string(last.name) + " is " +
                   std::to_string(strides[axes.rank - 1]) + "; expected 1");
  const auto elements = static_cast<std::size_t>(span(name, axes, strides));
  if (bytes / element < elements)
    fail(name, "expected at least " + std::to_string(elements) + " elements of " +
                   std::to_string(element) + " bytes, which is how far its strides reach for " +
                   described(axes, type) + "; found " + bytes_text(bytes));
  if (access == Access::write) check_apart(name, axes, strides);
}

Strides to_strides(const TensorAxes& axes, const std::int64_t* strides) {
  Strides out;
  for (int n = 0; n < axes.rank; ++n) {
    if (axes.axes[n].length == 1) continue;  // its stride is never used and may be anything
    switch (axes.axes[n].role) {
      case AxisRole::channel:
        out.channel = strides[n];
        break;
      case AxisRole::step:
        out.step = strides[n];
        break;
      case AxisRole::batch:
        out.batch = strides[n];
        break;
      case AxisRole::head:
        out.head = strides[n];
        break;
      case AxisRole::row:
      case AxisRole::unit:
        break;
    }
  }
  return out;
}

MatrixStrides to_matrix_strides(const std::int64_t* strides) {
  return {strides[0], strides[1], strides[2]};
}

void check_buffer(const char* name, std::size_t needed, const void* data, std::size_t bytes) {
  if (bytes < needed)
    fail(name, "expected at least " + bytes_text(needed) + ", found " + bytes_text(bytes));
  if (needed > 0 && data == nullptr)
    fail(name, "expected a pointer to " + bytes_text(needed) + ", found null");
}

}  // namespace flashrnn::c_api
