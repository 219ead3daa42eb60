// SPDX-License-Identifier: Apache-2.0
#include <functional>
#include <vector>

#include "check.hpp"

namespace checks {
namespace {

using oracle::Expr;
using oracle::Op;

// Every expression that is `expression` with one thing made simpler.
void simpler(const Expr& expression, std::vector<Expr>& into) {
  const oracle::Node& node = *expression;
  for (const Expr& operand : node.operands) {
    if (oracle::is_logical(operand->op) == oracle::is_logical(node.op)) into.push_back(operand);
  }
  if (node.op == Op::number) {
    for (const std::int64_t value :
         {std::int64_t{0}, std::int64_t{1}, node.value / 2, node.value - 1}) {
      if (value >= 0 && value < node.value) into.push_back(oracle::number(value));
    }
  } else if (!oracle::is_logical(node.op)) {
    into.push_back(oracle::number(1));
  }
  if (node.op == Op::chain && node.compare.size() > 1) {
    into.push_back(oracle::chain({node.operands.begin(), node.operands.end() - 1},
                                 {node.compare.begin(), node.compare.end() - 1}));
    into.push_back(oracle::chain({node.operands.begin() + 1, node.operands.end()},
                                 {node.compare.begin() + 1, node.compare.end()}));
  }
  for (std::size_t i = 0; i < node.operands.size(); ++i) {
    if (node.op == Op::power && i == 1) continue;
    std::vector<Expr> inner;
    simpler(node.operands[i], inner);
    for (const Expr& replacement : inner) {
      oracle::Node copy = node;
      copy.operands[i] = replacement;
      into.push_back(std::make_shared<const oracle::Node>(std::move(copy)));
    }
  }
}

std::vector<oracle::Domain> simpler(const oracle::Domain& domain) {
  std::vector<oracle::Domain> result;
  if (domain.is_range) {
    if (domain.low >= domain.high) return result;
    const std::int64_t middle = domain.low / 2 + domain.high / 2;
    for (const auto& [low, high] : {std::pair{domain.low, middle},
                                    {middle, domain.high},
                                    {domain.low, domain.high - 1},
                                    {domain.low + 1, domain.high}}) {
      oracle::Domain copy = domain;
      copy.low = low;
      copy.high = high;
      if (low != domain.low || high != domain.high) result.push_back(copy);
    }
    return result;
  }
  for (std::size_t i = 0; i < domain.values.size() && domain.values.size() > 1; ++i) {
    oracle::Domain copy = domain;
    copy.values.erase(copy.values.begin() + static_cast<std::ptrdiff_t>(i));
    result.push_back(copy);
  }
  return result;
}

std::vector<oracle::Problem> simpler(const oracle::Problem& problem) {
  std::vector<oracle::Problem> result;
  for (std::size_t i = 0; i < problem.statements.size(); ++i) {
    oracle::Problem copy = problem;
    copy.statements.erase(copy.statements.begin() + static_cast<std::ptrdiff_t>(i));
    result.push_back(copy);
  }
  for (std::size_t i = 0; i < problem.statements.size(); ++i) {
    const oracle::Statement& statement = problem.statements[i];
    const auto replaced = [&](auto change) {
      oracle::Problem copy = problem;
      change(copy.statements[i]);
      result.push_back(std::move(copy));
    };
    if (statement.kind == oracle::Statement::Kind::domain) {
      for (const auto& domain : simpler(statement.domain)) {
        replaced([&](oracle::Statement& to) { to.domain = domain; });
      }
    } else if (statement.expression) {
      std::vector<Expr> expressions;
      simpler(statement.expression, expressions);
      for (const Expr& expression : expressions) {
        replaced([&](oracle::Statement& to) { to.expression = expression; });
      }
    }
  }
  return result;
}

}  // namespace

std::string shrunk(const std::string& text, const std::function<bool(const std::string&)>& fails) {
  std::string smallest = oracle::print(oracle::parse(text));
  if (!fails(smallest)) return text;
  bool improved = true;
  while (improved) {
    improved = false;
    for (const oracle::Problem& candidate : simpler(oracle::parse(smallest))) {
      const std::string printed = oracle::print(candidate);
      if (!fails(printed)) continue;
      smallest = printed;
      improved = true;
      break;
    }
  }
  return smallest;
}

}  // namespace checks
