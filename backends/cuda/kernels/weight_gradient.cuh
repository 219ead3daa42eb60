// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fragments.cuh"
#include "sequence_io.cuh"

// dR[n] = sum over rows r = (t, b) of d_gate[n][r] ⊗ h_{t-1}[r], for every head: many small matrix
// products whose long axis is the sum. A block sums one part of the rows for one head, some gates
// and some columns; parts are added afterwards in a fixed order (sum_parts). Rows are counted from
// the end of the sequence, as the backward recurrence makes them: this kernel runs beside it and
// follows it.
//
// Rows arrive in a ring of stages. Where an element is the sum of three parts (float), every thread
// splits what it has brought itself into planes, one per part, which tensor cores multiply; the sum
// of a stage starts from zero and is added by rounded additions, because theirs are not.

namespace flashrnn::cuda {

/// What is fixed when the kernel is compiled.
///   gates    gates per block;   columns  of dR per block, a multiple of 16
template <class Storage_, int padded_, int recurrent_, int gates_, int columns_>
struct WeightGradientTile {
  using Storage = Storage_;
  static constexpr int padded = padded_, recurrent = recurrent_, gates = gates_, columns = columns_;
  static constexpr int parts = Parts<Storage>::count, element_bytes = sizeof(Bits<Storage>);
  static constexpr int rows = parts > 1 ? 16 : 32;  // of the sum per stage
  static constexpr int stages = padded >= 64 || parts > 1 ? 4 : 3;
  static constexpr int m_tiles = padded / 16, n_tiles = columns / 8;
  static constexpr int threads = 32 * gates * m_tiles;
  static constexpr int gate_groups = (recurrent + gates - 1) / gates;
  static constexpr int column_groups = (padded + columns - 1) / columns;
  static_assert(columns % 16 == 0 && padded % 16 == 0);

  /// Rows of the gates, then of h. They stand an odd number of 16-byte units apart, so that
  /// ldmatrix meets no bank twice.
  template <int bytes_>
  struct Rows {
    static constexpr int gate_pitch = bytes_ * padded + 16, hidden_pitch = bytes_ * columns + 16;
    static constexpr int hidden_at = gates * rows * gate_pitch;
    static constexpr int bytes = hidden_at + rows * hidden_pitch;
    static __device__ int gate(int gate, int row, int unit) {
      return (gate * rows + row) * gate_pitch + bytes_ * unit;
    }
    static __device__ int hidden(int row, int column) {
      return hidden_at + row * hidden_pitch + bytes_ * column;
    }
  };
  using Stage = Rows<element_bytes>;
  using Plane = Rows<2>;
  static constexpr int planes_at = stages * Stage::bytes;
  // Of parts: those that are multiplied and those that others are writing meanwhile.
  static constexpr int shared_bytes = planes_at + (parts > 1 ? 2 * parts * Plane::bytes : 0);
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

/// 16 bytes of a row, zero where there is none.
template <class Element, bool wide>
__device__ void copy_piece(SharedAddress to, const Element* row, int unit, int head_dim) {
  if constexpr (wide) {
    if (row != nullptr && unit < head_dim) {
      copy_async_16(to, row + unit);
    } else {
      store_shared_16(to, {0, 0, 0, 0});
    }
  } else {
    constexpr int in_word = 4 / sizeof(Element);
    Word word[4];
#pragma unroll
    for (int n = 0; n < 4; ++n) {
      const int at = unit + in_word * n;
      word[n] = row != nullptr && at < head_dim ? row[at] : 0;
      if constexpr (in_word == 2)
        word[n] |= row != nullptr && at + 1 < head_dim ? static_cast<Word>(row[at + 1]) << 16 : 0;
    }
    store_shared_16(to, word);
  }
}

/// Brings stage after stage of the two sequences into shared memory. A thread moves the same pieces
/// of every stage; only its step and row of the batch go on, so there is no division per piece.
template <class Tile, bool wide>
class RowWalker {
 public:
  using Storage = typename Tile::Storage;
  using Element = Bits<Storage>;
  __device__ RowWalker(const WeightGradientParameters& p, int thread, int head, int first_gate,
                       int first_column, Index begin, int rows)
      : p_(p),
        thread_(thread),
        rows_(rows),
        head_(head),
        first_gate_(first_gate),
        first_column_(first_column) {
    const Index batch = p.shape.batch;
#pragma unroll
    for (int i = 0; i < pieces; ++i) {
      const Index at = begin + row(i);
      step_[i] = static_cast<int>(p.shape.steps - 1 - at / batch);
      batch_[i] = static_cast<int>(at % batch);
      const int gate = first_gate + piece(i) / per_gate;
      from_[i] =
          is_gate(i)
              ? gate < Tile::recurrent ? row_of<Storage>(p.d_gate[gate], 0, 0, 0, head) : nullptr
              : row_of<Storage>(p.states, 0, 0, 0, head);
      if constexpr (keeps_strides) {
        step_stride_[i] = strides(i).step;
        batch_stride_[i] = strides(i).batch;
      }
    }
    step_advance_ = static_cast<int>(Tile::rows / batch);
    batch_advance_ = static_cast<int>(Tile::rows % batch);
  }

  /// The stage whose first row is `first` behind the part's begin; stages come one after the other.
  __device__ void load(SharedAddress stage, int first) {
#pragma unroll
    for (int i = 0; i < pieces; ++i) {
      if (number(i) >= Tile::rows * per_row) continue;
      const bool inside = first + row(i) < rows_;
      const Element* from = nullptr;
      if (is_gate(i)) {
        if (inside && from_[i] != nullptr) from = from_[i] + offset(i, step_[i]);
      } else if (inside) {
        from = step_[i] > 0 ? from_[i] + offset(i, step_[i] - 1)
                            : row_of<Storage>(p_.s0, 0, 0, batch_[i], head_);
      }
      copy_piece<Element, wide>(stage + place<typename Tile::Stage>(i), from,
                                unit(i) + (is_gate(i) ? 0 : first_column_),
                                static_cast<int>(p_.shape.head_dim));
      step_[i] -= step_advance_;
      batch_[i] += batch_advance_;
      if (batch_[i] >= p_.shape.batch) {
        batch_[i] -= static_cast<int>(p_.shape.batch);
        --step_[i];
      }
    }
  }

  /// Splits the thread's own pieces of a stage that has arrived into planes.
  __device__ void split_pieces(SharedAddress stage, SharedAddress planes) const {
    constexpr int plane_bytes = Tile::Plane::bytes;
#pragma unroll
    for (int i = 0; i < pieces; ++i) {
      if (number(i) >= Tile::rows * per_row) continue;
      Word element[4], low[Tile::parts], high[Tile::parts];
      load_shared_16(stage + place<typename Tile::Stage>(i), element);
      split(element[0], element[1], low);
      split(element[2], element[3], high);
#pragma unroll
      for (int part = 0; part < Tile::parts; ++part)
        store_shared(planes + part * plane_bytes + place<typename Tile::Plane>(i),
                     Elements<4>{{low[part], high[part]}});
    }
  }

 private:
  static constexpr int per_piece = 16 / Tile::element_bytes;
  static constexpr int per_gate = Tile::padded / per_piece;
  static constexpr int per_row = Tile::gates * per_gate + Tile::columns / per_piece;
  static constexpr int pieces = (Tile::rows * per_row + Tile::threads - 1) / Tile::threads;
  // Products of parts have no registers for strides; constant memory has them.
  static constexpr bool keeps_strides = Tile::parts == 1;
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
  /// First unit of the gate's row, or of the columns of h.
  __device__ int unit(int i) const {
    return (is_gate(i) ? piece(i) % per_gate : piece(i) - Tile::gates * per_gate) * per_piece;
  }
  /// Gates of one cell may lie in different tensors.
  __device__ const Strides& strides(int i) const {
    const int gate = first_gate_ + piece(i) / per_gate;
    return is_gate(i) ? p_.d_gate[gate < Tile::recurrent ? gate : 0].strides : p_.states.strides;
  }
  __device__ Index offset(int i, int step) const {
    if constexpr (keeps_strides) {
      return step * step_stride_[i] + batch_[i] * batch_stride_[i];
    } else {
      return step * strides(i).step + batch_[i] * strides(i).batch;
    }
  }
  template <class Rows>
  __device__ int place(int i) const {
    return is_gate(i) ? Rows::gate(piece(i) / per_gate, row(i), unit(i))
                      : Rows::hidden(row(i), unit(i));
  }

  const WeightGradientParameters& p_;
  int thread_, rows_, head_, first_gate_, first_column_;
  int step_[pieces], batch_[pieces];  // their numbers fit an int (recurrence_parts.cpp)
  Index step_stride_[keeps_strides ? pieces : 1], batch_stride_[keeps_strides ? pieces : 1];
  const Element* from_[pieces];
  int step_advance_, batch_advance_;
};

/// sum += the product of 16 rows, from planes of parts; small products first.
template <class Tile>
__device__ void multiply_parts(SharedAddress from_gate, SharedAddress from_hidden,
                               float (&sum)[Tile::n_tiles][4]) {
  constexpr int parts = Tile::parts, plane = Tile::Plane::bytes;
  Word a[parts][4];
#pragma unroll
  for (int part = 0; part < parts; ++part)
    load_transposed_matrices(from_gate + part * plane, a[part]);
#pragma unroll
  for (int n = 0; n < Tile::n_tiles; n += 2) {
    Word b[parts][4];
#pragma unroll
    for (int part = 0; part < parts; ++part)
      load_transposed_matrices(from_hidden + part * plane + 16 * n, b[part]);
    float stage[2][4] = {{0, 0, 0, 0}, {0, 0, 0, 0}};
#pragma unroll
    for (int both = parts - 1; both >= 0; --both)
#pragma unroll
      for (int part = 0; part <= both; ++part)
#pragma unroll
        for (int m = 0; m < 2; ++m)
          Packed<bfloat16>::multiply_add(stage[m], a[part], b[both - part][2 * m],
                                         b[both - part][2 * m + 1]);
#pragma unroll
    for (int m = 0; m < 2; ++m)
#pragma unroll
      for (int e = 0; e < 4; ++e) sum[n + m][e] += stage[m][e];
  }
}

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
  const auto batch = static_cast<unsigned>(p.shape.batch);
  const int first_step = static_cast<int>(begin / p.shape.batch);
  const unsigned first_in_step = static_cast<unsigned>(begin % p.shape.batch);
  int written = p.progress != nullptr ? 0 : static_cast<int>(p.shape.steps);
  const auto wait_for = [&](int stage) {
    const unsigned last_row = first_in_step + ::min(rows, (stage + 1) * Tile::rows) - 1;
    const int chunk = (first_step + static_cast<int>(last_row / batch)) / int(progress_steps);
    if (chunk < written) return;
    const unsigned* const reports = p.progress + head * chunks_of(p.shape.steps) + chunk;
    while (load_acquire(reports) != p.reports) __nanosleep(500);
    written = chunk + 1;
  };
  const auto load = [&](int stage) {
    wait_for(stage);
    walker.load(shared + stage % Tile::stages * Tile::Stage::bytes, stage * Tile::rows);
    copy_async_commit();
  };

  const int warp = thread / 32, in_warp = thread % 32;
  const int gate = warp / Tile::m_tiles, first_row = warp % Tile::m_tiles * 16;
  const int gate_row = in_warp / 16 * 8 + in_warp % 8, gate_column = in_warp / 8 % 2 * 8;
  const int hidden_row = in_warp / 8 % 2 * 8 + in_warp % 8, hidden_column = in_warp / 16 * 8;
  const SharedAddress operands = shared + (Tile::parts > 1 ? Tile::planes_at : 0);
  const SharedAddress from_gate =
      operands + Tile::Plane::gate(gate, gate_row, first_row + gate_column);
  const SharedAddress from_hidden = operands + Tile::Plane::hidden(hidden_row, hidden_column);
  constexpr int gate_step = 16 * Tile::Plane::gate_pitch,
                hidden_step = 16 * Tile::Plane::hidden_pitch;

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
    if constexpr (Tile::parts == 1) __syncthreads();
    if (s + Tile::stages - 1 < count) {
      load(s + Tile::stages - 1);
    } else {
      copy_async_commit();
    }
    const int stage = s % Tile::stages * Tile::Stage::bytes;
    if constexpr (Tile::parts == 1) {
#pragma unroll
      for (int k = 0; k < Tile::rows / 16; ++k) {
        Word a[4];
        load_transposed_matrices(from_gate + stage + k * gate_step, a);
#pragma unroll
        for (int n = 0; n < Tile::n_tiles; n += 2) {
          Word b[4];
          load_transposed_matrices(from_hidden + stage + k * hidden_step + 16 * n, b);
          Packed<Storage>::multiply_add(sum[n], a, b[0], b[1]);
          Packed<Storage>::multiply_add(sum[n + 1], a, b[2], b[3]);
        }
      }
    } else {
      const int planes = s % 2 * Tile::parts * Tile::Plane::bytes;
      walker.split_pieces(shared + stage, shared + Tile::planes_at + planes);
      __syncthreads();
      multiply_parts<Tile>(from_gate + planes, from_hidden + planes, sum);
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
