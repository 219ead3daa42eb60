// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

namespace constrint {

namespace detail {
struct ModelData;
}  // namespace detail

/// An integer expression of one model. A handle of two words: copy it freely; it is valid as long
/// as its model. Operators add nodes to that model; operands of two models throw InvalidArgument.
class Expression {
 public:
  /// Model and node; made by Model and by the operators below.
  Expression(detail::ModelData* model, std::int32_t node) : model_(model), node_(node) {}
  [[nodiscard]] detail::ModelData* model() const { return model_; }
  [[nodiscard]] std::int32_t node() const { return node_; }

 private:
  detail::ModelData* model_;
  std::int32_t node_;
};

/// A variable of a model: an expression that knows its index.
class Variable : public Expression {
 public:
  Variable(detail::ModelData* model, std::int32_t node, std::size_t index)
      : Expression(model, node), index_(index) {}
  /// Place in the order of appearance: the column of this variable in every solution.
  [[nodiscard]] std::size_t index() const { return index_; }

 private:
  std::size_t index_;
};

/// A truth value over the variables of one model: a comparison, or a combination of them.
class Condition {
 public:
  Condition(detail::ModelData* model, std::int32_t node) : model_(model), node_(node) {}
  [[nodiscard]] detail::ModelData* model() const { return model_; }
  [[nodiscard]] std::int32_t node() const { return node_; }

 private:
  detail::ModelData* model_;
  std::int32_t node_;
};

// Arithmetic. Division is floor division and % its remainder, as in Python: -3 / 2 == -2, -3 % 2
// == 1. A statement in which a divisor is zero is false.
Expression operator-(Expression a);
Expression operator+(Expression a, Expression b);
Expression operator-(Expression a, Expression b);
Expression operator*(Expression a, Expression b);
Expression operator/(Expression a, Expression b);
Expression operator%(Expression a, Expression b);
Expression operator+(Expression a, std::int64_t b);
Expression operator-(Expression a, std::int64_t b);
Expression operator*(Expression a, std::int64_t b);
Expression operator/(Expression a, std::int64_t b);
Expression operator%(Expression a, std::int64_t b);
Expression operator+(std::int64_t a, Expression b);
Expression operator-(std::int64_t a, Expression b);
Expression operator*(std::int64_t a, Expression b);
Expression operator/(std::int64_t a, Expression b);
Expression operator%(std::int64_t a, Expression b);
/// base to the power of exponent (the ^ of the language). Throws InvalidArgument if exponent < 0.
Expression pow(Expression base, std::int64_t exponent);
Expression min(Expression a, Expression b);
Expression max(Expression a, Expression b);
Expression abs(Expression a);

Condition operator==(Expression a, Expression b);
Condition operator!=(Expression a, Expression b);
Condition operator<(Expression a, Expression b);
Condition operator<=(Expression a, Expression b);
Condition operator>(Expression a, Expression b);
Condition operator>=(Expression a, Expression b);
Condition operator==(Expression a, std::int64_t b);
Condition operator!=(Expression a, std::int64_t b);
Condition operator<(Expression a, std::int64_t b);
Condition operator<=(Expression a, std::int64_t b);
Condition operator>(Expression a, std::int64_t b);
Condition operator>=(Expression a, std::int64_t b);

/// a is one of values (any order, repetitions allowed). Throws InvalidArgument if there is none.
Condition in(Expression a, std::span<const std::int64_t> values);
Condition in(Expression a, std::initializer_list<std::int64_t> values);
/// low <= a <= high. Throws InvalidArgument if low > high.
Condition between(Expression a, std::int64_t low, std::int64_t high);

Condition operator!(Condition a);
Condition operator&&(Condition a, Condition b);
Condition operator||(Condition a, Condition b);
/// not a, or b (the -> of the language).
Condition implies(Condition a, Condition b);

}  // namespace constrint
