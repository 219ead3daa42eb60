// SPDX-License-Identifier: Apache-2.0
// Diagrams and counts from a search, where the values of expressions may leave 64 bits.
#include "depth_first.hpp"
#include "diagram.hpp"

namespace constrint::detail {

Diagram::Diagram(Propagator& root, const VariableOrder& variables, Limits& limits,
                 std::size_t memory_bytes) {
  const std::size_t depth = variables.size();
  for (const OrderedVariable& entry : variables) {
    Level level;
    level.variable = entry.variable;
    level.largest = entry.largest;
    levels_.push_back(std::move(level));
  }
  const Propagator::Mark mark = root.mark();
  DepthFirst search(root, variables, {}, limits);
  std::vector<std::int64_t> previous;
  std::size_t edges = 0;
  Status found = Status::limit;
  // Solutions come in lexicographic order: each shares a prefix with the one before and branches
  // off once.
  while ((found = search.next()) == Status::satisfiable) {
    std::size_t shared = 0;
    const auto value = [&](std::size_t l) {
      return root.domain(static_cast<std::size_t>(variables[l].variable)).low;
    };
    while (!previous.empty() && value(shared) == previous[shared]) ++shared;
    previous.resize(depth);
    for (std::size_t l = shared; l < depth; ++l) {
      EdgeList& list = levels_[l].edges;
      previous[l] = value(l);
      if (l > shared || list.first.empty()) {
        list.first.push_back(static_cast<std::uint32_t>(list.child.size()));
      }
      const std::size_t next = l + 1 < depth ? levels_[l + 1].edges.first.size() : 0;
      list.child.push_back(static_cast<std::uint32_t>(next));
      list.value.push_back(previous[l]);
    }
    edges += depth - shared;
    if (edges * 24 > memory_bytes) break;
  }
  root.undo(mark);
  if (found != Status::unsatisfiable || root.overflowed()) return;
  for (Level& level : levels_) {
    level.edges.first.push_back(static_cast<std::uint32_t>(level.edges.child.size()));
  }
  if (!reduce()) return;
  status_ = levels_[0].counts.empty() ? Status::unsatisfiable : Status::satisfiable;
}

Status count_by_search(Propagator& root, const VariableOrder& variables, Limits& limits,
                       Uint128& count) {
  count = 0;
  const Propagator::Mark mark = root.mark();
  DepthFirst search(root, variables, {}, limits);
  Status found = Status::limit;
  while ((found = search.next()) == Status::satisfiable) ++count;
  root.undo(mark);
  if (found != Status::unsatisfiable || root.overflowed()) return Status::limit;
  return count == 0 ? Status::unsatisfiable : Status::satisfiable;
}

}  // namespace constrint::detail
