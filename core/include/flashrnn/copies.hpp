// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <string>
#include <vector>

#include "flashrnn/error.hpp"

namespace flashrnn {

// Copies between vectors of the host and memory of an execution space. `Memory` is a Kokkos::View
// of any rank whose elements lie without gaps; the vector has them in the order of the memory. Each
// waits until it is done, and for all work that was enqueued before.

/// @throws InvalidArgument if `memory` has gaps.
template <class Memory>
void require_contiguous(const Memory& memory) {
  if (!memory.span_is_contiguous())
    throw InvalidArgument("copy: expected memory without gaps, found " +
                          std::to_string(memory.size()) + " elements in a span of " +
                          std::to_string(memory.span()));
}

/// Fills `memory`.
/// @throws InvalidArgument if the sizes differ or `memory` has gaps.
template <class Memory>
void copy_to(const Memory& memory,
             const std::vector<typename Memory::non_const_value_type>& values) {
  using Value = typename Memory::non_const_value_type;
  require_contiguous(memory);
  if (values.size() != memory.size())
    throw InvalidArgument("copy: expected " + std::to_string(memory.size()) + " values, found " +
                          std::to_string(values.size()));
  Kokkos::deep_copy(
      Kokkos::View<Value*, typename Memory::device_type>(memory.data(), memory.size()),
      Kokkos::View<const Value*, Kokkos::HostSpace>(values.data(), values.size()));
}

/// A copy in new memory of Space.
template <class Space, class Value>
Kokkos::View<Value*, Space> on_device(const std::vector<Value>& values) {
  Kokkos::View<Value*, Space> out("values", values.size());
  copy_to(out, values);
  return out;
}

/// A copy in host memory.
/// @throws InvalidArgument if `memory` has gaps.
template <class Memory>
std::vector<typename Memory::non_const_value_type> on_host(const Memory& memory) {
  using Value = typename Memory::non_const_value_type;
  require_contiguous(memory);
  std::vector<Value> out(memory.size());
  Kokkos::deep_copy(
      Kokkos::View<Value*, Kokkos::HostSpace>(out.data(), out.size()),
      Kokkos::View<const Value*, typename Memory::device_type>(memory.data(), memory.size()));
  return out;
}

}  // namespace flashrnn
