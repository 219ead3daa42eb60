// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "diagram.hpp"
#include "listing.hpp"
#include "outputs.hpp"
#include "parts.hpp"
#include "write_rows.hpp"

namespace constrint::detail {

/// The diagrams of all parts, and the steps that visit their levels in the preferred order of all
/// variables; or, of a small problem, a listing. Immutable.
class SpaceData : public Recycled {
 public:
  /// Which of the two: what is faster, or diagrams. The solutions and their order are the same.
  enum class Form : std::uint8_t { fastest, diagrams };

  SpaceData(const ModelData& model, const Options& options, Form form = Form::fastest);

  struct PartData {
    Diagram diagram;
    OutputProgram outputs;
    std::size_t first_register = 0;
    std::size_t first_node = 0;  // in a cursor's list of nodes
  };
  struct Step {
    std::size_t part = 0;
    std::size_t level = 0;
    std::size_t variable = 0;
  };

  Status status = Status::limit;
  Uint128 total = 0;               // solutions, excluded ones included
  bool total_fits = true;          // false if there are 2^128 or more
  std::vector<std::int64_t> base;  // a row with the fixed values
  std::optional<Listing> listing;  // then there are no diagrams
  std::vector<PartData> parts;
  std::vector<Step> steps;
  VariableOrder order;                // all variables, fixed and defined ones too
  std::vector<std::size_t> step_of;   // by variable: its step, or steps.size()
  std::vector<std::uint8_t> defined;  // by variable
  std::vector<std::int64_t> initial_registers;
  std::size_t nodes = 0;          // length of a cursor's list of nodes
  bool has_outputs = false;       // whether there are defined variables
  std::vector<Uint128> excluded;  // ranks, ascending

  // The last steps, from `cut` on, whose rows a cursor keeps as tables: one for each choice of
  // nodes of the parts that are open there. All that the tables do not hold stands in the columns
  // before them, or is computed from the rest of the row afterwards (defined variables).
  struct Tail {
    std::size_t cut = 0;     // steps.size() if there is none
    std::size_t column = 0;  // first column of the tables
    std::size_t tables = 1;
    std::size_t values = 0;  // of all tables together
    struct Open {
      std::size_t slot = 0;  // in a cursor's list of nodes
      std::size_t nodes = 0;
    };
    std::vector<Open> open;
  };
  Tail tail;

  /// Completions of the steps from `step` on, given the nodes of the open levels.
  [[nodiscard]] const Diagram::Level& level_of(const Step& step) const {
    return parts[step.part].diagram.levels()[step.level];
  }
  [[nodiscard]] std::size_t node_slot(const Step& step) const {
    return parts[step.part].first_node + step.level;
  }

 private:
  void build_diagrams(Propagator& root, Limits& limits, std::size_t memory_bytes);
  void exclude(const std::vector<std::vector<std::int64_t>>& rows);
  void add_part(const Part& part, Diagram diagram, OutputProgram outputs);
  void place_steps();
  void plan_tail();
};

/// A place among the solutions: the node of every part.
class Cursor {
 public:
  explicit Cursor(const SpaceData& space);

  /// Stands on a uniformly random solution drawn with random bits from next().
  template <class Random>
  void draw(Random&& next);
  /// Writes the solutions rank, rank + 1, ..., rank + count - 1 row-major; they must be there.
  void write(Uint128 rank, std::int64_t* rows, std::size_t count);
  /// Number of solutions before these values.
  static Uint128 rank(const SpaceData& space, std::span<const std::int64_t> values, bool& present);
  [[nodiscard]] const std::vector<std::int64_t>& row() const { return row_; }

 private:
  void take(std::size_t step, std::size_t edge, std::uint64_t offset);
  /// Writes `count` of the completions of the steps from `step` on, after `skip` of them; returns
  /// the end.
  std::int64_t* write_some(std::size_t step, Uint128 skip, std::size_t count, std::int64_t* out);
  /// Writes all of them.
  std::int64_t* write_all(std::size_t step, std::int64_t* out);
  std::int64_t* write_last(std::int64_t* out);
  std::int64_t* write_tail(std::int64_t* out);
  void build_table(std::size_t table);
  /// Writes the rows that write_tail has put off.
  void flush_tail(std::int64_t* end);
  /// Completions of all parts from `step` on, each standing on its current node; leaving out one
  /// part.
  [[nodiscard]] Uint128 completions(std::size_t step, std::size_t without);

  const SpaceData& space_;
  std::vector<std::int64_t> row_;
  std::vector<std::int64_t> registers_;
  std::vector<std::uint32_t> node_;  // by part and level
  std::vector<std::uint8_t> seen_;   // by part
  struct Table {
    std::size_t first = 0;
    std::size_t rows = 0;  // 0: not built yet
  };
  std::vector<Table> tables_;
  std::vector<std::int64_t> table_rows_;
  std::vector<std::int64_t> building_rows_;
  bool building_ = false;
  std::optional<RowWriter> writer_;
};

/// Below `bound` (> 0), uniform: rejection of the top of the range, so that no value is favoured.
template <class Random>
Uint128 uniform_below(Uint128 bound, Random&& next) {
  if (bound <= 1) return 0;
  const bool narrow = (bound >> 64) == 0;
  if (narrow) {
    const auto small = static_cast<std::uint64_t>(bound);
    const std::uint64_t excess = (0 - small) % small;  // 2^64 mod bound
    for (;;) {
      const std::uint64_t bits = next();
      if (bits >= excess) return bits % small;
    }
  }
  const Uint128 excess = (Uint128{0} - bound) % bound;
  for (;;) {
    const Uint128 bits = (static_cast<Uint128>(next()) << 64) | next();
    if (bits >= excess) return bits % bound;
  }
}

template <class Random>
void Cursor::draw(Random&& next) {
  if (space_.listing) {
    space_.listing->write(static_cast<std::uint64_t>(uniform_below(space_.total, next)),
                          row_.data(), 1);
    return;
  }
  for (std::size_t s = 0; s < space_.steps.size(); ++s) {
    const SpaceData::Step& step = space_.steps[s];
    const Diagram::Level& level = space_.level_of(step);
    const auto& part_levels = space_.parts[step.part].diagram.levels();
    const std::uint32_t node = node_[space_.node_slot(step)];
    Uint128 ticket = uniform_below(level.counts[node], next);
    for (std::size_t e = level.edges.first[node];; ++e) {
      const Uint128 below = step.level + 1 < part_levels.size()
                                ? part_levels[step.level + 1].counts[level.edges.child[e]]
                                : Uint128{1};
      const Uint128 here = below * level.size(e);
      if (ticket >= here) {
        ticket -= here;
        continue;
      }
      take(s, e, static_cast<std::uint64_t>(ticket / below));
      break;
    }
  }
}

}  // namespace constrint::detail
