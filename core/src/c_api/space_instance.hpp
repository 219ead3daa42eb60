// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <optional>
#include <string>
#include <type_traits>

#include "status.hpp"

namespace flashrnn::c_api {

/// Kokkos' instances of one execution space for the streams of a caller.
template <class ExecutionSpace>
class SpaceInstances {
 public:
  SpaceInstances() : own_(make_own()), last_(&own_) {}
  SpaceInstances(const SpaceInstances&) = delete;
  SpaceInstances& operator=(const SpaceInstances&) = delete;

  /// The instance for null.
  const ExecutionSpace& own() const { return own_; }
  /// That of the last call of for_stream.
  const ExecutionSpace& last() const { return *last_; }

  /// The instance that enqueues on `stream`, without owning it. The last one is kept, because an
  /// instance is not cheap to make.
  const ExecutionSpace& for_stream(void* stream) {
    last_ = &own_;
    if (stream == nullptr) return own_;
    if (!wrapped_ || stream != stream_) {
      wrapped_.reset();
      wrapped_.emplace(wrap(stream));
      stream_ = stream;
    }
    last_ = &*wrapped_;
    return *wrapped_;
  }

 private:
  /// Work of one serial instance takes turns, so every plan has its own. The threads of OpenMP and
  /// the default stream of a GPU are shared by all.
  static ExecutionSpace make_own() {
#ifdef KOKKOS_ENABLE_SERIAL
    if constexpr (std::is_same_v<ExecutionSpace, Kokkos::Serial>)
      return Kokkos::Serial(Kokkos::NewInstance{});
    else
#endif
      return ExecutionSpace();
  }

  static ExecutionSpace wrap([[maybe_unused]] void* stream) {
#if defined(KOKKOS_ENABLE_CUDA)
    if constexpr (std::is_same_v<ExecutionSpace, Kokkos::Cuda>)
      return Kokkos::Cuda(static_cast<cudaStream_t>(stream));
    else
#elif defined(KOKKOS_ENABLE_HIP)
    if constexpr (std::is_same_v<ExecutionSpace, Kokkos::HIP>)
      return Kokkos::HIP(static_cast<hipStream_t>(stream));
    else
#endif
      throw InvalidArgument("stream: expected null, because the plan runs on the host");
  }

  ExecutionSpace own_;
  std::optional<ExecutionSpace> wrapped_;
  void* stream_ = nullptr;
  const ExecutionSpace* last_;
};

/// Whether the calling thread may start work. Kokkos ends the process if it may not.
/// @throws InvalidState
template <class ExecutionSpace>
void check_calling_thread() {
#ifdef KOKKOS_ENABLE_OPENMP
  if constexpr (std::is_same_v<ExecutionSpace, Kokkos::OpenMP>) {
    if (omp_get_level() > 0)
      throw InvalidState(
          "a plan for FLASHRNN_HOST_OPENMP was called inside an OpenMP parallel region; call it "
          "outside, or make plans for FLASHRNN_HOST_SERIAL there");
  }
#endif
}

}  // namespace flashrnn::c_api
