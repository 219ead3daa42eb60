// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "check.hpp"

namespace checks {
namespace {

using constrint::Condition;
using constrint::Expression;
using oracle::Compare;
using oracle::Op;

class Builder {
 public:
  explicit Builder(const oracle::Problem& problem) : problem_(problem) {
    for (const std::string& name : problem.names) variables_.push_back(model_.variable(name));
  }

  constrint::Model model() {
    for (const oracle::Statement& statement : problem_.statements) add(statement);
    return std::move(model_);
  }

 private:
  void add(const oracle::Statement& statement) {
    switch (statement.kind) {
      case oracle::Statement::Kind::domain:
        add(statement.domain);
        break;
      case oracle::Statement::Kind::constraint:
        model_.add(condition(*statement.expression));
        break;
      case oracle::Statement::Kind::preference:
        model_.prefer(variables_[statement.preference.variable],
                      statement.preference.largest ? constrint::Preference::largest
                                                   : constrint::Preference::smallest);
        break;
      case oracle::Statement::Kind::minimize:
        model_.minimize(value(*statement.expression));
        break;
      case oracle::Statement::Kind::maximize:
        model_.maximize(value(*statement.expression));
        break;
    }
  }

  void add(const oracle::Domain& domain) {
    const std::string& name = problem_.names[domain.variable];
    if (domain.is_range) {
      model_.variable(name, domain.low, domain.high);
    } else {
      model_.variable(name, std::span<const std::int64_t>(domain.values));
    }
  }

  Expression value(const oracle::Node& node) {
    const auto in = [&](std::size_t i) { return value(*node.operands[i]); };
    const auto folded = [&](auto two) {
      Expression result = in(0);
      for (std::size_t i = 1; i < node.operands.size(); ++i) result = two(result, in(i));
      return result;
    };
    switch (node.op) {
      case Op::number:
        return model_.constant(node.value);
      case Op::variable:
        return variables_[node.variable];
      case Op::negate:
        return -in(0);
      case Op::add:
        return in(0) + in(1);
      case Op::subtract:
        return in(0) - in(1);
      case Op::multiply:
        return in(0) * in(1);
      case Op::divide:
        return in(0) / in(1);
      case Op::modulo:
        return in(0) % in(1);
      case Op::power:
        return constrint::pow(in(0), node.operands[1]->value);
      case Op::absolute:
        return constrint::abs(in(0));
      case Op::minimum:
        return folded([](auto a, auto b) { return constrint::min(a, b); });
      case Op::maximum:
        return folded([](auto a, auto b) { return constrint::max(a, b); });
      default:
        throw std::logic_error("a truth value where a number is needed");
    }
  }

  static Condition compared(Expression a, Compare sign, Expression b) {
    switch (sign) {
      case Compare::equal:
        return a == b;
      case Compare::not_equal:
        return a != b;
      case Compare::less:
        return a < b;
      case Compare::less_equal:
        return a <= b;
      case Compare::greater:
        return a > b;
      case Compare::greater_equal:
        return a >= b;
    }
    throw std::logic_error("no such comparison");
  }

  Condition condition(const oracle::Node& node) {
    const auto in = [&](std::size_t i) { return condition(*node.operands[i]); };
    switch (node.op) {
      case Op::negation:
        return !in(0);
      case Op::implication:
        return constrint::implies(in(0), in(1));
      case Op::conjunction:
      case Op::disjunction: {
        Condition result = in(0);
        for (std::size_t i = 1; i < node.operands.size(); ++i) {
          result = node.op == Op::conjunction ? result && in(i) : result || in(i);
        }
        return result;
      }
      case Op::chain: {
        const auto link = [&](std::size_t i) {
          return compared(value(*node.operands[i]), node.compare[i], value(*node.operands[i + 1]));
        };
        Condition result = link(0);
        for (std::size_t i = 1; i < node.compare.size(); ++i) result = result && link(i);
        return result;
      }
      default:
        throw std::logic_error("a number where a truth value is needed");
    }
  }

  const oracle::Problem& problem_;
  constrint::Model model_;
  std::vector<constrint::Variable> variables_;
};

}  // namespace

constrint::Model built(const oracle::Problem& problem) {
  return Builder(problem).model();
}

}  // namespace checks
