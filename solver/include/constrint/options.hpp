// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <stop_token>
#include <vector>

namespace constrint {

/// How a question ended. `limit` means that neither answer is known: a limit was reached first.
enum class Status { satisfiable, unsatisfiable, limit };

/// A variable that is to have this value, for one search and not for the model.
struct Assumption {
  std::size_t variable = 0;  ///< index of the variable
  std::int64_t value = 0;
};

/// What a search may spend, and what it takes as given besides the model.
struct Options {
  double seconds = std::numeric_limits<double>::infinity();         ///< wall-clock time
  std::uint64_t nodes = std::numeric_limits<std::uint64_t>::max();  ///< assignments tried
  std::size_t memory_bytes = std::size_t{48} << 20;                 ///< working memory of a Space
  std::stop_token stop;                                             ///< cancels from another thread
  std::vector<Assumption> assumptions;                              ///< fixed assignments
  std::vector<std::vector<std::int64_t>> excluded;                  ///< solutions not to be given
};

}  // namespace constrint
