// SPDX-License-Identifier: Apache-2.0
#pragma once

#ifdef _OPENMP
#include <omp.h>
#endif

#include <Kokkos_Core.hpp>
#include <type_traits>

namespace flashrnn {

/// Whether this is a thread of a parallel region of at least `workers` threads, which all run at
/// the same time and so may wait for each other.
inline bool threads_run_together([[maybe_unused]] int workers) {
#ifdef _OPENMP
  return omp_get_num_threads() >= workers;
#else
  return false;
#endif
}
inline bool in_parallel_region() {
#ifdef _OPENMP
  return omp_in_parallel() != 0;
#else
  return true;
#endif
}

/// One index of a launch: a worker of the host kernels.
template <class Job>
struct HostWorker {
  void (*kernel)(const Job&, int);
  Job job;

  void operator()(const int worker) const {
    const int team_size = job.tiling.team_size;
    if (team_size == 1 || threads_run_together(job.tiling.workers)) return kernel(job, worker);
    // OpenMP gave fewer threads than were asked for: one worker does its team's work.
    if (worker % team_size != 0) return;
    Job alone = job;
    alone.tiling.workers /= team_size;
    alone.tiling.team_size = 1;
    kernel(alone, worker / team_size);
  }
};

/// Whether all workers of a launch run at the same time, so that they may wait for each other.
template <class ExecutionSpace>
constexpr bool concurrent_workers() {
#ifdef KOKKOS_ENABLE_OPENMP
  return std::is_same_v<ExecutionSpace, Kokkos::OpenMP>;
#else
  return false;
#endif
}

template <class ExecutionSpace, class Job>
void launch_workers(const ExecutionSpace& space, const char* name, void (*kernel)(const Job&, int),
                    const Job& job) {
  Kokkos::parallel_for(
      name,
      Kokkos::RangePolicy<ExecutionSpace, Kokkos::IndexType<int>>(space, 0, job.tiling.workers),
      HostWorker<Job>{kernel, job});
}

}  // namespace flashrnn
