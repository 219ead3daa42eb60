// SPDX-License-Identifier: Apache-2.0
#include "generate.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "evaluate.hpp"

namespace oracle {
namespace {

constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();

constexpr std::array<const char*, 12> name_pool = {
    "a", "b", "c0", "x", "y_1", "MWG", "inner", "orbit", "nothing", "android", "min_x", "_z"};

class Generator {
 public:
  explicit Generator(Random& random) : random_(random) {}

  Problem problem() {
    const std::uint64_t family = random_.below(100);
    edges_ = family < 12;
    tuning_ = family >= 12 && family < 35;
    const std::int64_t variables = random_.between(1, edges_ ? 3 : 4);
    const std::uint64_t first_name = random_.below(name_pool.size());
    for (std::int64_t i = 0; i < variables; ++i) {
      problem_.names.emplace_back(
          name_pool[(first_name + static_cast<std::uint64_t>(i)) % name_pool.size()]);
      declare(problem_.names.size() - 1);
    }
    std::int64_t constraints = random_.between(1, 4);
    if (random_.chance(25)) add_undeclared(name_pool[(first_name + 7) % name_pool.size()]);
    while (constraints-- > 0) add_constraint(likely());
    if (random_.chance(8)) add_domain_again();
    add_preferences();
    if (random_.chance(30)) add_objective();
    if (random_.chance(5)) add_objective();
    shuffle();
    return problem_;
  }

 private:
  void add(Statement statement) { problem_.statements.push_back(std::move(statement)); }

  void add_constraint(Expr expression) {
    Statement statement;
    statement.expression = std::move(expression);
    add(std::move(statement));
  }

  std::int64_t edge_value() {
    static constexpr std::array<std::int64_t, 14> edges = {lowest,
                                                           highest,
                                                           std::int64_t{1} << 62,
                                                           -(std::int64_t{1} << 62),
                                                           std::int64_t{1} << 31,
                                                           -(std::int64_t{1} << 31),
                                                           std::int64_t{1} << 32,
                                                           3037000499,
                                                           3037000500,
                                                           4294967291,
                                                           0,
                                                           -1,
                                                           1,
                                                           (std::int64_t{1} << 53) + 1};
    const std::int64_t base = random_.pick(edges);
    const std::int64_t shift = random_.between(-2, 2);
    if (shift > 0 && base > highest - shift) return base;
    if (shift < 0 && base < lowest - shift) return base;
    return base + shift;
  }

  std::int64_t domain_value() {
    if (edges_) return edge_value();
    if (tuning_) return std::int64_t{1} << random_.below(8);
    return random_.chance(60) ? random_.between(0, 12) : random_.between(-12, 40);
  }

  void declare(std::size_t variable) {
    Statement statement;
    statement.kind = Statement::Kind::domain;
    Domain& domain = statement.domain;
    domain.variable = variable;
    const std::uint64_t kind = random_.below(100);
    if (kind < 45) {
      for (std::int64_t i = random_.between(1, 7); i > 0; --i)
        domain.values.push_back(domain_value());
      if (random_.chance(50)) std::sort(domain.values.begin(), domain.values.end());
      witness_.push_back(random_.pick(domain.values));
    } else if (kind < 93 || edges_) {
      domain.is_range = true;
      domain.low = domain_value();
      const std::int64_t width = random_.between(0, tuning_ ? 24 : 11);
      domain.high = domain.low > highest - width ? highest : domain.low + width;
      witness_.push_back(random_.between(domain.low, domain.high));
    } else {
      declare_by_divisor(domain);
    }
    add(std::move(statement));
  }

  // A range far too wide to try, of which only divisors are left.
  void declare_by_divisor(Domain& domain) {
    domain.is_range = true;
    domain.low = random_.chance(70) ? 1 : -(std::int64_t{1} << 40);
    domain.high = random_.chance(50) ? std::int64_t{1} << 20 : std::int64_t{1} << 60;
    static constexpr std::array<std::int64_t, 8> dividends = {
        1048576, 1 << 12, 36, 720720, 97, std::int64_t{1} << 60, 614656, -360};
    const std::int64_t dividend = random_.pick(dividends);
    add_constraint(
        chain({node(Op::modulo, {number(dividend), variable(domain.variable)}), number(0)},
              {Compare::equal}));
    witness_.push_back(1);
  }

  void add_undeclared(const char* name) {
    const std::size_t index = problem_.names.size();
    const std::uint64_t kind = random_.below(3);
    if (kind == 0) {
      const Expr definition = arithmetic(2);
      const auto value = evaluated(definition);
      std::vector<Expr> sides{variable(index), definition};
      if (random_.chance(50)) std::swap(sides[0], sides[1]);
      problem_.names.emplace_back(name);
      witness_.push_back(
          value && *value >= 1 && *value <= highest ? static_cast<std::int64_t>(*value) : 1);
      add_constraint(chain(std::move(sides), {Compare::equal}));
      return;
    }
    problem_.names.emplace_back(name);
    const std::int64_t limit = random_.between(1, 12);
    witness_.push_back(kind == 1 ? random_.between(1, limit) : 1);
    add_constraint(kind == 1
                       ? chain({variable(index), number(limit)}, {Compare::less_equal})
                       : chain({node(Op::modulo, {number(limit * 6), variable(index)}), number(0)},
                               {Compare::equal}));
  }

  // A few tries for a condition that holds at the hidden assignment.
  Expr likely() {
    Expr result = logical(static_cast<int>(random_.between(0, 2)));
    for (int i = 0; i < 3 && !holds(result) && random_.chance(80); ++i) {
      result = logical(static_cast<int>(random_.between(0, 2)));
    }
    return result;
  }

  bool holds(const Expr& condition) const {
    try {
      return truth_of(condition, witness_).value_or(false);
    } catch (const Overflow&) {
      return false;
    }
  }

  void add_domain_again() {
    Statement statement;
    statement.kind = Statement::Kind::domain;
    statement.domain.variable = random_.below(problem_.names.size());
    for (int i = 0; i < 5; ++i) statement.domain.values.push_back(domain_value());
    statement.domain.values.push_back(witness_[statement.domain.variable]);
    add(std::move(statement));
  }

  void add_preferences() {
    if (!random_.chance(45)) return;
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < problem_.names.size(); ++i) order.push_back(i);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random_.below(i)]);
    order.resize(1 + random_.below(order.size()));
    for (const std::size_t variable : order) {
      Statement statement;
      statement.kind = Statement::Kind::preference;
      statement.preference = {variable, random_.chance(50)};
      add(std::move(statement));
    }
  }

  void add_objective() {
    Statement statement;
    statement.kind = random_.chance(50) ? Statement::Kind::minimize : Statement::Kind::maximize;
    statement.expression = arithmetic(2);
    add(std::move(statement));
  }

  // Statements may come in any order, but preferences count in theirs.
  void shuffle() {
    if (!random_.chance(40)) return;
    auto& all = problem_.statements;
    for (std::size_t i = all.size(); i > 1; --i) {
      const std::size_t j = random_.below(i);
      const auto fixed = [](const Statement& s) { return s.kind == Statement::Kind::preference; };
      if (!fixed(all[i - 1]) && !fixed(all[j])) std::swap(all[i - 1], all[j]);
    }
  }

  std::optional<Wide> evaluated(const Expr& expression) const {
    try {
      return value_of(expression, witness_);
    } catch (const Overflow&) {
      return std::nullopt;
    }
  }

  std::int64_t constant() {
    if (edges_ && random_.chance(40)) return edge_value();
    if (tuning_ && random_.chance(50)) return std::int64_t{1} << random_.below(11);
    return random_.chance(75) ? random_.between(0, 9) : random_.between(-9, 64);
  }

  Expr leaf() {
    return random_.chance(72) ? variable(random_.below(witness_.size())) : number(constant());
  }

  Expr arithmetic(int depth) {
    if (depth == 0 || random_.chance(25)) return leaf();
    const auto in = [&] { return arithmetic(depth - 1); };
    const std::uint64_t kind = random_.below(100);
    if (kind < 20) return node(Op::multiply, {in(), in()});
    if (kind < 38) return node(Op::add, {in(), in()});
    if (kind < 52) return node(Op::subtract, {in(), in()});
    if (kind < 65) return node(Op::divide, {in(), in()});
    if (kind < 80) return node(Op::modulo, {in(), in()});
    if (kind < 84) return node(Op::negate, {in()});
    if (kind < 88) return node(Op::absolute, {in()});
    if (kind < 92) return node(Op::power, {in(), number(random_.between(0, edges_ ? 2 : 3))});
    std::vector<Expr> operands{in(), in()};
    if (random_.chance(30)) operands.push_back(in());
    return node(random_.chance(50) ? Op::minimum : Op::maximum, std::move(operands));
  }

  Compare comparison() { return static_cast<Compare>(random_.below(6)); }

  // A constant that makes `left sign constant` hold for the hidden assignment, mostly.
  std::optional<std::int64_t> fitted(const Expr& left, Compare sign) {
    const auto value = evaluated(left);
    if (!value || *value > highest - 20 || *value < lowest + 20) return std::nullopt;
    const auto at = static_cast<std::int64_t>(*value);
    const std::int64_t slack = random_.between(0, 6);
    switch (sign) {
      case Compare::equal:
        return at;
      case Compare::not_equal:
      case Compare::less:
        return at + 1 + slack;
      case Compare::less_equal:
        return at + slack;
      case Compare::greater:
        return at - 1 - slack;
      case Compare::greater_equal:
        return at - slack;
    }
    return std::nullopt;
  }

  Expr relation() {
    if (random_.chance(12)) return long_chain();
    const Compare sign = comparison();
    const Expr left = arithmetic(static_cast<int>(random_.between(1, 3)));
    if (random_.chance(70)) {
      const auto constant_on_right = random_.chance(85) ? fitted(left, sign) : constant();
      if (constant_on_right) return chain({left, number(*constant_on_right)}, {sign});
    }
    return chain({left, arithmetic(static_cast<int>(random_.between(0, 2)))}, {sign});
  }

  Expr long_chain() {
    std::vector<Expr> operands{arithmetic(1)};
    std::vector<Compare> compare;
    for (std::int64_t i = random_.between(2, 3); i > 0; --i) {
      compare.push_back(random_.chance(60) ? Compare::less_equal : comparison());
      const auto fit = random_.chance(50) ? fitted(operands.back(), compare.back()) : std::nullopt;
      operands.push_back(fit ? number(*fit) : arithmetic(1));
    }
    return chain(std::move(operands), std::move(compare));
  }

  Expr logical(int depth) {
    if (depth == 0 || random_.chance(45)) return relation();
    const auto in = [&] { return logical(depth - 1); };
    const std::uint64_t kind = random_.below(100);
    if (kind < 20) return node(Op::negation, {in()});
    if (kind < 45) return node(Op::conjunction, {in(), in()});
    if (kind < 80) {
      std::vector<Expr> operands{in(), in()};
      if (random_.chance(30)) operands.push_back(in());
      return node(Op::disjunction, std::move(operands));
    }
    return node(Op::implication, {in(), in()});
  }

  Random& random_;
  Problem problem_;
  std::vector<std::int64_t> witness_;
  bool edges_ = false;
  bool tuning_ = false;
};

}  // namespace

Problem random_problem(Random& random) {
  return Generator(random).problem();
}

std::string decorated(const Problem& problem, Random& random) {
  std::string result;
  for (const char c : print(problem)) {
    if (c == ' ' && random.chance(4)) {
      result += random.chance(50) ? "\n\t" : " # x in [1]; (\n";
    } else {
      result += c;
      if (c == ' ' && random.chance(5)) result += ' ';
    }
  }
  return result;
}

}  // namespace oracle
