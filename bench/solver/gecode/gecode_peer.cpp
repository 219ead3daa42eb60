// SPDX-License-Identifier: Apache-2.0
#include "gecode_peer.hpp"

#include <algorithm>
#include <gecode/int.hh>
#include <gecode/minimodel.hh>
#include <gecode/search.hh>
#include <memory>
#include <stdexcept>
#include <vector>

namespace peers {
namespace {

using oracle::Compare;
using oracle::Op;

Gecode::IntRelType relation(Compare compare) {
  switch (compare) {
    case Compare::equal:
      return Gecode::IRT_EQ;
    case Compare::not_equal:
      return Gecode::IRT_NQ;
    case Compare::less:
      return Gecode::IRT_LE;
    case Compare::less_equal:
      return Gecode::IRT_LQ;
    case Compare::greater:
      return Gecode::IRT_GR;
    case Compare::greater_equal:
      return Gecode::IRT_GQ;
  }
  throw std::invalid_argument("no such comparison");
}

class ProblemSpace : public Gecode::Space {
 public:
  explicit ProblemSpace(const oracle::Problem& problem)
      : variables_(*this, static_cast<int>(problem.names.size()), Gecode::Int::Limits::min,
                   Gecode::Int::Limits::max) {
    std::vector<bool> declared(problem.names.size(), false);
    for (const oracle::Statement& statement : problem.statements) {
      if (statement.kind != oracle::Statement::Kind::domain) continue;
      post(statement.domain);
      declared[statement.domain.variable] = true;
    }
    for (std::size_t i = 0; i < declared.size(); ++i) {
      if (!declared[i]) Gecode::rel(*this, at(i), Gecode::IRT_GQ, 1);
    }
    for (const oracle::Statement& statement : problem.statements) {
      if (statement.kind == oracle::Statement::Kind::constraint) {
        Gecode::rel(*this, truth(*statement.expression));
      }
    }
    branch_on(problem);
  }
  ProblemSpace(ProblemSpace& other) : Gecode::Space(other) {
    variables_.update(*this, other.variables_);
  }
  Gecode::Space* copy() override { return new ProblemSpace(*this); }

  void write(std::int64_t* row) const {
    for (const Gecode::IntVar& variable : variables_) *row++ = variable.val();
  }

 private:
  const Gecode::IntVar& at(std::size_t variable) const {
    return variables_[static_cast<int>(variable)];
  }

  void post(const oracle::Domain& domain) {
    if (domain.is_range) {
      Gecode::dom(*this, at(domain.variable), narrow(domain.low), narrow(domain.high));
    } else {
      std::vector<int> values;
      for (const std::int64_t value : domain.values) values.push_back(narrow(value));
      Gecode::dom(*this, at(domain.variable),
                  Gecode::IntSet(values.data(), static_cast<int>(values.size())));
    }
  }

  void branch_on(const oracle::Problem& problem) {
    for (const oracle::Statement& statement : problem.statements) {
      if (statement.kind != oracle::Statement::Kind::preference) continue;
      Gecode::branch(*this, at(statement.preference.variable),
                     statement.preference.largest ? Gecode::INT_VAL_MAX() : Gecode::INT_VAL_MIN());
    }
    Gecode::branch(*this, variables_, Gecode::INT_VAR_NONE(), Gecode::INT_VAL_MIN());
  }

  static int narrow(std::int64_t value) {
    if (value < Gecode::Int::Limits::min || value > Gecode::Int::Limits::max) {
      throw Gecode::Int::OutOfLimits("a constant");
    }
    return static_cast<int>(value);
  }

  Gecode::LinIntExpr value(const oracle::Node& node) {
    const auto in = [&](std::size_t i) { return value(*node.operands[i]); };
    switch (node.op) {
      case Op::number:
        return narrow(node.value);
      case Op::variable:
        return at(node.variable);
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
        return Gecode::pow(in(0), narrow(node.operands[1]->value));
      case Op::absolute:
        return Gecode::abs(in(0));
      case Op::minimum:
        return fold(node, [](const auto& a, const auto& b) { return Gecode::min(a, b); });
      case Op::maximum:
        return fold(node, [](const auto& a, const auto& b) { return Gecode::max(a, b); });
      default:
        throw std::invalid_argument("a truth value where a number is needed");
    }
  }

  template <class Two>
  Gecode::LinIntExpr fold(const oracle::Node& node, Two two) {
    Gecode::LinIntExpr result = value(*node.operands[0]);
    for (std::size_t i = 1; i < node.operands.size(); ++i)
      result = two(result, value(*node.operands[i]));
    return result;
  }

  Gecode::BoolExpr truth(const oracle::Node& node) {
    const auto in = [&](std::size_t i) { return truth(*node.operands[i]); };
    switch (node.op) {
      case Op::negation:
        return !in(0);
      case Op::implication:
        return in(0) >> in(1);
      case Op::conjunction:
      case Op::disjunction: {
        Gecode::BoolExpr result = in(0);
        for (std::size_t i = 1; i < node.operands.size(); ++i) {
          result = node.op == Op::conjunction ? result && in(i) : result || in(i);
        }
        return result;
      }
      case Op::chain: {
        const auto link = [&](std::size_t i) -> Gecode::BoolExpr {
          return Gecode::LinIntRel(value(*node.operands[i]), relation(node.compare[i]),
                                   value(*node.operands[i + 1]));
        };
        Gecode::BoolExpr result = link(0);
        for (std::size_t i = 1; i < node.compare.size(); ++i) result = result && link(i);
        return result;
      }
      default:
        throw std::invalid_argument("a number where a truth value is needed");
    }
  }

  Gecode::IntVarArray variables_;
};

}  // namespace

std::size_t gecode_solve(const oracle::Problem& problem, std::size_t limit, std::int64_t* rows) {
  auto root = std::make_unique<ProblemSpace>(problem);
  Gecode::Search::Options options;
  options.clone = false;
  // Copying at every node was the faster setting for listing, the default for one solution.
  if (limit > 1) options.c_d = 1;
  Gecode::DFS<ProblemSpace> search(root.release(), options);
  std::size_t found = 0;
  while (found < limit) {
    const std::unique_ptr<ProblemSpace> solution(search.next());
    if (!solution) break;
    if (rows != nullptr) solution->write(rows + found * problem.names.size());
    ++found;
  }
  return found;
}

}  // namespace peers
