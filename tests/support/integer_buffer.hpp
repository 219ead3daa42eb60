// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <random>
#include <vector>

#include "tensor_buffer.hpp"

namespace flashrnn::test {

/// Integers from -2 to 2 in the memory of an execution space. Every type holds them exactly, and
/// sums of up to 60 of their products too, in any order: results are compared bit by bit.
template <class ExecutionSpace>
class IntegerBuffer {
 public:
  IntegerBuffer(DataType type, std::size_t elements, unsigned seed)
      : type_(type),
        values_(elements),
        host_(elements * size_of(type)),
        device_(Kokkos::view_alloc(Kokkos::WithoutInitializing, "integers"), host_.size()) {
    std::mt19937 random(seed);
    for (std::size_t i = 0; i < elements; ++i) {
      values_[i] = static_cast<double>(random() % 5) - 2;
      store_element(type_, values_[i], host_.data() + i * size_of(type_));
    }
    Kokkos::deep_copy(device_, Host(host_.data(), host_.size()));
  }

  /// What the memory held at first.
  const std::vector<double>& values() const { return values_; }
  std::vector<double> download() {
    Kokkos::deep_copy(Host(host_.data(), host_.size()), device_);
    std::vector<double> out(values_.size());
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = load_element(type_, host_.data() + i * size_of(type_));
    return out;
  }
  void* data() { return device_.data(); }

 private:
  using Host = Kokkos::View<unsigned char*, Kokkos::HostSpace, Kokkos::MemoryUnmanaged>;

  DataType type_;
  std::vector<double> values_;
  std::vector<unsigned char> host_;
  Kokkos::View<unsigned char*, typename ExecutionSpace::memory_space> device_;
};

}  // namespace flashrnn::test
