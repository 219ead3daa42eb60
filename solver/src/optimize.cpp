// SPDX-License-Identifier: Apache-2.0
#include "optimize.hpp"

#include <algorithm>

#include "depth_first.hpp"
#include "exact.hpp"
#include "root.hpp"

namespace constrint::detail {

namespace {

// One objective while it is improved: the constraint gate(objective) <= bound, whose bound moves.
struct Bounded {
  std::int32_t bound = 0;      // gate of a constant
  std::int32_t root = 0;       // gate that is true if the bound holds
  std::size_t constraint = 0;  // which is without the bound until there is one
  bool maximize = false;
};

std::int32_t push_gate(Circuit& circuit, Op op, std::int32_t a, std::int32_t b, Interval range) {
  Gate gate;
  gate.op = op;
  gate.a = a;
  gate.b = b;
  gate.range = range;
  circuit.gates.push_back(gate);
  return static_cast<std::int32_t>(circuit.gates.size() - 1);
}

// Adds `objective <= bound` (or >=); the bound is open at first.
Bounded add_bounded(Propagator& propagator, const Objective& objective) {
  Circuit& circuit = propagator.circuit();
  const std::int32_t value = propagator.compiler().add_objective(objective.root);
  Constraint& constraint = circuit.constraints.back();
  Bounded result;
  result.maximize = objective.maximize;
  const std::int64_t open = objective.maximize ? kMinusInfinity : kInfinity;
  result.bound = push_gate(circuit, Op::constant, 0, 0, {open, open});
  const std::int32_t within = objective.maximize
                                  ? push_gate(circuit, Op::less_equal, result.bound, value, {0, 1})
                                  : push_gate(circuit, Op::less_equal, value, result.bound, {0, 1});
  result.root = push_gate(circuit, Op::logical_and, constraint.root, within, {0, 1});
  result.constraint = circuit.constraints.size() - 1;
  constraint.end = static_cast<std::int32_t>(circuit.gates.size());
  // An objective that is a variable itself has no gates of its own, so its scope is collected with
  // the bound.
  const std::int32_t guards = constraint.root;
  constraint.root = result.root;
  circuit.scope.resize(static_cast<std::size_t>(constraint.scope_begin));
  propagator.compiler().collect_scope(constraint);
  constraint.root = guards;
  return result;
}

// A bound beyond 64 bits cannot be used to cut off; the objective is compared exactly anyway.
bool set_bound(Circuit& circuit, const Bounded& bounded, Int128 bound) {
  const std::int64_t narrow = saturate(bound);
  if (narrow != bound || narrow == kInfinity || narrow == kMinusInfinity) return false;
  Gate& gate = circuit.gates[static_cast<std::size_t>(bounded.bound)];
  gate.value = narrow;
  gate.range = {narrow, narrow};
  circuit.constraints[bounded.constraint].root = bounded.root;
  return true;
}

// Value of an objective at a solution; undefined where it divides by zero.
ExactValue objective_value(const ModelData& model, const Objective& objective,
                           const std::vector<std::int64_t>& values) {
  std::vector<ExactValue> results;
  evaluate_all(model, values, results);
  return results[static_cast<std::size_t>(objective.root)];
}

}  // namespace

Status optimize_model(const ModelData& model, const Options& options,
                      const std::vector<OrderedVariable>& order, Limits& limits,
                      std::vector<std::int64_t>& values) {
  std::vector<Int128> reached;  // by the objectives done so far
  for (std::size_t level = 0; level < std::max<std::size_t>(1, model.objectives.size()); ++level) {
    Propagator propagator(model);
    if (!propagate_root(propagator, options.assumptions)) return Status::unsatisfiable;
    Bounded current;
    for (std::size_t i = 0; i <= level && i < model.objectives.size(); ++i) {
      const Bounded bounded = add_bounded(propagator, model.objectives[i]);
      if (i < level) {
        if (!set_bound(propagator.circuit(), bounded, reached[i])) return Status::limit;
      } else {
        current = bounded;
      }
    }
    propagator.build_occurrences();
    for (Constraint& constraint : propagator.circuit().constraints) constraint.revised = 0;
    if (!propagator.revise_all()) return Status::unsatisfiable;
    for (Constraint& constraint : propagator.circuit().constraints) constraint.active = true;
    DepthFirst search(propagator, order, {}, limits);
    search.set_strong();
    bool found = false;
    Int128 best = 0;
    for (;;) {
      const Status status = search.next();
      if (status == Status::limit) return Status::limit;
      if (status == Status::unsatisfiable) break;
      std::vector<std::int64_t> candidate(order.size());
      for (std::size_t v = 0; v < candidate.size(); ++v) candidate[v] = propagator.domain(v).low;
      if (std::ranges::find(options.excluded, candidate) != options.excluded.end()) continue;
      if (model.objectives.empty()) {
        values = candidate;
        return Status::satisfiable;
      }
      const ExactValue exact = objective_value(model, model.objectives[level], candidate);
      if (exact.exactness == Exactness::undefined) continue;
      if (exact.exactness == Exactness::overflow) return Status::limit;
      const Int128 value = exact.value;
      const bool better = !found || (current.maximize ? value > best : value < best);
      if (!better) continue;
      found = true;
      best = value;
      values = candidate;
      set_bound(propagator.circuit(), current, current.maximize ? value + 1 : value - 1);
    }
    if (propagator.overflowed()) return Status::limit;
    if (!found) return Status::unsatisfiable;
    reached.push_back(best);
  }
  return Status::satisfiable;
}

}  // namespace constrint::detail
