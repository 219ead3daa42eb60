// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "language.hpp"

namespace loops {

__extension__ using Wide = __int128;

/// Every value that an expression can take lies in low..high.
struct Bounds {
  Wide low = 0;
  Wide high = 0;
  bool contains(Wide value) const { return low <= value && value <= high; }
};

/// Bounds of an expression from those of the variables, and, in `extremes`, bounds of every
/// intermediate as well, which say what integer type the arithmetic needs.
/// Throws std::overflow_error where they leave 2^120.
Bounds bounds_of(const oracle::Expr& expression, const std::vector<Bounds>& variables,
                 Bounds& extremes);

}  // namespace loops
