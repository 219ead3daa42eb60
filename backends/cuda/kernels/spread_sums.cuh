// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spread_product.cuh"

// How the sums of a product reach the lanes that have its units.
//
//   OwnSums      The block's warps have them all: they are read where the product stored them.
//   ClusterSums  The blocks of a cluster divide k: every block has sums over its part of k for the
//                units of all of them. It adds up those of its k groups and sends every block what
//                is of that block's units (st.async), where the parts are added in the order of
//                the blocks.
//
// start() and open() once, meet() at the end. Once per step, after the product: the barrier of the
// row group, send() by all threads, wait() by warps with units, read(), and turn() at the end of
// the step.

namespace flashrnn::cuda {

template <class Product>
class OwnSums {
 public:
  static constexpr int shared_bytes = 0;
  __device__ void start(SharedAddress, const Product&, int, int, int) {}
  __device__ void open() const {}
  __device__ static void meet() {}
  __device__ void send(const Product&) const {}
  __device__ void wait(unsigned) const {}
  __device__ void turn(unsigned) {}
  __device__ void read(const Product& product, int row_group, int group_unit, int row,
                       float (&out)[1]) const {
    product.read_sums(Product::sums_place(row_group, group_unit, row), out);
  }
};

/// Of `blocks` blocks with `units` units each; the product has the units of all blocks, one after
/// the other, and one row per unit.
template <int blocks, class Product, int units>
class ClusterSums {
 public:
  static constexpr int batch = Product::batch, row_groups = Product::row_groups;
  static_assert(Product::rows == 1 && Product::units == blocks * units);
  // What arrives: [buffer, block, row of the batch, unit], rows at a distance that avoids most bank
  // conflicts. Two buffers, as a block may send the next sums before this one has read its own; it
  // does not send those after that, which follow from what this one sends after it has read.
  static constexpr int row_bytes = 4 * (units + (batch > 1 && units % 16 == 0 ? 8 : 0));
  static constexpr int block_bytes = batch * row_bytes, buffer_bytes = blocks * block_bytes;
  static constexpr int barriers_at = 2 * buffer_bytes, shared_bytes = barriers_at + 16;
  static constexpr int arriving_bytes = blocks * 4 * batch * units;

  /// By all threads, once. `shared`: where shared_bytes of cleared shared memory begin. `part`: the
  /// block's of the head. The block meets, and open() follows, before anything is sent.
  __device__ void start(SharedAddress shared, const Product&, int row_group, int k_group,
                        int part) {
    received_ = shared;
    barrier_ = shared + barriers_at;
    const int rank = part % blocks;
    const int thread = 32 * k_group + (static_cast<int>(threadIdx.x) & 31);
#pragma unroll
    for (int i = 0; i < pieces; ++i) {
      const int piece = thread + threads * i, row = piece / row_pieces;
      const int group_unit = 4 * (piece % row_pieces);
      const int unit = row_group * Product::group_units + group_unit;
      from_[i] = Product::sums_place(row_group, group_unit, row);
      to_[i] = address_in_block(shared, unit / units) + rank * block_bytes + row * row_bytes +
               4 * (unit % units);
      signal_[i] = address_in_block(shared, unit / units) + barriers_at;
      pin(from_[i]);
      pin(to_[i]);
      pin(signal_[i]);
    }
    sends_last_ = thread + threads * (pieces - 1) < all_pieces;
    if (threadIdx.x == 0) {
      barrier_init(barrier_);
      barrier_init(barrier_ + 8);
      barrier_init_visible();
    }
  }
  /// By all threads of the cluster: everybody is ready to receive afterwards.
  __device__ void open() const {
    if (threadIdx.x == 0) {
      barrier_expect(barrier_, arriving_bytes);
      barrier_expect(barrier_ + 8, arriving_bytes);
    }
    cluster_barrier();
  }
  /// By all threads of the cluster: nobody ends before what is on its way to it has arrived.
  __device__ static void meet() {
    cluster_barrier();
  }
  __device__ void send(const Product& product) const {
#pragma unroll
    for (int i = 0; i < pieces; ++i) {
      if (i + 1 == pieces && !sends_last_) continue;
      float sum[4];
      product.read_four_sums(from_[i], sum);
      Word bits[4];
#pragma unroll
      for (int n = 0; n < 4; ++n) bits[n] = __float_as_uint(sum[n]);
      store_async_16(to_[i] + buffer_, bits, signal_[i] + signal_offset_);
    }
  }
  /// Until all sums of vector `number` for this block's units are there. Then the barrier is made
  /// ready for those of the vector after the next.
  __device__ void wait(unsigned number) const {
    barrier_wait(barrier_ + signal_offset_, (number >> 1) & 1);
    if (threadIdx.x == 0) barrier_expect(barrier_ + signal_offset_, arriving_bytes);
  }
  __device__ void read(const Product&, int row_group, int group_unit, int row,
                       float (&out)[1]) const {
    const SharedAddress at =
        received_ + buffer_ + row * row_bytes + 4 * (row_group * (units / row_groups) + group_unit);
    float part[blocks];
#pragma unroll
    for (int n = 0; n < blocks; ++n) part[n] = load_shared_float(at + n * block_bytes);
      // A tree, always the same.
#pragma unroll
    for (int distance = 1; distance < blocks; distance *= 2)
#pragma unroll
      for (int n = 0; n + distance < blocks; n += 2 * distance) part[n] += part[n + distance];
    out[0] = part[0];
  }
  __device__ void turn(unsigned) {
    buffer_ ^= buffer_bytes;
    signal_offset_ ^= 8;
    keep(buffer_);
    keep(signal_offset_);
  }

 private:
  // Pieces of four units of a row of the batch, dealt to the threads of a row group.
  static constexpr int threads = 32 * Product::k_groups, row_pieces = Product::group_units / 4;
  static constexpr int all_pieces = row_pieces * batch;
  static constexpr int pieces = (all_pieces + threads - 1) / threads;

  SharedAddress received_, barrier_;
  SharedAddress to_[pieces], signal_[pieces];
  int from_[pieces];
  bool sends_last_;
  int buffer_ = 0, signal_offset_ = 0;
};

template <int split, class Product, int units>
struct SumsChoice {
  using Type = ClusterSums<split, Product, units>;
};
template <class Product, int units>
struct SumsChoice<1, Product, units> {
  using Type = OwnSums<Product>;
};
template <int split, class Product, int units>
using SumsOf = typename SumsChoice<split, Product, units>::Type;

}  // namespace flashrnn::cuda
