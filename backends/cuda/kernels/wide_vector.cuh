// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spread_exchange.cuh"
#include "warp_group.cuh"

// How vectors of wide batch tiles (wide_forward.cuh) come from L2 into shared memory, where wgmma
// reads them: packets lie there as they do in L2, which is as wgmma wants its core matrices.

namespace flashrnn::cuda {

/// Brings vector after vector from L2 into shared memory. By the group of warps that does so.
template <class Tile>
struct VectorBringer {
  const unsigned char* slot;  // of the vector, from this thread's first packet on
  SharedAddress vector;       // likewise
  SharedAddress barriers;
  int thread;

  using Packets = Word[Tile::questions][4];
  /// This thread has packets n · bringing further on, up to the section's or the vector's end.
  __device__ bool has(int section, int n) const {
    return thread < ::min(Tile::section_packets, Tile::packets - section * Tile::section_packets) -
                        n * Tile::bringing;
  }
  static __device__ constexpr int offset(int section, int n) {
    return 16 * (section * Tile::section_packets + n * Tile::bringing);
  }
  __device__ void ask(int section, Packets& packet) const {
#pragma unroll
    for (int n = 0; n < Tile::questions; ++n) {
      packet[n][0] = packet[n][1] = packet[n][2] = packet[n][3] = 0;
      if (has(section, n)) load_relaxed_16(slot + offset(section, n), packet[n]);
    }
  }
  /// Asks again for what was not there, puts the section into shared memory and says so.
  __device__ void finish(int section, Packets& packet) const {
    for (;;) {
      bool missing = false;
#pragma unroll
      for (int n = 0; n < Tile::questions; ++n) missing = missing || largest(packet[n]) == absent;
      if (!__any_sync(0xffffffffu, missing)) break;
#pragma unroll
      for (int n = 0; n < Tile::questions; ++n)
        if (largest(packet[n]) == absent) load_relaxed_16(slot + offset(section, n), packet[n]);
    }
#pragma unroll
    for (int n = 0; n < Tile::questions; ++n)
      if (has(section, n)) store_shared_16(vector + offset(section, n), packet[n]);
    publish_to_products();
    __syncwarp();
    if (thread % 32 == 0) arrive(barriers + 8 * section);
  }
  /// One vector. What comes after the first section is asked for when that is there: before, most
  /// answers would be that nothing is.
  __device__ void bring() const {
    Packets packet[Tile::ahead];
    ask(0, packet[0]);
    finish(0, packet[0]);
#pragma unroll
    for (int j = 0; j < Tile::ahead; ++j)
      if (1 + j < Tile::sections) ask(1 + j, packet[j]);
#pragma unroll
    for (int section = 1; section < Tile::sections; ++section) {
      Packets& own = packet[(section - 1) % Tile::ahead];
      finish(section, own);
      if (section + Tile::ahead < Tile::sections) ask(section + Tile::ahead, own);
    }
  }
};

template <class Tile>
__device__ void bring_vectors(const unsigned char* memory, SharedAddress vector,
                              SharedAddress barriers, Index steps) {
  const int thread = static_cast<int>(threadIdx.x) - 32 * Tile::warps;
  VectorBringer<Tile> bringer{memory, vector, barriers, thread};
  for (Index step = 0; step < steps; ++step) {
    const auto number = static_cast<unsigned>(step);
#pragma unroll 1
    for (int stream = 0; stream < Tile::streams; ++stream) {
      bringer.barriers = barriers + 8 * Tile::barriers * stream;
      if (step > 0) wait_for_arrivals(bringer.barriers + 8 * Tile::sections, (number - 1) & 1);
      bringer.vector = vector + Tile::vector_bytes * stream + 16 * thread;
      bringer.slot = memory + stream * Tile::exchange_bytes +
                     static_cast<Index>(number % wide_exchange_slots) * (16 * Tile::packets) +
                     16 * thread;
      bringer.bring();
    }
    // This thread has seen packets that were sent after slots were emptied; it looks at those slots
    // after the fence (ThroughL2::orders).
    if (number % (wide_exchange_slots / 2) == 1) device_fence();
  }
}

}  // namespace flashrnn::cuda
