// SPDX-License-Identifier: Apache-2.0
// What propagation alone finds, and why a problem has no solution.
#include <algorithm>
#include <optional>

#include "constrint/search.hpp"
#include "depth_first.hpp"
#include "diagram.hpp"
#include "parts.hpp"
#include "root.hpp"
#include "split_cases.hpp"

namespace constrint {

namespace {

using detail::Domain;
using detail::Propagator;

constexpr std::uint64_t kTrialNodes = 5000;
constexpr std::int64_t kTurningPoints = -1;  // in place of the size of a window
constexpr std::size_t kListed = 1 << 20;     // longest list of values that is given

// Values at which statements turn: the model's constants, what lies beside them, and their
// negations. Ascending.
std::vector<std::int64_t> turning_points(const detail::ModelData& model) {
  std::vector<std::int64_t> result;
  const auto add = [&result](std::int64_t value) {
    const auto bits = static_cast<std::uint64_t>(value);
    for (const std::uint64_t near : {bits - 1, bits, bits + 1, 0 - bits}) {
      result.push_back(static_cast<std::int64_t>(near));
    }
  };
  for (std::int64_t small = -4; small <= 4; ++small) add(small);
  for (const detail::Node& node : model.nodes) {
    if (node.op == detail::Op::constant) add(node.value);
  }
  for (const std::int64_t value : model.pool) add(value);
  std::ranges::sort(result);
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

// Variables that lost their domains have values near 0 more often than not, or near a constant.
void restrict_long_domains(Propagator& propagator, std::int64_t window) {
  std::vector<std::int64_t> points;
  if (window == kTurningPoints) points = turning_points(*propagator.circuit().model);
  for (std::size_t v = 0; v < propagator.variable_count(); ++v) {
    Domain domain = propagator.domain(v);
    if (window == kTurningPoints) {
      if (domain.size() <= points.size()) continue;
      domain.restrict_to_list(points, propagator.arena());
    } else {
      if (domain.size() <= static_cast<std::uint64_t>(2 * window + 1)) continue;
      domain.restrict_to(-window, window);
    }
    if (!domain.empty()) propagator.set_domain(static_cast<std::int32_t>(v), domain);
  }
}

// Decides a part that search does not, as counting does: in a normal form, where sums cancel
// (x + y <= x), and with intervals of a long domain on which all conditions are constant.
Status decide_by_states(const Propagator& root, const detail::Part& part, const Options& options) {
  Options budget = options;
  budget.nodes = kTrialNodes;
  const detail::Part solved = detail::solved_order(root, part);
  for (const detail::Part* order : {&part, &solved}) {
    const detail::Graph graph(root, order->free, order->definitions, order->constraints);
    if (!graph.consistent()) return Status::unsatisfiable;
    const detail::Schedule schedule(graph);
    if (!schedule.possible || order->free.empty()) continue;
    detail::Limits limits(budget);
    Uint128 count = 0;
    const Status status =
        detail::count_forward(graph, schedule, limits, options.memory_bytes, count);
    if (status != Status::limit) return status;
  }
  return Status::limit;
}

// Whether the statements that are not left out have a solution together. With a window, only
// solutions within it are looked for: then only `satisfiable` is an answer.
Status decide(const detail::ModelData& model, const Options& options, detail::Limits& limits,
              const std::vector<bool>& left_out, std::int64_t window = 0) {
  Propagator propagator(model);
  propagator.compiler().know_squares();
  if (!propagate_root(propagator, options.assumptions, left_out)) {
    return propagator.overflowed() ? Status::limit : Status::unsatisfiable;
  }
  if (window != 0) restrict_long_domains(propagator, window);
  propagator.build_occurrences();
  const auto order = detail::preferred_order(model);
  const Propagator::Mark root = propagator.mark();
  std::int32_t parts = 0;
  const auto part = detail::independent_parts(propagator.circuit(), order, parts);
  std::vector<bool> open(static_cast<std::size_t>(parts), false);
  Status result = Status::satisfiable;
  for (std::int32_t p = 0; p < parts; ++p) {
    detail::VariableOrder own;
    for (const auto& entry : order) {
      if (part[static_cast<std::size_t>(entry.variable)] == p) own.push_back(entry);
    }
    const Status status = detail::DepthFirst(propagator, own, {}, limits).next();
    if (status == Status::unsatisfiable) {
      return propagator.overflowed() ? Status::limit : Status::unsatisfiable;
    }
    if (status == Status::limit) result = Status::limit;
    open[static_cast<std::size_t>(p)] = status == Status::limit;
  }
  if (result != Status::limit || window != 0) return result;
  propagator.undo(root);
  result = Status::satisfiable;
  for (const detail::Part& undecided : detail::split_parts(propagator, order)) {
    const auto first = static_cast<std::size_t>(undecided.variables[0].variable);
    if (!open[static_cast<std::size_t>(part[first])]) continue;
    const Status status = decide_by_states(propagator, undecided, options);
    if (status == Status::unsatisfiable) return status;
    if (status == Status::limit) result = Status::limit;
  }
  return result;
}

ReducedDomain reduced(const Domain& domain) {
  ReducedDomain result;
  result.low = domain.low;
  result.high = domain.high;
  if (domain.is_list()) {
    result.values.assign(domain.values, domain.values + domain.count);
  } else {
    result.modulus = domain.step;
    if (domain.size() <= 1024) {
      for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(domain.size()); ++i) {
        result.values.push_back(domain.at(i));
      }
    }
  }
  if (result.values.size() > kListed) result.values.clear();
  return result;
}

// Finds a conflict by leaving statements out.
class Explainer {
 public:
  Explainer(const Model& model, const Options& options)
      : model_(model),
        options_(options),
        trial_options_(options),
        limits_(options),
        left_out_(model.statement_count(), false) {
    trial_options_.nodes = std::min(options.nodes, kTrialNodes);
  }

  Explanation run() {
    Explanation result;
    result.status = decide(model_.data(), options_, limits_, left_out_);
    if (result.status != Status::unsatisfiable) return result;
    // Deletion in blocks that halve: statements that do not matter are dropped together.
    for (std::size_t block = std::max<std::size_t>(1, left_out_.size() / 2); block > 1;
         block /= 2) {
      for (std::size_t begin = 0; begin < left_out_.size(); begin += block) {
        leave_out(begin, std::min(begin + block, left_out_.size()), false);
      }
    }
    // What was not shown to be needed beside statements that went later may be so without them.
    for (bool dropped = true; dropped;) {
      dropped = false;
      result.minimal = true;
      for (std::size_t s = 0; s < left_out_.size(); ++s) {
        if (left_out_[s] || (!needed_.empty() && needed_[s])) continue;
        const Status status = leave_out(s, s + 1, true);
        needed_.resize(left_out_.size(), false);
        // The rest without it has a solution, and keeps it when statements go.
        if (status == Status::satisfiable) needed_[s] = true;
        dropped = dropped || status == Status::unsatisfiable;
        result.minimal = result.minimal && status != Status::limit;
      }
    }
    for (std::size_t s = 0; s < left_out_.size(); ++s) {
      if (!left_out_[s]) result.statements.push_back(s);
    }
    return result;
  }

 private:
  // Whether the rest has a solution without these statements, too; if not, they go for good. With
  // `small`, solutions with small values are looked for as well: they show that a statement is
  // needed where the whole problem is not decided within the budget.
  Status leave_out(std::size_t begin, std::size_t end, bool small) {
    std::vector<bool> trial = left_out_;
    for (std::size_t s = begin; s < end; ++s) trial[s] = true;
    if (trial == left_out_) return Status::limit;
    // Without its domains a problem can be endless to decide: each trial has its own budget.
    if (!limits_.spend(kTrialNodes / 64)) return Status::limit;
    detail::Limits trial_limits(trial_options_);
    Status status = decide(model_.data(), options_, trial_limits, trial);
    if (status == Status::limit && small) status = decide_cases(trial);
    if (status == Status::unsatisfiable) left_out_ = trial;
    if (status != Status::limit || !small) return status;
    for (const std::int64_t window :
         {std::int64_t{8}, kTurningPoints, std::int64_t{100}, std::int64_t{5000}}) {
      detail::Limits window_limits(trial_options_);
      status = decide(model_.data(), options_, window_limits, trial, window);
      if (status == Status::satisfiable) return status;
    }
    return Status::limit;
  }

  // The same with the cases of minima, maxima and magnitudes apart.
  Status decide_cases(const std::vector<bool>& trial) {
    if (!cases_) {
      cases_.emplace(model_.data());
      has_cases_ = detail::split_cases(*cases_);
    }
    if (!has_cases_) return Status::limit;
    detail::Limits trial_limits(trial_options_);
    return decide(*cases_, options_, trial_limits, trial);
  }

  const Model& model_;
  const Options& options_;
  Options trial_options_;
  detail::Limits limits_;
  std::vector<bool> left_out_;
  std::vector<bool> needed_;                // shown so
  std::optional<detail::ModelData> cases_;  // made when first needed
  bool has_cases_ = false;
};

}  // namespace

Propagation propagate(const Model& model, const Options& options) {
  Propagation result;
  Propagator propagator(model.data());
  if (!propagate_root(propagator, options.assumptions)) {
    result.status = propagator.overflowed() ? Status::limit : Status::unsatisfiable;
    return result;
  }
  result.status = propagator.circuit().constraints.empty() ? Status::satisfiable : Status::limit;
  for (std::size_t v = 0; v < propagator.variable_count(); ++v) {
    result.domains.push_back(reduced(propagator.domain(v)));
  }
  return result;
}

Explanation explain(const Model& model, const Options& options) {
  return Explainer(model, options).run();
}

}  // namespace constrint
