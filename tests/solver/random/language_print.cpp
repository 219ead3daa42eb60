// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "language.hpp"

namespace oracle {

Expr number(std::int64_t value) {
  auto result = std::make_shared<Node>();
  result->value = value;
  return result;
}

Expr variable(std::size_t index) {
  auto result = std::make_shared<Node>();
  result->op = Op::variable;
  result->variable = index;
  return result;
}

Expr node(Op op, std::vector<Expr> operands) {
  auto result = std::make_shared<Node>();
  result->op = op;
  result->operands = std::move(operands);
  return result;
}

Expr chain(std::vector<Expr> operands, std::vector<Compare> compare) {
  auto result = std::make_shared<Node>();
  result->op = Op::chain;
  result->operands = std::move(operands);
  result->compare = std::move(compare);
  return result;
}

bool is_logical(Op op) {
  return op == Op::chain || op == Op::negation || op == Op::conjunction || op == Op::disjunction ||
         op == Op::implication;
}

namespace {

// How tightly an operator binds; an operand that binds less tightly needs parentheses.
int binding(const Node& node) {
  switch (node.op) {
    case Op::implication:
      return 1;
    case Op::disjunction:
      return 2;
    case Op::conjunction:
      return 3;
    case Op::negation:
      return 4;
    case Op::chain:
      return 5;
    case Op::add:
    case Op::subtract:
      return 6;
    case Op::multiply:
    case Op::divide:
    case Op::modulo:
      return 7;
    case Op::negate:
      return 8;
    case Op::power:
      return 9;
    case Op::number:
      return node.value < 0 ? 8 : 10;
    default:
      return 10;
  }
}

const char* sign_of(Compare compare) {
  switch (compare) {
    case Compare::equal:
      return " == ";
    case Compare::not_equal:
      return " != ";
    case Compare::less:
      return " < ";
    case Compare::less_equal:
      return " <= ";
    case Compare::greater:
      return " > ";
    case Compare::greater_equal:
      return " >= ";
  }
  return "";
}

const char* sign_of(Op op) {
  switch (op) {
    case Op::add:
      return " + ";
    case Op::subtract:
      return " - ";
    case Op::multiply:
      return " * ";
    case Op::divide:
      return " / ";
    case Op::modulo:
      return " % ";
    case Op::power:
      return " ^ ";
    case Op::conjunction:
      return " and ";
    case Op::disjunction:
      return " or ";
    case Op::implication:
      return " -> ";
    default:
      return "";
  }
}

class Printer {
 public:
  explicit Printer(const std::vector<std::string>& names) : names_(names) {}

  std::string text(const Expr& expression, int least = 0) const {
    const Node& node = *expression;
    std::string inner = bare(node);
    return binding(node) < least ? "(" + inner + ")" : inner;
  }

 private:
  std::string bare(const Node& node) const {
    const int own = binding(node);
    switch (node.op) {
      case Op::number:
        return std::to_string(node.value);
      case Op::variable:
        return names_[node.variable];
      case Op::negate: {
        const std::string inner = text(node.operands[0], own);
        return inner[0] == '-' ? "-(" + inner + ")" : "-" + inner;
      }
      case Op::negation:
        return "not " + text(node.operands[0], own);
      case Op::minimum:
        return call("min", node);
      case Op::maximum:
        return call("max", node);
      case Op::absolute:
        return call("abs", node);
      case Op::chain: {
        std::string result = text(node.operands[0], own + 1);
        for (std::size_t i = 0; i < node.compare.size(); ++i) {
          result += sign_of(node.compare[i]) + text(node.operands[i + 1], own + 1);
        }
        return result;
      }
      case Op::power:
        return text(node.operands[0], own + 1) + " ^ " + text(node.operands[1], own);
      case Op::implication:
        return text(node.operands[0], own + 1) + " -> " + text(node.operands[1], own);
      default: {
        // Left-associative: an operand on the right needs to bind more tightly.
        std::string result = text(node.operands[0], own);
        for (std::size_t i = 1; i < node.operands.size(); ++i) {
          result += sign_of(node.op) + text(node.operands[i], own + 1);
        }
        return result;
      }
    }
  }

  std::string call(const char* name, const Node& node) const {
    std::string result = std::string(name) + "(";
    for (std::size_t i = 0; i < node.operands.size(); ++i) {
      result += (i == 0 ? "" : ", ") + text(node.operands[i], 6);
    }
    return result + ")";
  }

  const std::vector<std::string>& names_;
};

void collect(const Expr& expression, std::set<std::size_t>& into) {
  if (expression->op == Op::variable) into.insert(expression->variable);
  for (const Expr& operand : expression->operands) collect(operand, into);
}

}  // namespace

std::string print(const Expr& expression, const std::vector<std::string>& names) {
  return Printer(names).text(expression);
}

std::string print(const Statement& statement, const std::vector<std::string>& names) {
  switch (statement.kind) {
    case Statement::Kind::domain: {
      const Domain& domain = statement.domain;
      std::string result = names[domain.variable] + " in ";
      if (domain.is_range) {
        return result + std::to_string(domain.low) + ".." + std::to_string(domain.high) + ";";
      }
      result += "[";
      for (std::size_t i = 0; i < domain.values.size(); ++i) {
        result += (i == 0 ? "" : ", ") + std::to_string(domain.values[i]);
      }
      return result + "];";
    }
    case Statement::Kind::preference:
      return "prefer " + names[statement.preference.variable] +
             (statement.preference.largest ? " largest;" : " smallest;");
    case Statement::Kind::minimize:
      return "minimize " + print(statement.expression, names) + ";";
    case Statement::Kind::maximize:
      return "maximize " + print(statement.expression, names) + ";";
    case Statement::Kind::constraint:
      break;
  }
  return print(statement.expression, names) + ";";
}

std::string print(const Problem& problem) {
  std::string result;
  for (const Statement& statement : problem.statements) {
    result += print(statement, problem.names) + "\n";
  }
  return result;
}

std::vector<std::size_t> variables_of(const Expr& expression) {
  std::set<std::size_t> found;
  collect(expression, found);
  return {found.begin(), found.end()};
}

}  // namespace oracle
