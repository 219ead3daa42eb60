// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "model_data.hpp"

namespace constrint::detail {

/// Lengths of columns are multiples of this; what is behind the last lane in use is whatever.
inline constexpr std::size_t kColumnChunk = 8;

constexpr std::size_t padded_lanes(std::size_t lanes) {
  return (lanes + kColumnChunk - 1) / kColumnChunk * kColumnChunk;
}

/// Values of one gate for many lanes: a column of 32-bit values, or one value for all of them.
struct LaneValues {
  const std::int32_t* column = nullptr;  // null: `value` for all
  std::int32_t value = 0;
};

/// One operator on columns, of which at least one is not the same for all lanes.
struct ColumnStep {
  Op op = Op::constant;
  std::int64_t value = 0;              // exponent, or length of a list
  const std::int64_t* pool = nullptr;  // list or range of a membership
  LaneValues a;
  LaneValues b;
};

/// target[i] = a[i] op b[i], with wrapping arithmetic; what a division by zero gives is not said.
void compute_column(const ColumnStep& step, std::int32_t* target, std::size_t lanes);

/// alive[i] = before[i] where the comparison holds, else 0; lanes are alive (-1) or not (0).
/// before: null for all alive, and not the same column. Whether any is left.
bool filter_column(const ColumnStep& step, const std::int32_t* before, std::int32_t* alive,
                   std::size_t lanes);

/// masks[i] |= bits where alive; fresh: = instead of |=.
void mark_column(std::uint32_t* masks, bool fresh, const std::int32_t* alive, std::uint32_t bits,
                 std::size_t lanes);
/// The same where a comparison holds.
void mark_where(const ColumnStep& step, std::uint32_t* masks, bool fresh, std::uint32_t bits,
                std::size_t lanes);
/// masks[i] &= others[i] | bits; fresh: = instead of &=. What is left of all lanes together.
std::uint32_t restrict_masks(std::uint32_t* masks, bool fresh, const std::uint32_t* others,
                             std::uint32_t bits, std::size_t lanes);

/// The same operators for one value.
std::int32_t compute_value(const ColumnStep& step);

}  // namespace constrint::detail
