// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>

#include "flashrnn/device_model.hpp"

namespace flashrnn {

/// The device that an execution space runs on, probed once per process. Each backend defines it for
/// its spaces.
/// @throws EnvironmentError if the device cannot be asked.
template <class ExecutionSpace>
const RunningDevice& running_device(const ExecutionSpace& space);

#ifdef KOKKOS_ENABLE_SERIAL
template <>
const RunningDevice& running_device(const Kokkos::Serial& space);
#endif
#ifdef KOKKOS_ENABLE_OPENMP
template <>
const RunningDevice& running_device(const Kokkos::OpenMP& space);
#endif
#ifdef KOKKOS_ENABLE_CUDA
template <>
const RunningDevice& running_device(const Kokkos::Cuda& space);
#endif
#ifdef KOKKOS_ENABLE_HIP
template <>
const RunningDevice& running_device(const Kokkos::HIP& space);
#endif

}  // namespace flashrnn
