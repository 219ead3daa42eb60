// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <functional>
#include <memory>

namespace flashrnn {

/// A sequence of kernels and matrix products that is enqueued again and again, always with the same
/// arguments: recorded once (as a graph of the device's run-time library), so that enqueueing it
/// costs one call and the device does not wait for the host between kernels.
template <class ExecutionSpace>
class RecordedWork {
 public:
  RecordedWork() = default;
  RecordedWork(const RecordedWork&) = delete;
  RecordedWork& operator=(const RecordedWork&) = delete;
  virtual ~RecordedWork() = default;

  /// Enqueues the work on `space`; allocates nothing. On a stream that the caller is capturing,
  /// where no graph can be launched, the work is enqueued piece by piece.
  virtual void enqueue(const ExecutionSpace& space) const = 0;
};

/// Records what `work` enqueues on the instance that it is given; nothing runs yet. `work` must
/// neither allocate nor wait; it is kept for streams that are being captured.
/// @throws EnvironmentError if the device's run-time library cannot record it.
template <class ExecutionSpace>
std::unique_ptr<RecordedWork<ExecutionSpace>> record_work(
    const ExecutionSpace& space, const std::function<void(const ExecutionSpace&)>& work);

// Each specialisation is defined by the backend of its space (backends/).
#ifdef KOKKOS_ENABLE_CUDA
template <>
std::unique_ptr<RecordedWork<Kokkos::Cuda>> record_work(
    const Kokkos::Cuda& space, const std::function<void(const Kokkos::Cuda&)>& work);
#endif
#ifdef KOKKOS_ENABLE_HIP
template <>
std::unique_ptr<RecordedWork<Kokkos::HIP>> record_work(
    const Kokkos::HIP& space, const std::function<void(const Kokkos::HIP&)>& work);
#endif

}  // namespace flashrnn
