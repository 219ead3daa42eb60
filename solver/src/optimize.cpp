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
  std::int32_t value = 0;      // gate of the objective
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
  result.value = value;
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

// Branch and bound, one objective after the other. What was reached by an objective is a bound for
// the search for the next one, which starts from the solution found last.
class Optimizer {
 public:
  Optimizer(const ModelData& model, const Options& options, const VariableOrder& order,
            Limits& limits, std::vector<std::int64_t>& values)
      : model_(model),
        options_(options),
        order_(order),
        limits_(limits),
        values_(values),
        propagator_(model) {}

  Status run() {
    const Status status = prepare();
    if (status != Status::satisfiable) return status;
    for (std::size_t level = 0; level < std::max<std::size_t>(1, bounded_.size()); ++level) {
      const Status improved = improve(level);
      if (improved != Status::satisfiable) return improved;
    }
    return Status::satisfiable;
  }

  // The best `count`, of those that agree in the variables `distinct` the best one, best first.
  Status rank(std::size_t count, std::span<const std::size_t> distinct) {
    const Status status = prepare();
    if (status != Status::satisfiable || count == 0) return status;
    DepthFirst search(propagator_, order_, {}, limits_);
    search.set_strong();
    while (!bounded_.empty() || ranked_.size() < count) {
      const Status found = search.next();
      if (found == Status::limit) return Status::limit;
      if (found == Status::unsatisfiable) break;
      const Exactness exactness = evaluate_candidate();
      if (exactness == Exactness::undefined) continue;
      if (exactness == Exactness::overflow) return Status::limit;
      if (!insert(count, distinct) || ranked_.size() < count || bounded_.empty()) continue;
      // What equals the last one comes behind it, unless a later objective says more.
      const Int128 last = ranked_.back().reached.front();
      if (bounded_.size() == 1) {
        bound_below(0, last);
      } else {
        set_bound(propagator_.circuit(), bounded_[0], last);
      }
    }
    if (propagator_.overflowed()) return Status::limit;
    return ranked_.empty() ? Status::unsatisfiable : Status::satisfiable;
  }

  // By rank.
  [[nodiscard]] std::vector<std::vector<std::int64_t>> take_ranked() {
    std::vector<std::vector<std::int64_t>> result;
    result.reserve(ranked_.size());
    for (Ranked& entry : ranked_) result.push_back(std::move(entry.values));
    return result;
  }

 private:
  struct Ranked {
    std::vector<Int128> reached;  // by objective
    std::vector<std::int64_t> values;
  };

  // To where a search can start.
  Status prepare() {
    if (!propagate_root(propagator_, options_.assumptions)) {
      return propagator_.overflowed() ? Status::limit : Status::unsatisfiable;
    }
    // A solution at which any objective is undefined is no candidate, so all of them are there from
    // the start.
    for (const Objective& objective : model_.objectives) {
      bounded_.push_back(add_bounded(propagator_, objective));
    }
    propagator_.build_occurrences();
    RecyclingVector<Constraint>& constraints = propagator_.circuit().constraints;
    for (Constraint& constraint : constraints) constraint.revised = 0;
    if (!propagator_.revise_all()) {
      return propagator_.overflowed() ? Status::limit : Status::unsatisfiable;
    }
    for (Constraint& constraint : constraints) constraint.active = true;
    return Status::satisfiable;
  }

  // The best value of an objective among the solutions that are best by those before it.
  Status improve(std::size_t level) {
    if (!values_.empty()) bound_below(level, best_[level]);
    DepthFirst search(propagator_, order_, {}, limits_);
    search.set_strong();
    for (;;) {
      const Status status = search.next();
      if (status == Status::limit) return Status::limit;
      if (status == Status::unsatisfiable) break;
      const Exactness exactness = evaluate_candidate();
      if (exactness == Exactness::undefined) continue;
      if (exactness == Exactness::overflow) return Status::limit;
      if (model_.objectives.empty()) {
        values_ = candidate_;
        return Status::satisfiable;
      }
      if (!values_.empty() && !better_at(level)) continue;
      values_ = candidate_;
      best_ = reached_;
      bound_below(level, best_[level]);
    }
    if (propagator_.overflowed()) return Status::limit;
    if (values_.empty()) return Status::unsatisfiable;
    set_bound(propagator_.circuit(), bounded_[level], best_[level]);
    return Status::satisfiable;
  }

  void bound_below(std::size_t level, Int128 value) {
    const Bounded& bounded = bounded_[level];
    set_bound(propagator_.circuit(), bounded, bounded.maximize ? value + 1 : value - 1);
  }

  // Bounds beyond 64 bits do not cut off, so the candidate is compared by all objectives.
  [[nodiscard]] bool better_at(std::size_t level) const { return better_than(best_, level + 1); }
  [[nodiscard]] bool better_than(const std::vector<Int128>& other, std::size_t objectives) const {
    for (std::size_t i = 0; i < objectives; ++i) {
      if (reached_[i] == other[i]) continue;
      return (reached_[i] > other[i]) == bounded_[i].maximize;
    }
    return false;
  }

  // Puts the candidate behind those that are at least as good. False if it is not among `count`, or
  // one that agrees with it is at least as good.
  bool insert(std::size_t count, std::span<const std::size_t> distinct) {
    const auto agrees = [&](const Ranked& entry) {
      return !distinct.empty() && std::ranges::all_of(distinct, [&](std::size_t v) {
        return entry.values[v] == candidate_[v];
      });
    };
    const auto place = std::ranges::find_if(
        ranked_, [&](const Ranked& entry) { return better_than(entry.reached, bounded_.size()); });
    if (std::find_if(ranked_.begin(), place, agrees) != place) return false;
    const auto own = std::find_if(place, ranked_.end(), agrees);
    if (own == ranked_.end() && place == ranked_.end() && ranked_.size() == count) return false;
    const auto first = static_cast<std::size_t>(place - ranked_.begin());
    if (own != ranked_.end()) {
      ranked_.erase(own);
    } else if (ranked_.size() == count) {
      ranked_.pop_back();
    }
    ranked_.insert(ranked_.begin() + static_cast<std::ptrdiff_t>(first), {reached_, candidate_});
    return true;
  }

  // The objectives at the solution where the propagator stands. One that is excluded counts as one
  // where they are undefined.
  Exactness evaluate_candidate() {
    candidate_.resize(order_.size());
    for (std::size_t v = 0; v < candidate_.size(); ++v) candidate_[v] = propagator_.domain(v).low;
    const bool excluded =
        std::ranges::find(options_.excluded, candidate_) != options_.excluded.end();
    return excluded ? Exactness::undefined : evaluate_objectives();
  }

  // The objectives at the candidate: from the propagator where 64 bits do, exactly otherwise.
  Exactness evaluate_objectives() {
    reached_.clear();
    for (const Bounded& bounded : bounded_) {
      const Interval range = propagator_.value_of(bounded.constraint, bounded.value);
      if (!range.fixed()) break;
      reached_.push_back(range.low);
    }
    if (reached_.size() == bounded_.size()) return Exactness::exact;
    evaluate_all(model_, candidate_, results_);
    reached_.clear();
    Exactness worst = Exactness::exact;
    for (const Objective& objective : model_.objectives) {
      const ExactValue& exact = results_[static_cast<std::size_t>(objective.root)];
      if (exact.exactness == Exactness::undefined) return exact.exactness;
      worst = std::max(worst, exact.exactness);
      reached_.push_back(exact.value);
    }
    return worst;
  }

  const ModelData& model_;
  const Options& options_;
  const VariableOrder& order_;
  Limits& limits_;
  std::vector<std::int64_t>& values_;  // the best so far; empty if there is none
  Propagator propagator_;
  std::vector<Bounded> bounded_;
  std::vector<Int128> best_;     // by objective, at values_
  std::vector<Int128> reached_;  // at the candidate
  std::vector<Ranked> ranked_;   // the best first
  std::vector<std::int64_t> candidate_;
  std::vector<ExactValue> results_;
};

}  // namespace

Status optimize_model(const ModelData& model, const Options& options, const VariableOrder& order,
                      Limits& limits, std::vector<std::int64_t>& values) {
  return Optimizer(model, options, order, limits, values).run();
}

Status rank_solutions(const ModelData& model, const Options& options, const VariableOrder& order,
                      Limits& limits, std::size_t count, std::span<const std::size_t> distinct,
                      std::vector<std::vector<std::int64_t>>& ranked) {
  std::vector<std::int64_t> none;
  Optimizer optimizer(model, options, order, limits, none);
  const Status status = optimizer.rank(count, distinct);
  ranked = optimizer.take_ranked();
  return status;
}

}  // namespace constrint::detail
