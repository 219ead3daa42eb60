// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shared_memory.cuh"

// How the computing warps of a block wait for each other, once a step, and for those that move
// data, once per group of steps.
//
// Together, at a barrier of all of them: then the tensor cores have nothing to do from the last
// product of a step to the first of the next one, while all warps apply the cell and exchange what
// comes of it.
//
// Or staggered, where a quarter of the multiprocessor has two computing warps: the first four warps
// lead, one on every quarter, the others follow. A product is a sum over the units of the vector;
// its first part takes those of the leading warps, the second part those of the following ones.
// Leading warps begin a step as soon as they have exchanged theirs, and following warps once the
// leading ones are through with the first part, so that one's products are in the shadow of the
// other's cells:
//
//   leading warps     first │ second │ cell, store ───────┐ first │ second │ cell, store …
//   following warps   cell, store ─┐ first │ second │ cell, store ───────┐ first │ second │ …
//
// A step takes the chain of latencies of a warp and about three quarters of all products, in place
// of all of them. Sums are formed in the same order.

namespace flashrnn::cuda {

/// How `compute_warps` wait for each other and for `moving_warps`: together.
template <int compute_warps, int moving_warps, bool staggered>
struct WarpOrder {
  static constexpr int leading_warps = compute_warps;
  static constexpr int computing = 32 * compute_warps, all = 32 * (compute_warps + moving_warps);

  __device__ explicit WarpOrder(int /*warp*/) {}
  /// By all of the block, before anything else.
  static __device__ void prepare() { prepare_meeting<all, Barrier::meeting>(); }
  /// Warps that move data meet those that compute.
  static __device__ void meet_computing() { block_barrier_converged<all>(); }
  /// Computing warps meet those that move data.
  __device__ void meet_moving() const { block_barrier<all>(); }
  /// This warp's share of a vector is stored.
  __device__ void publish() const {}
  /// Behind a step that no meeting follows.
  __device__ void end_step() const { compute_barrier<computing>(); }
  /// In front of the first part of a product; `met`: just behind a meeting.
  __device__ void begin_first_part(bool /*met*/) const {}
  /// In front of the second part, and soon behind that.
  __device__ void begin_second_part() const {}
  __device__ void let_follow() const {}
  /// In place of a product with the last vector.
  __device__ void leave() const {}
};

/// Staggered. A warp that arrives at a barrier for others does not wait there. Every barrier is
/// passed by all who wait at it before anybody arrives for the next time: leading warps arrive at
/// `may_follow` behind `following_share`, where following warps arrive behind the `may_follow` of
/// the step before.
template <int compute_warps, int moving_warps>
struct WarpOrder<compute_warps, moving_warps, true> {
  static constexpr int leading_warps = 4;
  static_assert(compute_warps > leading_warps, "WarpOrder: four warps lead, others follow");
  static constexpr int leading = 32 * leading_warps, following = 32 * compute_warps - leading;
  static constexpr int computing = leading + following, moving = 32 * moving_warps;

  __device__ explicit WarpOrder(int warp) : leads_(warp < leading_warps) {}
  static __device__ void prepare() {
    prepare_meeting<leading + moving, Barrier::meeting>();
    prepare_meeting<following + moving, Barrier::following_meeting>();
    prepare_meeting<leading, Barrier::computing>();
    prepare_meeting<computing, Barrier::may_follow>();
    prepare_meeting<computing, Barrier::following_share>();
  }
  static __device__ void meet_computing() {
    block_barrier_converged<leading + moving>();
    meet<following + moving, Barrier::following_meeting>();
  }
  __device__ void meet_moving() const {
    if (leads_) {
      meet<leading + moving, Barrier::meeting>();
    } else {
      meet<following + moving, Barrier::following_meeting>();
    }
  }
  __device__ void publish() const {
    if (!leads_) arrive_for_others<computing, Barrier::following_share>();
  }
  __device__ void end_step() const {}
  __device__ void begin_first_part(bool met) const {
    if (!leads_) {  // which meet each other here, too
      wait_for_others<computing, Barrier::may_follow>();
    } else if (!met) {
      wait_for_others<leading, Barrier::computing>();
    }
  }
  __device__ void begin_second_part() const {
    if (leads_) wait_for_others<computing, Barrier::following_share>();
  }
  __device__ void let_follow() const {
    if (leads_) arrive_for_others<computing, Barrier::may_follow>();
  }
  __device__ void leave() const {
    if (leads_) wait_for_others<computing, Barrier::following_share>();
  }

 private:
  bool leads_;
};

}  // namespace flashrnn::cuda
