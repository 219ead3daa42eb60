// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "interval.hpp"
#include "model_data.hpp"

namespace constrint::detail {

/// One step on columns of 32-bit values. Every operand is a column: constants have columns of their
/// own.
struct LaneStep {
  enum class Kind : std::uint8_t { compute, filter, filter_range };
  Kind kind = Kind::compute;
  Op op = Op::constant;      // compute, filter (a comparison)
  std::uint16_t target = 0;  // column; compute
  std::uint16_t a = 0;
  std::uint16_t b = 0;
  std::int64_t value = 0;              // exponent or length of a list
  const std::int64_t* pool = nullptr;  // list or range of a membership
  std::int32_t low = 0;                // filter_range
  std::int32_t high = 0;
};

/// Lanes that are stored at once, and so may be written beyond what is asked for.
inline constexpr std::size_t kLaneChunk = 8;
/// Lanes that a block holds, and the length of a column.
inline constexpr std::size_t kLanes = 256;
inline constexpr std::size_t kColumn = kLanes + kLaneChunk;

/// Runs steps on lanes [0, lanes) of columns (column c begins at columns + c * kColumn). alive[i]
/// is set to all ones where every filter holds and to 0 elsewhere; rows that failed are computed
/// on, with whatever results, but nothing traps. Lanes up to the next multiple of kLaneChunk are
/// written, too.
void run_lanes(const LaneStep* steps, std::size_t count, std::int32_t* columns, std::int32_t* alive,
               std::size_t lanes);

}  // namespace constrint::detail
