// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/recurrence/host_kernel_choice.hpp"

// GPU compilers read a host file several times and know the vector types of the host only in part:
// a user's cell that is compiled by them runs the generic recurrence on the host.
#if !defined(__CUDACC__) && !defined(__HIPCC__)
#define FLASHRNN_OWN_HOST_KERNELS 1
#include "flashrnn/recurrence/host/kernels.hpp"
#endif

namespace flashrnn::host {

/// Host kernels of a user's cell: compiled with the user's file, for the instruction set that its
/// compiler flags allow.
struct OwnHostKernels {
  template <class Cell, class Storage>
  static HostKernelChoice<Storage> choose() {
#ifdef FLASHRNN_OWN_HOST_KERNELS
    static constexpr HostKernels<Storage> kernels =
        make_host_kernels<IsaOfThisFile, Cell, Storage>();
    return {&kernels, ", compiled with the user's file"};
#else
    return {nullptr, ""};
#endif
  }
};

}  // namespace flashrnn::host
