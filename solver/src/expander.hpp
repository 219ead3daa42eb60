// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "limits.hpp"
#include "recycler.hpp"
#include "schedule.hpp"
#include "state_table.hpp"

namespace constrint::detail {

/// Edges of one level, by state before it. values[e] to highs[e] (highs empty: single values) lead
/// to child[e].
struct EdgeList {
  std::vector<std::uint32_t> first;
  std::vector<std::uint32_t> child;
  std::vector<std::int64_t> value;
  std::vector<std::int64_t> high;
  [[nodiscard]] std::size_t bytes() const {
    return first.size() * 4 + child.size() * 12 + high.size() * 8;
  }
};

/// Tries all values of a level's variable on many states at once: each step of the level's program
/// runs over a block of (state, value) pairs, so its cost is that of a loop over an array and not
/// that of interpreting it.
class Expander {
 public:
  Expander(const Graph& graph, const Schedule& schedule, Limits& limits);

  static constexpr std::size_t npos = static_cast<std::size_t>(-1);

  /// Expands states [begin, ...) of `from` into `to` (which must have the width of the next state),
  /// until all are done, or `to` holds max_states, or there are max_edges. edges: where to put the
  /// edges, or null. Weights are passed on if from.weights is not empty. Returns the first state
  /// that was not expanded; from.size() if all; `npos` if a limit was reached or a weight
  /// overflowed.
  std::size_t expand(std::size_t level, const StateTable& from, std::size_t begin, StateTable& to,
                     EdgeList* edges, std::size_t max_states, std::size_t max_edges = npos);

 private:
  static constexpr std::size_t kBlock = 512;

  bool flush(std::size_t level, const StateTable& from, StateTable& to, EdgeList* edges);
  void run(const Instruction& step);
  void compute(const Instruction& step);
  void filter(const Instruction& step);
  void compact(const Instruction& step, std::size_t kept);
  const std::vector<std::int64_t>& divisors_of(std::int64_t number, const Domain& domain,
                                               bool largest);
  std::span<const std::int64_t> within_bounds(const Candidates& candidates, const StateTable& from,
                                              std::size_t state, bool largest) const;
  void find_segments(std::size_t level, const StateTable& from, std::size_t state);
  void load(const LevelProgram::Input& input, const StateTable& from);
  void find_children(const LevelProgram& program, const StateTable& from, StateTable& to);
  bool pass_weights(std::size_t level, const StateTable& from, StateTable& to) const;
  void add_edges(EdgeList& edges);
  std::int64_t* reg(std::int32_t r) {
    return registers_.data() + static_cast<std::size_t>(r) * kBlock;
  }

  [[nodiscard]] const std::int64_t* reg(std::int32_t r) const {
    return registers_.data() + static_cast<std::size_t>(r) * kBlock;
  }

  const Graph& graph_;
  const Schedule& schedule_;
  Limits& limits_;
  RecycledArray<std::int64_t> registers_;
  RecycledArray<std::uint32_t> state_;     // by pair
  RecycledArray<std::int64_t> high_;       // by pair, segments only
  RecycledArray<std::uint16_t> selected_;  // rows that a filter keeps
  RecycledArray<std::uint64_t> hash_;      // by pair, of the state behind
  RecycledArray<std::uint32_t> child_;     // by pair, number of the state behind
  RecycledArray<std::int64_t> gathered_;   // slots that pass unchanged, by output
  std::vector<const std::int64_t*> keys_;  // by output
  std::size_t pairs_ = 0;
  bool ranged_ = false;  // the level in work has segments
  std::unordered_map<std::int64_t, std::vector<std::int64_t>> divisors_;
  std::vector<std::pair<std::int64_t, std::int64_t>> segments_;
};

}  // namespace constrint::detail
