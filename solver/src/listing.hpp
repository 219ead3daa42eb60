// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "constrint/options.hpp"
#include "limits.hpp"
#include "listing_plan.hpp"
#include "put_rows.hpp"
#include "recycler.hpp"

namespace constrint::detail {

/// All solutions of a small problem, in the preferred order: beginnings of rows, and for each a
/// mask of the combinations of the last variables' values that complete it. Where the first
/// variables are independent of the others, the solutions are all pairs of a row of the first ones
/// and one of the others. Immutable.
class Listing {
 public:
  /// Finds the solutions. Nothing if the problem is not small enough for `memory_bytes` or for
  /// being faster in this form; status() is limit if a limit was reached. base: a row with the
  /// fixed values.
  static std::optional<Listing> build(const Propagator& root, const VariableOrder& order,
                                      const std::vector<std::int64_t>& base, Limits& limits,
                                      std::size_t memory_bytes);

  [[nodiscard]] Status status() const { return status_; }
  [[nodiscard]] std::uint64_t count() const { return outer_ * inner_; }
  /// Writes `count` solutions from `rank` on, row-major; they must be there.
  void write(std::uint64_t rank, std::int64_t* rows, std::size_t count) const;
  /// Number of solutions before these values, and whether they are one.
  [[nodiscard]] std::uint64_t rank(const VariableOrder& order, std::span<const std::int64_t> values,
                                   bool& present) const;

  /// For tests: whether there are two chains, and variables that are computed for each solution.
  [[nodiscard]] bool has_outer_rows() const { return outer_ > 1; }
  [[nodiscard]] bool has_computed() const { return !computed_.empty(); }

 private:
  friend class ListingSearch;

  using Rows = RecycledArray<std::int64_t>;  // one after the other

  // A variable that is computed from others, as far as that is not in the beginnings.
  struct Computed {
    std::size_t column = 0;
    std::size_t places = 0;
    std::vector<std::uint32_t> place;        // by combination
    std::unique_ptr<std::int32_t[]> values;  // by beginning and place
  };
  struct Range {
    std::size_t beginning = 0;
    std::uint64_t mask = 0;  // of the combinations still to be written
  };

  void rank_beginnings(const std::uint64_t* masks, std::size_t count);
  void choose_form();
  void make_runs();
  void make_table();
  void write_inner(std::uint64_t rank, const std::int64_t* outer, std::int64_t* out,
                   std::size_t count) const;
  void write_runs(std::uint64_t rank, std::int64_t* out, std::size_t count) const;
  void write_pairs(std::uint64_t rank, std::int64_t* out, std::size_t count) const;
  void write_row(Range at, const std::int64_t* outer, std::int64_t* out) const;
  [[nodiscard]] Range range_from(std::uint64_t rank) const;

  Status status_ = Status::limit;
  std::size_t width_ = 0;
  std::size_t stride_ = 0;       // of beginnings and outer rows, a multiple of kRowChunk
  std::size_t first_chunk_ = 0;  // chunks before it are zero in all endings
  std::uint64_t outer_ = 1;      // rows of the first variables,
  std::uint64_t inner_ = 0;      // each with so many solutions
  Rows outer_rows_;              // zeros if there is only one, which is in the beginnings
  Rows table_;                   // where it pays: the inner solutions, to be added to outer rows
  Rows beginnings_;
  Rows endings_;                          // by combination, width_ values each, to be added
  RecyclingVector<std::uint64_t> masks_;  // by beginning
  RecycledArray<std::uint32_t> first_;    // by beginning: rank of its first solution; one more
  // Where it pays: the endings that complete a beginning, by beginning, in endings_ or, where they
  // do not stand there one behind the other, in packed_.
  RecycledArray<Run> runs_;
  Rows packed_;
  std::vector<Computed> computed_;
};

}  // namespace constrint::detail
