// SPDX-License-Identifier: Apache-2.0
#include "diagram.hpp"

#include <algorithm>
#include <bit>
#include <optional>

#include "affine_level.hpp"
#include "narrow_expander.hpp"

namespace constrint::detail {

namespace {

constexpr std::uint32_t kDead = ~std::uint32_t{0};

// Entries are placed by their upper half, so that need not be computed again.
void grow_buckets(std::vector<std::uint64_t>& buckets) {
  std::vector<std::uint64_t> larger(buckets.size() * 4, 0);
  const std::size_t mask = larger.size() - 1;
  for (const std::uint64_t entry : buckets) {
    if (entry == 0) continue;
    std::size_t slot = (entry >> 32) & mask;
    while (larger[slot] != 0) slot = (slot + 1) & mask;
    larger[slot] = entry;
  }
  buckets = std::move(larger);
}

}  // namespace

Diagram::Diagram(const Graph& graph, const Schedule& schedule, Limits& limits,
                 std::size_t memory_bytes, Expansion expansion) {
  if (!graph.consistent()) {
    status_ = Status::unsatisfiable;
    return;
  }
  if (!schedule.possible) return;
  const bool narrow = expansion == Expansion::fastest && NarrowExpander::can_run(schedule);
  const bool whole = narrow ? expand_narrow(graph, schedule, limits, memory_bytes)
                            : expand_all(graph, schedule, limits, memory_bytes) && reduce();
  if (!whole) {
    levels_.clear();
    if (!expand_in_slices(graph, schedule, limits, memory_bytes)) return;
  }
  status_ = levels_[0].counts.empty() ? Status::unsatisfiable : Status::satisfiable;
}

std::size_t Diagram::bytes() const {
  std::size_t total = 0;
  for (const Level& level : levels_) total += level.edges.bytes() + level.counts.size() * 16;
  return total;
}

Diagram::Level& Diagram::add_level(const Graph& graph) {
  const std::size_t l = levels_.size();
  Level& level = levels_.emplace_back();
  level.variable = graph.variable(l).variable;
  level.largest = graph.variable(l).largest;
  level.step = graph.domain(l).step;
  return level;
}

bool Diagram::expand_all(const Graph& graph, const Schedule& schedule, Limits& limits,
                         std::size_t memory_bytes) {
  Expander expander(graph, schedule, limits);
  StateTable states(0);
  states.insert_empty();
  std::size_t used = 0;
  for (std::size_t l = 0; l < graph.levels(); ++l) {
    Level& level = add_level(graph);
    StateTable next(schedule.slots[l + 1]);
    // A table that would not fit is not worth completing. What grows is there twice for a while,
    // and memory that was given back is in pieces: half of what is allowed may be counted on.
    const std::size_t each = schedule.slots[l + 1] * 12 + 48;
    const std::size_t before = used + states.bytes();
    const std::size_t left = before < memory_bytes / 2 ? memory_bytes / 2 - before : 0;
    const std::size_t room = left / each + 1;
    const std::size_t most_edges = left / 36 + 1;
    if (expander.expand(l, states, 0, next, &level.edges, room, most_edges) != states.size()) {
      return false;
    }
    used += level.edges.bytes() + states.size() * 16;
    if (used + next.bytes() > memory_bytes / 2) return false;
    states = std::move(next);
  }
  return true;
}

// From the last level up: edges that lead nowhere go, nodes with the same edges become one,
// completions are counted.
bool Diagram::reduce() {
  std::vector<std::uint32_t>
      number;  // of the nodes of the level below; kDead for those without completion
  for (std::size_t l = levels_.size(); l-- > 0;) {
    if (!reduce_level(l, number)) return false;
  }
  return true;
}

bool Diagram::reduce_level(std::size_t l, std::vector<std::uint32_t>& number) {
  Level& level = levels_[l];
  EdgeList& edges = level.edges;
  const bool last = l + 1 == levels_.size();
  const bool ranged = !edges.high.empty();
  const std::size_t nodes = edges.first.size() - 1;
  std::vector<std::uint32_t> own_number(nodes, kDead);
  // Grows with the nodes that stay, which are often few.
  std::vector<std::uint64_t> buckets(64, 0);
  std::uint32_t kept_nodes = 0;
  std::uint32_t kept_edges = 0;
  level.counts.clear();
  for (std::size_t node = 0, begin = 0; node < nodes; ++node) {
    const std::size_t end = edges.first[node + 1];
    const std::uint32_t first = kept_edges;
    std::uint64_t hash = 0x243F6A8885A308D3ULL;
    Uint128 total = 0;
    // Compaction in place: what is written lies before what is still to be read.
    for (std::size_t e = begin; e < end; ++e) {
      const std::uint32_t child = last ? 0 : number[edges.child[e]];
      if (child == kDead) continue;
      edges.child[kept_edges] = child;
      edges.value[kept_edges] = edges.value[e];
      if (ranged) edges.high[kept_edges] = edges.high[e];
      Uint128 below = last ? Uint128{1} : levels_[l + 1].counts[child];
      if (ranged && __builtin_mul_overflow(below, level.size(kept_edges), &below)) return false;
      if (__builtin_add_overflow(total, below, &total)) return false;
      hash = (hash ^ static_cast<std::uint64_t>(edges.value[e])) * 0x9E3779B97F4A7C15ULL;
      hash = (hash ^ (hash >> 29) ^ child) * 0xD6E8FEB86659FD93ULL;
      ++kept_edges;
    }
    begin = end;
    if (kept_edges == first) continue;
    const std::uint32_t size = kept_edges - first;
    const std::uint64_t tag = hash >> 32;
    if (kept_nodes * std::size_t{2} >= buckets.size()) grow_buckets(buckets);
    const std::size_t mask = buckets.size() - 1;
    std::size_t slot = tag & mask;
    for (; buckets[slot] != 0; slot = (slot + 1) & mask) {
      if ((buckets[slot] >> 32) != tag) continue;
      const auto other = static_cast<std::uint32_t>(buckets[slot]) - 1;
      const std::uint32_t at = edges.first[other];
      const std::uint32_t other_end = other + 1 == kept_nodes ? first : edges.first[other + 1];
      const auto same = [&](const auto& column) {
        std::uint32_t e = 0;
        while (e < size && column[first + e] == column[at + e]) ++e;
        return e == size;
      };
      if (other_end - at == size && same(edges.value) && same(edges.child) &&
          (!ranged || same(edges.high))) {
        own_number[node] = other;
        break;
      }
    }
    if (own_number[node] != kDead) {
      kept_edges = first;
      continue;
    }
    edges.first[kept_nodes] = first;
    level.counts.push_back(total);
    own_number[node] = kept_nodes++;
    buckets[slot] = (tag << 32) | kept_nodes;
  }
  edges.first[kept_nodes] = kept_edges;
  edges.first.resize(kept_nodes + 1);
  edges.child.resize(kept_edges);
  edges.value.resize(kept_edges);
  if (ranged) edges.high.resize(kept_edges);
  number = std::move(own_number);
  return true;
}

namespace {

class ForwardCount {
 public:
  ForwardCount(const Graph& graph, const Schedule& schedule, Limits& limits,
               std::size_t memory_bytes)
      : schedule_(schedule), expander_(graph, schedule, limits), limits_(limits) {
    if (!schedule.levels.empty()) {
      last_.emplace(schedule.levels.back(), schedule.candidates.back(),
                    graph.domain(graph.levels() - 1));
    }
    std::size_t widest = 0;
    for (const std::size_t width : schedule.slots) widest = std::max(widest, width);
    // A state takes its slots, its weight, its place in the hash table (twice while that grows),
    // and slack of vectors.
    const std::size_t each = (widest * 8 + 16) * 2 + 48;
    max_states_ = std::max<std::size_t>(1024, memory_bytes / 3 / each);
  }

  bool run(std::size_t level, const StateTable& states, Uint128& count) {
    if (level + 1 == schedule_.slots.size()) {
      return states.size() == 0 || !__builtin_add_overflow(count, states.weights[0], &count);
    }
    if (level + 2 == schedule_.slots.size() && last_->possible()) {
      const AffineLevel::Result result = last_->add(states, limits_, count);
      if (result != AffineLevel::Result::unusable) return result == AffineLevel::Result::done;
    }
    StateTable next(schedule_.slots[level + 1]);
    std::size_t begin = 0;
    while (begin < states.size()) {
      next.clear();
      begin = expander_.expand(level, states, begin, next, nullptr, max_states_);
      if (begin == Expander::npos) return false;
      if (begin < states.size()) max_states_ = std::max<std::size_t>(1024, max_states_ / 2);
      if (next.size() > 0 && !run(level + 1, next, count)) return false;
    }
    return true;
  }

 private:
  const Schedule& schedule_;
  Expander expander_;
  Limits& limits_;
  std::optional<AffineLevel> last_;
  std::size_t max_states_;
};

}  // namespace

Status count_forward(const Graph& graph, const Schedule& schedule, Limits& limits,
                     std::size_t memory_bytes, Uint128& count) {
  count = 0;
  if (!graph.consistent()) return Status::unsatisfiable;
  if (!schedule.possible) return Status::limit;
  StateTable start(0);
  start.insert_empty();
  start.weights.push_back(1);
  if (!ForwardCount(graph, schedule, limits, memory_bytes).run(0, start, count))
    return Status::limit;
  return count == 0 ? Status::unsatisfiable : Status::satisfiable;
}

}  // namespace constrint::detail
