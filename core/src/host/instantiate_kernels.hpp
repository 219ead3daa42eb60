// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/recurrence/host/kernels.hpp"
#include "isa_kernels.hpp"

namespace flashrnn::host {

template <class Isa, class Cell, class Storage>
const HostKernels<Storage>& isa_kernels() {
  static constexpr HostKernels<Storage> kernels = make_host_kernels<Isa, Cell, Storage>();
  return kernels;
}

// A macro because explicit instantiations cannot be made by templates.
#define FLASHRNN_INSTANTIATE_KERNELS(Cell)                                            \
  template const HostKernels<double>& isa_kernels<IsaOfThisFile, Cell, double>();     \
  template const HostKernels<float>& isa_kernels<IsaOfThisFile, Cell, float>();       \
  template const HostKernels<bfloat16>& isa_kernels<IsaOfThisFile, Cell, bfloat16>(); \
  template const HostKernels<float16>& isa_kernels<IsaOfThisFile, Cell, float16>();

}  // namespace flashrnn::host
