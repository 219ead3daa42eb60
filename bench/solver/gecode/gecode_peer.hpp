// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "language.hpp"

namespace peers {

/// Posts `problem` to a new Gecode space with its MiniModel expressions, branches on the preferred
/// variables first and then in order of appearance, and writes the first `limit` solutions as rows
/// of all variables; returns how many there were. `rows` may be null to count only.
/// Gecode's integers have 32 bits: throws Gecode::Int::OutOfLimits where the problem needs more.
std::size_t gecode_solve(const oracle::Problem& problem, std::size_t limit, std::int64_t* rows);

}  // namespace peers
