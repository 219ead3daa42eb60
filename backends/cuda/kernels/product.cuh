// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "matrix_fragments.cuh"

// The factors of the product R·h (forward) or R^T·dg (backward), where an element of storage is the
// sum of some parts that tensor cores multiply (numeric.cuh): one for 16-bit types, three for
// float, two for float where products may be less accurate or factors are scaled.
//
// Several parts of the right-hand side are columns of their own. A batch tile of fewer than 8 rows
// would only repeat them; so one mma multiplies a part of R with several parts of the other factor:
//
//   parts  batch tile  columns of one operand          products per tile of R
//   3      2           parts 0, 1, 2, none of a row    3: R0·, R1·, R2· (all nine pairs of parts)
//   3      4           parts 0, 1 of a row; 2, none    4: R0·, R1·, R2·; R0·
//   3      8           part 0; part 1; part 2          6: R0·, R1·, R2·; R0·, R1·; R0·
//   2      2           parts 0, 1, none, none          2: R0·, R1· (all four pairs of parts)
//   2      4           parts 0, 1                      2: R0·, R1·
//   2      8           part 0; part 1                  3: R0·, R1·; R0·
//
// Tensor cores cut off what does not fit a float when they add (PTX leaves their rounding open).
// Products with R0 have accumulators of their own, so that only few of those additions meet large
// sums; everything else is small, and sums meet by rounded additions.

namespace flashrnn::cuda {

/// Columns of a type with one part; the lanes of a fragment row beyond the batch tile repeat rows.
template <int batch, int length>
struct WholeColumns : Columns<batch, length> {
  /// Where the column lies that this lane supplies as right-hand fragments.
  static __device__ int supplied(const Lane& lane) {
    return Columns<batch, length>::offset(batch >= 8 ? lane.row : lane.row * batch / 8);
  }
};

/// Columns of a type with several parts, as operands of 8 columns: 8 / batch parts of every row. A
/// column that no part has stays zero.
template <int parts_, int batch, int length>
struct SplitColumns {
  static_assert(batch == 2 || batch == 4 || batch == 8, "SplitColumns: 1, 2 or 4 parts beside");
  using Operand = Columns<8, length>;
  static constexpr int parts = parts_, beside = 8 / batch;
  static constexpr int operands = (parts + beside - 1) / beside;
  static constexpr int bytes = operands * Operand::bytes;

  /// Byte offset of part 0 of a row.
  static __device__ int offset(int row) { return Operand::offset(row * beside); }
  /// How many bytes behind it another part lies.
  static __device__ constexpr int part_offset(int part) {
    const int column = part % beside;
    return part / beside * Operand::bytes + column / 2 * (2 * Operand::to_odd + 16) +
           column % 2 * Operand::to_odd;
  }
  static __device__ int supplied(const Lane& lane) { return Operand::offset(lane.row); }
};

template <int parts, int batch, int length>
struct FactorColumns {
  using Type = SplitColumns<parts, batch, length>;
};
template <int batch, int length>
struct FactorColumns<1, batch, length> {
  using Type = WholeColumns<batch, length>;
};
/// The right-hand factor in shared memory.
template <class Storage, int batch, int length>
using Factor = typename FactorColumns<Parts<Storage>::count, batch, length>::Type;

/// `count` neighbouring 16-bit elements, packed in pairs: store_row for what is already packed.
template <int count>
__device__ void store_packed(SharedAddress address, const Word (&pair)[(count + 1) / 2]) {
  if constexpr (count == 8) {
    store_shared_16(address, pair);
  } else if constexpr (count == 4) {
    store_shared(address, Elements<4>{{pair[0], pair[1]}});
  } else {
#pragma unroll
    for (int n = 0; n < count; n += count % 2 == 0 ? 2 : 1) {
      if constexpr (count % 2 == 0) {
        store_shared(address + 2 * n, Elements<2>{{pair[n / 2]}});
      } else {
        store_shared(address + 2 * n, Elements<1>{{n % 2 == 0 ? pair[n / 2] : pair[n / 2] >> 16}});
      }
    }
  }
}

/// Stores neighbouring elements of a column of the right-hand factor, which are scaled already.
template <class Storage, class Columns, int count>
__device__ void store_factor(SharedAddress address, const float (&value)[count]) {
  if constexpr (Parts<Storage>::count == 1) {
    store_row<Storage>(address, value);
  } else {
    Word part[Columns::parts][(count + 1) / 2];
#pragma unroll
    for (int n = 0; n < count; n += 2) {
      Word split_pair[Columns::parts];
      const float second = n + 1 < count ? value[n + 1] : 0.0f;
      if constexpr (Parts<Storage>::scaled) {
        split_scaled(value[n], second, split_pair);
      } else {
        split(__float_as_uint(value[n]), __float_as_uint(second), split_pair);
      }
#pragma unroll
      for (int p = 0; p < Columns::parts; ++p) part[p][n / 2] = split_pair[p];
    }
#pragma unroll
    for (int p = 0; p < Columns::parts; ++p)
      store_packed<count>(address + Columns::part_offset(p), part[p]);
  }
}

/// The product where both factors have several parts: rows are `per_unit` values of each of a
/// lane's `units` units, unit-major; a lane gets those of its own cells (fragments.cuh, Share).
template <class Storage, int batch, int units, int per_unit, int k_tiles, int chains, int held>
struct SplitProduct {
  using Share = flashrnn::cuda::Share<batch, units>;
  using Columns = SplitColumns<Parts<Storage>::count, batch, 16 * k_tiles>;
  using Part = Packed<typename Parts<Storage>::Type>;
  static constexpr float second_weight = Parts<Storage>::second_weight;
  static constexpr int m_tiles = (units * per_unit + 1) / 2;
  using Matrix = MatrixFragments<Columns::parts, held, m_tiles, k_tiles>;
  static constexpr int parts = Columns::parts, operands = Columns::operands;
  /// Parts q of R that an operand whose first part is p is multiplied with: p + q < parts.
  static __device__ constexpr int factors(int operand) { return parts - operand * Columns::beside; }
  /// Products per k besides the one of first parts.
  static __device__ constexpr int count_small_products() {
    int count = -1;
    for (int o = 0; o < operands; ++o) count += factors(o);
    return count;
  }
  static constexpr int small_products = count_small_products();
  static constexpr int products = (1 + small_products) * m_tiles * k_tiles;
  static constexpr int large_chains = chains < k_tiles ? chains : k_tiles;
  // There are more of them; one chain of each is enough where rows alone keep products in flight.
  static constexpr int wanted = chains == 2 ? 4 : chains;
  static constexpr int small_chains =
      wanted < small_products * k_tiles ? wanted : small_products * k_tiles;

  /// Fragments of k-tiles 2·pair and, if there is one, 2·pair + 1.
  static __device__ void load_pair(SharedAddress row, int lane_column, int pair, Word (&b)[2][2]) {
    if (2 * pair + 1 < k_tiles) {
      Word word[4];
      load_shared_16(row + 64 * pair, word);
#pragma unroll
      for (int n = 0; n < 4; ++n) b[n / 2][n % 2] = word[n];
    } else {
      const Elements<4> rest = load_shared<4>(row + 64 * pair - 8 * lane_column);
      b[0][0] = rest.word[0];
      b[0][1] = rest.word[1];
    }
  }

  /// `beside()` is called once the first loads of the right-hand factor are on their way. `order`:
  /// of the warps that compute, whose first part of the product has first_k_tiles.
  template <int first_k_tiles = k_tiles, class Order, class Beside>
  static __device__ void multiply(const Matrix& matrix, SharedAddress supplied, const Lane& lane,
                                  int own_copy, const Order& order, const Beside& beside,
                                  float (&own)[Share::cells][Share::rows][per_unit]) {
    float large[large_chains][m_tiles][4], small[small_chains][m_tiles][4];
    int small_number = 0;
#pragma unroll
    for (int pair = 0; pair < (k_tiles + 1) / 2; ++pair) {
      Word b[operands][2][2];
      if (2 * pair == first_k_tiles) order.begin_second_part();
#pragma unroll
      for (int o = 0; o < operands; ++o)
        load_pair(supplied + o * Columns::Operand::bytes, lane.column, pair, b[o]);
      if (2 * pair == first_k_tiles) order.let_follow();
      if (pair == 0) beside();
#pragma unroll
      for (int k = 2 * pair; k < 2 * pair + 2; ++k)
#pragma unroll
        for (int o = 0; o < operands; ++o)
#pragma unroll
          for (int q = 0; q < factors(o); ++q) {
            if (k >= k_tiles) continue;
            const bool is_large = o == 0 && q == 0;
            const int number = is_large ? k : small_number++;
#pragma unroll
            for (int m = 0; m < m_tiles; ++m) {
              Word tile[4];
              matrix.get(q, m, k, tile);
              float(&to)[4] =
                  is_large ? large[number % large_chains][m] : small[number % small_chains][m];
              if (number < (is_large ? large_chains : small_chains)) {
                const float zero[4] = {0, 0, 0, 0};
                Part::multiply_add(to, tile, b[o][k % 2][0], b[o][k % 2][1], zero);
              } else {
                Part::multiply_add(to, tile, b[o][k % 2][0], b[o][k % 2][1]);
              }
            }
          }
    }
#pragma unroll
    for (int m = 0; m < m_tiles; ++m)
#pragma unroll
      for (int e = 0; e < 4; ++e) {
#pragma unroll
        for (int chain = 1; chain < small_chains; ++chain) small[0][m][e] += small[chain][m][e];
#pragma unroll
        for (int chain = 1; chain < large_chains; ++chain) large[0][m][e] += large[chain][m][e];
        add_second(large[0][m][e], small[0][m][e]);
      }
    share(large[0], own_copy, own);
  }

  /// Where every warp scales what it supplies by itself, `source_tiles` k-tiles: `inverses` are
  /// those of the vector. What a warp supplied is summed from zero and added times the inverse of
  /// its scale; that of R's is left to the caller, because the product of both could be too small
  /// for a float where gradients are. Two warps' sums at a time, as products wait for each other.
  template <int source_tiles, class Beside>
  static __device__ void multiply_scaled(const Matrix& matrix, SharedAddress supplied,
                                         SharedAddress inverses, const Lane& lane, int own_copy,
                                         const Beside& beside,
                                         float (&own)[Share::cells][Share::rows][per_unit]) {
    static_assert(source_tiles % 2 == 0, "SplitProduct: pairs of k-tiles have one source");
    constexpr int sources = k_tiles / source_tiles;
    float sum[m_tiles][4];
#pragma unroll
    for (int first = 0; first < sources; first += 2) {
      float large[2][m_tiles][4], small[2][m_tiles][4], scale[2][inverse_rows];
#pragma unroll
      for (int s = 0; s < 2 && first + s < sources; ++s) {
        const auto inverse = load_inverses(inverses, first + s, lane);
#pragma unroll
        for (int r = 0; r < inverse_rows; ++r) scale[s][r] = widen<float>(inverse.word[r]);
      }
#pragma unroll
      for (int pair = 0; pair < source_tiles / 2; ++pair) {
        Word b[2][operands][2][2];
#pragma unroll
        for (int s = 0; s < 2 && first + s < sources; ++s)
#pragma unroll
          for (int o = 0; o < operands; ++o)
            load_pair(supplied + o * Columns::Operand::bytes, lane.column,
                      (first + s) * source_tiles / 2 + pair, b[s][o]);
        if (first == 0 && pair == 0) beside();
#pragma unroll
        for (int k = 0; k < 2; ++k)
#pragma unroll
          for (int o = 0; o < operands; ++o)
#pragma unroll
            for (int q = 0; q < factors(o); ++q)
#pragma unroll
              for (int s = 0; s < 2 && first + s < sources; ++s)
#pragma unroll
                for (int m = 0; m < m_tiles; ++m) {
                  Word tile[4];
                  matrix.get(q, m, (first + s) * source_tiles + 2 * pair + k, tile);
                  float(&to)[4] = o == 0 && q == 0 ? large[s][m] : small[s][m];
                  if (pair == 0 && k == 0 && o == 0 && q < 2) {
                    const float zero[4] = {0, 0, 0, 0};
                    Part::multiply_add(to, tile, b[s][o][k][0], b[s][o][k][1], zero);
                  } else {
                    Part::multiply_add(to, tile, b[s][o][k][0], b[s][o][k][1]);
                  }
                }
      }
#pragma unroll
      for (int s = 0; s < 2 && first + s < sources; ++s)
#pragma unroll
        for (int m = 0; m < m_tiles; ++m)
#pragma unroll
          for (int e = 0; e < 4; ++e) {
            add_second(large[s][m][e], small[s][m][e]);
            const float factor = scale[s][e % inverse_rows];
            sum[m][e] = first + s == 0 ? large[s][m][e] * factor
                                       : __fmaf_rn(large[s][m][e], factor, sum[m][e]);
          }
    }
    share(sum, own_copy, own);
  }

  /// The same for once, when short code counts for more than time: in a loop over k-tiles, with R
  /// from memory; `fragments` are this lane's (MatrixFragments::of_lane). Products of first parts
  /// have a sum of their own in every k-tile, and these meet by rounded additions. `source_tiles`,
  /// `inverses`: as in multiply_scaled, where factors are scaled.
  template <int source_tiles>
  static __device__ void multiply_once(const uint4* fragments, SharedAddress supplied,
                                       SharedAddress inverses, const Lane& lane, int own_copy,
                                       float (&own)[Share::cells][Share::rows][per_unit]) {
    float sum[m_tiles][4], small[m_tiles][4];
#pragma unroll
    for (int m = 0; m < m_tiles; ++m)
#pragma unroll
      for (int e = 0; e < 4; ++e) sum[m][e] = small[m][e] = 0;
#pragma unroll 1
    for (int k = 0; k < k_tiles; ++k) {
      // As load_pair: the last of an odd number has no second tile beside it.
      const bool alone = k_tiles % 2 == 1 && k == k_tiles - 1;
      const SharedAddress row =
          supplied + 64 * (k / 2) + 8 * (k % 2) - (alone ? 8 * lane.column : 0);
      Elements<4> b[operands];
#pragma unroll
      for (int o = 0; o < operands; ++o) b[o] = load_shared<4>(row + o * Columns::Operand::bytes);
#pragma unroll
      for (int m = 0; m < m_tiles; ++m) {
        float large[4] = {0, 0, 0, 0};
#pragma unroll
        for (int q = 0; q < parts; ++q) {
          const uint4 read = fragments[32 * Matrix::number(q, m, k)];
          const Word tile[4] = {read.x, read.y, read.z, read.w};
#pragma unroll
          for (int o = 0; o < operands; ++o)
            if (q < factors(o))
              Part::multiply_add(o == 0 && q == 0 ? large : small[m], tile, b[o].word[0],
                                 b[o].word[1]);
        }
        if constexpr (Parts<Storage>::scaled) {
          const auto inverse = load_inverses(inverses, k / source_tiles, lane);
#pragma unroll
          for (int e = 0; e < 4; ++e) {
            add_second(large[e], small[m][e]);
            small[m][e] = 0;
            sum[m][e] = __fmaf_rn(
                large[e], widen<float>(inverse.word[Columns::beside == 1 ? e % 2 : 0]), sum[m][e]);
          }
        } else {
#pragma unroll
          for (int e = 0; e < 4; ++e) sum[m][e] += large[e];
        }
      }
    }
#pragma unroll
    for (int m = 0; m < m_tiles; ++m)
#pragma unroll
      for (int e = 0; e < 4; ++e) add_second(sum[m][e], small[m][e]);
    share(sum, own_copy, own);
  }

 private:
  /// Rows of the batch that a lane's columns stand for.
  static constexpr int inverse_rows = Columns::beside == 1 ? 2 : 1;
  /// Of the inverse scales [source, row] of what a warp supplied those of this lane's columns.
  static __device__ auto load_inverses(SharedAddress inverses, int source, const Lane& lane) {
    return load_shared<inverse_rows, 4>(inverses +
                                        4 * (source * batch + 2 * lane.column / Columns::beside));
  }
  /// Adds what second parts have contributed.
  static __device__ void add_second(float& sum, float second) {
    sum = Parts<Storage>::scaled ? __fmaf_rn(second, second_weight, sum) : sum + second;
  }
  /// Adds what the parts of a row have contributed, and gives every lane its own cells.
  static __device__ void share(const float (&sum)[m_tiles][4], int own_copy,
                               float (&own)[Share::cells][Share::rows][per_unit]) {
#pragma unroll
    for (int c = 0; c < Share::cells; ++c)
#pragma unroll
      for (int n = 0; n < per_unit; ++n) {
        const auto both = [&](int slot) {
          float out = sum[slot / 2][2 * (slot % 2)];
          add_second(out, sum[slot / 2][2 * (slot % 2) + 1]);
          return out;
        };
        const int slot = c * per_unit + n;
        if constexpr (Columns::beside == 1) {
#pragma unroll
          for (int r = 0; r < Share::rows; ++r) own[c][r][n] = sum[slot / 2][2 * (slot % 2) + r];
        } else if constexpr (Columns::beside == 2) {
          own[c][0][n] = both(slot);
        } else {
          // Two neighbouring lanes hold two parts each and take half of the units.
          const float first = both(slot), second = both(slot + Share::cells * per_unit);
          const float sent = own_copy == 0 ? second : first;
          own[c][0][n] = (own_copy == 0 ? first : second) + __shfl_xor_sync(0xffffffffu, sent, 1);
        }
      }
  }
};

}  // namespace flashrnn::cuda
