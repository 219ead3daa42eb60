// SPDX-License-Identifier: Apache-2.0
// Diagrams of narrow values, which most are, and of single variables.
#include <algorithm>

#include "diagram.hpp"
#include "narrow_expander.hpp"

namespace constrint::detail {

namespace {

constexpr std::uint32_t kDeadNarrow = ~std::uint32_t{0};

// Nodes by their edges. Nodes that stay are often few, so the table starts small.
class NodeTable {
 public:
  explicit NodeTable(ScratchVector<std::uint64_t>& slots) : slots_(slots) { slots_.assign(64, 0); }

  /// The number of a node with this hash for which same(number) holds; `fresh`, entered, if there
  /// is none.
  template <class Same>
  std::uint32_t find(std::uint64_t hash, std::uint32_t fresh, Same same) {
    if (fresh * std::size_t{2} >= slots_.size()) grow();
    const std::uint64_t tag = hash >> 32;
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = tag & mask;
    for (; slots_[at] != 0; at = (at + 1) & mask) {
      const auto number = static_cast<std::uint32_t>(slots_[at]) - 1;
      if ((slots_[at] >> 32) == tag && same(number)) return number;
    }
    slots_[at] = (tag << 32) | (fresh + 1);
    return fresh;
  }

 private:
  void grow() {
    ScratchVector<std::uint64_t> larger(slots_.size() * 4, 0);
    const std::size_t mask = larger.size() - 1;
    for (const std::uint64_t entry : slots_) {
      if (entry == 0) continue;
      std::size_t at = (entry >> 32) & mask;
      while (larger[at] != 0) at = (at + 1) & mask;
      larger[at] = entry;
    }
    slots_ = std::move(larger);
  }

  ScratchVector<std::uint64_t>& slots_;
};

}  // namespace

Diagram::Diagram(const OrderedVariable& variable, const Domain& domain) {
  Level& level = levels_.emplace_back();
  level.variable = variable.variable;
  level.largest = variable.largest;
  const auto size = static_cast<std::uint64_t>(domain.size());
  level.edges.first = {0, static_cast<std::uint32_t>(size)};
  level.edges.child.assign(size, 0);
  level.edges.value.resize(size);
  for (std::uint64_t i = 0; i < size; ++i) {
    level.edges.value[i] = domain.at(variable.largest ? size - 1 - i : i);
  }
  level.counts.push_back(size);
  status_ = Status::satisfiable;
}

bool Diagram::expand_narrow(const Graph& graph, const Schedule& schedule, Limits& limits,
                            std::size_t memory_bytes) {
  constexpr std::size_t kEach = 32;  // bytes of a state, with its places in tables
  NarrowExpander expander(graph, schedule, limits);
  levels_.resize(graph.levels());
  std::size_t used = 0;
  for (std::size_t l = 0; l < graph.levels(); ++l) {
    levels_[l].variable = graph.variable(l).variable;
    levels_[l].largest = graph.variable(l).largest;
    levels_[l].step = graph.domain(l).step;
    const std::size_t states = expander.states();
    const std::size_t room = used < memory_bytes ? (memory_bytes - used) / kEach + 1 : 1;
    if (!expander.expand(l, room)) return false;
    used += expander.edges(l).bytes() + states * 16;
    if (used + expander.states() * kEach > memory_bytes) return false;
  }
  return reduce_narrow(expander);
}

// As reduce(), from the expander's edges into levels of the right size.
bool Diagram::reduce_narrow(NarrowExpander& expander) {
  const Scratch::Scope scope;
  ScratchVector<std::uint32_t> number{0};  // of the nodes of the level below
  ScratchVector<std::uint32_t> own_number;
  ScratchVector<Uint128> below{1};  // their completions
  ScratchVector<Uint128> counts;
  ScratchVector<std::uint64_t> slots;
  for (std::size_t l = levels_.size(); l-- > 0;) {
    NarrowExpander::RawEdges& edges = expander.edges(l);
    const std::size_t nodes = edges.first.size() - 1;
    std::uint32_t* const first = edges.first.data();
    std::uint32_t* const child = edges.child.data();
    std::int32_t* const value = edges.value.data();
    NodeTable table(slots);
    own_number.assign(nodes, kDeadNarrow);
    counts.clear();
    std::uint32_t kept_edges = 0;
    for (std::size_t node = 0, begin = 0; node < nodes; ++node) {
      const std::size_t end = first[node + 1];
      const std::uint32_t start = kept_edges;
      std::uint64_t hash = 0;
      Uint128 total = 0;
      // Compaction in place: what is written lies before what is still to be read.
      for (std::size_t e = begin; e < end; ++e) {
        const std::uint32_t to = number[child[e]];
        if (to == kDeadNarrow) continue;
        const std::int32_t own = value[e];
        child[kept_edges] = to;
        value[kept_edges] = own;
        ++kept_edges;
        if (__builtin_add_overflow(total, below[to], &total)) return false;
        // A sum, so that edges do not wait for each other.
        const std::uint64_t both =
            ((static_cast<std::uint64_t>(static_cast<std::uint32_t>(own)) << 32) | to) *
            0x9E3779B97F4A7C15ULL;
        hash += both ^ (both >> 31);
      }
      begin = end;
      const std::uint32_t size = kept_edges - start;
      if (size == 0) continue;
      const auto fresh = static_cast<std::uint32_t>(counts.size());
      first[fresh] = start;
      const std::uint32_t found =
          table.find(hash * 0xD6E8FEB86659FD93ULL, fresh, [&](std::uint32_t other) {
            const std::uint32_t at = first[other];
            if (first[other + 1] - at != size) return false;
            for (std::uint32_t e = 0; e < size; ++e) {
              if (child[start + e] != child[at + e] || value[start + e] != value[at + e]) {
                return false;
              }
            }
            return true;
          });
      own_number[node] = found;
      if (found == fresh) {
        counts.push_back(total);
      } else {
        kept_edges = start;
      }
    }
    first[counts.size()] = kept_edges;
    Level& level = levels_[l];
    level.edges.first.assign(first, first + counts.size() + 1);
    level.edges.child.assign(child, child + kept_edges);
    level.edges.value.assign(value, value + kept_edges);
    level.counts.assign(counts.begin(), counts.end());
    std::swap(number, own_number);
    std::swap(below, counts);
  }
  return true;
}

}  // namespace constrint::detail
