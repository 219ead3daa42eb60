// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/recurrence/host/kernel_table.hpp"
#include "flashrnn/recurrence/host/transfer.hpp"

namespace flashrnn::host {

/// How factors lie in packed memory: `vectors` registers per k, so that one walk through memory
/// serves the whole register tile. bfloat16 holds two k per 32-bit word, the even one in the lower
/// half, so that widening is one instruction.
template <class Isa, class Storage>
struct PackedFactors {
  using Scalar = AccumulateType<Storage>;
  static constexpr int lanes = Vector<Isa, Scalar>::lanes;
  static constexpr int depth_step = static_cast<int>(__is_same(Storage, bfloat16) ? 2 : 1);

  /// Elements of `vectors` registers and `depth` k.
  static constexpr Index size(Index depth, Index vectors) {
    return (depth + depth_step - 1) / depth_step * depth_step * vectors * lanes;
  }
  /// Place of one element within them.
  static constexpr Index at(Index k, Index vectors, Index vector, Index lane) {
    return (k / depth_step * vectors * lanes + vector * lanes + lane) * depth_step + k % depth_step;
  }
};

/// The register tile: out[row][vector] (+)= sum over k of packed[k][vector] · factor(row, k), all
/// sums in registers. factor(row, k) is factors[row·stride + k].
///
/// A packed part begins at an even k where two k share a word.
/// `transposed`: factor(row, k) is factors[k·stride + row], and the vectors of one k are not packed
/// but lie packed_stride elements after those of the one before.
template <class Isa, class Storage, int vectors, int rows, bool transposed>
struct MicroKernel {
  using Scalar = AccumulateType<Storage>;
  using Real = Vector<Isa, Scalar>;
  using Packed = PackedFactors<Isa, Storage>;
  static constexpr int lanes = Real::lanes;
  // Independent sums that a processor needs to hide the latency of its multiply-adds: 4 cycles
  // times 2 per cycle. A small tile sums several k apart and adds up at the end.
  static constexpr int sums = vectors * rows;
  static constexpr int split = sums >= 8 ? 1 : sums >= 4 || Isa::registers < 32 ? 2 : 4;
  static constexpr int step = split > Packed::depth_step ? split : Packed::depth_step;

  struct Sums {
    Real at[split][rows][vectors];
  };

  /// out: [rows][out_stride] registers of `lanes` elements.
  [[gnu::always_inline]] static inline void run(const Storage* packed, Index depth,
                                                const Scalar* factors, Index stride, Scalar* out,
                                                Index out_stride, bool accumulate,
                                                [[maybe_unused]] Index packed_stride = 0) {
    Sums acc;
#pragma GCC unroll 4
    for (int part = 0; part < split; ++part)
#pragma GCC unroll 8
      for (int row = 0; row < rows; ++row)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v)
          acc.at[part][row][v] = accumulate && part == 0
                                     ? Real::load(out + (row * out_stride + v) * lanes)
                                     : Real::zero();
    Index left = depth;
    for (; left >= step; left -= step) {
#pragma GCC unroll 4
      for (int j = 0; j < step; ++j)
        multiply(packed + (transposed ? j * packed_stride : 0), transposed ? 0 : j,
                 factors + (transposed ? j * stride : 0), stride, acc, j);
      packed += transposed ? step * packed_stride : step * vectors * lanes;
      factors += transposed ? step * stride : step;
    }
#pragma GCC unroll 4
    for (int j = 0; j < step - 1; ++j)
      if (j < left)
        multiply(packed + (transposed ? j * packed_stride : 0), transposed ? 0 : j,
                 factors + (transposed ? j * stride : 0), stride, acc, j);
#pragma GCC unroll 8
    for (int row = 0; row < rows; ++row)
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) {
        Real sum = acc.at[0][row][v];
        if constexpr (split == 2) sum = sum + acc.at[1][row][v];
        if constexpr (split == 4)
          sum = (sum + acc.at[1][row][v]) + (acc.at[2][row][v] + acc.at[3][row][v]);
        sum.store(out + (row * out_stride + v) * lanes);
      }
  }

 private:
  /// Adds the products of the j-th k from here to the sums of part `part` modulo split.
  [[gnu::always_inline]] static inline void multiply(const Storage* packed, int j,
                                                     const Scalar* factors, Index stride, Sums& acc,
                                                     int part) {
    Real r[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) r[v] = factor_vector(packed, j, v);
#pragma GCC unroll 8
    for (int row = 0; row < rows; ++row) {
      const Real f(transposed ? factors[row] : factors[row * stride + j]);
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v)
        acc.at[part % split][row][v] = multiply_add(r[v], f, acc.at[part % split][row][v]);
    }
  }

  [[gnu::always_inline]] static inline Real factor_vector(const Storage* packed, int j, int v) {
    if constexpr (Packed::depth_step == 2) {
      typename NativeVector<unsigned, Isa::vector_bytes>::type word;
      __builtin_memcpy(&word, packed + ((j / 2) * vectors + v) * lanes * 2, sizeof(word));
      const auto wide = j % 2 == 0 ? word << 16 : word & 0xffff0000u;
      return Real::of((typename Real::Native)wide);
    } else {
      return Transfer<Isa, Storage>::load(packed + (j * vectors + v) * lanes);
    }
  }
};

/// The same for a number of rows known when it runs.
template <class Isa, class Storage, bool transposed>
struct Multiply {
  using Scalar = AccumulateType<Storage>;
  /// Registers are for the sums, a row of factors and a broadcast one.
  static constexpr int most_rows(int vectors) {
    return most_register_rows(Isa::registers, vectors);
  }

  template <int vectors, int rows>
  [[gnu::noinline]] static void tile(const Storage* packed, Index depth, const Scalar* factors,
                                     Index stride, Scalar* out, Index out_stride, bool accumulate,
                                     Index packed_stride) {
    MicroKernel<Isa, Storage, vectors, rows, transposed>::run(
        packed, depth, factors, stride, out, out_stride, accumulate, packed_stride);
  }

  template <int vectors, int rows = most_rows(vectors)>
  [[gnu::always_inline]] static inline void run(int count, const Storage* packed, Index depth,
                                                const Scalar* factors, Index stride, Scalar* out,
                                                Index out_stride, bool accumulate,
                                                Index packed_stride = 0) {
    run_rows<vectors, rows>(count, packed, depth, factors, stride, out, out_stride, accumulate,
                            packed_stride);
  }

 private:
  template <int vectors, int rows>
  [[gnu::always_inline]] static inline void run_rows(int count, const Storage* packed, Index depth,
                                                     const Scalar* factors, Index stride,
                                                     Scalar* out, Index out_stride, bool accumulate,
                                                     Index packed_stride) {
    if constexpr (rows > 0) {
      if (count == rows)
        return tile<vectors, rows>(packed, depth, factors, stride, out, out_stride, accumulate,
                                   packed_stride);
      run_rows<vectors, rows - 1>(count, packed, depth, factors, stride, out, out_stride,
                                  accumulate, packed_stride);
    }
  }
};

}  // namespace flashrnn::host
