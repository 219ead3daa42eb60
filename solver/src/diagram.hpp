// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "constrint/count.hpp"
#include "constrint/options.hpp"
#include "expander.hpp"

namespace constrint::detail {

class NarrowExpander;

/// The solutions of one independent part as a decision diagram: a node of a level is a distinct
/// state there, its edges are the values of the level's variable that can be completed. Nodes with
/// equal edges are one node. Every path from node 0 of level 0 is a solution.
class Diagram {
 public:
  struct Level {
    std::int32_t variable = 0;
    bool largest = false;
    std::int64_t step = 1;        // distance of the values of an edge that stands for several
    EdgeList edges;               // in the order of preference
    std::vector<Uint128> counts;  // completions by node
    [[nodiscard]] Uint128 size(std::size_t edge) const {
      if (edges.high.empty()) return 1;
      // All 64-bit integers are more than 64 bits count.
      return Uint128{(static_cast<std::uint64_t>(edges.high[edge]) -
                      static_cast<std::uint64_t>(edges.value[edge])) /
                     static_cast<std::uint64_t>(step)} +
             1;
    }
  };

  /// How states are expanded: by the NarrowExpander where it can, or by the Expander, which can do
  /// everything. The diagram is the same.
  enum class Expansion : std::uint8_t { fastest, general };

  /// Builds it; status() says how that went.
  Diagram(const Graph& graph, const Schedule& schedule, Limits& limits, std::size_t memory_bytes,
          Expansion expansion = Expansion::fastest);

  /// One variable on its own, of few values.
  Diagram(const OrderedVariable& variable, const Domain& domain);

  /// Builds it from a search for all solutions, where the values are too wide for a graph. The
  /// propagator must stand at the root with its occurrences built, and does so again afterwards.
  Diagram(Propagator& root, const VariableOrder& variables, Limits& limits,
          std::size_t memory_bytes);

  /// None, for this reason.
  explicit Diagram(Status status) : status_(status) {}

  /// Builds it from all solutions: rows with the values of `variables`, in order.
  Diagram(const VariableOrder& variables, std::vector<std::int64_t> rows, std::size_t memory_bytes);
  /// Memory that building from so many rows takes at least.
  static Uint128 bytes_from_rows(std::size_t variables, Uint128 rows) {
    // The row, its place in the order, and the nodes below two levels.
    return rows * (variables * 8 + 12);
  }

  [[nodiscard]] Status status() const { return status_; }
  [[nodiscard]] const std::vector<Level>& levels() const { return levels_; }
  [[nodiscard]] Uint128 count() const { return levels_.empty() ? 1 : levels_[0].counts[0]; }
  [[nodiscard]] std::size_t bytes() const;

 private:
  Level& add_level(const Graph& graph);
  bool expand_narrow(const Graph& graph, const Schedule& schedule, Limits& limits,
                     std::size_t memory_bytes);
  bool expand_all(const Graph& graph, const Schedule& schedule, Limits& limits,
                  std::size_t memory_bytes);
  /// The same where not all states fit in the memory at once; they are finished in slices.
  bool expand_in_slices(const Graph& graph, const Schedule& schedule, Limits& limits,
                        std::size_t memory_bytes);
  bool reduce();
  bool reduce_narrow(NarrowExpander& expander);
  bool reduce_level(std::size_t l, std::vector<std::uint32_t>& number);

  std::vector<Level> levels_;
  Status status_ = Status::limit;
};

/// The number of solutions of one part by searching for all of them.
Status count_by_search(Propagator& root, const VariableOrder& variables, Limits& limits,
                       Uint128& count);

/// The number of solutions of one part without keeping a diagram: states are carried forward with
/// the number of ways to reach them. Where there are too many states for the memory, they are
/// finished in slices. limit on failure.
Status count_forward(const Graph& graph, const Schedule& schedule, Limits& limits,
                     std::size_t memory_bytes, Uint128& count);

}  // namespace constrint::detail
