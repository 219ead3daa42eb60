// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "diagram.hpp"
#include "outputs.hpp"
#include "parts.hpp"

namespace constrint::detail {

/// The diagrams of all parts, and the steps that visit their levels in the preferred order of all
/// variables. Immutable.
class SpaceData {
 public:
  SpaceData(const ModelData& model, const Options& options);

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
  std::vector<PartData> parts;
  std::vector<Step> steps;
  std::vector<OrderedVariable> order;  // all variables, fixed and defined ones too
  std::vector<std::size_t> step_of;    // by variable: its step, or steps.size()
  std::vector<std::uint8_t> defined;   // by variable
  std::vector<std::int64_t> initial_registers;
  std::size_t nodes = 0;          // length of a cursor's list of nodes
  std::vector<Uint128> excluded;  // ranks, ascending

  // The last steps, from `cut` on, written as tables: for each node of the part that is open there,
  // its rows.
  struct Tail {
    std::size_t cut = 0;   // steps.size() if there is none
    std::size_t part = 0;  // the open part, or parts.size()
    std::size_t level = 0;
    std::size_t column =
        0;  // first column of the tables; all from here on belong to the tail or are fixed
    std::vector<std::size_t> first;  // by node: first row of its table
    std::vector<std::int64_t> rows;
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
  void build_tail();
};

/// A place among the solutions: the edge taken at every step.
class Cursor {
 public:
  explicit Cursor(const SpaceData& space);

  /// Stands on the solution of a rank; rank < total.
  void seek(Uint128 rank);
  /// Stands on a uniformly random solution drawn with random bits from next().
  template <class Random>
  void draw(Random&& next);
  /// Writes up to `count` solutions from here on, row-major; returns how many there were. Goes past
  /// them.
  std::size_t write(std::int64_t* rows, std::size_t count);
  /// Number of solutions before these values.
  static Uint128 rank(const SpaceData& space, std::span<const std::int64_t> values, bool& present);
  [[nodiscard]] const std::vector<std::int64_t>& row() const { return row_; }
  /// All completions of the steps from `first_step` on as full rows, where `part` stands on a node
  /// of a level.
  static std::vector<std::int64_t> tail_rows(const SpaceData& space, std::size_t first_step,
                                             std::size_t part, std::size_t level, std::size_t node);

 private:
  void take(std::size_t step, std::size_t edge, std::uint64_t offset);
  bool advance(std::size_t end);
  void first_from(std::size_t step);
  std::size_t write_tail(std::int64_t*& rows, std::size_t count);
  std::size_t write_last(std::int64_t*& rows, std::size_t count);
  /// Completions of all parts from `step` on, each standing on its current node; leaving out one
  /// part.
  [[nodiscard]] Uint128 completions(std::size_t step, std::size_t without) const;

  const SpaceData& space_;
  std::vector<std::int64_t> row_;
  std::vector<std::int64_t> registers_;
  std::vector<std::uint32_t> node_;    // by part and level
  std::vector<std::size_t> edge_;      // by step
  std::vector<std::uint64_t> offset_;  // by step: which of an edge's values
  std::size_t lowest_ = 0;             // steps before this one are not moved
  std::size_t tail_row_ = 0;
  bool done_ = false;
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
