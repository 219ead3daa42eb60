// SPDX-License-Identifier: Apache-2.0
#include "parser.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "arithmetic.hpp"
#include "constrint/error.hpp"

namespace constrint::detail {

Parser::Parser(ModelData& model, std::int32_t text_index)
    : model_(model),
      text_index_(text_index),
      lexer_(model.texts[static_cast<std::size_t>(text_index)].text()) {
  // One allocation each for texts of usual density; the vectors still grow where a text is denser.
  const std::size_t size = lexer_.text().size();
  model_.nodes.reserve(model_.nodes.size() + size / 12 + 16);
  model_.statements.reserve(model_.statements.size() + size / 64 + 8);
  model_.variables.reserve(model_.variables.size() + size / 64 + 8);
  model_.pool.reserve(model_.pool.size() + size / 8 + 16);
  model_.names.reserve(size / 96 + 8, size / 8 + 32);
  advance();
}

void Parser::fail_at(std::uint32_t begin, const std::string& message) const {
  const std::string_view before = lexer_.text().substr(0, begin);
  const auto line = static_cast<std::size_t>(std::ranges::count(before, '\n')) + 1;
  const std::size_t newline = before.rfind('\n');
  const std::size_t column = newline == std::string_view::npos ? begin + 1 : begin - newline;
  throw ParseError(model_.texts[static_cast<std::size_t>(text_index_)].name, line, column, message);
}

std::string Parser::describe_at(std::uint32_t begin) const {
  Lexer lexer(lexer_.text(), begin);
  Token token;
  lexer.next(token);
  return describe(lexer, token);
}

void Parser::fail(std::string_view expected) const {
  if (token_.kind == TokenKind::too_large) {
    fail_at(token_.begin,
            "expected an integer that fits in 64 bits, found " + describe(lexer_, token_));
  }
  std::string message = "expected ";
  message.append(expected).append(", found ").append(describe(lexer_, token_));
  fail_at(token_.begin, message);
}

void Parser::fail_condition(const Part& part) const {
  fail_at(part.begin(), "expected a number, found a condition");
}

void Parser::fail_number() const {
  // The missing comparison belongs where the number ended.
  fail("a comparison (==, !=, <, <=, >, >=, in) or an operator");
}

bool Parser::constant(std::int32_t node, std::int64_t& value) const {
  const Node& data = model_.nodes[static_cast<std::size_t>(node)];
  value = data.value;
  return data.op == Op::constant;
}

void Parser::parse_all() {
  while (token_.kind != TokenKind::end) parse_statement();
}

void Parser::parse_statement() {
  switch (token_.kind) {
    case TokenKind::semicolon:
      advance();
      return;  // an empty statement
    case TokenKind::word_prefer:
      parse_preference();
      return;
    case TokenKind::word_minimize:
      parse_objective(false);
      return;
    case TokenKind::word_maximize:
      parse_objective(true);
      return;
    case TokenKind::identifier:
      if (parse_plain_statement()) return;
      break;
    default:
      break;
  }
  Statement statement;
  statement.text = text_index_;
  statement.line = lexer_.line();
  statement.begin = token_.begin;
  statement.first = static_cast<std::int32_t>(model_.nodes.size());
  const Part part = parse_condition();
  require_condition(part);
  statement.root = part.node();
  statement.end = last_end_;
  expect(TokenKind::semicolon, "';' or an operator");
  model_.add_statement(statement);
}

// NAME in [...] and NAME == NUMBER in their plainest form, which most statements of a hardware
// model are: without going through the grammar, which would give the same nodes. False if it is not
// one.
inline bool Parser::parse_plain_statement() {
  const std::string_view name = lexer_.spelling(token_);
  Statement statement;
  statement.text = text_index_;
  statement.line = lexer_.line();
  statement.begin = token_.begin;
  statement.first = static_cast<std::int32_t>(model_.nodes.size());
  const std::size_t offset = model_.pool.size();
  bool ascending = true;
  std::int64_t value = 0;
  const auto variable = [&] { return static_cast<std::size_t>(model_.intern(name)); };
  if (lexer_.plain_domain(token_, model_.pool, ascending)) {
    VariableData& own = model_.variables[variable()];
    own.declared = true;
    statement.root = model_.add_in_pool(own.node, offset, ascending);
  } else if (lexer_.plain_equality(token_, value)) {
    const std::int32_t left = model_.variables[variable()].node;
    const std::int32_t right = model_.add_constant(value);
    statement.root = model_.add_node(Op::equal, left, right);
  } else {
    return false;
  }
  statement.end = token_.begin;
  model_.statements.push_back(statement);
  advance();
  return true;
}

void Parser::parse_preference() {
  advance();
  if (token_.kind != TokenKind::identifier) fail("the name of a variable");
  const std::int32_t variable = model_.intern(lexer_.spelling(token_));
  advance();
  const std::string_view word = lexer_.spelling(token_);
  if (token_.kind != TokenKind::identifier || (word != "smallest" && word != "largest")) {
    fail("'smallest' or 'largest'");
  }
  advance();
  expect(TokenKind::semicolon, "';'");
  model_.preferences.push_back(
      {variable, word == "largest" ? Preference::largest : Preference::smallest});
}

void Parser::parse_objective(bool maximize) {
  advance();
  const Part part = parse_sum();
  require_number(part);
  expect(TokenKind::semicolon, "';' or an operator");
  model_.objectives.push_back({part.node(), maximize});
}

// A number that is all of a list's element, which most are: without going through the grammar.
bool Parser::parse_plain_value(std::int64_t& value) {
  constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (token_.kind != TokenKind::number || token_.number > kLargest) return false;
  if (!lexer_.at_list_separator()) return false;
  value = static_cast<std::int64_t>(token_.number);
  advance();
  return true;
}

std::int32_t Parser::parse_membership(const Part& left, bool negated) {
  const std::size_t offset = model_.pool.size();
  bool ascending = false;
  std::int32_t node = 0;
  if (token_.kind != TokenKind::left_bracket) {
    node = parse_range(left);
  } else if (lexer_.plain_list(token_, model_.pool, ascending)) {
    advance();
    node = model_.add_in_pool(left.node(), offset, ascending);
  } else {
    node = parse_list(left);
  }
  return negated ? model_.add_node(Op::logical_not, node) : node;
}

std::int32_t Parser::parse_list(const Part& left) {
  std::vector<std::int64_t> values;
  advance();
  do {
    std::int64_t value = 0;
    if (parse_plain_value(value)) {
      values.push_back(value);
      continue;
    }
    const Part part = parse_sum();
    if (is_condition_node(part.node()) || !constant(part.node(), value)) {
      fail_at(part.begin(), "expected an integer in the list, found " + describe_at(part.begin()));
    }
    values.push_back(value);
  } while (accept(TokenKind::comma));
  expect(TokenKind::right_bracket, "',' or ']'");
  return model_.add_in_list(left.node(), values);
}

std::int32_t Parser::parse_range(const Part& left) {
  const Part low = parse_sum();
  require_number(low);
  if (token_.kind != TokenKind::range) fail("'..' and the upper end of an interval");
  advance();
  const Part high = parse_sum();
  require_number(high);
  std::int64_t low_value = 0;
  std::int64_t high_value = 0;
  if (!constant(low.node(), low_value)) {
    fail_at(low.begin(), "expected an integer as the end of an interval");
  }
  if (!constant(high.node(), high_value)) {
    fail_at(high.begin(), "expected an integer as the end of an interval");
  }
  return model_.add_in_range(left.node(), low_value, high_value);
}

}  // namespace constrint::detail
