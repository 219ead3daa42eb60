// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spread_exchange.cuh"

// The product of a step where several blocks share a head. A block's warps are row groups × k
// groups: each holds the fragments of some rows and some k, a part of them in registers and the
// rest in shared memory. The sums of the k groups meet in shared memory.
//
// Floats are multiplied as sums of three bfloat16 (numeric.cuh): a tile of R becomes three, the
// vector is split by who reads it, and six products take the place of one. Where that leaves no
// room for R, it is kept as it is, two tiles of floats for one, and split in every step. Floats
// that are scaled are sums of two float16: three products, and who sends a vector splits it.

namespace flashrnn::cuda {

/// `rows` values per unit (gates forward, 1 backward) of `units` units, k as `Exchange` deals it;
/// a lane reads `at_once` packets at once. `whole`: floats of R are kept unsplit.
template <class Storage_, class Exchange_, int rows_, int units_, int row_groups_,
          int register_tiles_, int at_once_, bool whole_>
struct SpreadProduct {
  using Storage = Storage_;
  using Exchange = Exchange_;
  static constexpr int rows = rows_, units = units_, row_groups = row_groups_,
                       register_tiles = register_tiles_;
  static constexpr int k_groups = Exchange::Shape::k_groups, pairs = Exchange::Shape::pairs;
  static constexpr int n_tiles = Exchange::Shape::n_tiles, batch = Exchange::Shape::batch;
  static constexpr int group_units = units / row_groups;
  static constexpr int lane_units = group_units / 8;
  static constexpr int slots = lane_units * rows;  // a lane's two half tiles, one after the other
  static constexpr int m_tiles = (slots + 1) / 2;
  static constexpr int k_tiles = 2 * pairs;
  using Factor = typename Parts<Storage>::Type;
  static constexpr int parts = Parts<Storage>::count, halves = Exchange::Shape::halves;
  static constexpr bool scaled = Parts<Storage>::scaled;
  static_assert(halves * 2 == sizeof(Bits<Storage>), "SpreadProduct: packets hold its elements");
  // Accumulators per row, so that about 4 products are in flight. Of floats the first is for the
  // products of first parts alone: what mma cuts off in every addition is then the roundoff of few
  // additions, and nothing to speak of for the other products, which are 2^-8 as large. Three
  // products of three gates and four rows of the batch, as GRU has, are enough.
  static constexpr int sums_per_row = m_tiles * n_tiles;
  static constexpr int enough = rows == 3 && batch == 4 ? 3 : 4;
  static constexpr int chains = parts == 1 ? (sums_per_row >= enough ? 1
                                              : sums_per_row >= 2    ? 2
                                                                     : 4)
                                           : (sums_per_row >= 4   ? 2
                                              : sums_per_row >= 2 ? 3
                                                                  : 4);
  static constexpr int warps = row_groups * k_groups;
  static constexpr bool whole = whole_;
  static_assert(!whole || parts == 3, "SpreadProduct: two parts take no more room than a float");
  // Tiles of a k-tile, [part, m], or [upper or lower 8 rows, m] of floats.
  static constexpr int stored = whole ? 2 : parts, k_tile_tiles = stored * m_tiles;
  static constexpr int tiles = k_tile_tiles * k_tiles;
  static constexpr int shared_tiles = tiles - register_tiles;
  static_assert(units % (8 * row_groups) == 0, "SpreadProduct: 8 units per row of fragments");
  static_assert(rows > 1 || lane_units % 2 == 0, "SpreadProduct: one row takes pairs of units");
  static_assert(shared_tiles >= 0, "SpreadProduct: more register tiles than tiles");

  static constexpr int matrix_bytes = warps * shared_tiles * 512;
  // Sums: [k group, row of the batch, unit, width], at distances that avoid bank conflicts.
  static constexpr int width = rows == 3 ? 4 : rows;
  static constexpr int row_gap = (batch == 4 ? 8 : 4) / width;
  static constexpr int unit_distance = group_units + row_gap;
  static_assert(group_units % (rows == 1 ? 16 : 8) == 0);
  static_assert(width <= 4, "SpreadProduct: at most 4 rows per unit");
  static constexpr int sums_bytes = 4 * k_groups * batch * unit_distance * width;
  // Sums of two vectors alternate, as warps may be a step apart; not where ask_when_sent() is a
  // meeting of all warps.
  static constexpr bool alternates = Exchange::Shape::split == 1;
  static constexpr int all_sums_bytes = (alternates ? 2 : 1) * row_groups * sums_bytes;

  /// Unit, of the row group, and row that a slot of lane row `g` stands for.
  static __device__ constexpr int slot_row(int slot) { return slot % rows; }
  static __device__ constexpr int slot_unit(int slot, int g) {
    return rows == 1 ? 16 * (slot / 2) + 2 * g + slot % 2 : 8 * (slot / rows) + g;
  }
  /// Register tiles before k-tile k: they are dealt evenly, so that reads of the others are too.
  static __device__ constexpr int registers_before(int k) { return k * register_tiles / k_tiles; }
  static __device__ constexpr int registers_of(int k) {
    return registers_before(k + 1) - registers_before(k);
  }
  /// Where a tile that is in shared memory lies among the warp's; `t` counts those of a k-tile.
  static __device__ constexpr int shared_place(int k, int t) {
    return 512 * (k * k_tile_tiles - registers_before(k) + t - registers_of(k));
  }
  /// The parts of 4 neighbouring elements, packed in pairs: the first or second half of a chunk.
  /// `scale`: what elements that are scaled are multiplied with.
  template <int words>
  static __device__ void split_half(const Word (&chunk)[words], int half, float scale,
                                    Word (&part)[parts][2]) {
#pragma unroll
    for (int pair = 0; pair < 2; ++pair) {
      if constexpr (parts == 1) {
        part[0][pair] = chunk[2 * half + pair];
      } else {
        Word both[parts];
        const Word first = chunk[4 * half + 2 * pair], second = chunk[4 * half + 2 * pair + 1];
        if constexpr (scaled) {
          split_scaled(scale * __uint_as_float(first), scale * __uint_as_float(second), both);
        } else {
          split(first, second, both);
        }
#pragma unroll
        for (int p = 0; p < parts; ++p) part[p][pair] = both[p];
      }
    }
  }
  /// The tiles m of k-tiles 2·pair and 2·pair + 1.
  template <class Row>
  static __device__ void load_pair(const Row& row, int m, int pair, float scale,
                                   Word (&tile)[2][stored][4]) {
    Word low[4 * halves], high[4 * halves];
#pragma unroll
    for (int e = 0; e < 4 * halves; ++e) low[e] = high[e] = 0;
    row(2 * m, pair, low);
    if (2 * m + 1 < slots) row(2 * m + 1, pair, high);
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      if constexpr (whole) {
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          tile[half][0][e] = low[4 * half + e];
          tile[half][1][e] = high[4 * half + e];
        }
      } else {
        split_tile(low, high, half, scale, tile[half]);
      }
    }
  }
  /// The parts of a tile whose rows are half of these chunks.
  template <int words>
  static __device__ void split_tile(const Word (&low)[words], const Word (&high)[words], int half,
                                    float scale, Word (&tile)[parts][4]) {
    Word low_part[parts][2], high_part[parts][2];
    split_half(low, half, scale, low_part);
    split_half(high, half, scale, high_part);
#pragma unroll
    for (int p = 0; p < parts; ++p) {
      tile[p][0] = low_part[p][0];
      tile[p][1] = high_part[p][0];
      tile[p][2] = low_part[p][1];
      tile[p][3] = high_part[p][1];
    }
  }

  Word held[register_tiles > 0 ? register_tiles : 1][4];
  SharedAddress rest;
  float matrix_inverse;  ///< of what the warp's R is multiplied with, where it is scaled

  /// Looks through the warp's R for what it is multiplied with.
  template <class Row>
  __device__ Scale scale_of_matrix(const Row& row) const {
    float largest = 0;
#pragma unroll 1
    for (int pair = 0; pair < pairs; ++pair)
#pragma unroll
      for (int slot = 0; slot < slots; ++slot) {
        Word words[4 * halves];
#pragma unroll
        for (int e = 0; e < 4 * halves; ++e) words[e] = 0;
        row(slot, pair, words);
#pragma unroll
        for (int e = 0; e < 4 * halves; ++e)
          largest = larger_finite(largest, __uint_as_float(words[e]));
      }
    return Scale::of(largest_of_warp(largest));
  }

  /// `row(slot, pair)` gives the 8 elements of a slot's row at this lane's chunk of a pair, as 4 or
  /// 8 words.
  template <class Row>
  __device__ void load(SharedAddress matrix, int warp, int lane, const Row& row) {
    rest = matrix + warp * shared_tiles * 512 + 16 * lane;
    keep(rest);
    Scale scale{1, 1};
    if constexpr (scaled) {
      scale = scale_of_matrix(row);
      matrix_inverse = scale.inverse;
    }
    // One pair after the other: no more than its tiles are on their way in registers, and addresses
    // are computed in one place. Which tiles of `held` it brings, a comparison says: written out
    // for every pair, this was a third of a program, and of the time that it takes to compile.
    constexpr int beside = parts == 1 || m_tiles % 2 != 0 ? m_tiles : 2;
#pragma unroll 1
    for (int j = 0; j < pairs; ++j)
#pragma unroll(m_tiles > beside ? 1 : m_tiles)
      for (int first = 0; first < m_tiles; first += beside)
#pragma unroll
        for (int i = 0; i < beside; ++i) {
          Word tile[2][stored][4];
          load_pair(row, first + i, j, scale.factor, tile);
#pragma unroll
          for (int half = 0; half < 2; ++half)
#pragma unroll
            for (int p = 0; p < stored; ++p) {
              const int k = 2 * j + half, t = p * m_tiles + first + i;
              if (t >= registers_of(k)) store_shared_16(rest + shared_place(k, t), tile[half][p]);
#pragma unroll
              for (int n = 0; n < pairs * m_tiles / beside; ++n) {
                // k and t in a program that is written out.
                const int pair = n / (m_tiles / beside),
                          known_first = n % (m_tiles / beside) * beside;
                const int known = 2 * pair + half, known_t = p * m_tiles + known_first + i;
                if (known_t >= registers_of(known)) continue;
                const bool is_it = j == pair && first == known_first;
#pragma unroll
                for (int e = 0; e < 4; ++e) {
                  Word& word = held[registers_before(known) + known_t][e];
                  word = is_it ? tile[half][p][e] : word;
                }
              }
            }
        }
  }

  /// sum += the pairs [first, first + count) of the product.
  template <int most>
  __device__ void multiply(int first, int count, const Word (&b)[most][n_tiles][halves][4],
                           float (&sum)[chains][m_tiles][n_tiles][4]) const {
#pragma unroll
    for (int j = 0; j < most; ++j)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        if (j >= count) continue;
        const int k = 2 * (first + j) + half;
        Word right[n_tiles][parts][2];
#pragma unroll
        for (int n = 0; n < n_tiles; ++n) {
          if constexpr (scaled) {  // a packet holds one part of all elements
#pragma unroll
            for (int p = 0; p < parts; ++p)
#pragma unroll
              for (int e = 0; e < 2; ++e) right[n][p][e] = b[j][n][p][2 * half + e];
          } else {
            Word chunk[4 * halves];
#pragma unroll
            for (int e = 0; e < 4 * halves; ++e) chunk[e] = b[j][n][e / 4][e % 4];
            split_half(chunk, half, 1, right[n]);
          }
        }
#pragma unroll
        for (int begin = 0; begin < m_tiles; begin += together) {
          if constexpr (whole) {
            Word tile[together][parts][4];
#pragma unroll
            for (int i = 0; i < together; ++i) {
              if (begin + i >= m_tiles) continue;
              Word low[4], high[4];
              fetch(k, begin + i, low);
              fetch(k, m_tiles + begin + i, high);
              split_tile(low, high, 0, 1, tile[i]);
            }
#pragma unroll
            for (int p = 0; p < parts; ++p)
#pragma unroll
              for (int q = 0; q < parts - p; ++q)
#pragma unroll
                for (int i = 0; i < together; ++i)
                  if (begin + i < m_tiles)
                    multiply_add(tile[i][p], right, q, sum[chain(k, p, q)][begin + i]);
          } else {
#pragma unroll
            for (int p = 0; p < parts; ++p) {
              Word tile[together][4];
#pragma unroll
              for (int i = 0; i < together; ++i)
                if (begin + i < m_tiles) fetch(k, p * m_tiles + begin + i, tile[i]);
#pragma unroll
              for (int q = 0; q < parts - p; ++q)
#pragma unroll
                for (int i = 0; i < together; ++i)
                  if (begin + i < m_tiles)
                    multiply_add(tile[i], right, q, sum[chain(k, p, q)][begin + i]);
            }
          }
        }
      }
  }
  /// sum += a tile · part q of the vector.
  static __device__ void multiply_add(const Word (&tile)[4], const Word (&right)[n_tiles][parts][2],
                                      int q, float (&sum)[n_tiles][4]) {
#pragma unroll
    for (int n = 0; n < n_tiles; ++n)
      Packed<Factor>::multiply_add(sum[n], tile, right[n][q][0], right[n][q][1]);
  }
  /// Tiles that are multiplied with a part of the vector before the next part's turn.
  static constexpr int most_together = parts == 1 || n_tiles >= 4 ? 1 : (whole ? 2 : 4) / n_tiles;
  static constexpr int together = m_tiles < most_together ? m_tiles : most_together;
  /// The accumulator of a product of parts p and q.
  static __device__ constexpr int chain(int k, int p, int q) {
    if (parts == 1) return k % chains;
    if (p + q == 0) return 0;
    constexpr int others = parts * (parts + 1) / 2 - 1;
    const int number = p * parts - p * (p - 1) / 2 + q - 1;  // among the others
    return 1 + (others * k + number) % (chains - 1);
  }
  /// Tile `t` of those of a k-tile.
  __device__ void fetch(int k, int t, Word (&tile)[4]) const {
    if (t < registers_of(k)) {
#pragma unroll
      for (int e = 0; e < 4; ++e) tile[e] = held[registers_before(k) + t][e];
    } else {
      load_shared_16(rest + shared_place(k, t), tile);
    }
  }

  /// Pairs that are read at once: what is asked for in L2 should be on its way together.
  static constexpr int pair_packets = n_tiles * halves;
  static constexpr int section = pairs * pair_packets <= at_once_ ? pairs
                                 : pair_packets >= at_once_       ? 1
                                                                  : at_once_ / pair_packets;

  static constexpr int sections = (pairs + section - 1) / section;
  static __device__ constexpr int section_pairs(int number) {
    return pairs - number * section < section ? pairs - number * section : section;
  }

  /// What is read of a section. Two alternate; ask() fills the first, for the next run().
  using Packets = Word[section][n_tiles][halves][4];
  Packets packets[2];

  /// Where a vector can be asked for before it is there: asks for its first section.
  __device__ void ask(const Exchange& exchange) {
    if constexpr (Exchange::asks_early) exchange.read(0, section, packets[0]);
  }

  /// The product with vector `number`, which was asked for, once it is there, as sums in shared
  /// memory.
  __device__ void run(const Exchange& exchange, unsigned number, const Lane& lane) {
    float sum[chains][m_tiles][n_tiles][4];
#pragma unroll
    for (int c = 0; c < chains; ++c)
#pragma unroll
      for (int m = 0; m < m_tiles; ++m)
#pragma unroll
        for (int n = 0; n < n_tiles; ++n)
#pragma unroll
          for (int e = 0; e < 4; ++e) sum[c][m][n][e] = 0;
    if constexpr (!Exchange::asks_early) {
      exchange.wait(number);
      exchange.read(0, section, packets[0]);
    }
    exchange.finish_read(0, section, packets[0]);
#pragma unroll
    for (int s = 0; s < sections; ++s) {
      const int next = s + 1;
      const bool more = next < sections;
      if (more) exchange.read(next * section, section_pairs(next), packets[next % 2]);
      multiply(s * section, section_pairs(s), packets[s % 2], sum);
      if (more) exchange.finish_read(next * section, section_pairs(next), packets[next % 2]);
    }
    // Of parts that are scaled, all chains but the first have the products with second parts.
    constexpr int joined = scaled ? 1 : 0;
#pragma unroll
    for (int c = joined + 1; c < chains; ++c)
#pragma unroll
      for (int m = 0; m < m_tiles; ++m)
#pragma unroll
        for (int n = 0; n < n_tiles; ++n)
#pragma unroll
          for (int e = 0; e < 4; ++e) sum[joined][m][n][e] += sum[c][m][n][e];
    if constexpr (scaled) {
#pragma unroll
      for (int m = 0; m < m_tiles; ++m)
#pragma unroll
        for (int n = 0; n < n_tiles; ++n)
#pragma unroll
          for (int e = 0; e < 4; ++e)
            sum[0][m][n][e] =
                matrix_inverse *
                __fmaf_rn(sum[joined][m][n][e], Parts<Storage>::second_weight, sum[0][m][n][e]);
    }
    store_sums(lane, sum[0]);
  }
  /// At the end of a step.
  __device__ void turn(unsigned number) {
    if (!alternates) return;
    own_sums += alternating(number) * row_groups * sums_bytes;
    sums += alternating(number) * row_groups * sums_bytes;
    keep(own_sums);
    keep(sums);
  }

  __device__ void store_sums(const Lane& lane, const float (&sum)[m_tiles][n_tiles][4]) const {
    constexpr int copies = Exchange::Shape::copies;
    if (copies > 2 && lane.column % (copies / 2) != 0) return;
#pragma unroll
    for (int n = 0; n < n_tiles; ++n)
#pragma unroll
      for (int column = 0; column < (copies == 1 ? 2 : 1); ++column) {
        const SharedAddress at = own_sums + 4 * width * unit_distance * (8 * n + column);
        const auto value = [&](int slot) { return sum[slot / 2][n][2 * (slot % 2) + column]; };
        if constexpr (rows == 1) {
#pragma unroll
          for (int pair = 0; pair < lane_units / 2; ++pair)
            asm volatile("st.shared.v2.f32 [%0], {%1, %2};" ::"r"(at + 64 * pair),
                         "f"(value(2 * pair)), "f"(value(2 * pair + 1))
                         : "memory");
        } else if constexpr (rows == 2) {
#pragma unroll
          for (int u = 0; u < lane_units; ++u)
            asm volatile("st.shared.v2.f32 [%0], {%1, %2};" ::"r"(at + 64 * u), "f"(value(2 * u)),
                         "f"(value(2 * u + 1))
                         : "memory");
        } else {
#pragma unroll
          for (int u = 0; u < lane_units; ++u)
            asm volatile("st.shared.v4.f32 [%0], {%1, %2, %3, %4};" ::"r"(at + 128 * u),
                         "f"(value(rows * u)), "f"(value(rows * u + 1)), "f"(value(rows * u + 2)),
                         "f"(rows == 4 ? value(rows * u + rows - 1) : 0.0f)
                         : "memory");
        }
      }
  }

  /// Where those of unit `unit` of the row group lie, behind `sums`.
  static __device__ int sums_place(int row_group, int unit, int row) {
    return row_group * sums_bytes + 4 * width * (unit_distance * row + unit);
  }
  /// Sums over the k groups.
  __device__ void read_sums(int place, float (&out)[rows]) const {
    const SharedAddress at = sums + place;
    float part[k_groups][width];
#pragma unroll
    for (int k = 0; k < k_groups; ++k) {
      const SharedAddress from = at + k * 4 * width * unit_distance * batch;
      if constexpr (width == 1) {
        asm volatile("ld.shared.f32 %0, [%1];" : "=f"(part[k][0]) : "r"(from) : "memory");
      } else if constexpr (width == 2) {
        asm volatile("ld.shared.v2.f32 {%0, %1}, [%2];"
                     : "=f"(part[k][0]), "=f"(part[k][1])
                     : "r"(from)
                     : "memory");
      } else {
        asm volatile("ld.shared.v4.f32 {%0, %1, %2, %3}, [%4];"
                     : "=f"(part[k][0]), "=f"(part[k][1]), "=f"(part[k][2]), "=f"(part[k][3])
                     : "r"(from)
                     : "memory");
      }
    }
    // A tree, always the same.
#pragma unroll
    for (int distance = 1; distance < k_groups; distance *= 2)
#pragma unroll
      for (int k = 0; k + distance < k_groups; k += 2 * distance)
#pragma unroll
        for (int n = 0; n < rows; ++n) part[k][n] += part[k + distance][n];
#pragma unroll
    for (int n = 0; n < rows; ++n) out[n] = part[0][n];
  }

  /// Sums over the k groups of four neighbouring units, of one row each.
  __device__ void read_four_sums(int place, float (&out)[4]) const {
    static_assert(rows == 1 && unit_distance % 4 == 0, "SpreadProduct: 16 bytes of sums");
    float part[k_groups][4];
#pragma unroll
    for (int k = 0; k < k_groups; ++k) {
      Word bits[4];
      load_shared_16(sums + place + k * 4 * unit_distance * batch, bits);
#pragma unroll
      for (int n = 0; n < 4; ++n) part[k][n] = __uint_as_float(bits[n]);
    }
#pragma unroll
    for (int distance = 1; distance < k_groups; distance *= 2)
#pragma unroll
      for (int k = 0; k + distance < k_groups; k += 2 * distance)
#pragma unroll
        for (int n = 0; n < 4; ++n) part[k][n] += part[k + distance][n];
#pragma unroll
    for (int n = 0; n < 4; ++n) out[n] = part[0][n];
  }

  /// Where sums lie, and what this lane stores of them.
  __device__ void place_sums(SharedAddress all, int row_group, int k_group, const Lane& lane) {
    sums = all;
    own_sums = all + row_group * sums_bytes +
               4 * width *
                   (unit_distance * (k_group * batch + 2 * lane.column / Exchange::Shape::copies) +
                    (rows == 1 ? 2 * lane.row : lane.row));
    keep(own_sums);
    keep(sums);
  }
  SharedAddress sums, own_sums;  ///< of the step; what this lane stores of them
};

/// 8 neighbouring elements, which begin at a multiple of 16 bytes.
template <class Element, int words>
__device__ void load_global_chunk(const Element* from, Word (&out)[words]) {
  static_assert(words == 2 * sizeof(Element));
#pragma unroll
  for (int n = 0; n < words; n += 4) {
    const uint4 four = reinterpret_cast<const uint4*>(from)[n / 4];
    out[n] = four.x;
    out[n + 1] = four.y;
    out[n + 2] = four.z;
    out[n + 3] = four.w;
  }
}

/// The warps of one row group.
template <int warps>
__device__ void row_group_barrier(int row_group) {
  asm volatile("bar.sync %0, %1;" ::"r"(row_group + 1), "n"(32 * warps) : "memory");
}

}  // namespace flashrnn::cuda
