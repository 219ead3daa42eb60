// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// A second, independent reading of the constraint language. Nothing here uses constrint, so that a
/// mistake in one is not a mistake in both: the random tests compare against it, and the
/// benchmarks write nested loops and Gecode models from it.
namespace oracle {

enum class Op {
  number,
  variable,
  negate,
  add,
  subtract,
  multiply,
  divide,
  modulo,
  power,
  minimum,
  maximum,
  absolute,
  chain,  // comparisons: operands[0] compare[0] operands[1] compare[1] ...
  negation,
  conjunction,
  disjunction,
  implication,
};

enum class Compare { equal, not_equal, less, less_equal, greater, greater_equal };

struct Node;
using Expr = std::shared_ptr<const Node>;

struct Node {
  Op op = Op::number;
  std::int64_t value = 0;    // number
  std::size_t variable = 0;  // variable: index into Problem::names
  std::vector<Expr> operands;
  std::vector<Compare> compare;  // chain
};

Expr number(std::int64_t value);
Expr variable(std::size_t index);
Expr node(Op op, std::vector<Expr> operands);
Expr chain(std::vector<Expr> operands, std::vector<Compare> compare);

/// True for the operators whose value is a truth value.
bool is_logical(Op op);

/// `name in low..high` or `name in [values]`.
struct Domain {
  std::size_t variable = 0;
  bool is_range = false;
  std::int64_t low = 0;
  std::int64_t high = 0;
  std::vector<std::int64_t> values;
};

struct Preference {
  std::size_t variable = 0;
  bool largest = false;
};

struct Statement {
  enum class Kind { domain, constraint, preference, minimize, maximize };
  Kind kind = Kind::constraint;
  Domain domain;
  Preference preference;
  Expr expression;  // constraint, minimize, maximize
};

struct Problem {
  std::vector<std::string> names;  // in order of first appearance
  std::vector<Statement> statements;
};

struct SyntaxError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Reads a text; throws SyntaxError with the line.
Problem parse(std::string_view text);

/// Writes a problem with no more parentheses than precedence asks for.
std::string print(const Problem& problem);
std::string print(const Expr& expression, const std::vector<std::string>& names);
std::string print(const Statement& statement, const std::vector<std::string>& names);

/// The variables of an expression, each once, ascending.
std::vector<std::size_t> variables_of(const Expr& expression);

}  // namespace oracle
