// SPDX-License-Identifier: Apache-2.0
#include "parts.hpp"

#include <algorithm>
#include <cmath>

namespace constrint::detail {

namespace {

// Finds what its equalities define in the order of its variables; the others are free.
void define(const Propagator& root, Part& part) {
  if (part.constraints.empty()) {
    part.free = part.variables;
    return;
  }
  part.definitions = find_definitions(root, part.variables, part.constraints);
  for (const OrderedVariable& entry : part.variables) {
    const bool defined = std::ranges::find(part.definitions, entry.variable,
                                           &Definition::variable) != part.definitions.end();
    if (!defined) part.free.push_back(entry);
  }
}

}  // namespace

std::vector<Part> split_parts(const Propagator& root, const VariableOrder& order) {
  std::int32_t count = 0;
  const Circuit& circuit = root.circuit();
  const RecyclingVector<std::int32_t> part_of = independent_parts(circuit, order, count);
  std::vector<Part> all(static_cast<std::size_t>(count));
  for (std::size_t c = 0; c < circuit.constraints.size(); ++c) {
    const Constraint& constraint = circuit.constraints[c];
    if (!constraint.active || constraint.scope_begin == constraint.scope_end) continue;
    const auto first =
        static_cast<std::size_t>(circuit.scope[static_cast<std::size_t>(constraint.scope_begin)]);
    all[static_cast<std::size_t>(part_of[first])].constraints.push_back(
        static_cast<std::int32_t>(c));
  }
  std::vector<Part> result;
  std::vector<VariableOrder> variables(all.size());
  for (const OrderedVariable& entry : order) {
    const auto v = static_cast<std::size_t>(entry.variable);
    if (!root.domain(v).fixed()) variables[static_cast<std::size_t>(part_of[v])].push_back(entry);
  }
  for (std::size_t p = 0; p < all.size(); ++p) {
    if (variables[p].empty()) continue;
    Part& part = all[p];
    part.variables = std::move(variables[p]);
    define(root, part);
    result.push_back(std::move(part));
  }
  return result;
}

Part solved_order(const Propagator& root, const Part& part) {
  constexpr std::uint64_t kLong = 4096;
  const Circuit& circuit = root.circuit();
  Part result;
  result.constraints = part.constraints;
  std::vector<bool> placed(root.variable_count(), true);  // or of no interest: fixed
  VariableOrder waiting;
  for (const OrderedVariable& entry : part.variables) {
    const auto v = static_cast<std::size_t>(entry.variable);
    if (root.domain(v).size() > kLong) {
      placed[v] = false;
      waiting.push_back(entry);
    } else {
      result.variables.push_back(entry);
    }
  }
  std::vector<bool> used(circuit.constraints.size(), false);
  // Whether an equality of variables that are placed gives this one; then the equality is used up.
  const auto computed = [&](std::int32_t variable) {
    for (const std::int32_t c : part.constraints) {
      const Constraint& constraint = circuit.constraints[static_cast<std::size_t>(c)];
      bool reads = false;
      bool open = used[static_cast<std::size_t>(c)];
      for (std::int32_t s = constraint.scope_begin; s < constraint.scope_end && !open; ++s) {
        const std::int32_t v = circuit.scope[static_cast<std::size_t>(s)];
        reads = reads || v == variable;
        open = v != variable && !placed[static_cast<std::size_t>(v)];
      }
      if (open || !reads || definition_path(root, constraint, variable).empty()) continue;
      used[static_cast<std::size_t>(c)] = true;
      return true;
    }
    return false;
  };
  while (!waiting.empty()) {
    auto next = std::ranges::find_if(waiting, computed, &OrderedVariable::variable);
    // Otherwise one has to be a level: the shortest.
    if (next == waiting.end()) {
      next = std::ranges::min_element(waiting, {}, [&](const OrderedVariable& entry) {
        return root.domain(static_cast<std::size_t>(entry.variable)).size();
      });
    }
    placed[static_cast<std::size_t>(next->variable)] = true;
    result.variables.push_back(*next);
    waiting.erase(next);
  }
  define(root, result);
  return result;
}

namespace {

// The free variables that each condition reads, defined variables followed to theirs.
std::vector<std::vector<std::size_t>> condition_scopes(const Graph& graph) {
  const std::size_t variables = graph.model().variables.size();
  std::vector<std::size_t> place(variables, 0);
  for (std::size_t l = 0; l < graph.levels(); ++l) {
    place[static_cast<std::size_t>(graph.variable(l).variable)] = l;
  }
  std::vector<std::vector<std::size_t>> result;
  std::vector<std::int32_t> seen(graph.gates().size(), -1);
  for (const std::int32_t root : graph.roots()) {
    std::vector<std::size_t> scope;
    std::vector<std::int32_t> stack{root};
    while (!stack.empty()) {
      const std::int32_t id = stack.back();
      stack.pop_back();
      if (seen[static_cast<std::size_t>(id)] == root) continue;
      seen[static_cast<std::size_t>(id)] = root;
      const Gate& gate = graph.gate(id);
      if (gate.op == Op::variable) scope.push_back(place[static_cast<std::size_t>(id)]);
      if (is_leaf(gate.op)) continue;
      stack.push_back(gate.a);
      if (is_binary(gate.op)) stack.push_back(gate.b);
    }
    result.push_back(std::move(scope));
  }
  return result;
}

}  // namespace

VariableOrder counting_order(const Propagator& root, const Part& part) {
  const std::size_t n = part.free.size();
  if (n < 3 || n > 64) return part.free;
  const Graph graph(root, part.free, part.definitions, part.constraints);
  const auto scopes = condition_scopes(graph);
  std::vector<std::uint64_t> masks;
  for (const auto& scope : scopes) {
    std::uint64_t mask = 0;
    for (const std::size_t v : scope) mask |= std::uint64_t{1} << v;
    masks.push_back(mask);
  }
  std::vector<double> bits(n);
  for (std::size_t v = 0; v < n; ++v)
    bits[v] = std::log2(static_cast<double>(graph.domain(v).size()));
  // Bits of the state once the variables of `done` are fixed: those still read by an unfinished
  // condition.
  const auto width = [&](std::uint64_t done) {
    std::uint64_t live = 0;
    for (const std::uint64_t mask : masks) {
      if ((mask & ~done) != 0) live |= mask & done;
    }
    double total = 0;
    for (std::size_t v = 0; v < n; ++v) {
      if (((live >> v) & 1) != 0) total += bits[v];
    }
    return total;
  };
  std::vector<std::size_t> best;
  double best_cost = 0;
  for (std::size_t start = 0; start < n; ++start) {
    std::vector<std::size_t> order{start};
    std::uint64_t done = std::uint64_t{1} << start;
    double cost = 0;
    double before = width(done);
    while (order.size() < n) {
      std::size_t choice = n;
      double choice_width = 0;
      for (std::size_t v = 0; v < n; ++v) {
        if (((done >> v) & 1) != 0) continue;
        const double next = width(done | (std::uint64_t{1} << v));
        if (choice == n || next < choice_width) {
          choice = v;
          choice_width = next;
        }
      }
      cost += std::exp2(before + bits[choice]);
      done |= std::uint64_t{1} << choice;
      order.push_back(choice);
      before = choice_width;
    }
    if (best.empty() || cost < best_cost) {
      best = order;
      best_cost = cost;
    }
  }
  VariableOrder result;
  for (const std::size_t v : best) result.push_back(part.free[v]);
  return result;
}

}  // namespace constrint::detail
