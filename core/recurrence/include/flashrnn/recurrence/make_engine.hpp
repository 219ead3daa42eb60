// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "flashrnn/error.hpp"
#include "flashrnn/recurrence/device_engine.hpp"
#include "flashrnn/recurrence/host_engine.hpp"
#include "flashrnn/recurrence/kokkos_engine.hpp"
#include "flashrnn/recurrence/own_host_kernels.hpp"
#include "flashrnn/reference/reference_engine.hpp"

namespace flashrnn {

/// The engine of `Cell` for the problem's data type. `HostKernelsOf` supplies the kernels for host
/// execution spaces.
/// @throws InvalidArgument for an unknown backend, or the reference in a space that is not the
/// host's.
template <class Cell, class HostKernelsOf = host::OwnHostKernels, class ExecutionSpace>
std::unique_ptr<const Engine<ExecutionSpace>> make_engine(const ExecutionSpace& space,
                                                          const Problem& problem,
                                                          const EngineOptions& options) {
  const std::string& backend = options.backend;
  const auto make = [&]<class Storage>() -> std::unique_ptr<const Engine<ExecutionSpace>> {
    if constexpr (is_gpu<ExecutionSpace>) {
      if (backend == "kokkos")
        return std::make_unique<DeviceEngine<Cell, Storage, ExecutionSpace>>(space, problem,
                                                                             options);
    } else {
      if (backend == "kokkos") {
        const auto choice = HostKernelsOf::template choose<Cell, Storage>();
        if (choice.kernels != nullptr)
          return std::make_unique<HostEngine<Cell, Storage, ExecutionSpace>>(
              space, problem, options, *choice.kernels, choice.note);
      }
      if (backend == "kokkos" || backend == "kokkos_generic")
        return std::make_unique<KokkosEngine<Cell, Storage, ExecutionSpace>>(space, problem,
                                                                             options);
    }
    if (backend == "reference") {
      if constexpr (!is_gpu<ExecutionSpace>) {
        return std::make_unique<ReferenceEngine<Cell, Storage, ExecutionSpace>>(problem);
      } else {
        throw InvalidArgument("backend: the reference runs in a host execution space only");
      }
    }
    throw InvalidArgument("backend: expected kokkos, kokkos_generic or reference, found '" +
                          backend + "'");
  };
  switch (problem.dtype) {
    case DataType::float64:
      return make.template operator()<double>();
    case DataType::float32:
      return make.template operator()<float>();
    case DataType::bfloat16:
      return make.template operator()<bfloat16>();
    case DataType::float16:
      return make.template operator()<float16>();
  }
  throw InternalError("make_engine: data type without an engine");
}

}  // namespace flashrnn
