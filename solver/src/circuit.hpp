// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "domain.hpp"
#include "interval.hpp"
#include "model_data.hpp"
#include "recycler.hpp"

namespace constrint::detail {

/// A node with what is known of its value. The first gates are the variables, in order; children
/// stand before their parents. `greater` and `implies` are rewritten, so the operators are those up
/// to less_equal, in_*, not, and, or.
struct Gate {
  Interval range;
  std::int64_t value = 0;  // constant, exponent, or length of a list
  std::int32_t a = 0;
  std::int32_t b = 0;
  Op op = Op::constant;
  bool narrowed = false;  // by the revision in work: must be narrower than its operands make it
};

/// One statement: gates[begin, end), of which root must be true. Its unfixed variables when it was
/// compiled are scope[scope_begin, scope_end).
struct Constraint {
  std::int32_t begin = 0;
  std::int32_t end = 0;
  std::int32_t root = 0;
  std::int32_t scope_begin = 0;
  std::int32_t scope_end = 0;
  std::int32_t statement = -1;
  std::int32_t defined = -1;  // in a search: x of x == expression, or none
  std::uint32_t revised = 0;  // tick of the last revision
  bool active = true;         // not yet known to hold for every assignment
};

struct Circuit {
  const ModelData* model = nullptr;
  RecyclingVector<Gate> gates;
  RecyclingVector<Constraint> constraints;
  RecyclingVector<std::int32_t> scope;
};

/// Turns statements into gates; what is fixed already becomes a constant.
class Compiler {
 public:
  explicit Compiler(Circuit& circuit) : circuit_(circuit) {}

  /// Adds to each statement from now on that its squares (x * x) are not negative, which intervals
  /// do not see. It narrows more and costs more, so it is for proofs alone.
  void know_squares() { knows_squares_ = true; }
  /// Adds the constraint that the statement's root is true. False if it always is, and nothing was
  /// added.
  bool add_statement(const Statement& statement, std::int32_t index);
  /// Adds the gates of a number (an objective) as a constraint that is always true; returns its
  /// gate.
  std::int32_t add_objective(std::int32_t root);
  /// Compiles a constraint anew with what is known now, at the end of the circuit; its scope, too.
  /// True if something is left of it.
  bool recompile(Constraint& constraint);
  /// Sets the scope of a constraint to its unfixed variables.
  void collect_scope(Constraint& constraint);

 private:
  /// What a gate reads: another gate, or a constant that has no gate yet (id < 0).
  struct Operand {
    std::int32_t id = -1;
    Interval range;
    [[nodiscard]] std::int64_t value() const { return range.low; }
  };
  static Operand constant(std::int64_t value) { return {-1, {value, value}}; }

  Operand build(std::int32_t root);
  Operand build_in_order(std::int32_t first, std::int32_t root);
  Operand build_node(const Node& node);
  Operand operand_of(std::int32_t node) const;
  Operand add_guards(Operand top);
  Operand gate(Op op, const Operand& a, const Operand& b, std::int32_t offset, std::int64_t value);
  bool may_be_known(Op op, const Operand& a, const Operand& b) const;
  bool identity(Op op, const Operand& a, const Operand& b, std::int64_t value, Operand& result);
  bool quotient_identity(Op op, const Operand& a, const Operand& b, Operand& result) const;
  bool order_identity(Op op, const Operand& a, const Operand& b, Operand& result);
  bool extreme_identity(Op op, const Operand& extreme, const Operand& own, bool left,
                        Operand& result);
  bool same(std::int32_t a, std::int32_t b, int& steps) const;
  bool same(const Operand& a, const Operand& b) const;
  bool is_multiple(std::int32_t id, const Operand& of, int depth) const;
  bool is_among(Op op, std::int32_t id, const Operand& own) const;
  Operand operand_of_gate(std::int32_t id) const;
  Operand product_gate(const Operand& a, const Operand& b);
  bool multiply_gate(const Operand& a, const Operand& b, Operand& result);
  std::int32_t gate_of(const Operand& operand) {
    return operand.id >= 0 ? operand.id : constant_gate(operand);
  }
  std::int32_t constant_gate(const Operand& operand);
  void make_room(std::size_t operands);
  void begin_scope();
  // Takes a gate that is read into the scope, if it is an unfixed variable.
  void read(std::int32_t id) {
    const auto at = static_cast<std::size_t>(id);
    if (at >= seen_.size() || seen_[at] == seen_mark_) return;
    seen_[at] = seen_mark_;
    const Interval range = circuit_.gates[at].range;
    if (range.low != range.high) circuit_.scope.push_back(id);
  }

  Circuit& circuit_;
  RecycledArray<Operand> operand_;      // by model node or old gate
  RecyclingVector<std::int32_t> mark_;  // by model node: valid where it is current
  std::int32_t current_ = 0;
  RecyclingVector<std::int32_t> stack_;
  RecyclingVector<Operand> guards_;   // divisors that may be zero
  RecyclingVector<Operand> squares_;  // products that intervals allow to be negative
  bool knows_squares_ = false;
  RecyclingVector<std::int32_t> seen_;  // by variable: in the scope where it is seen_mark_
  std::int32_t seen_mark_ = 0;
};

/// The interval of a gate from those of its children.
Interval evaluate(const Circuit& circuit, const Gate& gate);

}  // namespace constrint::detail
