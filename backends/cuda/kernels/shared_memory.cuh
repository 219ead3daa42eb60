// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "numeric.cuh"

// Shared memory by its 32-bit addresses, copies into it that run by themselves (cp.async, sm_80),
// and the barrier of a block.

namespace flashrnn::cuda {

using SharedAddress = unsigned;

__device__ inline SharedAddress shared_address(const void* pointer) {
  return static_cast<SharedAddress>(__cvta_generic_to_shared(pointer));
}

/// Keeps a value in its register: under register pressure the compiler would otherwise compute
/// addresses anew from the thread's number in every step, on the critical path.
__device__ inline void keep(SharedAddress& value) {
  asm volatile("" : "+r"(value));
}
__device__ inline void keep(int& value) {
  asm volatile("" : "+r"(value));
}
__device__ inline void keep(unsigned char*& value) {
  asm volatile("" : "+l"(value));
}

/// Keeps a value in its register for good. The assembler does not see through `keep` any less than
/// through nothing, and would read the thread's number anew in front of every step's first load;
/// what comes out of a shuffle it cannot compute again. By all lanes of a warp.
template <class Value>
__device__ void pin(Value& value) {
  static_assert(sizeof(Value) == 4);
  const unsigned lane = threadIdx.x & 31;
  asm volatile("shfl.sync.idx.b32 %0, %0, %1, 31, 0xffffffff;" : "+r"(value) : "r"(lane));
}

/// The block's number, read anew: what is needed before and after the recurrence, but not in it,
/// should not take a register all the time. By all lanes of a warp. Pinned as something that
/// differs between lanes, or ptxas sees through it and keeps half of what it divided before.
__device__ inline int block_number() {
  int number;
  asm volatile("mov.u32 %0, %%ctaid.x;" : "=r"(number));
  const int lane = static_cast<int>(threadIdx.x & 31);
  number += lane;
  pin(number);
  return number - lane;
}

/// The number of the warp in its block, known to be the same for all lanes: behind a branch on the
/// thread's number the assembler would write everything twice, for warps that are together and for
/// warps that may not be. By all lanes of a warp, which otherwise waits for ever.
__device__ inline int warp_number() {
  int warp = static_cast<int>(threadIdx.x) / 32;
  asm volatile("shfl.sync.idx.b32 %0, %0, 0, 31, 0xffffffff;" : "+r"(warp));
  return warp;
}

/// `count` neighbouring elements of `bytes` bytes in registers.
template <int count, int bytes = 2>
struct Elements {
  static_assert(count == 1 || count == 2 || count == 4 || count * bytes == 16,
                "Elements: 1, 2, 4 or 8 elements fit a load");
  static_assert(bytes == 2 || bytes == 4);
  static constexpr int words = count * bytes <= 4 ? 1 : count * bytes / 4;
  Word word[words];
};

template <int count, int bytes = 2>
__device__ Elements<count, bytes> load_shared(SharedAddress address) {
  Elements<count, bytes> out;
  if constexpr (count * bytes == 2) {
    unsigned short bits;
    asm volatile("ld.shared.u16 %0, [%1];" : "=h"(bits) : "r"(address) : "memory");
    out.word[0] = bits;
  } else if constexpr (count * bytes == 4) {
    asm volatile("ld.shared.u32 %0, [%1];" : "=r"(out.word[0]) : "r"(address) : "memory");
  } else if constexpr (count * bytes == 8) {
    asm volatile("ld.shared.v2.u32 {%0, %1}, [%2];"
                 : "=r"(out.word[0]), "=r"(out.word[1])
                 : "r"(address)
                 : "memory");
  } else {
    asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(out.word[0]), "=r"(out.word[1]), "=r"(out.word[2]), "=r"(out.word[3])
                 : "r"(address)
                 : "memory");
  }
  return out;
}

template <int count, int bytes>
__device__ void store_shared(SharedAddress address, const Elements<count, bytes>& value) {
  if constexpr (count * bytes == 2) {
    asm volatile("st.shared.u16 [%0], %1;" ::"r"(address),
                 "h"(static_cast<unsigned short>(value.word[0]))
                 : "memory");
  } else if constexpr (count * bytes == 4) {
    asm volatile("st.shared.u32 [%0], %1;" ::"r"(address), "r"(value.word[0]) : "memory");
  } else if constexpr (count * bytes == 8) {
    asm volatile("st.shared.v2.u32 [%0], {%1, %2};" ::"r"(address), "r"(value.word[0]),
                 "r"(value.word[1])
                 : "memory");
  } else {
    asm volatile("st.shared.v4.u32 [%0], {%1, %2, %3, %4};" ::"r"(address), "r"(value.word[0]),
                 "r"(value.word[1]), "r"(value.word[2]), "r"(value.word[3])
                 : "memory");
  }
}

template <class Storage, int count, int bytes>
__device__ float element(const Elements<count, bytes>& value, int index) {
  static_assert(bytes == sizeof(Bits<Storage>));
  if constexpr (bytes == 4) {
    return widen<Storage>(value.word[index]);
  } else {
    const Word word = value.word[count >= 4 ? index / 2 : 0];
    return index % 2 == 0 ? Packed<Storage>::first(word) : Packed<Storage>::second(word);
  }
}

/// Neighbouring elements to global memory, where they begin at a multiple of their size.
template <int count, int bytes>
__device__ void store_global(void* to, const Elements<count, bytes>& value) {
  if constexpr (count * bytes == 2) {
    *static_cast<unsigned short*>(to) = static_cast<unsigned short>(value.word[0]);
  } else if constexpr (count * bytes == 4) {
    *static_cast<Word*>(to) = value.word[0];
  } else {
    static_assert(count * bytes == 8, "store_global: 2, 4 or 8 bytes");
    *static_cast<uint2*>(to) = make_uint2(value.word[0], value.word[1]);
  }
}

template <class Storage, int count>
__device__ Elements<count, sizeof(Bits<Storage>)> elements(const float (&value)[count]) {
  Elements<count, sizeof(Bits<Storage>)> out;
  if constexpr (sizeof(Bits<Storage>) == 4) {
#pragma unroll
    for (int n = 0; n < count; ++n) out.word[n] = narrow<Storage>(value[n]);
  } else if constexpr (count == 1) {
    out.word[0] = Packed<Storage>::pack(value[0], 0.0f);
  } else {
#pragma unroll
    for (int n = 0; n < count; n += 2)
      out.word[n / 2] = Packed<Storage>::pack(value[n], value[n + 1]);
  }
  return out;
}

__device__ inline void load_shared_16(SharedAddress address, Word (&out)[4]) {
  asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(address)
               : "memory");
}
__device__ inline void store_shared_16(SharedAddress address, const Word (&value)[4]) {
  asm volatile("st.shared.v4.u32 [%0], {%1, %2, %3, %4};" ::"r"(address), "r"(value[0]),
               "r"(value[1]), "r"(value[2]), "r"(value[3])
               : "memory");
}
__device__ inline void store_shared_float(SharedAddress to, float value) {
  asm volatile("st.shared.f32 [%0], %1;" ::"r"(to), "f"(value) : "memory");
}
__device__ inline float load_shared_float(SharedAddress from) {
  float value;
  asm volatile("ld.shared.f32 %0, [%1];" : "=f"(value) : "r"(from) : "memory");
  return value;
}
__device__ inline void store_shared_bits(SharedAddress address, unsigned short bits) {
  asm volatile("st.shared.u16 [%0], %1;" ::"r"(address), "h"(bits) : "memory");
}
__device__ inline void store_shared_bits(SharedAddress address, unsigned bits) {
  asm volatile("st.shared.u32 [%0], %1;" ::"r"(address), "r"(bits) : "memory");
}

/// One or two neighbouring floats.
template <int count>
__device__ void load_shared_floats(SharedAddress address, float (&out)[count]) {
  static_assert(count == 1 || count == 2);
  if constexpr (count == 1) {
    asm volatile("ld.shared.f32 %0, [%1];" : "=f"(out[0]) : "r"(address) : "memory");
  } else {
    asm volatile("ld.shared.v2.f32 {%0, %1}, [%2];"
                 : "=f"(out[0]), "=f"(out[1])
                 : "r"(address)
                 : "memory");
  }
}
template <int count>
__device__ void store_shared_floats(SharedAddress address, const float (&value)[count]) {
  static_assert(count == 1 || count == 2);
  if constexpr (count == 1) {
    asm volatile("st.shared.f32 [%0], %1;" ::"r"(address), "f"(value[0]) : "memory");
  } else {
    asm volatile("st.shared.v2.f32 [%0], {%1, %2};" ::"r"(address), "f"(value[0]), "f"(value[1])
                 : "memory");
  }
}

/// Any number of neighbouring elements, in the fewest stores that their alignment allows:
/// `address` is a multiple of 2·count bytes.
template <class Storage, int count>
__device__ void store_row(SharedAddress address, const float (&value)[count]) {
  if constexpr (count == 8) {
    store_shared_16(
        address,
        {Packed<Storage>::pack(value[0], value[1]), Packed<Storage>::pack(value[2], value[3]),
         Packed<Storage>::pack(value[4], value[5]), Packed<Storage>::pack(value[6], value[7])});
  } else if constexpr (count == 1 || count == 2 || count == 4) {
    store_shared(address, elements<Storage>(value));
  } else {
    constexpr int together = count % 2 == 0 ? 2 : 1;
#pragma unroll
    for (int n = 0; n < count; n += together) {
      float some[together];
#pragma unroll
      for (int k = 0; k < together; ++k) some[k] = value[n + k];
      store_shared(address + 2 * n, elements<Storage>(some));
    }
  }
}

/// Starts a copy of 16 bytes into shared memory, past L1.
__device__ inline void copy_async_16(SharedAddress to, const void* from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
}
/// 16, 8 or 4 bytes from global to shared memory, beside what the thread goes on with.
template <int bytes>
__device__ void copy_async(SharedAddress to, const void* from) {
  if constexpr (bytes == 16) {
    copy_async_16(to, from);
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2;" ::"r"(to), "l"(from), "n"(bytes)
                 : "memory");
  }
}
/// Closes a group of copies, empty or not.
__device__ inline void copy_async_commit() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}
/// Waits until at most `pending` of this thread's newest groups are under way.
template <int pending>
__device__ void copy_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}

/// Barriers of hardware, by number; 0 is that of __syncthreads.
struct Barrier {
  static constexpr int meeting = 1;    ///< warps that compute and warps that move data
  static constexpr int computing = 2;  ///< warps that compute
  static constexpr int reports = 3;    ///< backward_io.cuh
  // Where some computing warps lead and others follow (staggered_warps.cuh), the first two are of
  // those that lead.
  static constexpr int following_meeting = 4;  ///< warps that follow and warps that move data
  static constexpr int may_follow = 5;         ///< leading warps have begun a step
  static constexpr int following_share = 6;    ///< following warps are through with one
  static constexpr int count = 7;
};

#ifdef FLASHRNN_RACECHECK
/// In place of barriers of hardware where the warps of a block stand at different places, for
/// racecheck of compute-sanitizer. It loses track of these where some warps pass another barrier in
/// the meantime, and reports what they order; of an mbarrier at which all threads arrive it does
/// not.
__device__ inline SharedAddress meeting_barrier(int barrier) {
  __shared__ unsigned long long barriers[Barrier::count];
  return shared_address(barriers + barrier);
}
template <int threads, int barrier>
__device__ void prepare_meeting() {
  if (threadIdx.x == 0)
    asm volatile("mbarrier.init.shared.b64 [%0], %1;" ::"r"(meeting_barrier(barrier)), "n"(threads)
                 : "memory");
  __syncthreads();
}
template <int threads, int barrier>
__device__ void meet() {
  asm volatile(
      "{\n.reg .b64 phase;\n.reg .pred done;\n"
      "mbarrier.arrive.shared.b64 phase, [%0];\nwaiting:\n"
      "mbarrier.test_wait.shared.b64 done, [%0], phase;\n@!done bra waiting;\n}" ::"r"(
          meeting_barrier(barrier))
      : "memory");
}
template <int threads, int barrier>
__device__ void wait_for_others() {
  meet<threads, barrier>();
}
template <int threads, int barrier>
__device__ void arrive_for_others() {
  asm volatile("mbarrier.arrive.shared.b64 _, [%0];" ::"r"(meeting_barrier(barrier)) : "memory");
}
#else
/// Before threads meet at a barrier, by all of the block.
template <int threads, int barrier>
__device__ void prepare_meeting() {}
template <int threads, int barrier>
__device__ void meet() {
  asm volatile("barrier.sync %0, %1;" ::"n"(barrier), "n"(threads) : "memory");
}
/// Of `threads` threads some wait at a barrier until all have arrived, the others do not wait. By
/// all lanes of a warp at the same place.
template <int threads, int barrier>
__device__ void wait_for_others() {
  asm volatile("bar.sync %0, %1;" ::"n"(barrier), "n"(threads) : "memory");
}
template <int threads, int barrier>
__device__ void arrive_for_others() {
  asm volatile("bar.arrive %0, %1;" ::"n"(barrier), "n"(threads) : "memory");
}
#endif

/// All `threads` threads of the block, wherever they are in the code: warps that compute and warps
/// that move data meet here. Orders their shared-memory accesses. Named and counted, because the
/// barrier of __syncthreads is for threads that stand at one place; for the same reason not
/// `.aligned` (which `bar.sync` is): synccheck of compute-sanitizer reports that.
template <int threads>
__device__ void block_barrier() {
  meet<threads, Barrier::meeting>();
}

/// The same from code that only some lanes may have come through: PTX wants the warp at one place.
template <int threads, int barrier = Barrier::meeting>
__device__ void block_barrier_converged() {
  __syncwarp();
  meet<threads, barrier>();
}

/// The first `threads` threads in role, those that compute; one warp needs no barrier.
template <int threads>
__device__ void compute_barrier() {
  if constexpr (threads == 32) {
    __syncwarp();
  } else {
    asm volatile("bar.sync %0, %1;" ::"n"(Barrier::computing), "n"(threads) : "memory");
  }
}

/// Registers per thread of the warps that move data, once they have given theirs away.
inline constexpr int io_registers = 88;

/// On sm_90a a group of four warps may give registers to others of its block, once its role is
/// clear. 0: everybody keeps what the launch gave.
template <int compute_registers>
__device__ void give_registers() {
  if constexpr (compute_registers > 0)
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(io_registers));
}
template <int compute_registers>
__device__ void take_registers() {
  if constexpr (compute_registers > 0)
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(compute_registers));
}

/// On sm_90 and newer a kernel may start beside the one in front of it in the stream: once all
/// blocks of that one have called the first function. The second waits until it has ended and what
/// it wrote can be read. Elsewhere kernels run one after the other.
__device__ inline void let_next_kernel_start() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;");
#endif
}
__device__ inline void wait_for_previous_kernel() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

/// Zeroes `bytes` (a multiple of 16) of shared memory by all threads of the block.
__device__ inline void clear_shared(SharedAddress begin, int bytes) {
  const Word zero[4] = {0, 0, 0, 0};
  for (int at = 16 * static_cast<int>(threadIdx.x); at < bytes;
       at += 16 * static_cast<int>(blockDim.x))
    store_shared_16(begin + at, zero);
}

}  // namespace flashrnn::cuda
