// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>

namespace flashrnn {

/// Does what the first plans of a process would otherwise take their time for, once, for the device
/// of `space`. On an NVIDIA GPU some 10 ms: the texts of tilings are read, the device is asked for
/// what it is, cuBLAS starts. Nothing stays allocated on the device but what cuBLAS itself keeps, 2
/// MB. Elsewhere there is nothing to prepare. Plans need it not; flashrnn_initialize of the C API
/// calls it.
/// @throws EnvironmentError as the first plan would.
template <class ExecutionSpace>
void prepare_plans(const ExecutionSpace& /*space*/) {}

#ifdef KOKKOS_ENABLE_CUDA
template <>
void prepare_plans(const Kokkos::Cuda& space);
#endif

}  // namespace flashrnn
