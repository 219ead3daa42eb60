// SPDX-License-Identifier: Apache-2.0
#include "constrint/expression.hpp"

#include "constrint/error.hpp"
#include "model_data.hpp"

namespace constrint {

namespace {

using detail::ModelData;
using detail::Op;

template <class Handle>
ModelData* common_model(const Handle& a, const Handle& b) {
  if (a.model() != b.model()) {
    throw InvalidArgument("expected operands of one model, found expressions of two models");
  }
  return a.model();
}

Expression combine(Op op, Expression a, Expression b) {
  ModelData* model = common_model(a, b);
  return {model, model->add_folded(op, a.node(), b.node())};
}

Condition compare(Op op, Expression a, Expression b) {
  ModelData* model = common_model(a, b);
  return {model, model->add_node(op, a.node(), b.node())};
}

Condition combine(Op op, Condition a, Condition b) {
  ModelData* model = common_model(a, b);
  return {model, model->add_node(op, a.node(), b.node())};
}

Expression number(Expression like, std::int64_t value) {
  return {like.model(), like.model()->add_constant(value)};
}

}  // namespace

Expression operator-(Expression a) {
  return combine(Op::negate, a, a);
}
Expression operator+(Expression a, Expression b) {
  return combine(Op::add, a, b);
}
Expression operator-(Expression a, Expression b) {
  return combine(Op::subtract, a, b);
}
Expression operator*(Expression a, Expression b) {
  return combine(Op::multiply, a, b);
}
Expression operator/(Expression a, Expression b) {
  return combine(Op::divide, a, b);
}
Expression operator%(Expression a, Expression b) {
  return combine(Op::modulo, a, b);
}
Expression operator+(Expression a, std::int64_t b) {
  return a + number(a, b);
}
Expression operator-(Expression a, std::int64_t b) {
  return a - number(a, b);
}
Expression operator*(Expression a, std::int64_t b) {
  return a * number(a, b);
}
Expression operator/(Expression a, std::int64_t b) {
  return a / number(a, b);
}
Expression operator%(Expression a, std::int64_t b) {
  return a % number(a, b);
}
Expression operator+(std::int64_t a, Expression b) {
  return number(b, a) + b;
}
Expression operator-(std::int64_t a, Expression b) {
  return number(b, a) - b;
}
Expression operator*(std::int64_t a, Expression b) {
  return number(b, a) * b;
}
Expression operator/(std::int64_t a, Expression b) {
  return number(b, a) / b;
}
Expression operator%(std::int64_t a, Expression b) {
  return number(b, a) % b;
}

Expression pow(Expression base, std::int64_t exponent) {
  if (exponent < 0) {
    throw InvalidArgument("expected an exponent of at least 0, found " + std::to_string(exponent));
  }
  return {base.model(), base.model()->add_node(Op::power, base.node(), 0, exponent)};
}

Expression min(Expression a, Expression b) {
  return combine(Op::minimum, a, b);
}
Expression max(Expression a, Expression b) {
  return combine(Op::maximum, a, b);
}
Expression abs(Expression a) {
  return combine(Op::absolute, a, a);
}

Condition operator==(Expression a, Expression b) {
  return compare(Op::equal, a, b);
}
Condition operator!=(Expression a, Expression b) {
  return compare(Op::not_equal, a, b);
}
Condition operator<(Expression a, Expression b) {
  return compare(Op::less, a, b);
}
Condition operator<=(Expression a, Expression b) {
  return compare(Op::less_equal, a, b);
}
Condition operator>(Expression a, Expression b) {
  return compare(Op::greater, a, b);
}
Condition operator>=(Expression a, Expression b) {
  return compare(Op::greater_equal, a, b);
}
Condition operator==(Expression a, std::int64_t b) {
  return a == number(a, b);
}
Condition operator!=(Expression a, std::int64_t b) {
  return a != number(a, b);
}
Condition operator<(Expression a, std::int64_t b) {
  return a < number(a, b);
}
Condition operator<=(Expression a, std::int64_t b) {
  return a <= number(a, b);
}
Condition operator>(Expression a, std::int64_t b) {
  return a > number(a, b);
}
Condition operator>=(Expression a, std::int64_t b) {
  return a >= number(a, b);
}

Condition in(Expression a, std::span<const std::int64_t> values) {
  if (values.empty()) throw InvalidArgument("expected at least one value in a list, found none");
  return {a.model(), a.model()->add_in_list(a.node(), {values.begin(), values.end()})};
}

Condition in(Expression a, std::initializer_list<std::int64_t> values) {
  return in(a, std::span<const std::int64_t>(values.begin(), values.size()));
}

Condition between(Expression a, std::int64_t low, std::int64_t high) {
  if (low > high) {
    throw InvalidArgument("expected low <= high, found " + std::to_string(low) + " and " +
                          std::to_string(high));
  }
  return {a.model(), a.model()->add_in_range(a.node(), low, high)};
}

Condition operator!(Condition a) {
  return {a.model(), a.model()->add_node(Op::logical_not, a.node())};
}
Condition operator&&(Condition a, Condition b) {
  return combine(Op::logical_and, a, b);
}
Condition operator||(Condition a, Condition b) {
  return combine(Op::logical_or, a, b);
}
Condition implies(Condition a, Condition b) {
  return combine(Op::implies, a, b);
}

}  // namespace constrint
