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
  std::uint32_t revised = 0;   // tick of the last revision
  std::uint32_t compiled = 0;  // tick when its gates were made; 0: not known
  bool active = true;          // not yet known to hold for every assignment
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

  /// Adds the constraint that the model's node is true.
  void add_statement(std::int32_t root, std::int32_t statement);
  /// Adds the gates of a number (an objective) as a constraint that is always true; returns its
  /// gate.
  std::int32_t add_objective(std::int32_t root);
  /// Compiles a constraint anew with what is known now, at the end of the circuit. True if
  /// something is left of it.
  bool recompile(Constraint& constraint);
  /// Sets the scope of a constraint to its unfixed variables.
  void collect_scope(Constraint& constraint);

 private:
  std::int32_t build(std::int32_t root);
  std::int32_t gate(Op op, std::int32_t a, std::int32_t b, std::int64_t value);
  std::int32_t identity(Op op, std::int32_t a, std::int32_t b, std::int64_t value);
  std::int32_t constant(std::int64_t value);

  Circuit& circuit_;
  RecyclingVector<std::int32_t>
      gate_of_;  // by model node or old gate; valid where its mark is current
  RecyclingVector<std::int32_t> mark_;
  std::int32_t current_ = 0;
  RecyclingVector<std::int32_t> stack_;
  RecyclingVector<std::int32_t> guards_;  // divisors that may be zero
  RecyclingVector<std::int32_t> seen_;
  std::int32_t seen_mark_ = 0;
};

/// The interval of a gate from those of its children.
Interval evaluate(const Circuit& circuit, const Gate& gate);

}  // namespace constrint::detail
