// SPDX-License-Identifier: Apache-2.0
// From the root to a search: what is decided goes, and variables find their constraints.
#include "propagator.hpp"

namespace constrint::detail {

bool Propagator::compact() {
  RecyclingVector<std::int32_t> scope;
  scope.reserve(circuit_.scope.size());
  scope.swap(circuit_.scope);
  std::size_t kept = 0;
  for (Constraint& constraint : circuit_.constraints) {
    if (!constraint.active) continue;
    forward(constraint);
    bool decided = false;
    for (std::int32_t g = constraint.begin; g < constraint.end; ++g) {
      decided = decided || (gate(g).op != Op::constant && gate(g).range.fixed());
    }
    if (decided) {
      if (!compiler_.recompile(constraint)) continue;
    } else {
      // Compiling would give the same gates again.
      const std::int32_t begin = constraint.scope_begin;
      const std::int32_t end = constraint.scope_end;
      constraint.scope_begin = static_cast<std::int32_t>(circuit_.scope.size());
      for (std::int32_t s = begin; s < end; ++s) {
        const std::int32_t v = scope[static_cast<std::size_t>(s)];
        const Domain& domain = domains_[static_cast<std::size_t>(v)];
        if (!domain.fixed()) circuit_.scope.push_back(v);
      }
      constraint.scope_end = static_cast<std::int32_t>(circuit_.scope.size());
    }
    constraint.revised = tick_;
    // Intervals may say nothing of values at the ends of 64 bits, and nothing would ask again.
    if (constraint.scope_begin == constraint.scope_end) {
      if (!check(constraint, false)) return false;
      continue;
    }
    circuit_.constraints[kept++] = constraint;
  }
  circuit_.constraints.resize(kept);
  return true;
}

// The variable x of x == expression, if the expression does not read it; otherwise -1.
std::int32_t Propagator::defined_by(const Constraint& constraint) const {
  const Gate& root = gate(constraint.root);
  if (root.op != Op::equal || !is_variable(root.a) || is_variable(root.b)) return -1;
  for (std::int32_t g = constraint.begin; g < constraint.end; ++g) {
    const Gate& own = gate(g);
    if (g == constraint.root || own.op == Op::constant) continue;
    if (own.a == root.a || (is_binary(own.op) && own.b == root.a)) return -1;
  }
  return root.a;
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
  agenda_.reset(circuit_.constraints.size());
  for (Constraint& constraint : circuit_.constraints) constraint.defined = defined_by(constraint);
}

}  // namespace constrint::detail
