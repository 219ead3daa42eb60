// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <cstring>
#include <vector>

#include "flashrnn/error.hpp"
#include "flashrnn/problem.hpp"
#include "flashrnn/tensors.hpp"
#include "flashrnn/types.hpp"

namespace flashrnn::test {

/// Reads and writes one element of a DataType as double.
inline double load_element(DataType type, const void* at) {
  switch (type) {
    case DataType::float64:
      return *static_cast<const double*>(at);
    case DataType::float32:
      return *static_cast<const float*>(at);
    case DataType::bfloat16:
      return *static_cast<const bfloat16*>(at);
    case DataType::float16:
      return *static_cast<const float16*>(at);
  }
  throw InternalError("load_element: unknown type");
}
inline void store_element(DataType type, double value, void* at) {
  switch (type) {
    case DataType::float64:
      *static_cast<double*>(at) = value;
      return;
    case DataType::float32:
      *static_cast<float*>(at) = static_cast<float>(value);
      return;
    case DataType::bfloat16:
      *static_cast<bfloat16*>(at) = bfloat16(static_cast<float>(value));
      return;
    case DataType::float16:
      *static_cast<float16*>(at) = float16(static_cast<float>(value));
      return;
  }
}

/// `values` as they read back after being stored as `type`.
inline std::vector<double> as_stored(DataType type, std::vector<double> values) {
  alignas(8) unsigned char element[8];
  for (double& value : values) {
    store_element(type, value, element);
    value = load_element(type, element);
  }
  return values;
}

/// Lengths of the axes in front of [heads, head_dim], and whether gates stand behind steps and
/// batch in the contiguous host copy (x, dx) or in front (states).
struct Axes {
  Index channels = 1, steps = 1, batch = 1;
  bool gates_behind = false;
};

/// A strided tensor in the memory of an execution space, surrounded by and filled with a poison
/// pattern: what a kernel writes outside its tensor is seen.
template <class ExecutionSpace>
class TensorBuffer {
 public:
  static constexpr unsigned char poison = 0xC5;
  static constexpr Index guard = 64;  // elements on either side

  TensorBuffer(DataType type, const Shape& shape, Axes axes, Strides strides)
      : type_(type), shape_(shape), axes_(axes), strides_(strides) {
    Index lowest = 0, highest = 0;
    const auto extend = [&](Index length, Index stride) {
      const Index reach = (length - 1) * stride;
      (reach < 0 ? lowest : highest) += reach;
    };
    extend(axes.channels, strides.channel);
    extend(axes.steps, strides.step);
    extend(axes.batch, strides.batch);
    extend(shape.heads, strides.head);
    highest += shape.head_dim;
    origin_ = guard - lowest;
    const auto bytes = static_cast<std::size_t>(highest - lowest + 2 * guard) * size_of(type);
    host_.assign(bytes, poison);
    device_ = Device(Kokkos::view_alloc(Kokkos::WithoutInitializing, "tensor"), bytes);
    to_device();
  }

  void upload(const std::vector<double>& contiguous) {
    walk([&](std::size_t offset, std::size_t i) {
      store_element(type_, contiguous.at(i), host_.data() + offset);
    });
    to_device();
  }

  std::vector<double> download() {
    from_device();
    std::vector<double> out(elements());
    walk([&](std::size_t offset, std::size_t i) {
      out[i] = load_element(type_, host_.data() + offset);
    });
    return out;
  }

  /// True if every byte outside the tensor's elements still holds the poison. Call after download.
  bool surroundings_untouched() const {
    std::vector<unsigned char> mine(host_.size(), 0);
    walk([&](std::size_t offset, std::size_t) {
      std::memset(mine.data() + offset, 1, size_of(type_));
    });
    for (std::size_t i = 0; i < host_.size(); ++i)
      if (mine[i] == 0 && host_[i] != poison) return false;
    return true;
  }

  Tensor tensor() { return {origin(), strides_}; }
  ConstTensor const_tensor() { return {origin(), strides_}; }
  std::size_t elements() const {
    return static_cast<std::size_t>(axes_.channels * axes_.steps * axes_.batch * shape_.heads *
                                    shape_.head_dim);
  }

 private:
  using Device = Kokkos::View<unsigned char*, typename ExecutionSpace::memory_space>;
  using Host = Kokkos::View<unsigned char*, Kokkos::HostSpace, Kokkos::MemoryUnmanaged>;

  void* origin() { return device_.data() + origin_ * static_cast<Index>(size_of(type_)); }
  void to_device() { Kokkos::deep_copy(device_, Host(host_.data(), host_.size())); }
  void from_device() { Kokkos::deep_copy(Host(host_.data(), host_.size()), device_); }

  template <class Body>
  void walk(const Body& body) const {
    for (Index c = 0; c < axes_.channels; ++c)
      for (Index t = 0; t < axes_.steps; ++t)
        for (Index n = 0; n < axes_.batch; ++n)
          for (Index h = 0; h < shape_.heads; ++h)
            for (Index d = 0; d < shape_.head_dim; ++d) {
              const Index row = axes_.gates_behind ? (t * axes_.batch + n) * axes_.channels + c
                                                   : (c * axes_.steps + t) * axes_.batch + n;
              body(static_cast<std::size_t>(origin_ + strides_.at(c, t, n, h) + d) * size_of(type_),
                   static_cast<std::size_t>((row * shape_.heads + h) * shape_.head_dim + d));
            }
  }

  DataType type_;
  Shape shape_;
  Axes axes_;
  Strides strides_;
  Index origin_ = 0;
  std::vector<unsigned char> host_;
  Device device_;
};

/// R or dR [G, H, D, D]: a tensor whose "batch" is the rows and whose heads stand in front of them.
template <class ExecutionSpace>
class MatrixBuffer {
 public:
  MatrixBuffer(DataType type, const Shape& shape, Index gates, MatrixStrides strides)
      : strides_(strides),
        buffer_(type, Shape{1, 1, 1, shape.head_dim}, Axes{gates, shape.heads, shape.head_dim},
                Strides{strides.gate, strides.head, strides.row, 0}) {}
  void upload(const std::vector<double>& contiguous) { buffer_.upload(contiguous); }
  std::vector<double> download() { return buffer_.download(); }
  bool surroundings_untouched() const { return buffer_.surroundings_untouched(); }
  Matrix matrix() { return {buffer_.tensor().data, strides_}; }
  ConstMatrix const_matrix() { return {buffer_.tensor().data, strides_}; }

 private:
  MatrixStrides strides_;
  TensorBuffer<ExecutionSpace> buffer_;
};

/// Bytes in the memory of an execution space, filled with the poison pattern.
template <class ExecutionSpace>
class ByteBuffer {
 public:
  explicit ByteBuffer(std::size_t bytes)
      : view_(Kokkos::view_alloc(Kokkos::WithoutInitializing, "bytes"), bytes) {
    Kokkos::deep_copy(view_, TensorBuffer<ExecutionSpace>::poison);
  }
  void* data() { return view_.data(); }

 private:
  Kokkos::View<unsigned char*, typename ExecutionSpace::memory_space> view_;
};

}  // namespace flashrnn::test
