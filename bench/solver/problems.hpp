// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "language.hpp"

namespace bench_solver {

/// Writes all solutions as rows of all variables; the buffer has room for them.
using Loops = std::size_t (*)(std::int64_t* rows);

/// One benchmark problem: its text, what is known of it, and the nested loops for it.
struct NamedProblem {
  std::string name;
  std::string text;
  oracle::Problem read;                                     // by the independent reader, for Gecode
  Loops loops = nullptr;                                    // null where no one would write loops
  std::optional<std::uint64_t> solutions;                   // from expected.json
  std::vector<std::pair<std::string, std::int64_t>> first;  // likewise: part of the first solution
};

/// Every problem that the build was configured with, in order of name. Throws std::runtime_error if
/// a text or an expected.json cannot be read.
std::vector<NamedProblem> all_problems();

/// The problem of this name; throws std::out_of_range.
const NamedProblem& problem_named(const std::vector<NamedProblem>& problems,
                                  const std::string& name);

}  // namespace bench_solver
