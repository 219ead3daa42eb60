// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "order.hpp"
#include "propagator.hpp"
#include "scratch.hpp"

namespace constrint::detail {

/// How the solutions of a small problem are found by trying values, without states or diagrams. The
/// variables that are not computed from others are the levels, in the preferred order. Consecutive
/// levels make a stage: all combinations of their values are tried at once on all lanes, which are
/// what the stages before left over. Where nothing ties levels to those before them, they make a
/// second chain of stages, and the solutions are all pairs of what the two chains find.
class ListingPlan {
 public:
  static constexpr std::size_t kCombinations = 64;  // of a stage but the first: bits of a mask

  /// Reads the constraints that are left after root propagation. The propagator must outlive the
  /// plan.
  ListingPlan(const Propagator& root, const VariableOrder& order);

  /// False if a value may leave 30 bits, or a domain is too long.
  [[nodiscard]] bool possible() const { return possible_; }

  struct Level {
    std::int32_t variable = 0;
    std::int32_t gate = 0;
    std::uint32_t size = 0;
    std::uint32_t inner = 1;         // combinations of the later levels of its stage
    std::int32_t* values = nullptr;  // in the order of preference
    std::uint32_t gates_begin = 0;   // in gates(): what is computed when its value is known
    std::uint32_t gates_end = 0;
    std::uint32_t filters_begin = 0;  // in filters()
    std::uint32_t filters_end = 0;
  };
  struct Stage {
    std::uint32_t begin = 0;  // levels
    std::uint32_t end = 0;
    std::uint32_t combinations = 1;
  };
  struct Output {
    std::int32_t variable = 0;
    std::int32_t gate = 0;
  };
  [[nodiscard]] const ScratchVector<Level>& levels() const { return levels_; }
  /// The first stage of a chain is expanded into lanes at once, the very last one kept as masks.
  [[nodiscard]] const ScratchVector<Stage>& stages() const { return stages_; }
  /// Where the stages of the second chain begin; 0 if there is one chain.
  [[nodiscard]] std::size_t second_chain() const { return second_chain_; }
  [[nodiscard]] const ScratchVector<std::int32_t>& gates() const { return ordered_gates_; }
  [[nodiscard]] const ScratchVector<std::int32_t>& filters() const { return ordered_filters_; }
  [[nodiscard]] const ScratchVector<Output>& outputs() const { return outputs_; }
  [[nodiscard]] std::size_t size() const { return circuit_.gates.size(); }
  [[nodiscard]] const Gate& gate(std::int32_t id) const {
    return circuit_.gates[static_cast<std::size_t>(id)];
  }
  /// Stage at which a gate is known; -1 for constants.
  [[nodiscard]] int stage(std::int32_t id) const {
    const int own = level(id);
    return own < 0 ? -1 : stage_of_level_[static_cast<std::size_t>(own)];
  }
  [[nodiscard]] int level(std::int32_t id) const { return level_[static_cast<std::size_t>(id)]; }
  /// The levels that a gate is computed from, as bits.
  [[nodiscard]] std::uint64_t levels_of(std::int32_t id) const {
    return levels_of_[static_cast<std::size_t>(id)];
  }
  /// The last stage that reads a gate, or stages().size() if it is read when rows are written.
  [[nodiscard]] int last_stage(std::int32_t id) const {
    return last_stage_[static_cast<std::size_t>(id)];
  }
  /// Members of a list or the ends of a range.
  [[nodiscard]] const std::int64_t* pool(const Gate& gate) const {
    return circuit_.model->pool.data() + gate.b;
  }
  /// Whether a gate is a comparison, which a filter evaluates itself.
  static bool is_comparison(Op op) { return op >= Op::equal && op <= Op::less_equal; }

 private:
  [[nodiscard]] std::size_t at_level(std::int32_t id) const {
    return static_cast<std::size_t>(std::max(level(id), 0));
  }
  void find_definitions(const Propagator& root, const VariableOrder& order);
  bool define(const Propagator& root, const Constraint& constraint, std::int32_t equality,
              std::int32_t variable, std::int32_t other);
  bool add_levels(const Propagator& root, const VariableOrder& order);
  void split(const Circuit& circuit, const Constraint& constraint);
  void read_gates(const Propagator& root, const Constraint& constraint);
  std::int32_t translate(const Propagator& root, const Gate& old);
  std::int32_t operand(const Propagator& root, std::int32_t id);
  void add_domain_test(std::int32_t id, const Domain& domain);
  void add_filter(std::int32_t id);
  std::int32_t constant(std::int64_t value);
  std::int32_t intern(Op op, std::int32_t a, std::int32_t b, std::int64_t value);
  std::int32_t push(const Gate& gate, std::uint64_t levels);
  bool make_stages();
  bool add_chain(std::uint32_t begin, std::uint32_t end, bool masks);
  std::uint32_t choose_cut() const;
  void add_partial_divisors();
  void order_gates();
  void find_last_stages();

  Scratch::Scope scope_;  // first: of the memory of the other members
  Circuit& circuit_;
  bool possible_ = true;
  ScratchVector<Level> levels_;
  ScratchVector<Stage> stages_;
  std::size_t second_chain_ = 0;
  ScratchVector<std::int32_t> level_;
  ScratchVector<std::uint64_t> levels_of_;
  ScratchVector<int> stage_of_level_;
  ScratchVector<std::int32_t> last_stage_;
  ScratchVector<std::int32_t> filters_;
  ScratchVector<std::int32_t> ordered_filters_;
  ScratchVector<std::int32_t> ordered_gates_;
  ScratchVector<Output> outputs_;
  ScratchVector<std::int32_t> gate_of_variable_;
  ScratchVector<std::int32_t> gate_of_;   // by gate of the root's circuit
  ScratchVector<std::int32_t> interned_;  // hash table of gates, -1: none
  ScratchVector<std::int32_t> stack_;
  ScratchVector<std::int32_t> tops_;
  ScratchVector<std::uint8_t> cone_;    // by gate of a constraint
  ScratchVector<std::uint8_t> needed_;  // by gate
  struct Definition {
    std::int32_t variable = 0;
    std::int32_t place = 0;     // of the variable in the order
    std::int32_t equality = 0;  // gate of the root's circuit
    std::int32_t other = 0;     // the gate that gives the value
    const Constraint* constraint = nullptr;
  };
  ScratchVector<Definition> definitions_;
};

}  // namespace constrint::detail
