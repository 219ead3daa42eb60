// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <vector>

#include "check.hpp"

namespace checks {

std::atomic<std::uint64_t> explained = 0;
std::atomic<std::uint64_t> not_minimal = 0;

namespace {

using constrint::ReducedDomain;
using constrint::Status;

bool contains(const ReducedDomain& domain, std::int64_t value) {
  if (value < domain.low || value > domain.high) return false;
  const auto offset = static_cast<oracle::Wide>(value) - domain.low;
  if (domain.modulus < 1 || offset % domain.modulus != 0) return false;
  return domain.values.empty() ||
         std::binary_search(domain.values.begin(), domain.values.end(), value);
}

oracle::Wide size_of(const ReducedDomain& domain) {
  if (!domain.values.empty()) return static_cast<oracle::Wide>(domain.values.size());
  return (static_cast<oracle::Wide>(domain.high) - domain.low) / domain.modulus + 1;
}

Finding check_propagation(const Known& known, const constrint::Model& model) {
  const constrint::Propagation propagation = constrint::propagate(model);
  const auto& rows = known.answer.rows;
  if (propagation.status == Status::unsatisfiable) {
    if (rows.empty()) return std::nullopt;
    return "propagate: unsatisfiable, but " + shown(rows[0]) + " is a solution";
  }
  if (propagation.domains.size() != known.problem.names.size())
    return "propagate: wrong number of domains";
  oracle::Wide points = 1;
  for (std::size_t i = 0; i < propagation.domains.size(); ++i) {
    const ReducedDomain& domain = propagation.domains[i];
    for (const oracle::Row& row : rows) {
      if (!contains(domain, row[i])) {
        return "propagate: " + known.problem.names[i] + " = " + std::to_string(row[i]) +
               " of solution " + shown(row) + " is not in " + std::to_string(domain.low) + ".." +
               std::to_string(domain.high) + " modulo " + std::to_string(domain.modulus) +
               (domain.values.empty() ? "" : " " + shown(domain.values));
      }
    }
    if (points < (oracle::Wide{1} << 62)) points *= size_of(domain);
  }
  const auto solutions = static_cast<oracle::Wide>(rows.size());
  if (propagation.status == Status::satisfiable && points != solutions) {
    return "propagate: says that every point of its domains is a solution; there are " +
           std::to_string(rows.size());
  }
  return std::nullopt;
}

// The statements of a conflict as a problem of their own. Model::statement counts domains and
// constraints in the order of the text. A variable whose domain is left out may be any integer
// (docs/constrint.md); the oracle tries a window of them, which can show a solution but not that
// there is none.
struct Selected {
  oracle::Problem problem;
  bool is_window = false;
};

Selected selected(const oracle::Problem& problem, const std::vector<std::size_t>& chosen) {
  Selected result;
  result.problem.names = problem.names;
  std::vector<bool> declared(problem.names.size(), false);
  std::vector<bool> still_declared(problem.names.size(), false);
  std::size_t index = 0;
  for (const oracle::Statement& statement : problem.statements) {
    const bool is_domain = statement.kind == oracle::Statement::Kind::domain;
    if (!is_domain && statement.kind != oracle::Statement::Kind::constraint) continue;
    const bool is_chosen = std::find(chosen.begin(), chosen.end(), index++) != chosen.end();
    if (is_chosen) result.problem.statements.push_back(statement);
    if (!is_domain) continue;
    declared[statement.domain.variable] = true;
    if (is_chosen) still_declared[statement.domain.variable] = true;
  }
  std::vector<bool> mentioned(problem.names.size(), false);
  for (const oracle::Statement& statement : result.problem.statements) {
    if (statement.kind != oracle::Statement::Kind::constraint) continue;
    for (const std::size_t variable : oracle::variables_of(statement.expression)) {
      mentioned[variable] = true;
    }
  }
  for (std::size_t i = 0; i < declared.size(); ++i) {
    if (!declared[i] || still_declared[i] || !mentioned[i]) continue;
    oracle::Statement window;
    window.kind = oracle::Statement::Kind::domain;
    window.domain = {i, true, -30, 30, {}};
    result.problem.statements.push_back(window);
    result.is_window = true;
  }
  result.problem = oracle::parse(oracle::print(result.problem));
  return result;
}

// Whether a problem has a solution; nothing if the oracle cannot tell.
std::optional<bool> satisfiable(const Selected& selection) {
  try {
    const auto answer = oracle::brute_force(selection.problem, most_points);
    if (!answer || (answer->rows.empty() && selection.is_window)) return std::nullopt;
    return !answer->rows.empty();
  } catch (const oracle::Overflow&) {
    return std::nullopt;
  }
}

Finding check_explanation(const Known& known, const constrint::Model& model) {
  const constrint::Explanation explanation = constrint::explain(model);
  const bool has_solution = !known.answer.rows.empty();
  if (has_solution) {
    return explanation.status == Status::satisfiable
               ? std::nullopt
               : Finding("explain: not satisfiable, but there are solutions");
  }
  if (explanation.status != Status::unsatisfiable) return "explain: not unsatisfiable";
  ++explained;
  const auto& chosen = explanation.statements;
  if (!std::is_sorted(chosen.begin(), chosen.end())) return "explain: indices are not ascending";
  std::string listed;
  for (const std::size_t index : chosen) {
    if (index >= model.statement_count()) return "explain: no such statement";
    listed += "\n  " + model.statement(index).text + ";";
  }
  if (satisfiable(selected(known.problem, chosen)).value_or(false)) {
    return "explain: these have a solution together:" + listed;
  }
  // Proving that the rest has a solution may be out of reach where a variable is unbounded.
  if (!explanation.minimal) {
    ++not_minimal;
    return std::nullopt;
  }
  for (const std::size_t left_out : chosen) {
    std::vector<std::size_t> rest = chosen;
    std::erase(rest, left_out);
    if (!satisfiable(selected(known.problem, rest)).value_or(true)) {
      return "explain: not minimal, can do without " + model.statement(left_out).text + ":" +
             listed;
    }
  }
  return std::nullopt;
}

}  // namespace

Finding check_reasons(const Known& known, const constrint::Model& model, oracle::Random&) {
  if (auto finding = check_propagation(known, model)) return finding;
  return check_explanation(known, model);
}

}  // namespace checks
