// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/layout.hpp"

// What the host hands to the kernels: the same text on both sides of the launch. Includes nothing
// but layout.hpp, because NVRTC compiles it too. Strides are in elements, as everywhere.

namespace flashrnn::cuda {

/// Upper bound of a cell's gates, states and saved values in these kernels (CheckedCell allows 31
/// gates; more than these would not fit a thread's registers anyway).
inline constexpr int max_gates = 8;

/// A tensor [channel, step, batch, head, D]; null: not given.
struct Sequence {
  void* data = nullptr;
  Strides strides;
};

/// R or dR [gate, head, D_out, D_in].
struct HeadMatrix {
  void* data = nullptr;
  MatrixStrides strides;
};

struct ForwardParameters {
  Shape shape;
  Sequence x, b, s0, states, h, last;
  HeadMatrix R;
  const void* fragments;  ///< R as arrange_fragments has written it (matrix_fragments.cuh)
  Sequence saved;         ///< [T, B, H, K, D] with rows of 16-byte multiples, in the reserve
  float forward_clip;     ///< already rounded to the storage type; infinite if there is none
  int wide_sequences;     ///< x, states, h, saved can be moved in the tile's pieces
  int wide_results;       ///< h, states, saved can be moved in pieces of 16 bytes; of spread heads
};

/// Steps between two reports of the backward recurrence to the kernel that sums dR.
inline constexpr Index progress_steps = 32;
FLASHRNN_FUNCTION constexpr Index chunks_of(Index steps) {
  return (steps + progress_steps - 1) / progress_steps;
}

struct BackwardParameters {
  Shape shape;
  Sequence s0, states, saved, dh, d_last, ds0;
  Sequence d_gate[max_gates];  ///< per gate of the cell, channel 0; null: not stored
  HeadMatrix R;
  const void* fragments;  ///< as in ForwardParameters, of R^T
  float* db_partial;      ///< [batch tiles, G_b, H, D]; null: not wanted
  unsigned* progress;  ///< [H, chunks of the sequence from its end]: blocks that have written their
                       ///< gate gradients; null: nobody asks
  float forward_clip, recurrent_gradient_clip;
  int wide_sequences;  ///< s0, states, saved, dh, d_gate can be moved in the tile's pieces
};

/// Vectors that blocks hand to each other through L2 lie in this many slots, one after the other.
/// More slots need fewer fences; beyond a few megabytes in all they are slower to reach.
constexpr unsigned exchange_slots(Index vector_bytes) {
  return vector_bytes <= 2048 ? 128 : vector_bytes <= 24576 ? 64 : 32;
}
/// Those of wide batch tiles, whose vectors are long.
inline constexpr unsigned wide_exchange_slots = 32;

/// What the kernels of heads spread over several blocks need besides.
struct SpreadParameters {
  unsigned char* exchange;  ///< [group of this launch, slot, packet] of 16 bytes, or null
  Index first_group;        ///< (batch tile · heads + head) that this launch begins with
};
struct SpreadForwardParameters {
  ForwardParameters recurrence;
  SpreadParameters spread;
};
struct SpreadBackwardParameters {
  BackwardParameters recurrence;
  SpreadParameters spread;
};

/// Tiles of R per warp up to which small heads' recurrences read R itself; of more, a kernel in
/// front of them arranges the fragments.
inline constexpr int most_made_fragments = 4;

/// R as the fragments that the kernels of small heads read (matrix_fragments.cuh).
struct ArrangeFragmentsParameters {
  HeadMatrix R;
  void* to;  ///< [H, warps, parts, m-tiles, k-tiles, lanes] of 16 bytes
  Index heads, head_dim;
};

/// R [gate, head, D, D] as the kernels of spread heads read it: rows of `to_rows` elements, a
/// multiple of 8, filled up with zeros, one after the other; transposed for backward.
struct ArrangeParameters {
  HeadMatrix from;
  void* to;
  Index gates, heads, head_dim, to_rows;
  int transpose;
};

/// dR [n] = sum over rows r = (t, b) of d_gate[n][r] ⊗ h_{t-1}[r], in parts of `rows_per_part`
/// rows, counted from the end of the sequence.
struct WeightGradientParameters {
  Shape shape;
  Sequence d_gate[max_gates];  ///< per recurrent gate, in the order of R
  Sequence states, s0;
  float* partial;  ///< [parts, G_R, H, D, D]
  Index rows_per_part;
  const unsigned* progress;  ///< of the kernel that writes d_gate, which may still be running
  unsigned reports;          ///< of a chunk, once all its blocks have written it
  int wide_sequences;
};

/// to = sum over parts of partial [parts, gates, heads, rows, D], always in the same order.
struct SumPartsParameters {
  const float* partial;
  Index parts, gates, heads, rows, head_dim;
  void* to;
  Index gate_stride, head_stride, row_stride;
};

}  // namespace flashrnn::cuda
