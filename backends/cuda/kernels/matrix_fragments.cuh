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

/// This lane's words of all parts of a tile, from R itself; zero beyond head_dim. `Tile`:
/// ForwardTile or BackwardTile.
template <class Tile>
__device__ void make_fragments(const HeadMatrix& R, Index head_dim, Index head, int warp, int m,
                               int k, const Lane& lane, Word (&words)[Tile::parts][4]) {
  using Storage = typename Tile::Storage;
  using Element = Bits<Storage>;
  const auto* const all = static_cast<const Element*>(R.data);
  const int first_unit = (8 * warp + lane.row) * Tile::units;
  const int first = first_k<Tile::k_tiles>(k, lane.column);
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int slot = 2 * m + half;
    Word element[4];
#pragma unroll
    for (int n = 0; n < 4; ++n) {
      const MatrixElement at = Tile::matrix_element(first_unit, slot, first + n);
      const bool there = slot < Tile::slots && at.out < head_dim && at.in < head_dim;
      element[n] = there ? all[R.strides.at(at.gate, head, at.out) + at.in] : 0;
    }
#pragma unroll
    for (int n = 0; n < 2; ++n) {
      Word part[Tile::parts];
      if constexpr (Tile::parts == 1) {
        part[0] = element[2 * n] | element[2 * n + 1] << 16;
        if (Tile::halves(slot)) part[0] = halved<Storage>(part[0]);
      } else {
        split(element[2 * n], element[2 * n + 1], part);
      }
#pragma unroll
      for (int i = 0; i < Tile::parts; ++i) words[i][2 * n + half] = part[i];
    }
  }
}

/// The kernel that arranges the fragments of `Tile`, one warp per tile.
template <class Tile>
__device__ void arrange_fragments(const ArrangeFragmentsParameters& p) {
  using Matrix = typename Tile::Matrix;
  const Index number = (static_cast<Index>(blockIdx.x) * blockDim.x + threadIdx.x) / 32;
  const int k = static_cast<int>(number % Tile::k_tiles);
  const int m = static_cast<int>(number / Tile::k_tiles % Tile::m_tiles);
  const Index warp_of_all = number / (Tile::k_tiles * Tile::m_tiles);
  const Index head = warp_of_all / Tile::compute_warps;
  if (head >= p.heads) return;
  Word words[Tile::parts][4];
  make_fragments<Tile>(p.R, p.head_dim, head, static_cast<int>(warp_of_all % Tile::compute_warps),
                       m, k, Lane(), words);
  auto* const to =
      static_cast<uint4*>(p.to) + warp_of_all * 32 * Matrix::fragments + (threadIdx.x & 31);
#pragma unroll
  for (int i = 0; i < Tile::parts; ++i)
    to[32 * Matrix::number(i, m, k)] = {words[i][0], words[i][1], words[i][2], words[i][3]};
  let_next_kernel_start();
}

/// Fills a warp's fragments: few are made on the spot, which saves the time of another kernel.
template <class Tile, class Parameters>
__device__ void load_fragments(const Parameters& p, int head, int warp, const Lane& lane,
                               typename Tile::Matrix& matrix) {
  if constexpr (Tile::arranged) {
    matrix.load(p.fragments, head * Tile::compute_warps + warp, static_cast<int>(threadIdx.x) & 31);
  } else {
#pragma unroll
    for (int m = 0; m < Tile::m_tiles; ++m)
#pragma unroll
      for (int k = 0; k < Tile::k_tiles; ++k) {
        Word words[Tile::parts][4];
        make_fragments<Tile>(p.R, p.shape.head_dim, head, warp, m, k, lane, words);
#pragma unroll
        for (int part = 0; part < Tile::parts; ++part) matrix.put(part, m, k, words[part]);
      }
  }
}

}  // namespace flashrnn::cuda
