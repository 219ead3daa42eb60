// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spread_exchange.cuh"

// How the lanes of a warp, which have an element each, make the packets that blocks hand to each
// other.

namespace flashrnn::cuda {

/// Puts packets together from `vectors` elements per lane, of which 8 lanes hold a packet's: lanes
/// 8·n … 8·n + 7 those of chunk n. In shared memory: a store and a load of the same warp take half
/// as long as the two shuffles, one after the other, that would do the same. Of floats that are
/// scaled, the first packet of a chunk has the first parts, the second the others.
template <class Storage, int vectors>
class PacketGatherer {
 public:
  static constexpr bool scaled = Parts<Storage>::scaled;
  static constexpr int halves = sizeof(Bits<Storage>) / 2, chunk_bytes = 16 * halves,
                       vector_bytes = 4 * chunk_bytes, bytes = vectors * vector_bytes;

  /// `shared`: `bytes` of the warp's own.
  __device__ void start(SharedAddress shared) {
    const int lane = static_cast<int>(threadIdx.x) & 31;
    write_ = scaled ? shared + lane / 8 * chunk_bytes + lane % 8 * 2
                    : shared + lane * static_cast<int>(sizeof(Bits<Storage>));
    read_ = shared + lane % 4 * chunk_bytes + (halves == 2 ? lane / 4 % 2 * 16 : 0);
    keep(write_);
    keep(read_);
  }
  /// By all lanes, before get(). No word of floats is `absent`; elements that are scaled have been
  /// multiplied.
  __device__ void put(const Bits<Storage> (&bits)[vectors]) const {
#pragma unroll
    for (int n = 0; n < vectors; ++n) {
      if constexpr (scaled) {
        Word part[2];
        split_scaled(__uint_as_float(bits[n]), 0, part);
#pragma unroll
        for (int p = 0; p < 2; ++p)
          store_shared_bits(write_ + n * vector_bytes + 16 * p,
                            static_cast<unsigned short>(part[p]));
      } else if constexpr (halves == 2) {
        store_shared_bits(write_ + n * vector_bytes,
                          bits[n] == absent ? 0x7fffffffu : bits[n]);  // one NaN for another
      } else {
        store_shared_bits(write_ + n * vector_bytes, bits[n]);
      }
    }
    __syncwarp();
  }
  /// Lanes l, l + 4, … get all of chunk l % 4 of a vector; of floats lanes l, l + 8, … half l / 4 %
  /// 2 of it.
  __device__ void get(int vector, Word (&packet)[4]) const {
    load_shared_16(read_ + vector * vector_bytes, packet);
  }
  /// Between get() and a put() without a barrier between them.
  static __device__ void again() {
    __syncwarp();
  }

 private:
  SharedAddress write_, read_;
};

/// 8 lanes hold one 16-bit element each of a packet, four packets a warp. Gives lanes l, l + 4, …
/// all of packet l % 4.
__device__ inline void gather_packet(unsigned short bits, Word (&packet)[4]) {
  constexpr unsigned all = 0xffffffffu;
  const int lane = static_cast<int>(threadIdx.x) & 31;
  const Word next = __shfl_down_sync(all, static_cast<Word>(bits), 1);
  const Word pair = static_cast<Word>(bits) | next << 16;  // of use in even lanes
#pragma unroll
  for (int n = 0; n < 4; ++n) packet[n] = __shfl_sync(all, pair, 8 * (lane % 4) + 2 * n);
}

}  // namespace flashrnn::cuda
