// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>

// Applies `instantiate(ExecutionSpace)` to every execution space of this build: the one place that
// lists them. A macro because explicit instantiations cannot be made by templates.

#ifdef KOKKOS_ENABLE_SERIAL
#define FLASHRNN_FOR_SERIAL(instantiate) instantiate(Kokkos::Serial)
#else
#define FLASHRNN_FOR_SERIAL(instantiate)
#endif
#ifdef KOKKOS_ENABLE_OPENMP
#define FLASHRNN_FOR_OPENMP(instantiate) instantiate(Kokkos::OpenMP)
#else
#define FLASHRNN_FOR_OPENMP(instantiate)
#endif
#if defined(KOKKOS_ENABLE_CUDA)
#define FLASHRNN_FOR_DEVICE(instantiate) instantiate(Kokkos::Cuda)
#elif defined(KOKKOS_ENABLE_HIP)
#define FLASHRNN_FOR_DEVICE(instantiate) instantiate(Kokkos::HIP)
#else
#define FLASHRNN_FOR_DEVICE(instantiate)
#endif

#define FLASHRNN_FOR_EACH_EXECUTION_SPACE(instantiate) \
  FLASHRNN_FOR_SERIAL(instantiate)                     \
  FLASHRNN_FOR_OPENMP(instantiate)                     \
  FLASHRNN_FOR_DEVICE(instantiate)
