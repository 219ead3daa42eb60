// SPDX-License-Identifier: Apache-2.0
// What propagation alone finds, and why a problem has no solution.
#include <algorithm>

#include "constrint/search.hpp"
#include "depth_first.hpp"
#include "root.hpp"

namespace constrint {

namespace {

using detail::Domain;
using detail::Propagator;

constexpr std::uint64_t kTrialNodes = 5000;
constexpr std::size_t kListed = 1 << 20;  // longest list of values that is given

// Variables that lost their domains have values near 0 more often than not.
void restrict_long_domains(Propagator& propagator, std::int64_t window) {
  for (std::size_t v = 0; v < propagator.variable_count(); ++v) {
    Domain domain = propagator.domain(v);
    if (domain.size() <= static_cast<std::uint64_t>(2 * window + 1)) continue;
    domain.restrict_to(-window, window);
    if (!domain.empty()) propagator.set_domain(static_cast<std::int32_t>(v), domain);
  }
}

// Whether the statements that are not left out have a solution together. With a window, only
// solutions within it are looked for: then only `satisfiable` is an answer.
Status decide(const Model& model, const Options& options, detail::Limits& limits,
              const std::vector<bool>& left_out, std::int64_t window = 0) {
  Propagator propagator(model.data());
  if (!propagate_root(propagator, options.assumptions, left_out)) return Status::unsatisfiable;
  if (window > 0) restrict_long_domains(propagator, window);
  propagator.build_occurrences();
  const auto order = detail::preferred_order(model.data());
  std::int32_t parts = 0;
  const auto part = detail::independent_parts(propagator.circuit(), order, parts);
  Status result = Status::satisfiable;
  for (std::int32_t p = 0; p < parts; ++p) {
    std::vector<detail::OrderedVariable> own;
    for (const auto& entry : order) {
      if (part[static_cast<std::size_t>(entry.variable)] == p) own.push_back(entry);
    }
    const Status status = detail::DepthFirst(propagator, own, {}, limits).next();
    if (status == Status::unsatisfiable) {
      return propagator.overflowed() ? Status::limit : Status::unsatisfiable;
    }
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
  Explanation result;
  detail::Limits limits(options);
  std::vector<bool> left_out(model.statement_count(), false);
  result.status = decide(model, options, limits, left_out);
  if (result.status != Status::unsatisfiable) return result;
  result.minimal = true;
  Options trial_options = options;
  trial_options.nodes = std::min(options.nodes, kTrialNodes);
  // Deletion from the end in blocks that halve: late statements are dropped together where they do
  // not matter.
  for (std::size_t block = std::max<std::size_t>(1, left_out.size() / 2);; block /= 2) {
    for (std::size_t begin = 0; begin < left_out.size(); begin += block) {
      std::vector<bool> trial = left_out;
      bool any = false;
      for (std::size_t s = begin; s < std::min(begin + block, trial.size()); ++s) {
        any = any || !trial[s];
        trial[s] = true;
      }
      if (!any) continue;
      // Without its domains a problem can be endless to decide: each trial has its own budget.
      if (!limits.spend(kTrialNodes / 64)) {
        result.minimal = false;
        continue;
      }
      detail::Limits trial_limits(trial_options);
      const Status status = decide(model, options, trial_limits, trial);
      if (status == Status::unsatisfiable) {
        left_out = trial;
      } else if (status == Status::limit && block == 1) {
        // Undecided within the budget. A solution with small values also shows that the statement
        // is needed.
        bool needed = false;
        for (const std::int64_t window : {8, 100, 5000}) {
          detail::Limits window_limits(trial_options);
          needed =
              needed || decide(model, options, window_limits, trial, window) == Status::satisfiable;
        }
        if (!needed) result.minimal = false;
      }
    }
    if (block == 1) break;
  }
  for (std::size_t s = 0; s < left_out.size(); ++s) {
    if (!left_out[s]) result.statements.push_back(s);
  }
  return result;
}

}  // namespace constrint
