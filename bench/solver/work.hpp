// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace bench_solver {

// The work that is measured, always from the text on, as a user would ask for it.

/// Text to first solution in the preferred order; empty if there is none.
std::vector<std::int64_t> first_solution(std::string_view text);

/// Text to exact number of solutions. Throws std::runtime_error if a limit is reached, or if the
/// number does not fit 64 bits.
std::uint64_t count_solutions(std::string_view text);

/// Text to all solutions as rows of all variables in order of appearance; returns how many. Throws
/// std::runtime_error if a limit is reached or `rows` is too small.
std::size_t list_solutions(std::string_view text, std::span<std::int64_t> rows);

}  // namespace bench_solver
