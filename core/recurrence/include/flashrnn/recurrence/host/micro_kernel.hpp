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

/// Keeps g++ from using a value where it came from: as an operand in memory of every multiply-add
/// that it serves, a vector would be loaded again for each.
template <class Real>
[[gnu::always_inline]] inline void keep_in_register(Real& x) {
#if defined(__x86_64__)
  asm("" : "+v"(x.value));
#elif defined(__aarch64__)
  asm("" : "+w"(x.value));
#endif
}

/// The register tile: out[row][vector] (+)= sum over k of packed[k][vector] · factor(row, k), all
/// sums in registers. factor(row, k) is factors[row·stride + k].
///
/// A packed part begins at an even k where two k share a word. On its way through it, the tile has
/// half as many bytes from `ahead` on fetched into the first-level cache; not if transposed.
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
  static constexpr int step = split > 2 ? split : 2;

  struct Sums {
    Real at[split][rows][vectors];
  };

  /// out: [rows][out_stride] registers of `lanes` elements.
  [[gnu::always_inline]] static inline void run(const Storage* packed, Index depth,
                                                const Scalar* factors, Index stride, Scalar* out,
                                                Index out_stride, bool accumulate,
                                                [[maybe_unused]] Index packed_stride,
                                                [[maybe_unused]] const Storage* ahead) {
    if constexpr (transposed) {  // the sums of the next tile, which lie below these
#pragma GCC unroll 8
      for (int row = 0; row < rows; ++row)
#pragma GCC unroll 4
        for (int n = 0; n < vectors * lanes; n += 64 / static_cast<int>(sizeof(Scalar)))
          __builtin_prefetch(out + (rows + row) * out_stride * lanes + n, 1);
    }
    Sums acc;
    if (accumulate) {
      start(acc, [&](int row, int v) { return Real::load(out + (row * out_stride + v) * lanes); });
    } else {
      start(acc, [](int, int) { return Real::zero(); });
    }
    // Three rows are one base and once or twice the stride from it, which an x86 address can say.
    // Left alone, g++ keeps the difference of any two rows, and too little else, in registers.
    const Scalar* second = factors + (rows > 3 ? 3 * stride : 0);
    const Scalar* third = factors + (rows > 6 ? 6 * stride : 0);
    Index left = depth;
    for (; left >= step; left -= step) {
#pragma GCC unroll 4
      for (int j = 0; j < step; ++j)
        multiply(packed, packed_stride, factors, second, third, stride, acc, j);
      if constexpr (!transposed) {
        constexpr int bytes = step * vectors * lanes * static_cast<int>(sizeof(Storage)) / 2;
#pragma GCC unroll 8
        for (int line = 0; line < bytes; line += 64)
          __builtin_prefetch(reinterpret_cast<const char*>(ahead) + line);
        ahead += bytes / static_cast<int>(sizeof(Storage));
      }
      packed += transposed ? step * packed_stride : step * vectors * lanes;
      factors += transposed ? step * stride : step;
      if constexpr (!transposed) {
        if constexpr (rows > 3) {
          second += step;
          asm("" : "+r"(second));
        }
        if constexpr (rows > 6) {
          third += step;
          asm("" : "+r"(third));
        }
      }
    }
#pragma GCC unroll 4
    for (int j = 0; j < step - 1; ++j)
      if (j < left) multiply(packed, packed_stride, factors, second, third, stride, acc, j);
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
  /// The first part of the sums begins with value(row, vector), the others with 0.
  template <class F>
  [[gnu::always_inline]] static inline void start(Sums& acc, const F& value) {
#pragma GCC unroll 4
    for (int part = 0; part < split; ++part)
#pragma GCC unroll 8
      for (int row = 0; row < rows; ++row)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v)
          acc.at[part][row][v] = part == 0 ? value(row, v) : Real::zero();
  }

  /// Adds the products of the j-th k from here to the sums of part j modulo split.
  [[gnu::always_inline]] static inline void multiply(const Storage* packed, Index packed_stride,
                                                     const Scalar* first, const Scalar* second,
                                                     const Scalar* third, Index stride, Sums& acc,
                                                     int j) {
    Real r[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      r[v] = transposed ? factor_vector(packed + j * packed_stride, 0, v)
                        : factor_vector(packed, j, v);
      if constexpr (rows > 1) keep_in_register(r[v]);
    }
#pragma GCC unroll 8
    for (int row = 0; row < rows; ++row) {
      const Scalar* const base = row < 3 ? first : row < 6 ? second : third;
      const Real f(transposed ? first[j * stride + row] : base[row % 3 * stride + j]);
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v)
        acc.at[j % split][row][v] = multiply_add(r[v], f, acc.at[j % split][row][v]);
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
                                     Index packed_stride, const Storage* ahead) {
    MicroKernel<Isa, Storage, vectors, rows, transposed>::run(
        packed, depth, factors, stride, out, out_stride, accumulate, packed_stride, ahead);
  }

  template <int vectors, int rows = most_rows(vectors)>
  [[gnu::always_inline]] static inline void run(int count, const Storage* packed, Index depth,
                                                const Scalar* factors, Index stride, Scalar* out,
                                                Index out_stride, bool accumulate,
                                                Index packed_stride, const Storage* ahead) {
    run_rows<vectors, rows>(count, packed, depth, factors, stride, out, out_stride, accumulate,
                            packed_stride, ahead);
  }

 private:
  template <int vectors, int rows>
  [[gnu::always_inline]] static inline void run_rows(int count, const Storage* packed, Index depth,
                                                     const Scalar* factors, Index stride,
                                                     Scalar* out, Index out_stride, bool accumulate,
                                                     Index packed_stride, const Storage* ahead) {
    if constexpr (rows > 0) {
      if (count == rows)
        return tile<vectors, rows>(packed, depth, factors, stride, out, out_stride, accumulate,
                                   packed_stride, ahead);
      run_rows<vectors, rows - 1>(count, packed, depth, factors, stride, out, out_stride,
                                  accumulate, packed_stride, ahead);
    }
  }
};

}  // namespace flashrnn::host
