// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fragments.cuh"
#include "sequence_io.cuh"

// dR[n] = sum over rows r = (t, b) of d_gate[n][r] ⊗ h_{t-1}[r], for every head: many small matrix
// products whose long axis is the sum. A block sums one part of the rows for one head, some gates
// and some columns; parts are added afterwards in a fixed order (sum_parts). Rows are counted from
// the end of the sequence, as the backward recurrence makes them: this kernel runs beside it and
// follows it.

namespace flashrnn::cuda {

/// What is fixed when the kernel is compiled.
///   gates    gates per block;   columns  of dR per block, a multiple of 16
template <class Storage_, int padded_, int recurrent_, int gates_, int columns_>
struct WeightGradientTile {
  using Storage = Storage_;
  static constexpr int padded = padded_, recurrent = recurrent_, gates = gates_, columns = columns_;
  static constexpr int rows = 32;  // of the sum per stage
  static constexpr int stages = padded >= 64 ? 4 : 3;
  static constexpr int m_tiles = padded / 16, n_tiles = columns / 8;
  static constexpr int threads = 32 * gates * m_tiles;
  static constexpr int gate_groups = (recurrent + gates - 1) / gates;
  static constexpr int column_groups = (padded + columns - 1) / columns;
  static_assert(columns % 16 == 0 && padded % 16 == 0);
  // Rows stand an odd number of 16-byte units apart, so that ldmatrix meets no bank twice.
  static constexpr int gate_pitch = 2 * padded + 16, hidden_pitch = 2 * columns + 16;
  static constexpr int hidden_at = gates * rows * gate_pitch;
  static constexpr int stage_bytes = hidden_at + rows * hidden_pitch;
  static constexpr int shared_bytes = stages * stage_bytes;
};

/// What others have written before they counted this up is there afterwards.
__device__ inline unsigned load_acquire(const unsigned* counter) {
  unsigned value;
  asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(value) : "l"(counter) : "memory");
  return value;
}

/// Four 8 × 8 matrices, transposed: lane l names the row l % 8 of matrix l / 8.
__device__ inline void load_transposed_matrices(SharedAddress row, Word (&out)[4]) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(row)
               : "memory");
}

/// Eight elements of a row, zero where there are none.
template <bool wide>
__device__ void copy_piece(SharedAddress to, const unsigned short* row, int unit, int head_dim) {
  if constexpr (wide) {
    if (row != nullptr && unit < head_dim) {
      copy_async_16(to, row + unit);
    } else {
      store_shared_16(to, {0, 0, 0, 0});
    }
  } else {
    Word word[4];
#pragma unroll
    for (int n = 0; n < 4; ++n) {
      const int at = unit + 2 * n;
      word[n] = (row != nullptr && at < head_dim ? row[at] : 0) |
                (row != nullptr && at + 1 < head_dim ? static_cast<Word>(row[at + 1]) << 16 : 0);
    }
    store_shared_16(to, word);
  }
}

/// Brings stage after stage of the two sequences into shared memory. A thread moves the same pieces
/// of every stage; only its step and row of the batch go on, so there is no division per piece.
template <class Tile, bool wide>
class RowWalker {
 public:
  __device__ RowWalker(const WeightGradientParameters& p, int thread, int head, int first_gate,
                       int first_column, Index begin, int rows)
      : p_(p), thread_(thread), rows_(rows), head_(head), first_column_(first_column) {
    const Index batch = p.shape.batch;
#pragma unroll
    for (int i = 0; i < pieces; ++i) {
      const Index at = begin + row(i);
      step_[i] = p.shape.steps - 1 - at / batch;
      batch_[i] = at % batch;
      const int gate = first_gate + piece(i) / per_gate;
      from_[i] = is_gate(i)
                     ? gate < Tile::recurrent ? row_of(p.d_gate[gate], 0, 0, 0, head) : nullptr
                     : row_of(p.states, 0, 0, 0, head);
      // Stride by stride, because gates of one cell may lie in different tensors.
      const Strides& strides =
          is_gate(i) ? p.d_gate[gate < Tile::recurrent ? gate : 0].strides : p.states.strides;
      step_stride_[i] = strides.step;
      batch_stride_[i] = strides.batch;
    }
    step_advance_ = Tile::rows / batch;
    batch_advance_ = Tile::rows % batch;
  }

  /// The stage whose first row is `first` behind the part's begin; stages come one after the other.
  __device__ void load(SharedAddress stage, int first) {
#pragma unroll
    for (int i = 0; i < pieces; ++i) {
      if (number(i) >= Tile::rows * per_row) continue;
      const bool inside = first + row(i) < rows_;
      const int unit = is_gate(i) ? piece(i) % per_gate * 8
                                  : first_column_ + (piece(i) - Tile::gates * per_gate) * 8;
      const unsigned short* from = nullptr;
      if (is_gate(i)) {
        if (inside && from_[i] != nullptr)
          from = from_[i] + step_[i] * step_stride_[i] + batch_[i] * batch_stride_[i];
      } else if (inside) {
        from = step_[i] > 0
                   ? from_[i] + (step_[i] - 1) * step_stride_[i] + batch_[i] * batch_stride_[i]
                   : row_of(p_.s0, 0, 0, batch_[i], head_);
      }
      const SharedAddress to =
          is_gate(i)
              ? stage + (piece(i) / per_gate * Tile::rows + row(i)) * Tile::gate_pitch + 2 * unit
              : stage + Tile::hidden_at + row(i) * Tile::hidden_pitch + 2 * (unit - first_column_);
      copy_piece<wide>(to, from, unit, static_cast<int>(p_.shape.head_dim));
      step_[i] -= step_advance_;
      batch_[i] += batch_advance_;
      if (batch_[i] >= p_.shape.batch) {
        batch_[i] -= p_.shape.batch;
        --step_[i];
      }
    }
  }

 private:
  static constexpr int per_gate = Tile::padded / 8;
  static constexpr int per_row = Tile::gates * per_gate + Tile::columns / 8;
  static constexpr int pieces = (Tile::rows * per_row + Tile::threads - 1) / Tile::threads;
  __device__ int number(int i) const {
    return thread_ + i * Tile::threads;
  }
  __device__ int row(int i) const {
    return number(i) / per_row;
  }
  __device__ int piece(int i) const {
    return number(i) % per_row;
  }
  __device__ bool is_gate(int i) const {
    return piece(i) < Tile::gates * per_gate;
  }

  const WeightGradientParameters& p_;
  int thread_, rows_, head_, first_column_;
  Index step_[pieces], batch_[pieces], step_stride_[pieces], batch_stride_[pieces];
  const unsigned short* from_[pieces];
  Index step_advance_, batch_advance_;
};

template <class Tile, bool wide>
__device__ void weight_gradient_part(const WeightGradientParameters& p) {
  using Storage = typename Tile::Storage;
  extern __shared__ __align__(128) unsigned char shared_bytes[];
  const SharedAddress shared = shared_address(shared_bytes);
  const int head_dim = static_cast<int>(p.shape.head_dim);
  const int heads = static_cast<int>(p.shape.heads);
  int block = static_cast<int>(blockIdx.x);
  const int head = block % heads;
  block /= heads;
  const int first_column = block % Tile::column_groups * Tile::columns;
  block /= Tile::column_groups;
  const int first_gate = block % Tile::gate_groups * Tile::gates;
  const Index part = block / Tile::gate_groups;

  const Index all_rows = p.shape.steps * p.shape.batch, begin = part * p.rows_per_part;
  const int rows = static_cast<int>(::min(p.rows_per_part, all_rows - begin));
  const int thread = static_cast<int>(threadIdx.x);
  RowWalker<Tile, wide> walker(p, thread, head, first_gate, first_column, begin, rows);
  // Waits until the recurrence has written the rows of a stage.
  Index written = p.progress != nullptr ? 0 : p.shape.steps;
  const auto wait_for = [&](int stage) {
    const Index last_row = begin + ::min(rows, (stage + 1) * Tile::rows) - 1;
    const Index chunk = last_row / p.shape.batch / progress_steps;
    if (chunk < written) return;
    const unsigned* const reports = p.progress + head * chunks_of(p.shape.steps) + chunk;
    while (load_acquire(reports) != p.reports) __nanosleep(500);
    written = chunk + 1;
  };
  const auto load = [&](int stage) {
    wait_for(stage);
    walker.load(shared + stage % Tile::stages * Tile::stage_bytes, stage * Tile::rows);
    copy_async_commit();
  };

  const int warp = thread / 32, in_warp = thread % 32;
  const int gate = warp / Tile::m_tiles, first_row = warp % Tile::m_tiles * 16;
  const int gate_row = in_warp / 16 * 8 + in_warp % 8, gate_column = in_warp / 8 % 2 * 8;
  const int hidden_row = in_warp / 8 % 2 * 8 + in_warp % 8, hidden_column = in_warp / 16 * 8;
  const SharedAddress from_gate =
      shared + (gate * Tile::rows + gate_row) * Tile::gate_pitch + 2 * (first_row + gate_column);
  const SharedAddress from_hidden =
      shared + Tile::hidden_at + hidden_row * Tile::hidden_pitch + 2 * hidden_column;

  float sum[Tile::n_tiles][4];
#pragma unroll
  for (int n = 0; n < Tile::n_tiles; ++n)
#pragma unroll
    for (int e = 0; e < 4; ++e) sum[n][e] = 0;

  const int count = (rows + Tile::rows - 1) / Tile::rows;
  for (int s = 0; s < Tile::stages - 1; ++s) {
    if (s < count) {
      load(s);
    } else {
      copy_async_commit();
    }
  }
  for (int s = 0; s < count; ++s) {
    copy_async_wait<Tile::stages - 2>();
    __syncthreads();
    if (s + Tile::stages - 1 < count) {
      load(s + Tile::stages - 1);
    } else {
      copy_async_commit();
    }
    const int offset = s % Tile::stages * Tile::stage_bytes;
#pragma unroll
    for (int k = 0; k < Tile::rows / 16; ++k) {
      Word a[4];
      load_transposed_matrices(from_gate + offset + 16 * k * Tile::gate_pitch, a);
#pragma unroll
      for (int n = 0; n < Tile::n_tiles; n += 2) {
        Word b[4];
        load_transposed_matrices(from_hidden + offset + 16 * k * Tile::hidden_pitch + 16 * n, b);
        Packed<Storage>::multiply_add(sum[n], a, b[0], b[1]);
        Packed<Storage>::multiply_add(sum[n + 1], a, b[2], b[3]);
      }
    }
  }
  copy_async_wait<0>();
  // This kernel ends after the recurrence; that the last blocks wait for it is enough.
  if (begin + rows == all_rows) wait_for_previous_kernel();

  if (first_gate + gate >= Tile::recurrent) return;
  const Lane lane;
  float* const to =
      p.partial + (((part * Tile::recurrent + first_gate + gate) * p.shape.heads + head) *
                   p.shape.head_dim * p.shape.head_dim);
#pragma unroll
  for (int n = 0; n < Tile::n_tiles; ++n)
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      const int out = first_row + lane.row + e / 2 * 8;
      const int in = first_column + 8 * n + 2 * lane.column + e % 2;
      if (out < head_dim && in < head_dim) to[static_cast<Index>(out) * head_dim + in] = sum[n][e];
    }
}

/// The kernel. Block x = ((part · gate groups + gate group) · column groups + column group) · heads
/// + head.
template <class Tile>
__device__ void weight_gradient(const WeightGradientParameters& p) {
  if (p.wide_sequences != 0) {
    weight_gradient_part<Tile, true>(p);
  } else {
    weight_gradient_part<Tile, false>(p);
  }
}

/// The kernel that adds parts, one element per thread.
template <class Storage>
__device__ void sum_parts(const SumPartsParameters& p) {
  const Index count = p.gates * p.heads * p.rows * p.head_dim;
  for (Index n = static_cast<Index>(blockIdx.x) * blockDim.x + threadIdx.x; n < count;
       n += static_cast<Index>(gridDim.x) * blockDim.x) {
    float sum = 0;
    for (Index part = 0; part < p.parts; ++part) sum += p.partial[part * count + n];
    const Index unit = n % p.head_dim, row = n / p.head_dim % p.rows,
                head = n / (p.head_dim * p.rows) % p.heads,
                gate = n / (p.head_dim * p.rows * p.heads);
    static_cast<Bits<Storage>*>(
        p.to)[gate * p.gate_stride + head * p.head_stride + row * p.row_stride + unit] =
        narrow<Storage>(sum);
  }
}

}  // namespace flashrnn::cuda
