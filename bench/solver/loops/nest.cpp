// SPDX-License-Identifier: Apache-2.0
#include "nest.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <set>

namespace loops {
namespace {

using oracle::Compare;
using oracle::Expr;
using oracle::Op;

// a and b, a <= b <= c: separate tests can be hoisted separately.
void split(const Expr& expression, std::vector<Expr>& into) {
  if (expression->op == Op::conjunction) {
    for (const Expr& operand : expression->operands) split(operand, into);
  } else if (expression->op == Op::chain) {
    for (std::size_t i = 0; i < expression->compare.size(); ++i) {
      into.push_back(oracle::chain({expression->operands[i], expression->operands[i + 1]},
                                   {expression->compare[i]}));
    }
  } else {
    into.push_back(expression);
  }
}

struct Values {
  bool known = false;
  bool is_range = false;
  std::int64_t low = 0;
  std::int64_t high = 0;
  std::vector<std::int64_t> list;
};

void intersect(Values& values, const oracle::Domain& domain) {
  const auto in_domain = [&](std::int64_t value) {
    return domain.is_range ? domain.low <= value && value <= domain.high
                           : std::count(domain.values.begin(), domain.values.end(), value) > 0;
  };
  if (values.known && !values.is_range) {
    std::erase_if(values.list, [&](std::int64_t value) { return !in_domain(value); });
  } else if (domain.is_range) {
    values.low = values.known ? std::max(values.low, domain.low) : domain.low;
    values.high = values.known ? std::min(values.high, domain.high) : domain.high;
    values.is_range = true;
  } else {
    const std::set<std::int64_t> sorted(domain.values.begin(), domain.values.end());
    for (const std::int64_t value : sorted) {
      if (!values.known || (values.low <= value && value <= values.high))
        values.list.push_back(value);
    }
    values.is_range = false;
  }
  values.known = true;
}

// An arithmetic progression is written as a counting loop, as one would by hand.
void set_values(Level& level, const Values& values) {
  level.is_range = values.is_range;
  level.low = values.low;
  level.high = values.high;
  level.values = values.list;
  if (values.is_range || values.list.size() < 3) return;
  const std::int64_t step = values.list[1] - values.list[0];
  for (std::size_t i = 1; i < values.list.size(); ++i) {
    if (values.list[i] - values.list[i - 1] != step) return;
  }
  level.is_range = true;
  level.low = values.list.front();
  level.high = values.list.back();
  level.step = step;
}

// The test that says `name == expression`, if there is one whose expression is known by then.
std::optional<Expr> definition_of(std::size_t variable, const std::set<std::size_t>& known,
                                  std::vector<Expr>& tests) {
  for (auto test = tests.begin(); test != tests.end(); ++test) {
    if ((*test)->op != Op::chain || (*test)->compare[0] != Compare::equal) continue;
    for (const std::size_t side : {0U, 1U}) {
      const Expr& name = (*test)->operands[side];
      const Expr& other = (*test)->operands[1 - side];
      if (name->op != Op::variable || name->variable != variable) continue;
      const auto needed = oracle::variables_of(other);
      if (!std::includes(known.begin(), known.end(), needed.begin(), needed.end())) continue;
      const Expr definition = other;
      tests.erase(test);
      return definition;
    }
  }
  return std::nullopt;
}

Bounds bounds_of_values(const Level& level) {
  if (level.is_range) return {level.low, level.high};
  if (level.values.empty()) return {};
  return {level.values.front(), level.values.back()};
}

}  // namespace

Nest nest_of(const oracle::Problem& problem) {
  std::vector<Values> values(problem.names.size());
  std::vector<Expr> tests;
  for (const oracle::Statement& statement : problem.statements) {
    if (statement.kind == oracle::Statement::Kind::domain) {
      intersect(values[statement.domain.variable], statement.domain);
    } else if (statement.kind == oracle::Statement::Kind::constraint) {
      split(statement.expression, tests);
    }
  }
  Nest nest;
  nest.names = problem.names;
  nest.bounds.resize(problem.names.size());
  Bounds extremes{};
  std::set<std::size_t> known;
  std::vector<std::size_t> waiting;
  // Constants are known before the first loop.
  const auto is_constant = [&](std::size_t variable) {
    const Values& of = values[variable];
    return of.known && (of.is_range ? of.low == of.high : of.list.size() == 1);
  };
  for (const bool constants : {true, false}) {
    for (std::size_t variable = 0; variable < problem.names.size(); ++variable) {
      if (is_constant(variable) == constants) waiting.push_back(variable);
    }
  }
  while (!waiting.empty()) {
    std::optional<Level> level;
    for (const std::size_t variable : waiting) {
      level.emplace();
      level->variable = variable;
      if (values[variable].known) {
        set_values(*level, values[variable]);
        nest.bounds[variable] = bounds_of_values(*level);
        break;
      }
      if (const auto definition = definition_of(variable, known, tests)) {
        level->definition = *definition;
        nest.bounds[variable] = bounds_of(*definition, nest.bounds, extremes);
        // What has no domain is any integer from 1.
        tests.push_back(oracle::chain({oracle::variable(variable), oracle::number(1)},
                                      {Compare::greater_equal}));
        break;
      }
      level.reset();
    }
    if (!level) {
      throw std::invalid_argument("no loop for " + problem.names[waiting.front()] +
                                  ": it has neither a domain nor a definition");
    }
    std::erase(waiting, level->variable);
    known.insert(level->variable);
    nest.levels.push_back(std::move(*level));
    for (auto test = tests.begin(); test != tests.end();) {
      const auto needed = oracle::variables_of(*test);
      if (!std::includes(known.begin(), known.end(), needed.begin(), needed.end())) {
        ++test;
        continue;
      }
      bounds_of(*test, nest.bounds, extremes);
      (needed.empty() ? nest.always : nest.levels.back().tests).push_back(*test);
      test = tests.erase(test);
    }
  }
  for (const Bounds& bounds : nest.bounds) {
    extremes = {std::min(extremes.low, bounds.low), std::max(extremes.high, bounds.high)};
  }
  nest.fits_int = extremes.low > std::numeric_limits<int>::min() &&
                  extremes.high < std::numeric_limits<int>::max();
  if (extremes.low < std::numeric_limits<std::int64_t>::min() ||
      extremes.high > std::numeric_limits<std::int64_t>::max()) {
    throw std::invalid_argument("the arithmetic of these loops does not fit 64 bits");
  }
  return nest;
}

double points_of(const Nest& nest) {
  double points = 1.0;
  for (const Level& level : nest.levels) {
    if (level.is_range) {
      const double width = static_cast<double>(level.high) - static_cast<double>(level.low);
      points *= width / static_cast<double>(level.step) + 1.0;
    } else if (!level.definition) {
      points *= static_cast<double>(level.values.size());
    }
  }
  return points;
}

}  // namespace loops
