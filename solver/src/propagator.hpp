// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "agenda.hpp"
#include "arithmetic.hpp"
#include "circuit.hpp"

namespace constrint::detail {

/// Domains of all variables, and the rules that narrow them. Each revision of a constraint
/// evaluates its gates forward and pushes what must hold backward to the variables (HC4), with
/// divisors and congruences where there is division. Changes are kept on a trail, so that a search
/// can undo them.
class Propagator {
 public:
  /// Domains from the model: 1..2^62, or everything for variables that a statement gives a domain.
  explicit Propagator(const ModelData& model)
      : Propagator(model, model.variables.size() + model.nodes.size() * 2) {}
  /// The same with room for so many gates.
  Propagator(const ModelData& model, std::size_t gates);
  Propagator(const Propagator&) = delete;
  Propagator& operator=(const Propagator&) = delete;

  /// Narrows by one constraint. False if it cannot hold. evaluated: its gates' intervals are those
  /// of the domains as they are.
  bool revise(Constraint& constraint, bool evaluated = false);
  /// Evaluates a constraint forward only: false if it certainly cannot hold. With all its variables
  /// fixed (not open) the answer is exact (128-bit arithmetic where 64 bits do not do; see
  /// overflowed()).
  bool check(const Constraint& constraint, bool open);
  /// The interval of a gate of a constraint by the domains as they are; the gate may be a variable.
  [[nodiscard]] Interval value_of(std::size_t constraint, std::int32_t gate_id) {
    forward(circuit_.constraints[constraint]);
    return range(gate_id);
  }
  /// Compiles a statement of the model and narrows by it. False if it cannot hold.
  bool add_statement(const Statement& statement, std::int32_t index);
  /// Revises until nothing changes. False if a constraint cannot hold.
  bool revise_all();
  /// After a change of `variable`: deals with what depends on it until nothing changes. Light:
  /// constraints with one variable left narrow it, the others are only checked. Otherwise every
  /// constraint narrows all its variables.
  bool propagate_from(std::int32_t variable, bool light);
  /// Gives a variable a domain and narrows by the constraint that the last propagate_from() found
  /// not to hold. False if it cannot hold.
  bool narrow_by_failed(std::int32_t variable, const Domain& domain);
  /// Constraints that hold for all values left are taken out for good, the others rewritten with
  /// the constants known now. False if one that has no open variable left does not hold.
  bool compact();

  /// Where variable == expression must hold: gives the variable the values that the expression has
  /// at the points of its variables' domains, where these are few. False if none is left.
  bool take_image(std::int32_t expression, std::int32_t variable);

  /// Fixes a variable to a value of its domain.
  void assign(std::int32_t variable, std::int64_t value);
  void set_domain(std::int32_t variable, const Domain& domain);
  /// Changes a domain by f(domain) before any constraint is there: nothing can be undone. False if
  /// it is empty then.
  template <class F>
  bool restrict_first(std::int32_t variable, F f) {
    const auto at = static_cast<std::size_t>(variable);
    Domain& own = domains_[at];
    f(own);
    Interval& range = circuit_.gates[at].range;
    range.low = own.low;
    range.high = own.high;
    return !own.empty();
  }
  bool narrow(std::int32_t id, Interval wanted) {
    // A variable's gate has the ends of its domain.
    const Interval& own = gate(id).range;
    return (wanted.low <= own.low && wanted.high >= own.high) || narrow_strictly(id, wanted);
  }

  struct Mark {
    std::size_t trail = 0;
    ListArena::Mark arena;
  };
  [[nodiscard]] Mark mark() const { return {trail_.size(), arena_.mark()}; }
  void undo(const Mark& mark);

  [[nodiscard]] const Domain& domain(std::size_t variable) const { return domains_[variable]; }
  [[nodiscard]] std::size_t variable_count() const { return static_cast<std::size_t>(variables_); }
  [[nodiscard]] Circuit& circuit() { return circuit_; }
  [[nodiscard]] const Circuit& circuit() const { return circuit_; }
  [[nodiscard]] Compiler& compiler() { return compiler_; }
  [[nodiscard]] ListArena& arena() { return arena_; }
  /// Whether some exact evaluation needed more than 127 bits, so that answers may be missing.
  [[nodiscard]] bool overflowed() const { return overflowed_; }

  /// Indices of the active constraints of each variable: entries [first[v], first[v + 1]).
  void build_occurrences();
  [[nodiscard]] std::span<const std::int32_t> occurrences(std::size_t variable) const {
    return {occurrence_.data() + first_[variable], occurrence_.data() + first_[variable + 1]};
  }
  /// Number of variables of a constraint that are not fixed, 2 for any more, and the last of those
  /// counted.
  int unfixed(const Constraint& constraint, std::int32_t& variable) const {
    int count = 0;
    const std::int32_t* const scope = circuit_.scope.data();
    for (std::int32_t s = constraint.scope_begin; s < constraint.scope_end && count < 2; ++s) {
      const Domain& domain = domains_[static_cast<std::size_t>(scope[s])];
      if (domain.fixed()) continue;
      ++count;
      variable = scope[s];
    }
    return count;
  }

 private:
  const Gate& gate(std::int32_t id) const { return circuit_.gates[static_cast<std::size_t>(id)]; }
  // End by end: a range is written so, and would be read whole only after both have reached memory.
  Interval range(std::int32_t id) const {
    const Interval& own = gate(id).range;
    return {own.low, own.high};
  }
  bool is_variable(std::int32_t id) const { return id < variables_; }
  void forward(const Constraint& constraint);
  bool backward(const Gate& gate);
  bool backward_condition(const Gate& gate, bool holds);
  // Intervals beyond this get divisors of sets of numbers.
  static constexpr std::uint64_t kLargeDomain = 4096;
  bool backward_modulo(const Gate& gate);
  bool exclude(std::int32_t id, std::int64_t value);
  // depth bounds the recursion: what lies deeper in a long chain is left to the forward evaluation.
  bool must_divide(std::int32_t id, std::int64_t number, int depth = 0);
  bool must_divide_some(std::int32_t id, const RecyclingVector<std::int64_t>& numbers,
                        int depth = 0);
  bool must_be_congruent(std::int32_t id, std::int64_t modulus, std::int64_t remainder,
                         int depth = 0);
  // The variables and the gates that an expression is computed from, children first.
  void collect_cone(std::int32_t id, RecyclingVector<std::int32_t>& variables,
                    RecyclingVector<std::int32_t>& gates) const;
  bool value_set(std::int32_t id, RecyclingVector<std::int64_t>& values, int depth = 0) const;
  bool check_exact(const Constraint& constraint);
  struct Wide {
    Int128 value = 0;
    Exactness exactness = Exactness::exact;
  };
  /// The gates of a constraint by exact arithmetic, one variable left out (-1: none): what depends
  /// on it counts as overflowed.
  void evaluate_exactly(const Constraint& constraint, std::int32_t unknown);
  [[nodiscard]] Wide wide_value(const Constraint& constraint, std::int32_t id,
                                std::int32_t unknown) const;
  bool solve_for_last(const Constraint& constraint, std::int32_t variable);
  bool commit(std::int32_t variable, const Domain& domain);
  bool change(std::int32_t variable, const Domain& domain);
  bool narrow_strictly(std::int32_t id, Interval wanted);
  bool drain_agenda();
  [[nodiscard]] std::int32_t defined_by(const Constraint& constraint) const;

  std::int32_t variables_ = 0;
  Circuit circuit_;
  Compiler compiler_;
  RecyclingVector<Domain> domains_;
  ListArena arena_;
  RecyclingVector<std::uint32_t> changed_;  // by variable: tick of the last change
  std::uint32_t tick_ = 1;
  struct Saved {
    std::int32_t variable;
    Domain domain;
  };
  RecyclingVector<Saved> trail_;
  RecyclingVector<std::int32_t> first_;
  RecyclingVector<std::int32_t> occurrence_;
  Agenda agenda_;
  RecyclingVector<Wide> wide_;  // by gate of the constraint evaluated last
  std::size_t failed_ = 0;      // constraint
  bool queueing_ = false;
  bool light_ = false;
  bool entailed_ = false;  // by the last revision: the constraint holds for all values left
  bool overflowed_ = false;
};

}  // namespace constrint::detail
