// SPDX-License-Identifier: Apache-2.0
// A diagram of which not all states fit in the memory at once. The states of a level are finished
// in slices, down to the last level, and what comes back is merged into the reduced diagram, which
// is often a hundred times smaller than the states.
#include <algorithm>

#include "diagram.hpp"
#include "unique_level.hpp"

namespace constrint::detail {

namespace {

constexpr std::size_t kLeast = 1024;  // states of a slice, however little memory is left
constexpr std::size_t kShare = 6;     // part of what is left that one level's slice may take
constexpr std::size_t kEdge = 36;     // bytes: vectors take up to three times their size

class Slices {
 public:
  Slices(const Graph& graph, const Schedule& schedule, Limits& limits, std::size_t memory_bytes,
         std::vector<Diagram::Level>& levels)
      : schedule_(schedule),
        expander_(graph, schedule, limits),
        memory_(memory_bytes / 4 * 3),  // vectors and the heap have slack
        levels_(levels) {
    levels_.resize(graph.levels());
    unique_.reserve(graph.levels());
    for (std::size_t l = 0; l < graph.levels(); ++l) {
      levels_[l].variable = graph.variable(l).variable;
      levels_[l].largest = graph.variable(l).largest;
      levels_[l].step = graph.domain(l).step;
      unique_.emplace_back(levels_[l]);
    }
  }

  /// The nodes of the states of a level. False if a limit was reached.
  bool run(std::size_t l, const StateTable& states, std::vector<std::uint32_t>& number) {
    number.clear();
    number.reserve(states.size());
    while (number.size() < states.size()) {
      const std::size_t left = free_bytes();
      if (left == 0) return false;
      StateTable next(schedule_.slots[l + 1]);
      EdgeList edges;
      // Slots, hash table and their slack, and the number that comes back.
      const std::size_t each = schedule_.slots[l + 1] * 16 + 40;
      const std::size_t end =
          expander_.expand(l, states, number.size(), next, &edges,
                           std::max(kLeast, left / kShare / each), left / kShare / kEdge + kLeast);
      if (end == Expander::npos) return false;
      std::vector<std::uint32_t> child;
      const std::size_t open = next.size() * each + edges.bytes();
      open_ += open;
      if (l + 1 < levels_.size() && next.size() > 0 && !run(l + 1, next, child)) return false;
      open_ -= open;
      if (!merge(l, edges, end, child, number)) return false;
    }
    return true;
  }

 private:
  [[nodiscard]] std::size_t free_bytes() const {
    std::size_t used = open_;
    for (const UniqueLevel& level : unique_) used += level.bytes();
    return used < memory_ ? memory_ - used : 0;
  }

  bool merge(std::size_t l, const EdgeList& edges, std::size_t end,
             const std::vector<std::uint32_t>& child, std::vector<std::uint32_t>& number) {
    const bool last = l + 1 == levels_.size();
    for (std::size_t state = number.size(); state < end; ++state) {
      for (std::size_t e = edges.first[state]; e < edges.first[state + 1]; ++e) {
        const std::uint32_t to = last ? 0 : child[edges.child[e]];
        if (to == UniqueLevel::kDead) continue;
        const Uint128 below = last ? Uint128{1} : levels_[l + 1].counts[to];
        const std::int64_t* high = edges.high.empty() ? nullptr : &edges.high[e];
        if (!unique_[l].add(edges.value[e], high, to, below)) return false;
      }
      number.push_back(unique_[l].finish());
    }
    return true;
  }

  const Schedule& schedule_;
  Expander expander_;
  std::size_t memory_;
  std::vector<Diagram::Level>& levels_;
  std::vector<UniqueLevel> unique_;
  std::size_t open_ = 0;  // bytes of the slices in work
};

}  // namespace

bool Diagram::expand_in_slices(const Graph& graph, const Schedule& schedule, Limits& limits,
                               std::size_t memory_bytes) {
  StateTable start(0);
  start.insert_empty();
  std::vector<std::uint32_t> number;
  return Slices(graph, schedule, limits, memory_bytes, levels_).run(0, start, number);
}

}  // namespace constrint::detail
