// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sequence_io.cuh"

// What a lane works on in a wide batch tile (wide_forward.cuh), and how x reaches it ahead of time.

namespace flashrnn::cuda {

/// What a lane works on: a unit, and rows of the batch `round_rows` apart.
template <class Tile>
struct WideUnit {
  int block_unit, unit;  ///< of the block and of the head
  int tile_row, row;     ///< of the first stream's first round, in the batch tile and the batch
  int rows;              ///< of the batch from `row` on; none if the unit does not exist
  int place;             ///< in the vector, of the packet of row tile_row - lane / 8 + lane % 4
  __device__ WideUnit(const Shape& shape, Index first_row, int part, int row_group) {
    const int lane = static_cast<int>(threadIdx.x) & 31;
    const int warp = static_cast<int>(threadIdx.x) / 32 % 4;
    const int chunk = warp % Tile::group_chunks, quad = warp / Tile::group_chunks;
    tile_row = 4 * quad + lane / 8;
    block_unit = row_group * Tile::group_units + 8 * chunk + lane % 8;
    unit = part * Tile::units + block_unit;
    row = static_cast<int>(first_row) + tile_row;
    rows = unit < shape.head_dim && row < shape.batch
               ? static_cast<int>(::min(shape.batch - row, Index(Tile::streams * Tile::batch)))
               : 0;
    place = ((part * Tile::units + row_group * Tile::group_units) / 8 + chunk) * Tile::batch +
            4 * quad + lane % 4;
  }
  /// Whether the warp's four rows of a round are rows of the batch tile.
  static __device__ bool works(int round) {
    if (Tile::quads % Tile::chunk_warps == 0) return true;
    const int warp = static_cast<int>(threadIdx.x) / 32 % 4;
    return warp / Tile::group_chunks + Tile::chunk_warps * round < Tile::quads;
  }
  /// Whether the unit and its row of a round exist.
  __device__ bool valid(int stream, int round) const {
    return works(round) && stream * Tile::batch + Tile::round_rows * round < rows;
  }
};

/// x of a warp's units, a step ahead in shared memory: [round, row, channel, unit].
template <class Tile>
struct WideInput {
  using Storage = typename Tile::Storage;
  using Element = Bits<Storage>;
  const ForwardParameters& p;
  int head;
  SharedAddress own;    // of the lane's row and unit, round 0, channel 0
  const Element* from;  // what the lane brings: 8 units of a channel, or its own unit's channel 0
  bool wide;            // rows can be moved in pieces of 16 bytes

  __device__ WideInput(const ForwardParameters& parameters, int head_, SharedAddress warp_memory,
                       const WideUnit<Tile>& unit)
      : p(parameters), head(head_), wide(parameters.wide_sequences != 0) {
    const int lane = static_cast<int>(threadIdx.x) & 31;
    own = warp_memory + lane / 8 * (16 * Tile::inputs) + 2 * (lane % 8);
    from = row_of<Storage>(p.x, wide ? ::min(lane % 8, Tile::inputs - 1) : 0, 0,
                           unit.rows > 0 ? unit.row : 0, head);
    if (from != nullptr && unit.rows > 0) from += wide ? unit.unit - lane % 8 : unit.unit;
  }
  __device__ SharedAddress place(int stream, int round) const {
    return own + stream * (Tile::warps * Tile::input_bytes) + round * Tile::round_bytes;
  }
  /// Brings the values of a round of the step that `from` is at.
  __device__ void fill(int stream, int round, const WideUnit<Tile>& unit) const {
    const int lane = static_cast<int>(threadIdx.x) & 31;
    if (!unit.valid(stream, round)) return;
    const Element* const at =
        from + (stream * Tile::batch + Tile::round_rows * round) * p.x.strides.batch;
    const SharedAddress to = place(stream, round);
    if (wide) {
      if (lane % 8 < Tile::inputs) copy_async_16(to + 14 * (lane % 8), at);
    } else {
#pragma unroll 1
      for (int n = 0; n < Tile::inputs; ++n)
        store_shared_bits(to + 16 * n, at[n * p.x.strides.channel]);
    }
  }
  __device__ void advance() {
    from += p.x.strides.step;
  }
  __device__ float value(int stream, int round, int n) const {
    return widen<Storage>(
        static_cast<Element>(load_shared<1>(place(stream, round) + 16 * n).word[0]));
  }
};

}  // namespace flashrnn::cuda
