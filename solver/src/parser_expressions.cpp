// SPDX-License-Identifier: Apache-2.0
// Conditions and numbers: the grammar below statements.
#include <limits>
#include <string>

#include "arithmetic.hpp"
#include "parser.hpp"

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

std::int32_t Parser::conjunction(std::int32_t a, std::int32_t b) {
  return a < 0 ? b : model_.add_node(Op::logical_and, a, b);
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
  return {model_.add_node(Op::implies, left.node(), right.node()), left.begin()};
}

inline Parser::Part Parser::disjunction_from(Part left) {
  while (token_.kind == TokenKind::word_or) {
    require_condition(left);
    advance();
    const Part right = conjunction_from(parse_conjunct());
    require_condition(right);
    left = {model_.add_node(Op::logical_or, left.node(), right.node()), left.begin()};
  }
  return left;
}

inline Parser::Part Parser::conjunction_from(Part left) {
  while (token_.kind == TokenKind::word_and) {
    require_condition(left);
    advance();
    const Part right = parse_conjunct();
    require_condition(right);
    left = {model_.add_node(Op::logical_and, left.node(), right.node()), left.begin()};
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
  return {model_.add_node(Op::logical_not, operand.node()), first};
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
    chain = conjunction(chain, model_.add_node(op, left.node(), right.node()));
    left = right;
  }
  return chain < 0 ? first : Part{chain, first.begin()};
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
    left = {model_.add_folded(op, left.node(), right.node()), left.begin()};
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
    result = {model_.add_constant(static_cast<std::int64_t>(token_.number)), token_.begin};
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
    left = {model_.add_folded(op, left.node(), right.node()), left.begin()};
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
  return {model_.add_folded(Op::negate, operand.node(), operand.node()), first};
}

std::int64_t Parser::parse_exponent() {
  const std::uint32_t first = token_.begin;
  const Part part = parse_unary();
  std::int64_t exponent = 0;
  if (is_condition_node(part.node()) || !constant(part.node(), exponent) || exponent < 0) {
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
  if (constant(base.node(), value) && power_exact(value, exponent, folded) &&
      folded == static_cast<std::int64_t>(folded)) {
    return {model_.add_constant(static_cast<std::int64_t>(folded)), base.begin()};
  }
  return {model_.add_node(Op::power, base.node(), 0, exponent), base.begin()};
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
      return {inner.node(), first};
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
    result = {model_.add_folded(op, result.node(), result.node()), result.begin()};
  } else {
    if (token_.kind != TokenKind::comma) fail("',' and another argument");
    while (accept(TokenKind::comma)) {
      const Part next = parse_sum();
      require_number(next);
      result = {model_.add_folded(op, result.node(), next.node()), result.begin()};
    }
  }
  expect(TokenKind::right_parenthesis, "')' or an operator");
  return {result.node(), first};
}

}  // namespace constrint::detail
