// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fragments.cuh"

// How the blocks that share a head hand a vector (h forward, gate gradients backward) to each
// other, once per step.
//
// The vector is cut into chunks of 8 elements; a packet is one chunk of one row of the batch, 16
// bytes, or half a chunk of floats. Packets lie [chunk, half, row], so that a warp which reads a
// right-hand fragment reads neighbouring packets, and 4 neighbouring packets (of each half) leave a
// warp together. Vectors are numbered: 0 is the initial one, n + 1 what step n gives.
//
//   InCluster   The blocks are one cluster (sm_90). Every packet is written into the shared memory
//               of every block (st.async), which counts the bytes in an mbarrier per part of k.
//   Through L2  Any blocks that run at the same time. A packet is written once to global memory and
//               read by every block until it is there: memory is filled with a pattern that no
//               packet has. Two vectors in a row are told apart by their slots, of which there is a
//               ring; slots are filled with the pattern again half a ring ahead of their use.

namespace flashrnn::cuda {

// An exchange stands at one vector, which is waited for and read, and sends the one after it. So
// that nothing is computed between the arrival of a vector and its use, or between a result and its
// departure, addresses are those of the step at hand, and go on to the next where nobody waits:
// has_read() after the vector is read, turn() at the end of the step.

/// 1 after an even step, -1 after an odd one: what alternates goes there and back.
__device__ inline int alternating(unsigned number) {
  return 1 - 2 * static_cast<int>(number & 1);
}

/// Sizes of the vector and how it is dealt to `k_groups` groups of warps. `halves`: packets that
/// make up a chunk, 2 for floats. `split`: blocks that share k, block n of a cluster reading the
/// n-th part of the vector.
template <int chunks_, int batch_, int k_groups_, int blocks_, int halves_, int split_ = 1>
struct ExchangeShape {
  static_assert(batch_ == 1 || batch_ == 2 || batch_ % 4 == 0, "ExchangeShape: rows");
  static_assert(blocks_ % split_ == 0, "ExchangeShape: whole clusters share k");
  static constexpr int split = split_, own_chunks = chunks_ / split;
  static constexpr int chunks = chunks_, batch = batch_, k_groups = k_groups_, blocks = blocks_;
  static constexpr int n_tiles = (batch + 7) / 8;
  // 4 chunks are the k of two mma's: lane column q reads chunk 4·pair + q.
  static constexpr int pairs = ((own_chunks + 3) / 4 + k_groups - 1) / k_groups;
  static constexpr int group_chunks = 4 * pairs;
  static constexpr bool even = group_chunks * k_groups == own_chunks;
  static constexpr int halves = halves_, chunk_packets = batch * halves;
  static constexpr int packets = chunks * chunk_packets;
  // Packets that a warp sends at once; every packet is in as many lanes as there are left.
  static constexpr int sent = 4 * halves, holders = 32 / sent;
  /// Columns of a product that repeat a row of the batch, neighbouring ones.
  static constexpr int copies = batch >= 8 ? 1 : 8 / batch;
  /// Row of the batch that lane row `row` supplies.
  static __device__ int supplied_row(int row) { return row / copies; }
};

// ---- through the shared memory of a cluster --------------------------------------------------

__device__ inline SharedAddress address_in_block(SharedAddress own, int rank) {
  SharedAddress out;
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(out) : "r"(own), "r"(rank));
  return out;
}
/// All threads of all blocks of the cluster; orders their shared-memory accesses.
__device__ inline void cluster_barrier() {
  asm volatile("barrier.cluster.arrive.release;\nbarrier.cluster.wait.acquire;" ::: "memory");
}
__device__ inline void barrier_init(SharedAddress barrier) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(barrier) : "memory");
}
__device__ inline void barrier_init_visible() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}
/// Starts a phase of the barrier that ends when `bytes` have arrived.
__device__ inline void barrier_expect(SharedAddress barrier, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes)
               : "memory");
}
__device__ inline void barrier_wait(SharedAddress barrier, Word parity) {
  asm volatile(
      "{\n.reg .pred done;\nwaiting:\n"
      "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 done, [%0], %1;\n"
      "@!done bra waiting;\n}" ::"r"(barrier),
      "r"(parity)
      : "memory");
}
__device__ inline void store_async_16(SharedAddress to, const Word (&value)[4],
                                      SharedAddress barrier) {
  asm volatile(
      "st.async.shared::cluster.mbarrier::complete_tx::bytes.v4.b32 [%0], {%1, %2, %3, %4}, "
      "[%5];" ::"r"(to),
      "r"(value[0]), "r"(value[1]), "r"(value[2]), "r"(value[3]), "r"(barrier)
      : "memory");
}

template <class Shape_>
class InCluster {
 public:
  using Shape = Shape_;
  static constexpr int buffer_bytes =
      Shape::k_groups * Shape::group_chunks * Shape::chunk_packets * 16;
  static constexpr int barriers_at = 2 * buffer_bytes;
  static constexpr int shared_bytes = (barriers_at + 16 * Shape::k_groups + 127) / 128 * 128;
  static constexpr Index memory_bytes = 0;

  /// By all threads, once; `shared` is where shared_bytes of cleared shared memory begin. The block
  /// and then the cluster meet before anything is sent.
  __device__ void start(SharedAddress shared, unsigned char*, const Lane& lane, int k_group,
                        int = 0) {
    static_assert(Shape::split == 1, "InCluster: every block reads all of the vector");
    const int chunk = Shape::group_chunks * k_group + lane.column;
#pragma unroll
    for (int half = 0; half < Shape::halves; ++half) {
      own_[half] =
          shared + packet_offset(chunk, half * Shape::batch + Shape::supplied_row(lane.row));
      pin(own_[half]);
    }
    barrier_ = shared + barriers_at + 8 * k_group;
    bytes_ = 16 * Shape::chunk_packets *
             ::min(Shape::group_chunks, ::max(0, Shape::chunks - Shape::group_chunks * k_group));
    pin(barrier_);
    if (!Shape::even) pin(bytes_);
    const int l = static_cast<int>(threadIdx.x) & 31;
#pragma unroll
    for (int i = 0; i < destinations; ++i)
      block_[i] = address_in_block(shared, (l / Shape::sent + Shape::holders * i) % Shape::blocks);
    if (threadIdx.x == 0) {
      for (int n = 0; n < 2 * Shape::k_groups; ++n) {
        barrier_init(shared + barriers_at + 8 * n);
        const int rest = Shape::chunks - Shape::group_chunks * (n % Shape::k_groups);
        barrier_expect(shared + barriers_at + 8 * n,
                       16 * Shape::chunk_packets * ::min(Shape::group_chunks, ::max(0, rest)));
      }
      barrier_init_visible();
    }
  }
  __device__ static void meet() {
    cluster_barrier();
  }

  /// Nothing can be read before it is known to be there.
  static constexpr bool asks_early = false;
  /// Waits until the own part of the vector, which is vector `number`, is there.
  __device__ void wait(unsigned number) const {
    barrier_wait(barrier_, (number >> 1) & 1);
  }
  /// By one thread per k group after wait(): gets ready for the vector after the next.
  __device__ void rearm() const {
    barrier_expect(barrier_,
                   Shape::even ? 16 * Shape::chunk_packets * Shape::group_chunks : bytes_);
  }
  __device__ void has_read(unsigned) {}
  /// After vector 0 is sent.
  __device__ void begin() {
    buffer_ = buffer_bytes;
    barriers_ = 8 * Shape::k_groups;
  }
  /// From vector `number` to the next.
  __device__ void turn(unsigned number) {
    const int direction = alternating(number);
#pragma unroll
    for (int half = 0; half < Shape::halves; ++half) {
      own_[half] += direction * buffer_bytes;
      keep(own_[half]);
    }
    barrier_ += direction * 8 * Shape::k_groups;
    buffer_ ^= buffer_bytes;
    barriers_ ^= 8 * Shape::k_groups;
    keep(barrier_);
    keep(buffer_);
    keep(barriers_);
  }
  /// The pairs [first, first + count), which are known when the kernel is compiled.
  template <int most>
  __device__ void read(int first, int count,
                       Word (&b)[most][Shape::n_tiles][Shape::halves][4]) const {
#pragma unroll
    for (int j = 0; j < most; ++j)
#pragma unroll
      for (int n = 0; n < Shape::n_tiles; ++n)
#pragma unroll
        for (int half = 0; half < Shape::halves; ++half)
          if (j < count)
            load_shared_16(own_[half] + (first + j) * 64 * Shape::chunk_packets + n * 128,
                           b[j][n][half]);
  }
  template <class Packets>
  __device__ void finish_read(int, int, Packets&) const {}

  /// Where a packet lies in a vector, and what counts it.
  struct Place {
    SharedAddress packet, barrier;
  };
  static __device__ Place place_of(int packet) {
    const int chunk = packet / Shape::chunk_packets;
    return {static_cast<SharedAddress>(packet_offset(chunk, packet % Shape::chunk_packets)),
            static_cast<SharedAddress>(barriers_at + 8 * (chunk / Shape::group_chunks))};
  }
  /// Keeps it in registers.
  static __device__ void hold(Place& place) {
    pin(place.packet);
    pin(place.barrier);
  }
  /// Sends the packets that the warp holds, this lane's being at `place`: lanes l, l + sent, … hold
  /// the same one.
  __device__ void send(const Place& place, bool valid, const Word (&value)[4]) const {
    const SharedAddress at = buffer_ + place.packet, barrier = barriers_ + place.barrier;
    const int l = static_cast<int>(threadIdx.x) & 31;
#pragma unroll
    for (int i = 0; i < destinations; ++i)
      if (valid && l / Shape::sent + Shape::holders * i < Shape::blocks)
        store_async_16(block_[i] + at, value, block_[i] + barrier);
  }
  __device__ static bool empties(unsigned) {
    return false;
  }
  __device__ void empty(unsigned, int, bool) const {}
  __device__ static bool orders(unsigned) {
    return false;
  }

 private:
  static constexpr int destinations = (Shape::blocks + Shape::holders - 1) / Shape::holders;
  /// Packets are exchanged within a chunk so that a warp's reads meet no bank conflicts.
  static __device__ int packet_offset(int chunk, int packet) {
    constexpr int packets = Shape::chunk_packets;
    const int swap = packets >= 8 ? (chunk & 3) * 2 : packets == 4 ? chunk & 2 : 0;
    return 16 * (chunk * packets + (packet ^ swap));
  }

  SharedAddress own_[Shape::halves], barrier_;  ///< of the vector
  SharedAddress buffer_ = 0, barriers_ = 0;     ///< of what is sent, behind those of vector 0
  SharedAddress block_[destinations];
  int bytes_;
};

// ---- through L2 --------------------------------------------------------------------------------

/// Two NaNs of 16 bits with their sign set, or one of 32: conversions to bfloat16 and float16 give
/// NaN as 0x7fff, and who sends floats replaces this one (PacketGatherer).
inline constexpr Word absent = 0xffffffffu;

__device__ inline void load_relaxed_16(const unsigned char* from, Word (&out)[4]) {
  asm volatile("ld.relaxed.gpu.global.v4.b32 {%0, %1, %2, %3}, [%4];"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "l"(from)
               : "memory");
}
__device__ inline void store_relaxed_16(unsigned char* to, const Word (&value)[4]) {
  asm volatile("st.relaxed.gpu.global.v4.b32 [%0], {%1, %2, %3, %4};" ::"l"(to), "r"(value[0]),
               "r"(value[1]), "r"(value[2]), "r"(value[3])
               : "memory");
}
/// The largest word of a packet: `absent` if something of it has not arrived.
__device__ inline Word largest(const Word (&packet)[4]) {
  return ::max(::max(packet[0], packet[1]), ::max(packet[2], packet[3]));
}
__device__ inline void device_fence() {
  asm volatile("fence.acq_rel.gpu;" ::: "memory");
}

template <class Shape_>
class ThroughL2 {
 public:
  using Shape = Shape_;
  static constexpr int shared_bytes = 0;
  static constexpr unsigned slots = exchange_slots(16 * Shape::packets), half = slots / 2;
  static constexpr Index memory_bytes = Index(slots) * 16 * Shape::packets;

  /// `memory`: memory_bytes of the head and batch tile, all `absent`. `part`: the block's of the
  /// head.
  __device__ void start(SharedAddress, unsigned char* memory, const Lane& lane, int k_group,
                        int part = 0) {
    memory_ = slot_ = memory;
    chunk_ = Shape::group_chunks * k_group + lane.column;
    own_ = 16 * ((part % Shape::split * Shape::own_chunks + chunk_) * Shape::chunk_packets +
                 Shape::supplied_row(lane.row));
    pin(own_);
  }
  __device__ static void meet() {}
  /// Packets are asked for before the thread turns to other work: an answer takes 500 cycles.
  static constexpr bool asks_early = true;
  __device__ void wait(unsigned) const {}
  __device__ void rearm() const {}
  /// The vector after it is vector `next`, which is sent and asked for now.
  __device__ void has_read(unsigned next) {
    slot_ = slot(next);
    keep(slot_);
  }
  __device__ void begin() {}
  __device__ void turn(unsigned) {}

  /// Asks for the pairs [first, first + count), which are known when the kernel is compiled; what
  /// has not arrived is asked for again by finish_read.
  template <int most>
  __device__ void read(int first, int count,
                       Word (&b)[most][Shape::n_tiles][Shape::halves][4]) const {
    const unsigned char* const from = slot_ + own_;
#pragma unroll
    for (int j = 0; j < most; ++j)
#pragma unroll
      for (int n = 0; n < Shape::n_tiles; ++n)
#pragma unroll
        for (int half = 0; half < Shape::halves; ++half) {
          if (j >= count) continue;
          Word(&packet)[4] = b[j][n][half];
          if (there(first + j)) {
            load_relaxed_16(from + offset(first + j, n, half), packet);
          } else {
            packet[0] = packet[1] = packet[2] = packet[3] = 0;
          }
        }
  }
  template <int most_pairs>
  __device__ void finish_read(int first, int count,
                              Word (&b)[most_pairs][Shape::n_tiles][Shape::halves][4]) const {
    const unsigned char* const from = slot_ + own_;
    for (;;) {
      // `absent` is the largest word.
      Word most = 0;
#pragma unroll
      for (int j = 0; j < most_pairs; ++j) {
        if (j >= count) continue;
        Word of_pair = 0;
#pragma unroll
        for (int n = 0; n < Shape::n_tiles; ++n)
#pragma unroll
          for (int half = 0; half < Shape::halves; ++half)
            of_pair = ::max(of_pair, largest(b[j][n][half]));
        most = ::max(most, of_pair);
      }
      if (!__any_sync(0xffffffffu, most == absent)) return;
#pragma unroll
      for (int j = 0; j < most_pairs; ++j)
#pragma unroll
        for (int n = 0; n < Shape::n_tiles; ++n)
#pragma unroll
          for (int half = 0; half < Shape::halves; ++half)
            if (j < count && largest(b[j][n][half]) == absent)
              load_relaxed_16(from + offset(first + j, n, half), b[j][n][half]);
    }
  }
  using Place = int;  ///< of a packet in a vector, in bytes
  static __device__ Place place_of(int packet) {
    return 16 * packet;
  }
  static __device__ void hold(Place& place) {
    pin(place);
  }
  __device__ void send(Place place, bool valid, const Word (&value)[4]) const {
    if (valid && (threadIdx.x & 31) < Shape::sent) store_relaxed_16(slot_ + place, value);
  }
  /// Whether slots are emptied after vector `number`, which is not 0, is sent: twice per ring.
  __device__ static bool empties(unsigned number) {
    return number % half == 0;
  }
  /// Empties the slots that everybody has read, of a packet that this lane sends. Who sends vector
  /// n has all of vector n - 1, which its senders sent after they had all of n - 2.
  __device__ void empty(unsigned number, int packet, bool valid) const {
    if (!valid || (threadIdx.x & 31) >= Shape::sent) return;
    const Word pattern[4] = {absent, absent, absent, absent};
#pragma unroll 1
    for (unsigned n = number > half ? number - half - 1 : 0; n + 1 < number; ++n)
      store_relaxed_16(slot(n) + 16 * packet, pattern);
  }
  /// Whether all threads pass a fence after vector `number` is sent. The first, after the slots are
  /// emptied, puts the pattern before the packets that the thread sends next; the second, two steps
  /// later, is a reader's, which has seen those packets and passes it before it looks at the slots.
  __device__ static bool orders(unsigned number) {
    return (number % half & ~2u) == 0;
  }

 private:
  __device__ unsigned char* slot(unsigned number) const {
    return memory_ + (number % slots) * (16 * Shape::packets);
  }
  static __device__ constexpr int offset(int pair, int n, int half) {
    return pair * 64 * Shape::chunk_packets + 128 * n + 16 * Shape::batch * half;
  }
  __device__ bool there(int pair) const {
    return Shape::own_chunks % (4 * Shape::k_groups) == 0 || chunk_ + 4 * pair < Shape::own_chunks;
  }
  unsigned char *memory_, *slot_;  ///< all slots; the vector's
  int own_, chunk_;                ///< in the vector; of those that the block reads
};

template <bool in_cluster, class Shape>
struct ExchangeChoice {
  using Type = InCluster<Shape>;
};
template <class Shape>
struct ExchangeChoice<false, Shape> {
  using Type = ThroughL2<Shape>;
};
template <bool in_cluster, class Shape>
using ExchangeOf = typename ExchangeChoice<in_cluster, Shape>::Type;

}  // namespace flashrnn::cuda
