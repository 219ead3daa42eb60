// SPDX-License-Identifier: Apache-2.0
#include "parser.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "arithmetic.hpp"
#include "constrint/error.hpp"

namespace constrint::detail {

namespace {

constexpr int kMaxDepth = 500;

// Comparison operator of a token, or Op::constant for none.
Op comparison(TokenKind kind) {
  if (kind < TokenKind::equal || kind > TokenKind::greater_equal) return Op::constant;
  const int place = static_cast<int>(kind) - static_cast<int>(TokenKind::equal);
  return static_cast<Op>(static_cast<int>(Op::equal) + place);
}
static_assert(static_cast<int>(Op::greater_equal) - static_cast<int>(Op::equal) ==
              static_cast<int>(TokenKind::greater_equal) - static_cast<int>(TokenKind::equal));

}  // namespace

class Parser::Depth {
 public:
  explicit Depth(Parser& parser) : parser_(parser) {
    if (++parser_.depth_ > kMaxDepth) {
      parser_.fail_at(parser_.token_.begin, "expected an expression nested less than " +
                                                std::to_string(kMaxDepth) + " levels deep");
    }
  }
  ~Depth() { --parser_.depth_; }
  Depth(const Depth&) = delete;
  Depth& operator=(const Depth&) = delete;

 private:
  Parser& parser_;
};

Parser::Parser(ModelData& model, std::int32_t text_index)
    : model_(model),
      text_index_(text_index),
      lexer_(model.texts[static_cast<std::size_t>(text_index)].text()) {
  // One allocation each for texts of usual density; the vectors still grow where a text is denser.
  const std::size_t size = lexer_.text().size();
  model_.nodes.reserve(model_.nodes.size() + size / 12 + 16);
  model_.statements.reserve(model_.statements.size() + size / 64 + 8);
  model_.variables.reserve(model_.variables.size() + size / 64 + 8);
  model_.names.reserve(model_.names.size() + size / 8 + 32);
  model_.pool.reserve(model_.pool.size() + size / 8 + 16);
  model_.reserve_names(model_.variables.size() + size / 96 + 8);
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
  fail_at(part.begin, "expected a number, found a condition");
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

std::int32_t Parser::conjunction(std::int32_t a, std::int32_t b) {
  return a < 0 ? b : model_.add_node(Op::logical_and, a, b);
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
  statement.root = part.node;
  statement.end = last_end_;
  expect(TokenKind::semicolon, "';' or an operator");
  model_.add_statement(statement);
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
  model_.objectives.push_back({part.node, maximize});
}

inline Parser::Part Parser::parse_variable() {
  const std::int32_t variable = model_.intern(lexer_.spelling(token_));
  const std::uint32_t first = token_.begin;
  advance();
  return {model_.variables[static_cast<std::size_t>(variable)].node, first};
}

// The grammar, from the operators that bind least to those that bind tightest. All of it is one
// function, so that an operand that stands alone is through with a few comparisons.
Parser::Part Parser::parse_condition() {
  const Depth depth(*this);
  return implication_from(disjunction_from(conjunction_from(parse_conjunct())));
}

inline Parser::Part Parser::implication_from(Part left) {
  if (token_.kind != TokenKind::arrow) return left;
  require_condition(left);
  advance();
  const Part right = parse_condition();
  require_condition(right);
  return {model_.add_node(Op::implies, left.node, right.node), left.begin};
}

inline Parser::Part Parser::disjunction_from(Part left) {
  while (token_.kind == TokenKind::word_or) {
    require_condition(left);
    advance();
    const Part right = conjunction_from(parse_conjunct());
    require_condition(right);
    left.node = model_.add_node(Op::logical_or, left.node, right.node);
  }
  return left;
}

inline Parser::Part Parser::conjunction_from(Part left) {
  while (token_.kind == TokenKind::word_and) {
    require_condition(left);
    advance();
    const Part right = parse_conjunct();
    require_condition(right);
    left.node = model_.add_node(Op::logical_and, left.node, right.node);
  }
  return left;
}

// A comparison, or one with `not` before it.
Parser::Part Parser::parse_conjunct() {
  if (token_.kind != TokenKind::word_not) {
    return comparison_from(sum_from(product_from(parse_operand())));
  }
  const Depth depth(*this);
  const std::uint32_t first = token_.begin;
  advance();
  const Part operand = parse_conjunct();
  require_condition(operand);
  return {model_.add_node(Op::logical_not, operand.node), first};
}

inline Parser::Part Parser::comparison_from(Part first) {
  Part left = first;
  std::int32_t chain = -1;
  for (;;) {
    const Op op = comparison(token_.kind);
    if (op == Op::constant) {
      if (token_.kind != TokenKind::word_in) break;
      require_number(left);
      advance();
      chain = conjunction(chain, parse_membership(left, false));
      break;
    }
    require_number(left);
    advance();
    if (token_.kind == TokenKind::left_bracket && (op == Op::equal || op == Op::not_equal)) {
      chain = conjunction(chain, parse_membership(left, op == Op::not_equal));
      break;
    }
    const Part right = parse_sum();
    require_number(right);
    chain = conjunction(chain, model_.add_node(op, left.node, right.node));
    left = right;
  }
  return chain < 0 ? first : Part{chain, first.begin};
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
  std::int32_t node = 0;
  if (token_.kind != TokenKind::left_bracket) {
    node = parse_range(left);
  } else if (lexer_.plain_list(token_, model_.pool)) {
    advance();
    node = model_.add_in_pool(left.node, offset);
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
    if (is_condition_node(part.node) || !constant(part.node, value)) {
      fail_at(part.begin, "expected an integer in the list, found " + describe_at(part.begin));
    }
    values.push_back(value);
  } while (accept(TokenKind::comma));
  expect(TokenKind::right_bracket, "',' or ']'");
  return model_.add_in_list(left.node, values);
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
  if (!constant(low.node, low_value)) {
    fail_at(low.begin, "expected an integer as the end of an interval");
  }
  if (!constant(high.node, high_value)) {
    fail_at(high.begin, "expected an integer as the end of an interval");
  }
  return model_.add_in_range(left.node, low_value, high_value);
}

Parser::Part Parser::parse_sum() {
  return sum_from(product_from(parse_operand()));
}

inline Parser::Part Parser::sum_from(Part left) {
  while (token_.kind == TokenKind::plus || token_.kind == TokenKind::minus) {
    const Op op = token_.kind == TokenKind::plus ? Op::add : Op::subtract;
    require_number(left);
    advance();
    const Part right = product_from(parse_operand());
    require_number(right);
    left.node = model_.add_folded(op, left.node, right.node);
  }
  return left;
}

// A variable or a number on its own, which most operands are: without going through the grammar.
inline Parser::Part Parser::parse_operand() {
  constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  Part result;
  if (token_.kind == TokenKind::identifier) {
    result = parse_variable();
  } else if (token_.kind == TokenKind::number && token_.number <= kLargest) {
    result.begin = token_.begin;
    result.node = model_.add_constant(static_cast<std::int64_t>(token_.number));
    advance();
  } else {
    return parse_unary();
  }
  return token_.kind == TokenKind::caret ? parse_exponent_of(result) : result;
}

inline Parser::Part Parser::product_from(Part left) {
  for (bool first = true;; first = false) {
    Op op = Op::multiply;
    if (token_.kind != TokenKind::star) {
      if (token_.kind != TokenKind::slash && token_.kind != TokenKind::percent) return left;
      op = token_.kind == TokenKind::slash ? Op::divide : Op::modulo;
    }
    if (first) require_number(left);
    advance();
    const Part right = parse_operand();
    require_number(right);
    left.node = model_.add_folded(op, left.node, right.node);
  }
}

Parser::Part Parser::parse_unary() {
  if (token_.kind != TokenKind::minus) return parse_power();
  const Depth depth(*this);
  const std::uint32_t first = token_.begin;
  advance();
  if (token_.kind == TokenKind::number && token_.number == std::uint64_t{1} << 63) {
    advance();
    if (token_.kind == TokenKind::caret) fail_at(first, "expected an integer that fits in 64 bits");
    return {model_.add_constant(std::numeric_limits<std::int64_t>::min()), first};
  }
  const Part operand = parse_unary();
  require_number(operand);
  return {model_.add_folded(Op::negate, operand.node, operand.node), first};
}

std::int64_t Parser::parse_exponent() {
  const std::uint32_t first = token_.begin;
  const Part part = parse_unary();
  std::int64_t exponent = 0;
  if (is_condition_node(part.node) || !constant(part.node, exponent) || exponent < 0) {
    fail_at(first, "expected a constant exponent of at least 0, found " + describe_at(first));
  }
  return exponent;
}

Parser::Part Parser::parse_power() {
  const Part base = parse_primary();
  return token_.kind == TokenKind::caret ? parse_exponent_of(base) : base;
}

Parser::Part Parser::parse_exponent_of(const Part& base) {
  require_number(base);
  const Depth depth(*this);
  advance();
  // As in Python, ^ groups from the right and its exponent may carry a sign.
  const std::int64_t exponent = parse_exponent();
  std::int64_t value = 0;
  Int128 folded = 0;
  if (constant(base.node, value) && power_exact(value, exponent, folded) &&
      folded == static_cast<std::int64_t>(folded)) {
    return {model_.add_constant(static_cast<std::int64_t>(folded)), base.begin};
  }
  return {model_.add_node(Op::power, base.node, 0, exponent), base.begin};
}

Parser::Part Parser::parse_primary() {
  const std::uint32_t first = token_.begin;
  switch (token_.kind) {
    case TokenKind::identifier:
      return parse_variable();
    case TokenKind::number: {
      if (token_.number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        token_.kind = TokenKind::too_large;
        fail("an integer");
      }
      const std::int32_t node = model_.add_constant(static_cast<std::int64_t>(token_.number));
      advance();
      return {node, first};
    }
    case TokenKind::left_parenthesis: {
      advance();
      const Part inner = parse_condition();
      expect(TokenKind::right_parenthesis, "')' or an operator");
      return {inner.node, first};
    }
    case TokenKind::word_min:
      return parse_function(Op::minimum);
    case TokenKind::word_max:
      return parse_function(Op::maximum);
    case TokenKind::word_abs:
      return parse_function(Op::absolute);
    default:
      fail("a number, a variable or '('");
  }
}

Parser::Part Parser::parse_function(Op op) {
  const Depth depth(*this);
  const std::uint32_t first = token_.begin;
  advance();
  expect(TokenKind::left_parenthesis, "'('");
  Part result = parse_sum();
  require_number(result);
  if (op == Op::absolute) {
    result.node = model_.add_folded(op, result.node, result.node);
  } else {
    if (token_.kind != TokenKind::comma) fail("',' and another argument");
    while (accept(TokenKind::comma)) {
      const Part next = parse_sum();
      require_number(next);
      result.node = model_.add_folded(op, result.node, next.node);
    }
  }
  expect(TokenKind::right_parenthesis, "')' or an operator");
  return {result.node, first};
}

}  // namespace constrint::detail
