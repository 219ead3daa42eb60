// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sequence_io.cuh"
#include "weight_gradient_product.cuh"

// dR[n] = sum over rows r = (t, b) of d_gate[n][r] ⊗ h_{t-1}[r], for every head: many small matrix
// products whose long axis is the sum. A block sums one part of the rows for one head, some gates
// and some columns; parts are added afterwards in a fixed order (sum_parts). Rows are counted from
// the end of the sequence, as the backward recurrence makes them: this kernel runs beside it and
// follows it.
//
// Rows arrive in a ring of stages, in which warps find the fragments of their product
// (weight_gradient_product.cuh).

namespace flashrnn::cuda {

/// What others have written before they counted this up is there afterwards.
__device__ inline unsigned load_acquire(const unsigned* counter) {
  unsigned value;
  asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(value) : "l"(counter) : "memory");
  return value;
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

/// Brings stage after stage of the two sequences into shared memory. Where a row lies in memory is
/// found once per stage, by one thread per row and gate, and handed on in a table in shared memory
/// to the threads that move its pieces.
template <class Tile, bool wide>
class RowLoader {
 public:
  using Storage = typename Tile::Storage;
  using Element = Bits<Storage>;
  /// `begin`, `rows`: of this block's part.
  __device__ RowLoader(const WeightGradientParameters& p, SharedAddress shared, int head,
                       int first_gate, int first_column, Index begin, int rows)
      : p_(p), shared_(shared), rows_(rows), head_(head), first_column_(first_column) {
    const Index batch = p.shape.batch;
#pragma unroll
    for (int i = 0; i < entries; ++i) {
      const Index at = begin + row_of_entry(i);
      step_[i] = static_cast<int>(p.shape.steps - 1 - at / batch);
      batch_[i] = static_cast<int>(at % batch);
      gate_[i] = first_gate + sequence(i);
      if constexpr (keeps_strides) {
        const Sequence& from = sequence(i) == Tile::gates ? p.states : p.d_gate[gate_in_range(i)];
        from_[i] = row_of<Storage>(from, 0, 0, 0, head);
        step_stride_[i] = from.strides.step;
        batch_stride_[i] = from.strides.batch;
      }
    }
    step_advance_ = static_cast<int>(Tile::rows / batch);
    batch_advance_ = static_cast<int>(Tile::rows % batch);
  }

  /// Writes where the rows of a stage lie; stages come one after the other. They are there after a
  /// barrier of the block, until two stages later are named.
  __device__ void name_rows(int stage) {
#pragma unroll
    for (int i = 0; i < entries; ++i) {
      if (entry(i) >= Tile::table_entries) continue;
      const Element* from = nullptr;
      if (stage * Tile::rows + row_of_entry(i) < rows_) {
        const bool is_hidden = sequence(i) == Tile::gates;
        const int step = step_[i] - (is_hidden ? 1 : 0);
        if (step < 0) {
          from = row_of<Storage>(p_.s0, 0, 0, batch_[i], head_);
        } else if (is_hidden || gate_[i] < Tile::recurrent) {
          if constexpr (keeps_strides) {
            from = from_[i] + step * step_stride_[i] + batch_[i] * batch_stride_[i];
          } else {
            from = row_of<Storage>(is_hidden ? p_.states : p_.d_gate[gate_[i]], 0, step, batch_[i],
                                   head_);
          }
        }
      }
      const auto address = reinterpret_cast<unsigned long long>(from);
      store_shared(table(stage) + 8 * entry(i),
                   Elements<2, 4>{{static_cast<Word>(address), static_cast<Word>(address >> 32)}});
      step_[i] -= step_advance_;
      batch_[i] += batch_advance_;
      if (batch_[i] >= p_.shape.batch) {
        batch_[i] -= static_cast<int>(p_.shape.batch);
        --step_[i];
      }
    }
  }

  /// Moves the rows of a stage.
  __device__ void load(int stage) const {
    const SharedAddress to = shared_ + stage % Tile::stages * Tile::Stage::bytes;
#pragma unroll
    for (int i = 0; i < pieces; ++i) {
      const int number = static_cast<int>(threadIdx.x) + i * Tile::threads;
      if (number >= Tile::rows * per_row) continue;
      const int row = number / per_row, piece = number % per_row;
      const bool is_gate = piece < Tile::gates * per_gate;
      const int gate = is_gate ? piece / per_gate : Tile::gates;
      const int unit = (piece - gate * per_gate) * per_piece;
      const int place =
          is_gate ? Tile::Stage::gate(gate, row, unit) : Tile::Stage::hidden(row, unit);
      const Elements<2, 4> address =
          load_shared<2, 4>(table(stage) + 8 * (row * (Tile::gates + 1) + gate));
      const auto* const from = reinterpret_cast<const Element*>(
          static_cast<unsigned long long>(address.word[1]) << 32 | address.word[0]);
      copy_piece<Element, wide>(to + place, from, unit + (is_gate ? 0 : first_column_),
                                static_cast<int>(p_.shape.head_dim));
    }
  }

 private:
  static constexpr int per_piece = 16 / Tile::element_bytes;
  static constexpr int per_gate = Tile::padded / per_piece;
  static constexpr int per_row = Tile::gates * per_gate + Tile::columns / per_piece;
  static constexpr int pieces = (Tile::rows * per_row + Tile::threads - 1) / Tile::threads;
  static constexpr int entries = (Tile::table_entries + Tile::threads - 1) / Tile::threads;
  // Products of larger heads of floats have no registers for strides; constant memory has them.
  static constexpr bool keeps_strides = !Tile::is_float || Tile::padded <= 32;
  static constexpr int kept = keeps_strides ? entries : 1;
  __device__ int gate_in_range(int i) const {
    return gate_[i] < Tile::recurrent ? gate_[i] : 0;
  }
  __device__ SharedAddress table(int stage) const {
    return shared_ + Tile::table_at + stage % 2 * 8 * Tile::table_entries;
  }
  __device__ static int entry(int i) {
    return static_cast<int>(threadIdx.x) + i * Tile::threads;
  }
  __device__ static int row_of_entry(int i) {
    return entry(i) / (Tile::gates + 1);
  }
  /// The gate among the block's; h behind them.
  __device__ static int sequence(int i) {
    return entry(i) % (Tile::gates + 1);
  }

  const WeightGradientParameters& p_;
  SharedAddress shared_;
  int rows_, head_, first_column_;
  int step_[entries], batch_[entries];  // their numbers fit an int (recurrence_parts.cpp)
  int gate_[entries];
  const Element* from_[kept];
  Index step_stride_[kept], batch_stride_[kept];
  int step_advance_, batch_advance_;
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
  RowLoader<Tile, wide> loader(p, shared, head, first_gate, first_column, begin, rows);
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
    loader.load(stage);
  };

  typename Tile::Product product(shared);
  const int count = (rows + Tile::rows - 1) / Tile::rows;
  for (int s = 0; s < Tile::stages - 1; ++s) {
    loader.name_rows(s);
    __syncthreads();
    if (s < count) load(s);
    copy_async_commit();
  }
  loader.name_rows(Tile::stages - 1);
  for (int s = 0; s < count; ++s) {
    copy_async_wait<Tile::stages - 2>();
    __syncthreads();
    if (s + Tile::stages - 1 < count) load(s + Tile::stages - 1);
    copy_async_commit();
    loader.name_rows(s + Tile::stages);
    product.add(s % Tile::stages * Tile::Stage::bytes);
  }
  copy_async_wait<0>();
  // This kernel ends after the recurrence; that the last blocks wait for it is enough.
  if (begin + rows == all_rows) wait_for_previous_kernel();

  product.for_each([&](int gate, int out, int column, float sum) {
    const int in = first_column + column;
    if (first_gate + gate >= Tile::recurrent || out >= head_dim || in >= head_dim) return;
    p.partial[(((part * Tile::recurrent + first_gate + gate) * p.shape.heads + head) * head_dim +
               out) *
                  head_dim +
              in] = sum;
  });
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
