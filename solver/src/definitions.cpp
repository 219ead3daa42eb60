// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "graph.hpp"

namespace constrint::detail {

namespace {

constexpr std::size_t kListed = 32;

// The gates from the equality down to the parent of `variable`, if each can be solved for it;
// otherwise empty.
std::vector<std::int32_t> solvable_path(const Circuit& circuit, const Constraint& constraint,
                                        std::int32_t variable) {
  const auto gate = [&](std::int32_t id) -> const Gate& {
    return circuit.gates[static_cast<std::size_t>(id)];
  };
  if (gate(constraint.root).op != Op::equal) return {};
  // Gates are walked from the bottom: `below` contains the variable, once.
  std::vector<std::int32_t> path;
  std::int32_t below = variable;
  for (std::int32_t g = constraint.begin; g < constraint.end; ++g) {
    const Gate& own = gate(g);
    if (own.op == Op::constant) continue;
    const bool left = own.a == below;
    const bool right = is_binary(own.op) && own.b == below;
    if (!left && !right) continue;
    if (left && right) return {};
    if (own.op == Op::multiply) {
      if (gate(left ? own.b : own.a).range.contains(0)) return {};
    } else if (own.op != Op::add && own.op != Op::subtract && own.op != Op::negate &&
               own.op != Op::equal) {
      return {};
    }
    path.push_back(g);
    below = g;
  }
  if (below != constraint.root) return {};
  std::ranges::reverse(path);
  return path;
}

// How often gates of the constraint read `id` directly.
int uses(const Circuit& circuit, const Constraint& constraint, std::int32_t id) {
  int count = 0;
  for (std::int32_t g = constraint.begin; g < constraint.end; ++g) {
    const Gate& own = circuit.gates[static_cast<std::size_t>(g)];
    if (own.op == Op::constant) continue;
    count += own.a == id ? 1 : 0;
    count += is_binary(own.op) && own.b == id ? 1 : 0;
  }
  return count;
}

}  // namespace

std::vector<std::int32_t> definition_path(const Propagator& root, const Constraint& constraint,
                                          std::int32_t variable) {
  const Circuit& circuit = root.circuit();
  // Membership in a long list would have to be tested; as a level the variable runs through the
  // list instead.
  const Domain& domain = root.domain(static_cast<std::size_t>(variable));
  if (domain.is_list() && domain.count > kListed) return {};
  if (uses(circuit, constraint, variable) != 1) return {};
  std::vector<std::int32_t> path = solvable_path(circuit, constraint, variable);
  // A gate on the path that is read twice would put the variable into its own definition.
  const bool once = std::ranges::all_of(path, [&](std::int32_t g) {
    return g == constraint.root || uses(circuit, constraint, g) == 1;
  });
  if (!once) path.clear();
  return path;
}

std::vector<Definition> find_definitions(const Propagator& root,
                                         std::span<const OrderedVariable> order,
                                         std::span<const std::int32_t> constraints) {
  const Circuit& circuit = root.circuit();
  std::vector<std::int32_t> place(root.variable_count(), -1);
  for (std::size_t i = 0; i < order.size(); ++i) {
    place[static_cast<std::size_t>(order[i].variable)] = static_cast<std::int32_t>(i);
  }
  std::vector<Definition> result;
  std::vector<bool> defined(root.variable_count(), false);
  for (const std::int32_t c : constraints) {
    const Constraint& constraint = circuit.constraints[static_cast<std::size_t>(c)];
    std::int32_t latest = -1;
    for (std::int32_t s = constraint.scope_begin; s < constraint.scope_end; ++s) {
      const std::int32_t v = circuit.scope[static_cast<std::size_t>(s)];
      if (latest < 0 ||
          place[static_cast<std::size_t>(v)] > place[static_cast<std::size_t>(latest)]) {
        latest = v;
      }
    }
    if (latest < 0 || defined[static_cast<std::size_t>(latest)]) continue;
    std::vector<std::int32_t> path = definition_path(root, constraint, latest);
    if (path.empty()) continue;
    defined[static_cast<std::size_t>(latest)] = true;
    result.push_back({latest, c, std::move(path)});
  }
  std::ranges::sort(result, [&](const Definition& a, const Definition& b) {
    return place[static_cast<std::size_t>(a.variable)] <
           place[static_cast<std::size_t>(b.variable)];
  });
  return result;
}

}  // namespace constrint::detail
