// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "evaluate.hpp"
#include "language.hpp"

namespace oracle {

using Row = std::vector<std::int64_t>;

struct Answer {
  std::vector<Row> rows;            // every solution, in preferred order
  std::optional<std::size_t> best;  // the first best by the objectives, where defined
  Wide widest = 0;                  // the largest magnitude of any intermediate value
};

/// Every solution of a problem, by trying every point. Each variable needs candidates: a domain, or
/// a statement that bounds it by constants (`x <= 7`), by divisors (`12 % x == 0`) or by a
/// definition (`x == a * b`) from variables that have candidates. Nothing where a variable has none
/// or the points tried would exceed `most_points`. Throws Overflow.
std::optional<Answer> brute_force(const Problem& problem, std::size_t most_points);

/// The variables in preferred order: those of prefer statements, then by appearance.
std::vector<Preference> preferred_order(const Problem& problem);

/// Whether `row` satisfies every domain and constraint.
bool satisfies(const Problem& problem, const Row& row);

}  // namespace oracle
