// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shared_memory.cuh"

// Products of four warps together (wgmma, sm_90a): the left-hand factor, 64 rows, in registers or
// in shared memory, the right-hand one in shared memory, read once for all four. And what orders
// such products with other threads: barriers in shared memory that count arrivals, and a fence.
//
// In shared memory both factors are core matrices of 8 rows × 8 elements of k, 128 neighbouring
// bytes, a row's elements next to each other (PTX ISA, "wgmma: shared memory matrix layout", no
// swizzle).

namespace flashrnn::cuda {

/// Where a factor lies in shared memory.
using MatrixDescriptor = unsigned long long;

/// c [64 × columns] += a [64 × 16] · b [16 × columns] of a group of four warps: warp w of the group
/// has rows 16·w to 16·w + 15, each as mma.m16n8k16 gives them to its lanes, for every 8 columns.
/// `add` false: c = a · b. Its members are written for the columns at hand when a kernel's text is
/// put together (spread_heads/program.cpp):
///   multiply(float (&c)[columns / 2], const Word (&a)[4], MatrixDescriptor b, bool add)
///   multiply(float (&c)[columns / 2], MatrixDescriptor a, MatrixDescriptor b, bool add)
template <class Factor, int columns>
struct WarpGroupProduct;

/// Of core matrices that lie `along_k` and `along_rows` bytes apart.
__device__ inline MatrixDescriptor matrix_descriptor(SharedAddress at, int along_k,
                                                     int along_rows) {
  return static_cast<MatrixDescriptor>((at & 0x3ffff) >> 4) |
         static_cast<MatrixDescriptor>(along_k >> 4) << 16 |
         static_cast<MatrixDescriptor>(along_rows >> 4) << 32;
}

/// Before products, and again after anything else: with it and products_end around every run of
/// products, the compiler lets them follow each other without waiting. By all of the group.
__device__ inline void products_begin() {
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
__device__ inline void products_end() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
/// Waits until the sums of all products so far are in their registers.
__device__ inline void products_wait() {
  asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
}
/// Makes what this thread has written to shared memory visible to products, once another thread
/// knows of it.
__device__ inline void publish_to_products() {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

/// A barrier in shared memory, 8 bytes: a phase ends when `arrivals` threads have arrived.
__device__ inline void arrivals_init(SharedAddress barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}
__device__ inline void arrive(SharedAddress barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}
/// Waits for the end of the phase of this parity.
__device__ inline void wait_for_arrivals(SharedAddress barrier, Word parity) {
  asm volatile(
      "{\n.reg .pred done;\nwaiting:\n"
      "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
      "@!done bra waiting;\n}" ::"r"(barrier),
      "r"(parity)
      : "memory");
}

/// Leaves all but `count` registers per thread to the block's other groups of four warps, which may
/// then take them (take_registers). By all of the group.
template <int count>
__device__ void keep_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(count));
}

}  // namespace flashrnn::cuda
