// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "constrint/model.hpp"
#include "constrint/options.hpp"

namespace constrint {

namespace detail {
class SearchState;
}  // namespace detail

/// One search for solutions of a model, in the preferred order: lexicographic in the order of the
/// prefer statements, then in order of appearance, smallest first. The answers do not depend on
/// timing or on other threads. A search is for one thread; a model may have many. The model must
/// outlive the search and not change meanwhile.
///
///   Model model = Model::parse("x in 1..9; y in 1..9; x * y == 12; prefer x largest;");
///   Search search(model);
///   while (search.next() == Status::satisfiable) use(search.solution());   // (6,2) (4,3) (3,4)
///   (2,6)
class Search {
 public:
  explicit Search(const Model& model, Options options = {});
  ~Search();
  Search(Search&&) noexcept;
  Search& operator=(Search&&) noexcept;

  /// The first solution in the preferred order; the search stands there. After `limit`, a call with
  /// a new budget (set_options) starts again.
  Status first();
  /// The solution after the one on which the search stands (first() on a new search).
  /// `unsatisfiable`: no more.
  Status next();
  /// The first solution that comes after `values` (one per variable, in order of appearance; need
  /// not be a solution itself). Throws InvalidArgument if their number is wrong.
  Status resume_after(std::span<const std::int64_t> values);
  /// The best solution by the model's objectives, most important first; the first in the preferred
  /// order among equals. `limit` with a non-empty solution(): the best found so far. Without an
  /// objective it is first().
  Status optimize();
  /// The best solutions, up to `count`, in ranked(): one after the other what optimize() would find
  /// with those before it excluded, but in one search. distinct: indices of variables; of solutions
  /// that agree in all of these only the best is given. solution() is empty afterwards. Throws
  /// InvalidArgument if an index is wrong.
  Status rank(std::size_t count, std::span<const std::size_t> distinct = {});

  /// Values of the current solution by variable index; empty if there is none. Valid until the next
  /// call.
  [[nodiscard]] std::span<const std::int64_t> solution() const;
  /// What rank() found, the best first; after `limit` the best so far. Valid until the next rank().
  [[nodiscard]] const std::vector<std::vector<std::int64_t>>& ranked() const;

  /// Fixes a variable until the matching pop(). Assumptions start the search anew.
  void push(Assumption assumption);
  void pop();
  /// The solution with these values is not given any more.
  void exclude(std::span<const std::int64_t> values);
  /// New limits; the clock and the node count start again.
  void set_options(Options options);
  /// Assignments tried so far.
  [[nodiscard]] std::uint64_t nodes() const;

 private:
  std::unique_ptr<detail::SearchState> state_;
};

/// A domain as the propagators leave it: every value of every solution is in it.
struct ReducedDomain {
  std::int64_t low = 0;
  std::int64_t high = 0;
  std::int64_t modulus = 1;          ///< every value is congruent to low modulo this
  std::vector<std::int64_t> values;  ///< ascending; empty if the domain is only known as low..high
};

/// What propagation alone finds out.
struct Propagation {
  Status status =
      Status::limit;  ///< unsatisfiable if a domain is empty; satisfiable if propagation decided
                      ///< every statement; limit if a search would have to decide
  std::vector<ReducedDomain> domains;  ///< by variable index; empty if unsatisfiable
};

/// The domains of all variables after propagation, without search.
Propagation propagate(const Model& model, const Options& options = {});

/// Why a problem has no solution.
struct Explanation {
  Status status =
      Status::limit;  ///< unsatisfiable; satisfiable if there is nothing to explain; or limit
  std::vector<std::size_t>
      statements;        ///< indices for Model::statement, ascending: together without a solution
  bool minimal = false;  ///< leaving out any one of them was proved to make the rest satisfiable
};

/// A minimal set of statements that have no solution together.
Explanation explain(const Model& model, const Options& options = {});

}  // namespace constrint
