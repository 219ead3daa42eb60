// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <type_traits>

#include "flashrnn/error.hpp"
#include "flashrnn/recurrence/device_engine.hpp"
#include "flashrnn/recurrence/host_engine.hpp"
#include "flashrnn/recurrence/kokkos_engine.hpp"
#include "flashrnn/recurrence/native_engine.hpp"
#include "flashrnn/recurrence/own_host_kernels.hpp"
#include "flashrnn/reference/reference_engine.hpp"

namespace flashrnn {

/// The engine with the kernels of the execution space's own backend. Null if there are none for
/// this problem: `reason` then says why, and is empty if the space has no such backend.
/// @throws InvalidArgument or EnvironmentError if options.backend insists on it and it cannot be.
template <class Cell, class ExecutionSpace>
std::unique_ptr<const Engine<ExecutionSpace>> try_native_engine(const ExecutionSpace& space,
                                                                const Problem& problem,
                                                                const EngineOptions& options,
                                                                std::string& reason) {
  const std::string native = native_backend<ExecutionSpace>;
  const bool insists = !native.empty() && options.backend == native;
  if (options.backend != "auto" && !insists) return nullptr;
  if constexpr (*native_backend<ExecutionSpace> != '\0') {
    try {
      auto engine = make_native_engine<ExecutionSpace>(space, problem, native_cell<Cell>(), reason);
      if (engine != nullptr) return engine;
    } catch (const EnvironmentError& error) {
      if (insists) throw;
      reason = error.what();
    }
    if (insists)
      throw InvalidArgument("backend: " + native + " does not run this problem: " + reason);
  }
  return nullptr;
}

/// Element types that an engine is compiled for.
template <class... Storage>
struct StorageTypes {};
using AllStorageTypes = StorageTypes<double, float, bfloat16, float16>;

template <class Storage>
constexpr DataType data_type_of() {
  static_assert(std::is_same_v<Storage, double> || std::is_same_v<Storage, float> ||
                    std::is_same_v<Storage, bfloat16> || std::is_same_v<Storage, float16>,
                "flashrnn: element types are double, float, bfloat16 and float16");
  if constexpr (std::is_same_v<Storage, double>) return DataType::float64;
  if constexpr (std::is_same_v<Storage, float>) return DataType::float32;
  if constexpr (std::is_same_v<Storage, bfloat16>) return DataType::bfloat16;
  return DataType::float16;
}

/// @throws InvalidArgument if the problem's type is none of those.
template <class Cell, class... Storage>
void check_storage_type(const Problem& problem, StorageTypes<Storage...>) {
  if (((problem.dtype == data_type_of<Storage>()) || ...)) return;
  std::string known;
  ((known += (known.empty() ? "" : ", ") + std::string(name_of(data_type_of<Storage>()))), ...);
  throw InvalidArgument("dtype: the plan of " + describe_cell<Cell>().name + " was compiled for " +
                        known + ", found " + std::string(name_of(problem.dtype)));
}

/// The engine of `Cell` for the problem's data type, one of `Types`: options.backend names it, or
/// is "auto" for the execution space's own kernels where they run the problem and the portable
/// recurrence elsewhere. `HostKernelsOf` supplies the vector kernels for host execution spaces.
/// @throws InvalidArgument for another type, an unknown backend, the reference in a space that is
/// not the host's, or a backend that does not run the problem; EnvironmentError if the backend does
/// not work here.
template <class Cell, class HostKernelsOf = host::OwnHostKernels, class Types = AllStorageTypes,
          class ExecutionSpace>
std::unique_ptr<const Engine<ExecutionSpace>> make_engine(const ExecutionSpace& space,
                                                          const Problem& problem,
                                                          const EngineOptions& options) {
  check_storage_type<Cell>(problem, Types());
  const std::string& backend = options.backend;
  EngineOptions portable = options;
  if (auto engine = try_native_engine<Cell>(space, problem, options, portable.note)) return engine;
  if (backend == "auto") portable.backend = "kokkos";
  const auto make = [&]<class Storage>() -> std::unique_ptr<const Engine<ExecutionSpace>> {
    if constexpr (is_gpu<ExecutionSpace>) {
      if (portable.backend == "kokkos")
        return std::make_unique<DeviceEngine<Cell, Storage, ExecutionSpace>>(space, problem,
                                                                             portable);
    } else {
      if (portable.backend == "kokkos") {
        const auto choice = HostKernelsOf::template choose<Cell, Storage>();
        if (choice.kernels != nullptr)
          return std::make_unique<HostEngine<Cell, Storage, ExecutionSpace>>(
              space, problem, portable, *choice.kernels, choice.note);
      }
      if (portable.backend == "kokkos" || portable.backend == "kokkos_generic")
        return std::make_unique<KokkosEngine<Cell, Storage, ExecutionSpace>>(space, problem,
                                                                             portable);
    }
    if (backend == "reference") {
      if constexpr (!is_gpu<ExecutionSpace>) {
        return std::make_unique<ReferenceEngine<Cell, Storage, ExecutionSpace>>(problem);
      } else {
        throw InvalidArgument("backend: the reference runs in a host execution space only");
      }
    }
    if (backend == "cuda")
      throw InvalidArgument(std::string("backend: cuda does not run in the execution space ") +
                            ExecutionSpace::name());
    throw InvalidArgument(
        "backend: expected auto, kokkos, kokkos_generic, cuda or reference, found '" + backend +
        "'");
  };
  std::unique_ptr<const Engine<ExecutionSpace>> engine;
  [&]<class... Storage>(StorageTypes<Storage...>) {
    (void)((problem.dtype == data_type_of<Storage>() &&
            (engine = make.template operator()<Storage>(), true)) ||
           ...);
  }(Types());
  return engine;
}

}  // namespace flashrnn
