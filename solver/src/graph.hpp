// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "order.hpp"
#include "propagator.hpp"
#include "scratch.hpp"

namespace constrint::detail {

/// A variable that is a function of variables before it in the order: v == numerator / divisor,
/// exactly.
struct Definition {
  std::int32_t variable = 0;
  std::int32_t constraint = 0;     // index into the circuit: the equality
  std::vector<std::int32_t> path;  // gates from the equality down to the parent of the variable
};

/// The gates from the constraint's equality down to the parent of `variable`, if the equality can
/// be solved for it; otherwise empty.
std::vector<std::int32_t> definition_path(const Propagator& root, const Constraint& constraint,
                                          std::int32_t variable);

/// Finds variables that an equality defines by variables before them in the order, in that order.
/// The equalities are used up: each defines at most one variable.
std::vector<Definition> find_definitions(const Propagator& root,
                                         std::span<const OrderedVariable> order,
                                         std::span<const std::int32_t> constraints);

/// The constraints of one independent part in a normal form for evaluation level by level. A level
/// is one variable that is not defined by others. Sums and products are flattened and put together
/// again in the order of the levels, equal subexpressions are one gate, so each gate is computed
/// once, at the level of the last variable in it.
class Graph {
 public:
  /// free: the variables of the levels, in order. definitions: as find_definitions gave them.
  Graph(const Propagator& root, std::span<const OrderedVariable> free,
        const std::vector<Definition>& definitions, std::span<const std::int32_t> constraints);

  /// Whether all values fit in 64 bits, so that the graph can be evaluated without checks.
  [[nodiscard]] bool exact() const { return exact_; }
  /// False if a constraint cannot hold. Where values leave 64 bits nothing is concluded.
  [[nodiscard]] bool consistent() const { return consistent_ || !exact_; }

  [[nodiscard]] const RecyclingVector<Gate>& gates() const { return own_.circuit().gates; }
  [[nodiscard]] const Gate& gate(std::int32_t id) const {
    return own_.circuit().gates[static_cast<std::size_t>(id)];
  }
  [[nodiscard]] const ModelData& model() const { return *own_.circuit().model; }
  [[nodiscard]] const Circuit& circuit() const { return own_.circuit(); }
  /// Level at which a gate is known: -1 for constants.
  [[nodiscard]] int level(std::int32_t id) const { return level_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] std::size_t levels() const { return free_.size(); }
  [[nodiscard]] const OrderedVariable& variable(std::size_t level) const { return free_[level]; }
  [[nodiscard]] const Domain& domain(std::size_t level) const {
    return own_.domain(static_cast<std::size_t>(free_[level].variable));
  }
  /// Conditions that must all hold.
  [[nodiscard]] const std::vector<std::int32_t>& roots() const { return roots_; }
  /// Gates whose values must be tested against their range to cut off early.
  [[nodiscard]] bool needs_range_test(std::int32_t id) const {
    return tested_[static_cast<std::size_t>(id)] != 0;
  }
  struct Output {
    std::int32_t variable = 0;
    std::int32_t gate = 0;
  };
  /// Defined variables and their values.
  [[nodiscard]] const std::vector<Output>& outputs() const { return outputs_; }
  /// Divisibilities A % G == 0 among the roots, for generating values: pairs of A and G.
  struct Divisibility {
    std::int32_t dividend = 0;
    std::int32_t divisor = 0;
  };
  [[nodiscard]] const std::vector<Divisibility>& divisibilities() const { return divisibilities_; }

 private:
  struct Term {
    Int128 coefficient = 1;
    ScratchVector<std::int32_t> factors;  // gates, ascending by (level, id)
  };
  struct Linear {
    Int128 constant = 0;
    ScratchVector<Term> terms;
  };

  void add_constraint(const Propagator& root, const Constraint& constraint);
  void add_definition(const Propagator& root, const Definition& definition);
  void add_domain_test(std::int32_t gate, const Domain& domain);
  void add_root(std::int32_t gate);
  void add_partial_divisors();
  void find_ranges();

  Linear linear_of(const Propagator& root, std::int32_t gate);
  void build_range(const Propagator& root, std::int32_t begin, std::int32_t end);
  void build_gate(const Propagator& root, std::int32_t id);
  std::int32_t compare(Op op, Linear left, const Linear& right);

  Linear sum(Linear a, const Linear& b, int sign);
  Linear product(Linear a, Linear b);
  std::int32_t gate_of(const Linear& linear);
  std::int32_t gate_of_term(const Term& term);
  void scale(Linear& linear, Int128 factor);
  bool before(std::int32_t a, std::int32_t b) const;
  std::int32_t constant(Int128 value);
  std::int32_t intern(Op op, std::int32_t a, std::int32_t b, std::int64_t value);
  static bool is_constant(const Linear& linear) { return linear.terms.empty(); }

  Scratch::Scope scope_;  // first: of the memory of the other members
  Propagator own_;
  VariableOrder free_;
  std::vector<int> level_;
  std::vector<std::int32_t> roots_;
  std::vector<std::uint8_t> tested_;
  std::vector<Output> outputs_;
  std::vector<Divisibility> divisibilities_;
  std::vector<std::int32_t> gate_of_variable_;  // a defined variable stands for its definition
  ScratchVector<Linear> linear_;                // by gate of the constraint in work, from offset_
  std::int32_t offset_ = 0;
  std::unordered_multimap<std::uint64_t, std::int32_t, std::hash<std::uint64_t>, std::equal_to<>,
                          ScratchAllocator<std::pair<const std::uint64_t, std::int32_t>>>
      interned_;
  bool exact_ = true;
  bool consistent_ = true;
};

}  // namespace constrint::detail
