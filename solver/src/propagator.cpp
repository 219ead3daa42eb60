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
  circuit_.gates.reserve(gates);
  circuit_.constraints.reserve(model.statements.size());
  circuit_.scope.reserve(model.nodes.size());
  trail_.reserve(variables * 4);
  domains_.resize(variables);
  changed_.assign(variables, 1);
  circuit_.gates.resize(variables);
  for (std::size_t i = 0; i < variables; ++i) {
    Domain& domain = domains_[i];
    domain.low = model.variables[i].declared ? kMinusInfinity : kDefaultLow;
    domain.high = model.variables[i].declared ? kInfinity : kDefaultHigh;
    Gate& leaf = circuit_.gates[i];
    leaf.op = Op::variable;
    leaf.a = static_cast<std::int32_t>(i);
    leaf.range = {domain.low, domain.high};
  }
}

bool Propagator::commit(std::int32_t variable, const Domain& domain) {
  const auto at = static_cast<std::size_t>(variable);
  Domain& own = domains_[at];
  if (domain == own) return !own.empty();
  trail_.push_back({variable, own});
  own = domain;
  circuit_.gates[at].range = {domain.low, domain.high};
  changed_[at] = ++tick_;
  if (domain.empty()) return false;
  if (queueing_ && (!light_ || domain.fixed())) {
    for (const std::int32_t c : occurrences(at)) {
      if (queued_[static_cast<std::size_t>(c)] == 0) {
        queued_[static_cast<std::size_t>(c)] = 1;
        queue_.push_back(c);
      }
    }
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

bool Propagator::narrow(std::int32_t id, Interval wanted) {
  const auto at = static_cast<std::size_t>(id);
  if (is_variable(id)) {
    const Domain& own = domains_[at];
    if (wanted.low <= own.low && wanted.high >= own.high) return true;
    Domain domain = own;
    domain.restrict_to(wanted.low, wanted.high);
    return commit(id, domain);
  }
  Gate& own = circuit_.gates[at];
  if (wanted.low <= own.range.low && wanted.high >= own.range.high) return true;
  const Interval both = intersect(own.range, wanted);
  if (both.empty()) return false;
  if (own.op == Op::constant) return true;
  own.range = both;
  narrowed_[at] = 1;
  return true;
}

void Propagator::forward(const Constraint& constraint) {
  RecyclingVector<Gate>& gates = circuit_.gates;
  for (std::int32_t g = constraint.begin; g < constraint.end; ++g) {
    Gate& own = gates[static_cast<std::size_t>(g)];
    if (own.op == Op::constant) continue;
    own.range = evaluate_gate(circuit_, own);
    if (own.range.empty()) own.range = {};
  }
}

bool Propagator::add_statement(std::int32_t root, std::int32_t statement) {
  const std::size_t before = circuit_.constraints.size();
  compiler_.add_statement(root, statement);
  if (circuit_.constraints.size() == before) return true;
  Constraint& constraint = circuit_.constraints.back();
  constraint.compiled = tick_;
  return revise(constraint, true);
}

bool Propagator::revise(Constraint& constraint, bool evaluated) {
  if (!evaluated) forward(constraint);
  constraint.revised = tick_;
  const Interval truth = range(constraint.root);
  if (truth.high < 1) return false;
  entailed_ = truth.low == 1;
  if (entailed_) return true;
  if (narrowed_.size() < circuit_.gates.size()) narrowed_.resize(circuit_.gates.size() * 2, 0);
  std::fill(narrowed_.begin() + constraint.begin, narrowed_.begin() + constraint.end,
            std::uint8_t{0});
  if (!narrow(constraint.root, {1, 1})) return false;
  for (std::int32_t g = constraint.end - 1; g >= constraint.begin; --g) {
    if (narrowed_[static_cast<std::size_t>(g)] != 0 && !backward(gate(g))) return false;
  }
  return true;
}

int Propagator::unfixed(const Constraint& constraint, std::int32_t& variable) const {
  int count = 0;
  for (std::int32_t s = constraint.scope_begin; s < constraint.scope_end; ++s) {
    const std::int32_t v = circuit_.scope[static_cast<std::size_t>(s)];
    if (!domains_[static_cast<std::size_t>(v)].fixed()) {
      ++count;
      variable = v;
    }
  }
  return count;
}

bool Propagator::check(const Constraint& constraint) {
  forward(constraint);
  const Interval truth = range(constraint.root);
  if (truth.low == truth.high) return truth.low == 1;
  std::int32_t variable = 0;
  return unfixed(constraint, variable) > 0 || check_exact(constraint);
}

Propagator::Wide Propagator::wide_value(const Constraint& constraint, std::int32_t id,
                                        std::int32_t unknown) const {
  if (id == unknown) return {0, Exactness::overflow};
  if (is_variable(id)) return {domains_[static_cast<std::size_t>(id)].low, Exactness::exact};
  const Gate& own = gate(id);
  if (own.op == Op::constant) return {own.value, Exactness::exact};
  return wide_[static_cast<std::size_t>(id - constraint.begin)];
}

void Propagator::evaluate_exactly(const Constraint& constraint, std::int32_t unknown) {
  wide_.resize(static_cast<std::size_t>(constraint.end - constraint.begin));
  const auto value_of = [&](std::int32_t id) { return wide_value(constraint, id, unknown); };
  for (std::int32_t g = constraint.begin; g < constraint.end; ++g) {
    const Gate& own = gate(g);
    Wide& result = wide_[static_cast<std::size_t>(g - constraint.begin)];
    if (own.op == Op::constant) {
      result = {own.value, Exactness::exact};
      continue;
    }
    const Wide a = value_of(own.a);
    const Wide b = is_binary(own.op) ? value_of(own.b) : Wide{0, Exactness::exact};
    result = {0, std::max(a.exactness, b.exactness)};
    if (result.exactness != Exactness::exact) continue;
    const std::int64_t* pool = circuit_.model->pool.data() + own.b;
    if (own.op == Op::power) {
      if (!power_exact(a.value, own.value, result.value)) result.exactness = Exactness::overflow;
    } else if (own.op == Op::in_range) {
      result.value = a.value >= pool[0] && a.value <= pool[1];
    } else if (own.op == Op::in_list) {
      const std::int64_t* end = pool + own.value;
      const std::int64_t* found = std::lower_bound(pool, end, a.value);
      result.value = found != end && *found == a.value;
    } else {
      result.exactness = apply_exact(own.op, a.value, b.value, result.value);
    }
  }
}

bool Propagator::check_exact(const Constraint& constraint) {
  evaluate_exactly(constraint, -1);
  const Wide root = wide_value(constraint, constraint.root, -1);
  // Guards are part of the root, so something undefined is false whatever else overflowed.
  if (root.exactness == Exactness::overflow) overflowed_ = true;
  return root.exactness == Exactness::exact && root.value != 0;
}

// variable == (something known): intervals do not find that value where one of the known ones is an
// end of 64 bits, which stands for more than itself there.
bool Propagator::solve_for_last(const Constraint& constraint, std::int32_t variable) {
  constexpr std::uint64_t kFew = 64;  // values that are tried one by one as quickly
  if (domains_[static_cast<std::size_t>(variable)].size() <= kFew) return true;
  evaluate_exactly(constraint, variable);
  std::vector<std::int32_t> open{constraint.root};
  while (!open.empty()) {
    const std::int32_t id = open.back();
    open.pop_back();
    if (is_variable(id)) continue;
    const Gate own = gate(id);
    if (own.op == Op::logical_and) {
      open.push_back(own.a);
      open.push_back(own.b);
    }
    if (own.op != Op::equal || (own.a == variable) == (own.b == variable)) continue;
    const Wide known = wide_value(constraint, own.a == variable ? own.b : own.a, variable);
    if (known.exactness == Exactness::undefined) return false;
    if (known.exactness != Exactness::exact) continue;
    const auto value = static_cast<std::int64_t>(known.value);
    if (value != known.value) return false;
    if (!domains_[static_cast<std::size_t>(variable)].contains(value)) return false;
    assign(variable, value);
    return true;
  }
  return true;
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
        if (!check(constraint)) return false;
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
  for (const std::int32_t c : occurrences(static_cast<std::size_t>(variable))) {
    if (queued_[static_cast<std::size_t>(c)] == 0) {
      queued_[static_cast<std::size_t>(c)] = 1;
      queue_.push_back(c);
    }
  }
  const bool consistent = drain_queue();
  queueing_ = false;
  return consistent;
}

bool Propagator::drain_queue() {
  bool consistent = true;
  const std::size_t limit = kRevisions + kRevisionsEach * circuit_.constraints.size();
  for (std::size_t next = 0; next < queue_.size(); ++next) {
    const auto at = static_cast<std::size_t>(queue_[next]);
    queued_[at] = 0;
    if (!consistent) continue;
    Constraint& constraint = circuit_.constraints[at];
    std::int32_t last = 0;
    const int open = unfixed(constraint, last);
    // Past the limit nothing is narrowed any more, so the queue empties.
    const bool narrowing = next < limit && open > 0 && (open == 1 || !light_);
    consistent = narrowing ? revise(constraint) : check(constraint);
    if (consistent && narrowing && open == 1 && !entailed_) {
      consistent = solve_for_last(constraint, last);
    }
  }
  queue_.clear();
  return consistent;
}

bool Propagator::compact() {
  RecyclingVector<Constraint> kept;
  kept.reserve(circuit_.constraints.size());
  RecyclingVector<std::int32_t> scope;
  scope.reserve(circuit_.scope.size());
  scope.swap(circuit_.scope);
  for (Constraint& constraint : circuit_.constraints) {
    if (!constraint.active) continue;
    bool changed = false;
    for (std::int32_t s = constraint.scope_begin; s < constraint.scope_end; ++s) {
      const auto v = static_cast<std::size_t>(scope[static_cast<std::size_t>(s)]);
      changed = changed || changed_[v] > constraint.compiled;
    }
    if (changed) {
      if (!compiler_.recompile(constraint)) continue;
      compiler_.collect_scope(constraint);
      constraint.compiled = tick_;
    } else {
      // Compiling would give the same gates again, with the intervals of the domains alone.
      forward(constraint);
      const auto begin = scope.begin() + constraint.scope_begin;
      const auto end = scope.begin() + constraint.scope_end;
      constraint.scope_begin = static_cast<std::int32_t>(circuit_.scope.size());
      circuit_.scope.insert(circuit_.scope.end(), begin, end);
      constraint.scope_end = static_cast<std::int32_t>(circuit_.scope.size());
    }
    constraint.revised = tick_;
    // Intervals may say nothing of values at the ends of 64 bits, and nothing would ask again.
    if (constraint.scope_begin == constraint.scope_end) {
      if (!check(constraint)) return false;
      continue;
    }
    kept.push_back(constraint);
  }
  circuit_.constraints = std::move(kept);
  narrowed_.resize(circuit_.gates.size(), 0);
  return true;
}

void Propagator::build_occurrences() {
  const std::size_t variables = domains_.size();
  first_.assign(variables + 1, 0);
  for (const std::int32_t v : circuit_.scope) ++first_[static_cast<std::size_t>(v) + 1];
  for (std::size_t v = 0; v < variables; ++v) first_[v + 1] += first_[v];
  occurrence_.resize(circuit_.scope.size());
  for (std::size_t c = circuit_.constraints.size(); c-- > 0;) {
    const Constraint& constraint = circuit_.constraints[c];
    for (std::int32_t s = constraint.scope_begin; s < constraint.scope_end; ++s) {
      const auto v = static_cast<std::size_t>(circuit_.scope[static_cast<std::size_t>(s)]);
      occurrence_[static_cast<std::size_t>(--first_[v + 1])] = static_cast<std::int32_t>(c);
    }
  }
  // Counting down moved each first_[v + 1] to the start of v; shift them into place.
  for (std::size_t v = 0; v < variables; ++v) first_[v] = first_[v + 1];
  first_[variables] = static_cast<std::int32_t>(circuit_.scope.size());
  queued_.assign(circuit_.constraints.size(), 0);
}

}  // namespace constrint::detail
