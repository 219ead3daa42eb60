// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sched.h>

#include "flashrnn/recurrence/host/job.hpp"

namespace flashrnn::host {

/// One worker's view of its team and of the tasks that the team goes through.
template <class Isa>
struct Team {
  int index = 0, count = 1;  ///< of teams
  int rank = 0, size = 1;    ///< of this worker within its team
  TeamBarrier* barrier = nullptr;

  template <class Storage>
  [[gnu::always_inline]] static Team of(const Job<Storage>& job, int worker) {
    Team team;
    team.size = job.tiling.team_size;
    team.count = job.tiling.workers / team.size;
    team.index = worker / team.size;
    team.rank = worker % team.size;
    team.barrier = job.barriers + team.index;
    return team;
  }

  /// This worker's share [first, end) of `total` blocks.
  [[gnu::always_inline]] Index first(Index total) const { return total * rank / size; }
  [[gnu::always_inline]] Index end(Index total) const { return total * (rank + 1) / size; }

  /// Returns when all of the team have called it.
  [[gnu::always_inline]] void wait() const {
    if (size > 1) wait_for_others();
  }

 private:
  [[gnu::noinline]] void wait_for_others() const {
    const int generation = __atomic_load_n(&barrier->generation, __ATOMIC_RELAXED);
    if (__atomic_add_fetch(&barrier->arrived, 1, __ATOMIC_ACQ_REL) == size) {
      __atomic_store_n(&barrier->arrived, 0, __ATOMIC_RELAXED);
      __atomic_store_n(&barrier->generation, generation + 1, __ATOMIC_RELEASE);
      return;
    }
    // Spin while a partner can be expected within its step; then let others run, in case there are
    // more threads than cores.
    for (int spins = 0; __atomic_load_n(&barrier->generation, __ATOMIC_ACQUIRE) == generation;
         ++spins) {
      if (spins < 1000) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
      } else {
        sched_yield();
      }
    }
  }
};

}  // namespace flashrnn::host
