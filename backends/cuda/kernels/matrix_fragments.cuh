// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fragments.cuh"

// R, or R^T, as the left-hand fragments of a block that keeps a whole head. A kernel of its own
// arranges them in memory, for whatever strides and sizes R has; every warp of the recurrence then
// reads its own as they are, an instruction per fragment. Making them in the recurrence was up to
// half of a large head's program, and of the time that it takes to compile.

namespace flashrnn::cuda {

/// A lane's left-hand fragments: `held` parts in registers, the others in shared memory, where
/// every lane finds what it has put there itself.
template <int parts, int held, int m_tiles, int k_tiles>
struct MatrixFragments {
  static_assert(held >= 1 && held <= parts, "MatrixFragments: part 0 is in registers");
  /// Of a warp: 16 bytes per lane for each part of a tile of 16 × 16.
  static constexpr int fragments = parts * m_tiles * k_tiles;
  static constexpr int bytes_per_warp = 512 * (parts - held) * m_tiles * k_tiles;
  Word a[held][m_tiles][k_tiles][4];
  SharedAddress rest;

  static __device__ constexpr int number(int part, int m, int k) {
    return (part * m_tiles + m) * k_tiles + k;
  }
  static __device__ constexpr int place(int part, int m, int k) {
    return 512 * number(part - held, m, k);
  }
  /// A lane's fragments of a warp, the first of them, in `all` [warp, part, m-tile, k-tile, lane].
  static __device__ const uint4* of_lane(const void* all, int warp_of_all, int lane) {
    return static_cast<const uint4*>(all) + static_cast<Index>(warp_of_all) * 32 * fragments + lane;
  }
  /// Takes the fragments of a warp. Not through the read-only cache: the kernel that wrote them may
  /// have ended after this one began.
  __device__ void load(const void* all, int warp_of_all, int lane) {
    const uint4* const own = of_lane(all, warp_of_all, lane);
#pragma unroll
    for (int part = 0; part < parts; ++part)
#pragma unroll
      for (int m = 0; m < m_tiles; ++m)
#pragma unroll
        for (int k = 0; k < k_tiles; ++k) {
          const uint4 read = own[32 * number(part, m, k)];
          put(part, m, k, {read.x, read.y, read.z, read.w});
        }
  }
  __device__ void put(int part, int m, int k, const Word (&word)[4]) {
    if (part < held) {
#pragma unroll
      for (int e = 0; e < 4; ++e) a[part < held ? part : 0][m][k][e] = word[e];
    } else {
      store_shared_16(rest + place(part, m, k), word);
    }
  }
  /// Holds what is in registers there, from here on: otherwise ptxas mixes its loads with what
  /// comes next, and the loop of some shapes gets an order that is slower by up to 7 % (forward;
  /// backward's loops are rather slower with this, docs/cuda_kernels_log.md#r-in-fragments).
  __device__ void keep() {
#pragma unroll
    for (int part = 0; part < held; ++part)
#pragma unroll
      for (int m = 0; m < m_tiles; ++m)
#pragma unroll
        for (int k = 0; k < k_tiles; ++k)
#pragma unroll
          for (int e = 0; e < 4; ++e) asm volatile("" : "+r"(a[part][m][k][e]));
  }
  __device__ void get(int part, int m, int k, Word (&tile)[4]) const {
    if (part < held) {
#pragma unroll
      for (int e = 0; e < 4; ++e) tile[e] = a[part < held ? part : 0][m][k][e];
    } else {
      load_shared_16(rest + place(part, m, k), tile);
    }
  }
};

/// An element of R [gate, head, D_out, D_in] of some head.
struct MatrixElement {
  int gate, out, in;
};

/// This lane's elements of a tile, from R itself; zero beyond head_dim. `Tile`: ForwardTile or
/// BackwardTile.
template <class Tile>
struct FragmentElements {
  Word half[2][4];  // of row r and of row r + 8

  __device__ void load(const HeadMatrix& R, Index head_dim, Index head, int warp, int m, int k,
                       const Lane& lane) {
    using Element = Bits<typename Tile::Storage>;
    const auto* const all = static_cast<const Element*>(R.data);
    const int first_unit = (8 * warp + lane.row) * Tile::units;
    const int first = first_k<Tile::k_tiles>(k, lane.column);
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const int slot = 2 * m + h;
#pragma unroll
      for (int n = 0; n < 4; ++n) {
        const MatrixElement at = Tile::matrix_element(first_unit, slot, first + n);
        const bool there = slot < Tile::slots && at.out < head_dim && at.in < head_dim;
        half[h][n] = there ? all[R.strides.at(at.gate, head, at.out) + at.in] : 0;
      }
    }
  }
  /// The largest finite |element| of floats, or `largest`.
  __device__ float larger(float largest) const {
#pragma unroll
    for (int h = 0; h < 2; ++h)
#pragma unroll
      for (int n = 0; n < 4; ++n) largest = larger_finite(largest, __uint_as_float(half[h][n]));
    return largest;
  }
  /// The words of all parts; of floats that are scaled, times `scale`.
  __device__ void pack(int m, float scale, Word (&words)[Tile::parts][4]) const {
#pragma unroll
    for (int h = 0; h < 2; ++h)
#pragma unroll
      for (int n = 0; n < 2; ++n) {
        const Word first = half[h][2 * n], second = half[h][2 * n + 1];
        Word part[Tile::parts];
        if constexpr (Tile::parts == 1) {
          part[0] = first | second << 16;
          if (Tile::halves(2 * m + h)) part[0] = halved<typename Tile::Storage>(part[0]);
        } else if constexpr (Tile::scaled) {
          split_scaled(scale * __uint_as_float(first), scale * __uint_as_float(second), part);
        } else {
          split(first, second, part);
        }
#pragma unroll
        for (int i = 0; i < Tile::parts; ++i) words[i][2 * n + h] = part[i];
      }
  }
};

/// Of how many bytes the inverse scales [head, warp] of fragments that are scaled lie behind them.
template <class Tile>
__device__ Index scales_offset(Index heads) {
  return heads * Tile::compute_warps * 512 * Tile::Matrix::fragments;
}

/// A tile's fragments of a warp, in memory.
template <class Tile>
__device__ void store_fragments(const FragmentElements<Tile>& elements, int m, int k, float scale,
                                void* all, Index warp_of_all) {
  using Matrix = typename Tile::Matrix;
  Word words[Tile::parts][4];
  elements.pack(m, scale, words);
  auto* const to =
      static_cast<uint4*>(all) + warp_of_all * 32 * Matrix::fragments + (threadIdx.x & 31);
#pragma unroll
  for (int i = 0; i < Tile::parts; ++i)
    to[32 * Matrix::number(i, m, k)] = {words[i][0], words[i][1], words[i][2], words[i][3]};
}

/// The kernel that arranges the fragments of `Tile`, one warp per tile; of factors that are scaled,
/// one block for all tiles of a warp of the recurrence, which have one scale.
template <class Tile>
__device__ void arrange_fragments(const ArrangeFragmentsParameters& p) {
  constexpr int tiles = Tile::m_tiles * Tile::k_tiles;
  FragmentElements<Tile> elements;
  const Lane lane;
  const auto load = [&](Index warp_of_all, int tile) {
    elements.load(p.R, p.head_dim, warp_of_all / Tile::compute_warps,
                  static_cast<int>(warp_of_all % Tile::compute_warps), tile / Tile::k_tiles,
                  tile % Tile::k_tiles, lane);
  };
  if constexpr (Tile::scaled) {
    __shared__ float largest_of[32];
    const Index warp_of_all = blockIdx.x;
    const int warps = static_cast<int>(blockDim.x) / 32, warp = warp_number();
    float largest = 0;
    for (int tile = warp; tile < tiles; tile += warps) {
      load(warp_of_all, tile);
      largest = elements.larger(largest);
    }
    largest_of[warp] = largest_of_warp(largest);
    __syncthreads();
    for (int w = 0; w < warps; ++w) largest = ::fmaxf(largest, largest_of[w]);
    const Scale scale = Scale::of(largest);
    for (int tile = warp; tile < tiles; tile += warps) {
      load(warp_of_all, tile);
      store_fragments<Tile>(elements, tile / Tile::k_tiles, tile % Tile::k_tiles, scale.factor,
                            p.to, warp_of_all);
    }
    auto* const scales = static_cast<unsigned char*>(p.to) + scales_offset<Tile>(p.heads);
    if (threadIdx.x == 0) reinterpret_cast<float*>(scales)[warp_of_all] = scale.inverse;
  } else {
    const Index number = (static_cast<Index>(blockIdx.x) * blockDim.x + threadIdx.x) / 32;
    const Index warp_of_all = number / tiles;
    const int tile = static_cast<int>(number % tiles);
    if (warp_of_all >= p.heads * Tile::compute_warps) return;
    load(warp_of_all, tile);
    store_fragments<Tile>(elements, tile / Tile::k_tiles, tile % Tile::k_tiles, 1, p.to,
                          warp_of_all);
  }
  let_next_kernel_start();
}

/// Fills a warp's fragments: few are made on the spot, which saves the time of another kernel.
/// Returns the inverse of what they are scaled with, of others 1.
template <class Tile, class Parameters>
__device__ float load_fragments(const Parameters& p, int head, int warp, const Lane& lane,
                                typename Tile::Matrix& matrix) {
  if constexpr (Tile::arranged) {
    const int warp_of_all = head * Tile::compute_warps + warp;
    matrix.load(p.fragments, warp_of_all, static_cast<int>(threadIdx.x) & 31);
    if constexpr (Tile::scaled) {
      const auto* const scales =
          static_cast<const unsigned char*>(p.fragments) + scales_offset<Tile>(p.shape.heads);
      return reinterpret_cast<const float*>(scales)[warp_of_all];
    }
    return 1;
  } else {
    FragmentElements<Tile> elements[Tile::m_tiles][Tile::k_tiles];
    float largest = 0;
#pragma unroll
    for (int m = 0; m < Tile::m_tiles; ++m)
#pragma unroll
      for (int k = 0; k < Tile::k_tiles; ++k) {
        elements[m][k].load(p.R, p.shape.head_dim, head, warp, m, k, lane);
        if constexpr (Tile::scaled) largest = elements[m][k].larger(largest);
      }
    Scale scale{1, 1};
    if constexpr (Tile::scaled) scale = Scale::of(largest_of_warp(largest));
#pragma unroll
    for (int m = 0; m < Tile::m_tiles; ++m)
#pragma unroll
      for (int k = 0; k < Tile::k_tiles; ++k) {
        Word words[Tile::parts][4];
        elements[m][k].pack(m, scale.factor, words);
#pragma unroll
        for (int part = 0; part < Tile::parts; ++part) matrix.put(part, m, k, words[part]);
      }
    return scale.inverse;
  }
}

}  // namespace flashrnn::cuda
