// SPDX-License-Identifier: Apache-2.0
#include "root.hpp"

#include <numeric>
#include <utility>

#include "constrint/error.hpp"

namespace constrint::detail {

namespace {

constexpr std::int32_t kShortStatement = 4;  // nodes

// Domains and equalities with constants need no gates: most statements of a hardware model are
// such. Returns 1 if it was applied, 0 if the statement is something else, -1 if nothing is left of
// a domain.
int apply_simple(Propagator& propagator, const Node& root) {
  const ModelData& model = *propagator.circuit().model;
  const Node& left = model.nodes[static_cast<std::size_t>(root.a)];
  if (left.op != Op::variable) return 0;
  const auto restrict_to = [&](std::int64_t low, std::int64_t high) {
    return propagator.restrict_first(left.a, [&](Domain& own) { own.restrict_to(low, high); });
  };
  bool possible = true;
  if (root.op == Op::in_list) {
    const std::int64_t* const values = model.pool.data() + root.b;
    possible = propagator.restrict_first(left.a, [&](Domain& own) {
      own.restrict_to_lasting_list({values, static_cast<std::size_t>(root.value)},
                                   propagator.arena());
    });
  } else if (root.op == Op::in_range) {
    const std::int64_t* const ends = model.pool.data() + root.b;
    possible = restrict_to(ends[0], ends[1]);
  } else {
    if (root.op != Op::equal && root.op != Op::less_equal && root.op != Op::greater_equal) return 0;
    const Node& right = model.nodes[static_cast<std::size_t>(root.b)];
    if (right.op != Op::constant) return 0;
    possible = restrict_to(root.op == Op::less_equal ? kMinusInfinity : right.value,
                           root.op == Op::greater_equal ? kInfinity : right.value);
  }
  return possible ? 1 : -1;
}

// The equalities that must hold for a gate to hold: itself, or those it is a conjunction of.
void collect_equalities(const Circuit& circuit, std::int32_t gate, RecyclingVector<Gate>& into) {
  const Gate& own = circuit.gates[static_cast<std::size_t>(gate)];
  if (own.op == Op::equal) into.push_back(own);
  if (own.op != Op::logical_and) return;
  collect_equalities(circuit, own.a, into);
  collect_equalities(circuit, own.b, into);
}

// By variable: its place in the preferred order.
RecyclingVector<std::size_t> places(const ModelData& model) {
  RecyclingVector<std::size_t> place(model.variables.size());
  std::iota(place.begin(), place.end(), model.preferences.size());
  for (std::size_t p = model.preferences.size(); p-- > 0;) {
    place[static_cast<std::size_t>(model.preferences[p].variable)] = p;
  }
  return place;
}

// A variable with a long domain that comes before the variables it is computed from (z == x * x
// with z preferred) would be searched first: it gets the image of the expression instead. Sets
// changed if a domain did.
bool take_images(Propagator& propagator, bool& changed) {
  constexpr std::uint64_t kLong = 4096;
  const Circuit& circuit = propagator.circuit();
  RecyclingVector<std::size_t> place;
  RecyclingVector<Gate> equalities;
  for (const Constraint& constraint : circuit.constraints) {
    equalities.clear();
    collect_equalities(circuit, constraint.root, equalities);
    for (const Gate& equality : equalities) {
      for (const auto& [side, other] :
           {std::pair{equality.a, equality.b}, std::pair{equality.b, equality.a}}) {
        if (static_cast<std::size_t>(side) >= propagator.variable_count()) continue;
        const Domain before = propagator.domain(static_cast<std::size_t>(side));
        if (before.is_list() || before.size() <= kLong) continue;
        if (place.empty()) place = places(*circuit.model);
        bool last = true;
        for (std::int32_t s = constraint.scope_begin; s < constraint.scope_end; ++s) {
          const auto v = static_cast<std::size_t>(circuit.scope[static_cast<std::size_t>(s)]);
          last = last && place[v] <= place[static_cast<std::size_t>(side)];
        }
        if (last) continue;
        if (!propagator.take_image(other, side)) return false;
        changed = changed || !(propagator.domain(static_cast<std::size_t>(side)) == before);
      }
    }
  }
  return true;
}

}  // namespace

bool propagate_root(Propagator& propagator, std::span<const Assumption> assumptions,
                    const std::vector<bool>& left_out) {
  const ModelData& model = *propagator.circuit().model;
  for (const Assumption& assumption : assumptions) {
    if (assumption.variable >= propagator.variable_count()) {
      throw InvalidArgument("expected the index of a variable in an assumption, found " +
                            std::to_string(assumption.variable));
    }
    const bool possible = propagator.restrict_first(
        static_cast<std::int32_t>(assumption.variable),
        [&](Domain& own) { own.restrict_to(assumption.value, assumption.value); });
    if (!possible) return false;
  }
  // What is known of single variables first: then the others are compiled with it.
  RecyclingVector<std::int32_t> others;
  others.reserve(model.statements.size());
  for (std::size_t s = 0; s < model.statements.size(); ++s) {
    if (!left_out.empty() && left_out[s]) continue;
    const std::int32_t root = model.statements[s].root;
    const int simple = apply_simple(propagator, model.nodes[static_cast<std::size_t>(root)]);
    if (simple < 0) return false;
    if (simple == 0) others.push_back(static_cast<std::int32_t>(s));
  }
  // Short ones first: what they leave of their variables saves the others from being revised again.
  for (const bool short_ones : {true, false}) {
    for (const std::int32_t s : others) {
      const Statement& own = model.statements[static_cast<std::size_t>(s)];
      const bool is_short = own.first >= 0 && own.root - own.first < kShortStatement;
      if (is_short == short_ones && !propagator.add_statement(own, s)) return false;
    }
  }
  if (!propagator.revise_all()) return false;
  if (!propagator.compact()) return false;
  for (bool changed = true; changed;) {
    changed = false;
    if (!take_images(propagator, changed)) return false;
    if (!changed) break;
    if (!propagator.revise_all()) return false;
    if (!propagator.compact()) return false;
  }
  return true;
}

}  // namespace constrint::detail
