// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "constrint/count.hpp"
#include "constrint/model.hpp"
#include "constrint/options.hpp"

namespace constrint {

namespace detail {
class SpaceData;
}  // namespace detail

/// A count that may have met a limit.
struct CountResult {
  Status status = Status::limit;  ///< satisfiable: count > 0; unsatisfiable: count == 0; limit:
                                  ///< count is meaningless
  Count count;
};

/// The exact number of solutions, over every variable declared or mentioned, without listing them.
/// Objectives are not regarded. Uses at most options.memory_bytes of working memory.
CountResult count(const Model& model, const Options& options = {});

/// All solutions of a model in a compact shared form: a decision diagram per independent part, or,
/// of a small problem, beginnings of solutions with masks of what completes them.
/// Once built it is immutable: any number of threads may use one. The model is not needed any more.
/// Objectives are not regarded.
///
///   Space space(Model::parse("x in 1..9; y in 1..9; x * y == 12;"));
///   std::vector<std::int64_t> rows(space.count().to_uint64() * space.variable_count());
///   space.write(0, rows);
class Space {
 public:
  /// Builds the diagram. status() says whether that succeeded.
  explicit Space(const Model& model, const Options& options = {});
  /// For the solver's own tests, which choose the form that solutions are kept in.
  explicit Space(std::unique_ptr<detail::SpaceData> data);
  ~Space();
  Space(Space&&) noexcept;
  Space& operator=(Space&&) noexcept;

  /// satisfiable, unsatisfiable, or limit (then no other member may be used, except count() == 0).
  [[nodiscard]] Status status() const;
  /// Number of solutions.
  [[nodiscard]] Count count() const;
  [[nodiscard]] std::size_t variable_count() const;

  /// Writes solutions rank, rank+1, ... (in the preferred order, from 0) into rows, row-major
  /// [solution][variable in order of appearance], as many as rows has room for and as there are;
  /// returns how many. rows.size() must be a multiple of variable_count() (InvalidArgument).
  /// Allocates nothing per solution.
  std::size_t write(Count rank, std::span<std::int64_t> rows) const;
  /// The same with `threads` threads, each writing its own part of rows; the result does not depend
  /// on their number.
  std::size_t write_parallel(Count rank, std::span<std::int64_t> rows, unsigned threads) const;
  /// Calls visit with each solution in the preferred order, from rank on, until it returns false.
  /// The span is valid during the call only. Returns the number of calls.
  Count for_each(const std::function<bool(std::span<const std::int64_t>)>& visit,
                 Count rank = {}) const;

  /// The solution of a rank in the preferred order. Throws InvalidArgument if rank >= count().
  void at(Count rank, std::span<std::int64_t> row) const;
  /// The number of solutions before these values in the preferred order (they need not be a
  /// solution).
  [[nodiscard]] Count rank(std::span<const std::int64_t> values) const;
  /// `samples` solutions, each drawn uniformly and independently, row-major as in write(). The same
  /// seed gives the same rows on every platform. Throws InvalidArgument if there is no solution to
  /// draw.
  [[nodiscard]] std::vector<std::int64_t> sample(std::size_t samples, std::uint64_t seed) const;

 private:
  std::unique_ptr<detail::SpaceData> data_;
};

}  // namespace constrint
