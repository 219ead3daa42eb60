// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "bounds.hpp"
#include "language.hpp"

namespace loops {

/// One loop of the nest: a variable, the values it takes, or the expression that defines it.
struct Level {
  std::size_t variable = 0;
  bool is_range = false;
  std::int64_t low = 0;
  std::int64_t high = 0;
  std::int64_t step = 1;             // of a range
  std::vector<std::int64_t> values;  // where the values are no arithmetic progression
  oracle::Expr definition;           // set where a variable has no domain but is equal to this
  std::vector<oracle::Expr> tests;   // those whose last variable this level fixes
};

struct Nest {
  std::vector<std::string> names;
  std::vector<Level> levels;
  std::vector<Bounds> bounds;        // by variable
  std::vector<oracle::Expr> always;  // tests without a variable
  bool fits_int = true;              // every intermediate value fits 32 bits
};

/// Orders a problem's variables into loops, in the order of their appearance, splits conjunctions
/// and chains into single tests, and hoists each to the earliest loop that knows its variables.
/// Throws std::invalid_argument for a variable that has neither a domain nor a definition.
Nest nest_of(const oracle::Problem& problem);

/// The number of points that the loops would try without their tests.
double points_of(const Nest& nest);

/// The nest as a C++ source with a pointer `std::size_t (*const function)(std::int64_t* rows)` to a
/// function that writes one row of all variables per solution and returns their number.
std::string source_of(const Nest& nest, const std::string& function);

}  // namespace loops
