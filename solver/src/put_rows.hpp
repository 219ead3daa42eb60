// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "row_chunks.hpp"

namespace constrint::detail {

/// Copies the rows at some places of a table. stride: of both, a multiple of kRowChunk.
void copy_rows(const std::int64_t* from, const std::uint32_t* places, std::int64_t* to,
               std::size_t rows, std::size_t stride);

/// Narrower rows are put together value by value.
inline constexpr std::size_t kLeastRowWidth = kRowChunk;
/// put_groups() takes rows of at most so many values.
inline constexpr std::size_t kMostRowWidth = 6 * kRowChunk;

/// A column whose value a row does not get as a sum: one for each group and place.
struct GroupsColumn {
  std::size_t column = 0;
  std::size_t places = 0;
  const std::uint32_t* place = nullptr;  // by ending
  const std::int32_t* values = nullptr;  // by place, of the first group; then of the next ones
};

/// Sums of a beginning and an ending: groups of rows that begin alike, one after the other.
struct GroupsJob {
  const std::int64_t* outer;      // added to all rows
  const std::int64_t* beginning;  // of the first group; a row takes stride values
  const std::int64_t* endings;    // width values each, one directly behind the other
  const std::uint64_t* masks;     // endings of all groups but the first and the last
  std::uint64_t first_mask;
  std::uint64_t last_mask;
  std::size_t groups;
  std::int64_t* out;
  std::size_t width;
  std::size_t stride;       // a multiple of kRowChunk
  std::size_t first_chunk;  // chunks before it are zero in all endings
  const GroupsColumn* columns = nullptr;
  std::size_t column_count = 0;
};

/// Writes up to kRowChunk - 1 values behind the last row.
void put_groups(const GroupsJob& job);

/// Values that a row takes in RunsJob::outer: the row, and again its beginning.
constexpr std::size_t cycle_stride(std::size_t width) {
  return (width + 2 * kRowChunk - 2 + kRowChunk - 1) / kRowChunk * kRowChunk;
}
/// Makes the rows of RunsJob::outer.
struct CyclesJob {
  const std::int64_t* rows;  // stride values each, a multiple of kRowChunk
  const std::int64_t* plus;  // a row to be added to all, or null
  std::size_t stride;
  std::int64_t* cycles;  // cycle_stride(width) values each
  std::size_t count;
  std::size_t width;
};

/// Writes up to kRowChunk - 1 values behind the last row. At least kLeastRowWidth values a row.
void make_cycles(const CyclesJob& job);
/// Values that are read behind a run.
inline constexpr std::size_t kReadBehind = 2 * kRowChunk;

/// Rows that stand one directly behind the other.
struct Run {
  const std::int64_t* rows = nullptr;
  std::size_t count = 0;
};

/// Runs of rows, each with an outer row added to all of its rows.
struct RunsJob {
  const std::int64_t* outer;  // by run; cycle_stride(width) values each
  const Run* runs;
  std::size_t skipped;  // rows of the first run
  std::size_t count;    // of rows to write
  std::int64_t* out;
  std::size_t width;
};

/// Writes up to kRowChunk - 1 values behind the last row. At least kLeastRowWidth values a row.
void put_runs(const RunsJob& job);

}  // namespace constrint::detail
