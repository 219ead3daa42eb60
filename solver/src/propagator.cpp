// SPDX-License-Identifier: Apache-2.0
#include "propagator.hpp"

#include <algorithm>

#include "arithmetic.hpp"
#include "evaluate_gate.hpp"

namespace constrint::detail {

namespace {

constexpr std::size_t kRevisions = 100;    // of one propagation,
constexpr std::size_t kRevisionsEach = 5;  // and for each constraint

}  // namespace

Propagator::Propagator(const ModelData& model, std::size_t gates) : compiler_(circuit_) {
  circuit_.model = &model;
  const std::size_t variables = model.variables.size();
  variables_ = static_cast<std::int32_t>(variables);
  circuit_.gates.reserve(gates);
  circuit_.constraints.reserve(model.statements.size());
  circuit_.scope.reserve(model.nodes.size());
  trail_.reserve(variables * 4);
  domains_.reserve(variables);
  changed_.assign(variables, 1);
  for (std::size_t i = 0; i < variables; ++i) {
    const bool declared = model.variables[i].declared;
    const std::int64_t low = declared ? kMinusInfinity : kDefaultLow;
    const std::int64_t high = declared ? kInfinity : kDefaultHigh;
    domains_.push_back({low, high, 1, nullptr, 0});
    circuit_.gates.push_back(
        {{low, high}, 0, static_cast<std::int32_t>(i), 0, Op::variable, false});
  }
}

bool Propagator::commit(std::int32_t variable, const Domain& domain) {
  const Domain& own = domains_[static_cast<std::size_t>(variable)];
  return domain == own ? !own.empty() : change(variable, domain);
}

// To a domain that is not the same.
bool Propagator::change(std::int32_t variable, const Domain& domain) {
  const auto at = static_cast<std::size_t>(variable);
  Domain& own = domains_[at];
  trail_.push_back({variable, own});
  own = domain;
  circuit_.gates[at].range = {domain.low, domain.high};
  changed_[at] = ++tick_;
  if (domain.empty()) return false;
  if (queueing_ && (!light_ || domain.fixed())) {
    for (const std::int32_t c : occurrences(at)) agenda_.add(static_cast<std::size_t>(c));
  }
  return true;
}

void Propagator::set_domain(std::int32_t variable, const Domain& domain) {
  commit(variable, domain);
}

void Propagator::assign(std::int32_t variable, std::int64_t value) {
  Domain domain;
  domain.low = domain.high = value;
  commit(variable, domain);
}

void Propagator::undo(const Mark& mark) {
  while (trail_.size() > mark.trail) {
    const Saved& saved = trail_.back();
    const auto at = static_cast<std::size_t>(saved.variable);
    domains_[at] = saved.domain;
    circuit_.gates[at].range = {saved.domain.low, saved.domain.high};
    trail_.pop_back();
  }
  arena_.release(mark.arena);
}

// To an interval that leaves some of the own one out.
bool Propagator::narrow_strictly(std::int32_t id, Interval wanted) {
  const auto at = static_cast<std::size_t>(id);
  if (is_variable(id)) {
    Domain domain = domains_[at];
    domain.restrict_to(wanted.low, wanted.high);
    return change(id, domain);
  }
  Gate& own = circuit_.gates[at];
  const std::int64_t low = std::max(own.range.low, wanted.low);
  const std::int64_t high = std::min(own.range.high, wanted.high);
  if (low > high) return false;
  if (own.op == Op::constant) return true;
  own.range.low = low;
  own.range.high = high;
  own.narrowed = true;
  return true;
}

void Propagator::forward(const Constraint& constraint) {
  Gate* const gates = circuit_.gates.data();
  Gate* const end = gates + constraint.end;
  for (Gate* own = gates + constraint.begin; own != end; ++own) {
    own->narrowed = false;
    // The most frequent operators in place.
    switch (own->op) {
      case Op::constant:
        break;
      case Op::multiply: {
        const Interval& a = gates[own->a].range;
        const Interval& b = gates[own->b].range;
        if ((a.low | b.low) >= 0) {
          own->range.low = saturating_multiply(a.low, b.low);
          own->range.high = saturating_multiply(a.high, b.high);
          break;
        }
        own->range = multiply({a.low, a.high}, {b.low, b.high});
        break;
      }
      case Op::add: {
        const Interval& a = gates[own->a].range;
        const Interval& b = gates[own->b].range;
        own->range.low = add_low(a.low, b.low);
        own->range.high = add_high(a.high, b.high);
        break;
      }
      case Op::equal:
      case Op::less_equal: {
        const Interval& a = gates[own->a].range;
        const Interval& b = gates[own->b].range;
        const Interval result = own->op == Op::equal
                                    ? equality({a.low, a.high}, {b.low, b.high})
                                    : truth(at_most(a.high, b.low), b.high < a.low);
        own->range.low = result.low;
        own->range.high = result.high;
        break;
      }
      default:
        own->range = evaluate(circuit_, *own);
        if (own->range.empty()) own->range = {};
    }
  }
}

bool Propagator::add_statement(const Statement& statement, std::int32_t index) {
  return !compiler_.add_statement(statement, index) || revise(circuit_.constraints.back(), true);
}

bool Propagator::revise(Constraint& constraint, bool evaluated) {
  if (!evaluated) forward(constraint);
  constraint.revised = tick_;
  const Interval truth = range(constraint.root);
  if (truth.high < 1) return false;
  entailed_ = truth.low == 1;
  if (entailed_) return true;
  if (!narrow(constraint.root, {1, 1})) return false;
  for (std::int32_t g = constraint.end - 1; g >= constraint.begin; --g) {
    if (gate(g).narrowed && !backward(gate(g))) return false;
  }
  return true;
}

bool Propagator::check(const Constraint& constraint, bool open) {
  forward(constraint);
  const Interval truth = range(constraint.root);
  if (truth.low == truth.high) return truth.low == 1;
  return open || check_exact(constraint);
}

bool Propagator::revise_all() {
  std::size_t revisions = 0;
  const std::size_t limit = kRevisions + kRevisionsEach * circuit_.constraints.size();
  for (bool again = true; again;) {
    again = false;
    for (Constraint& constraint : circuit_.constraints) {
      if (!constraint.active) continue;
      bool stale = constraint.revised == 0;
      bool open = false;
      for (std::int32_t s = constraint.scope_begin; s < constraint.scope_end; ++s) {
        const auto v = static_cast<std::size_t>(circuit_.scope[static_cast<std::size_t>(s)]);
        stale = stale || changed_[v] > constraint.revised;
        open = open || !domains_[v].fixed();
      }
      // Without open variables only the exact check decides, however often it was revised.
      if (!stale && open) continue;
      if (!open) {
        if (!check(constraint, false)) return false;
        constraint.active = false;
        continue;
      }
      if (!revise(constraint)) return false;
      constraint.active = !entailed_;
      std::int32_t last = 0;
      if (!entailed_ && unfixed(constraint, last) == 1 && !solve_for_last(constraint, last)) {
        return false;
      }
      again = true;
      // Bounds that creep towards each other would take for ever; stopping early is sound.
      if (++revisions > limit) return true;
    }
  }
  return true;
}

bool Propagator::propagate_from(std::int32_t variable, bool light) {
  queueing_ = true;
  light_ = light;
  agenda_.start_over();
  for (const std::int32_t c : occurrences(static_cast<std::size_t>(variable))) {
    agenda_.add(static_cast<std::size_t>(c));
  }
  const bool consistent = drain_agenda();
  queueing_ = false;
  return consistent;
}

bool Propagator::narrow_by_failed(std::int32_t variable, const Domain& domain) {
  set_domain(variable, domain);
  return revise(circuit_.constraints[failed_]);
}

bool Propagator::drain_agenda() {
  const std::size_t limit = kRevisions + kRevisionsEach * circuit_.constraints.size();
  for (std::size_t done = 0; !agenda_.empty(); ++done) {
    const std::size_t at = agenda_.take();
    Constraint& constraint = circuit_.constraints[at];
    std::int32_t last = 0;
    const int open = unfixed(constraint, last);
    // Past the limit nothing is narrowed any more, so the agenda empties.
    const bool narrowing = done < limit && open > 0 && (open == 1 || !light_);
    const std::size_t trail = trail_.size();
    bool consistent = narrowing ? revise(constraint) : check(constraint, open > 0);
    if (consistent && narrowing && open == 1 && !entailed_) {
      consistent = solve_for_last(constraint, last);
    }
    if (!consistent) {
      failed_ = at;
      agenda_.clear();
      return false;
    }
    // Narrowed by nothing but its own definition, a variable says nothing new to it.
    if (trail_.size() == trail + 1 && trail_.back().variable == constraint.defined) {
      agenda_.remove(at);
    }
  }
  return true;
}

}  // namespace constrint::detail
