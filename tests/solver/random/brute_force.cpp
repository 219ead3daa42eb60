// SPDX-License-Identifier: Apache-2.0
#include "brute_force.hpp"

#include <algorithm>
#include <limits>
#include <set>

namespace oracle {
namespace {

constexpr std::int64_t default_low = 1;
constexpr std::int64_t default_high = std::int64_t{1} << 62;

bool in_domain(const Domain& domain, std::int64_t value) {
  if (domain.is_range) return domain.low <= value && value <= domain.high;
  return std::find(domain.values.begin(), domain.values.end(), value) != domain.values.end();
}

bool must_hold(const Statement& statement) {
  return statement.kind == Statement::Kind::domain || statement.kind == Statement::Kind::constraint;
}

// How one variable gets its candidates.
struct Source {
  std::vector<std::int64_t> values;
  Expr definition;  // where set, the one candidate is its value
};

class Search {
 public:
  Search(const Problem& problem, std::size_t most_points)
      : problem_(problem), most_points_(most_points), row_(problem.names.size(), 0) {}

  std::optional<Answer> run() {
    if (!find_order()) return std::nullopt;
    place_tests();
    if (!descend(0)) return std::nullopt;
    sort_rows();
    find_best();
    return std::move(answer_);
  }

 private:
  bool find_order() {
    std::set<std::size_t> waiting;
    for (std::size_t i = 0; i < problem_.names.size(); ++i) waiting.insert(i);
    while (!waiting.empty()) {
      bool moved = false;
      for (const std::size_t variable : waiting) {
        if (auto source = source_of(variable)) {
          order_.push_back(variable);
          sources_.push_back(std::move(*source));
          known_.insert(variable);
          waiting.erase(variable);
          moved = true;
          break;
        }
      }
      if (!moved) return false;
    }
    return true;
  }

  std::optional<Source> source_of(std::size_t variable) const {
    std::optional<Domain> narrowest;
    bool declared = false;
    for (const Statement& statement : problem_.statements) {
      if (statement.kind != Statement::Kind::domain || statement.domain.variable != variable)
        continue;
      declared = true;
      consider(statement.domain, narrowest);
    }
    std::optional<Source> definition;
    for (const Statement& statement : problem_.statements) {
      if (statement.kind != Statement::Kind::constraint) continue;
      const Node& node = *statement.expression;
      if (node.op != Op::chain || node.compare.size() != 1) continue;
      if (const auto values = candidates(node, variable, declared)) consider(*values, narrowest);
      if (const auto other = defining(node, variable)) definition = Source{{}, *other};
    }
    if (narrowest) return Source{narrowest->values, nullptr};
    return definition;
  }

  void consider(const Domain& domain, std::optional<Domain>& narrowest) const {
    Domain listed = domain;
    if (domain.is_range) {
      const Wide width = Wide{domain.high} - domain.low + 1;
      if (width > static_cast<Wide>(most_points_)) return;
      listed.values.clear();
      for (Wide value = domain.low; value <= domain.high; ++value) {
        listed.values.push_back(static_cast<std::int64_t>(value));
      }
    }
    std::sort(listed.values.begin(), listed.values.end());
    listed.values.erase(std::unique(listed.values.begin(), listed.values.end()),
                        listed.values.end());
    if (!narrowest || listed.values.size() < narrowest->values.size()) narrowest = listed;
  }

  // `x <= 7` and `x < 8` for a variable that starts at 1, and `12 % x == 0` for any.
  std::optional<Domain> candidates(const Node& node, std::size_t variable, bool declared) const {
    const Node& left = *node.operands[0];
    const Node& right = *node.operands[1];
    if (right.op != Op::number) return std::nullopt;
    Domain domain;
    domain.variable = variable;
    const bool upper = node.compare[0] == Compare::less_equal || node.compare[0] == Compare::less;
    if (!declared && upper && left.op == Op::variable && left.variable == variable) {
      domain.is_range = true;
      domain.low = default_low;
      domain.high = right.value - (node.compare[0] == Compare::less ? 1 : 0);
      return domain;
    }
    const bool divisor = node.compare[0] == Compare::equal && right.value == 0 &&
                         left.op == Op::modulo && left.operands[0]->op == Op::number &&
                         left.operands[0]->value != 0 && left.operands[1]->op == Op::variable &&
                         left.operands[1]->variable == variable;
    if (!divisor) return std::nullopt;
    const Wide dividend = left.operands[0]->value < 0 ? -Wide{left.operands[0]->value}
                                                      : Wide{left.operands[0]->value};
    if (dividend > Wide{1} << 40 && (dividend & (dividend - 1)) != 0) return std::nullopt;
    for (Wide d = 1; d * d <= dividend; d = dividend > Wide{1} << 40 ? 2 * d : d + 1) {
      if (dividend % d != 0) continue;
      for (const Wide value : {d, -d, dividend / d, -(dividend / d)}) {
        if (value <= std::numeric_limits<std::int64_t>::max()) {
          domain.values.push_back(static_cast<std::int64_t>(value));
        }
      }
    }
    return domain;
  }

  std::optional<Expr> defining(const Node& node, std::size_t variable) const {
    if (node.compare[0] != Compare::equal) return std::nullopt;
    for (const std::size_t side : {0U, 1U}) {
      const Node& name = *node.operands[side];
      if (name.op != Op::variable || name.variable != variable) continue;
      const auto needed = variables_of(node.operands[1 - side]);
      if (std::includes(known_.begin(), known_.end(), needed.begin(), needed.end())) {
        return node.operands[1 - side];
      }
    }
    return std::nullopt;
  }

  // Each statement is tried as soon as its variables have values.
  void place_tests() {
    tests_.resize(order_.size() + 1);
    std::vector<bool> declared(problem_.names.size(), false);
    for (const Statement& statement : problem_.statements) {
      if (!must_hold(statement)) continue;
      std::vector<std::size_t> needed;
      if (statement.kind == Statement::Kind::domain) {
        declared[statement.domain.variable] = true;
        needed = {statement.domain.variable};
      } else {
        needed = variables_of(statement.expression);
      }
      std::size_t depth = 0;
      for (std::size_t i = 0; i < order_.size(); ++i) {
        if (std::binary_search(needed.begin(), needed.end(), order_[i])) depth = i + 1;
      }
      tests_[depth].push_back(&statement);
    }
    has_default_domain_.resize(order_.size());
    for (std::size_t i = 0; i < order_.size(); ++i) has_default_domain_[i] = !declared[order_[i]];
  }

  bool holds(const Statement& statement) {
    if (statement.kind == Statement::Kind::domain) {
      return in_domain(statement.domain, row_[statement.domain.variable]);
    }
    return truth_of(statement.expression, row_, &answer_.widest).value_or(false);
  }

  bool descend(std::size_t depth) {
    for (const Statement* test : tests_[depth]) {
      if (!holds(*test)) return true;
    }
    if (depth == order_.size()) {
      answer_.rows.push_back(row_);
      return true;
    }
    std::vector<std::int64_t> defined;
    const Source& source = sources_[depth];
    if (source.definition) {
      const auto value = value_of(source.definition, row_, &answer_.widest);
      if (!value || *value < std::numeric_limits<std::int64_t>::min() ||
          *value > std::numeric_limits<std::int64_t>::max()) {
        return true;
      }
      defined.push_back(static_cast<std::int64_t>(*value));
    }
    for (const std::int64_t value : source.definition ? defined : source.values) {
      if (has_default_domain_[depth] && (value < default_low || value > default_high)) continue;
      if (++points_ > most_points_) return false;
      row_[order_[depth]] = value;
      if (!descend(depth + 1)) return false;
    }
    return true;
  }

  void sort_rows() {
    const auto order = preferred_order(problem_);
    std::sort(answer_.rows.begin(), answer_.rows.end(), [&](const Row& a, const Row& b) {
      for (const Preference& key : order) {
        if (a[key.variable] != b[key.variable]) {
          return (a[key.variable] < b[key.variable]) != key.largest;
        }
      }
      return false;
    });
  }

  // Objectives count in their order; the first row among equals is the best. A row at which one of
  // them divides by zero cannot be it.
  void find_best() {
    std::vector<const Statement*> objectives;
    for (const Statement& statement : problem_.statements) {
      const bool minimize = statement.kind == Statement::Kind::minimize;
      if (minimize || statement.kind == Statement::Kind::maximize) objectives.push_back(&statement);
    }
    if (objectives.empty()) return;
    std::vector<Wide> best;
    for (std::size_t i = 0; i < answer_.rows.size(); ++i) {
      std::vector<Wide> costs;
      for (const Statement* objective : objectives) {
        const auto value = value_of(objective->expression, answer_.rows[i], &answer_.widest);
        if (!value) break;
        costs.push_back(objective->kind == Statement::Kind::minimize ? *value : -*value);
      }
      if (costs.size() < objectives.size()) continue;
      if (answer_.best && costs >= best) continue;
      best = costs;
      answer_.best = i;
    }
  }

  const Problem& problem_;
  const std::size_t most_points_;
  Row row_;
  std::vector<std::size_t> order_;
  std::vector<Source> sources_;
  std::set<std::size_t> known_;
  std::vector<std::vector<const Statement*>> tests_;
  std::vector<bool> has_default_domain_;
  std::size_t points_ = 0;
  Answer answer_;
};

}  // namespace

std::optional<Answer> brute_force(const Problem& problem, std::size_t most_points) {
  return Search(problem, most_points).run();
}

std::vector<Preference> preferred_order(const Problem& problem) {
  std::vector<Preference> order;
  std::vector<bool> placed(problem.names.size(), false);
  for (const Statement& statement : problem.statements) {
    if (statement.kind != Statement::Kind::preference || placed[statement.preference.variable])
      continue;
    placed[statement.preference.variable] = true;
    order.push_back(statement.preference);
  }
  for (std::size_t i = 0; i < problem.names.size(); ++i) {
    if (!placed[i]) order.push_back({i, false});
  }
  return order;
}

bool satisfies(const Problem& problem, const Row& row) {
  std::vector<bool> declared(problem.names.size(), false);
  for (const Statement& statement : problem.statements) {
    if (statement.kind == Statement::Kind::domain) {
      declared[statement.domain.variable] = true;
      if (!in_domain(statement.domain, row[statement.domain.variable])) return false;
    } else if (statement.kind == Statement::Kind::constraint) {
      if (!truth_of(statement.expression, row).value_or(false)) return false;
    }
  }
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (!declared[i] && (row[i] < default_low || row[i] > default_high)) return false;
  }
  return true;
}

}  // namespace oracle
