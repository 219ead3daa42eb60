// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <memory>
#include <string>

#include "flashrnn/recurrence/engine.hpp"
#include "flashrnn/recurrence/native_cell.hpp"

namespace flashrnn {

/// The name of the backend with kernels of its own for an execution space; empty: there is none.
template <class ExecutionSpace>
inline constexpr const char* native_backend = "";

/// An engine with a vendor's own kernels, or null and in `reason` why they do not run this problem.
/// Defined by the backends that have such kernels.
/// @throws EnvironmentError if the kernels cannot be compiled or loaded here.
template <class ExecutionSpace>
std::unique_ptr<const Engine<ExecutionSpace>> make_native_engine(const ExecutionSpace& space,
                                                                 const Problem& problem,
                                                                 const NativeCell& cell,
                                                                 std::string& reason);

#ifdef KOKKOS_ENABLE_CUDA
template <>
inline constexpr const char* native_backend<Kokkos::Cuda> = "cuda";
template <>
std::unique_ptr<const Engine<Kokkos::Cuda>> make_native_engine(const Kokkos::Cuda& space,
                                                               const Problem& problem,
                                                               const NativeCell& cell,
                                                               std::string& reason);
#endif

}  // namespace flashrnn
