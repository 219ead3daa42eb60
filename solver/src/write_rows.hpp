// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace constrint::detail {

/// Writes `rows` rows one after the other: prefix[0 .. prefix_size), then the row of a table of
/// width table_size. The table's rows lie `stride` values apart, a multiple of 4, and are readable
/// up to that.
void write_rows(std::int64_t* out, const std::int64_t* prefix, std::size_t prefix_size,
                const std::int64_t* table, std::size_t table_size, std::size_t stride,
                std::size_t rows);

}  // namespace constrint::detail
