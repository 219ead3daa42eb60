// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/recurrence/host/micro_kernel.hpp"

namespace flashrnn::host {

/// out [rows, columns] (+)= a^T·b for a [depth, rows] and b [depth, columns]: an update of rank
/// `depth`, small enough for a and b to lie in the first caches.
template <class Isa, class Scalar>
struct RankUpdate {
  using Kernel = Multiply<Isa, Scalar, true>;
  static constexpr int lanes = Vector<Isa, Scalar>::lanes;
  /// Registers of b beside the sums: of 16, two by six rows of sums need the fewest loads.
  static constexpr int widest = Isa::registers >= 32 ? 4 : 2;

  /// `columns` is a multiple of lanes; rows of `out` are contiguous. `first`: overwrites.
  static void update(const Scalar* a, Index a_stride, const Scalar* b, Index b_stride, Index depth,
                     Index rows, Index columns, bool first, Scalar* out) {
    // As many rows as leave a in the second-level cache while all panels of b pass by.
    constexpr Index cached = (Index{256} << 10) / static_cast<Index>(sizeof(Scalar));
    const Index most = cached / depth < 64 ? 64 : cached / depth;
    for (Index row = 0; row < rows; row += most)
      update_rows(a + row, a_stride, b, b_stride, depth, rows - row < most ? rows - row : most,
                  columns, first, out + row * columns);
  }

 private:
  static void update_rows(const Scalar* a, Index a_stride, const Scalar* b, Index b_stride,
                          Index depth, Index rows, Index columns, bool first, Scalar* out) {
    const Index vectors = columns / lanes;
    // A panel of b stays in the first-level cache while all of a passes by.
    Index done = 0;
    while (done < vectors) {
      const Index left = vectors - done;
      const auto panel = [&]<int width>() {
        rows_of_panel<width>(a, a_stride, b + done * lanes, b_stride, depth, rows, vectors, first,
                             out + done * lanes);
        done += width;
      };
      if (left >= widest) {
        panel.template operator()<widest>();
        continue;
      }
      if constexpr (widest > 2) {
        if (left >= 2) {
          panel.template operator()<2>();
          continue;
        }
      }
      panel.template operator()<1>();
    }
  }

  template <int width>
  static void rows_of_panel(const Scalar* a, Index a_stride, const Scalar* b, Index b_stride,
                            Index depth, Index rows, Index vectors, bool first, Scalar* out) {
    constexpr Index most = Kernel::most_rows(width);
    for (Index row = 0; row < rows;) {
      const Index left = rows - row;
      const int count = static_cast<int>(left < most ? left : most);
      Kernel::template run<width>(count, b, depth, a + row, a_stride, out + row * vectors * lanes,
                                  vectors, !first, b_stride, nullptr);
      row += count;
    }
  }
};

}  // namespace flashrnn::host
