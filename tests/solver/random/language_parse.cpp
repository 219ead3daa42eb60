// SPDX-License-Identifier: Apache-2.0
#include <cctype>
#include <charconv>
#include <limits>
#include <map>
#include <optional>

#include "language.hpp"

namespace oracle {
namespace {

struct Token {
  enum class Kind { end, number, name, symbol };
  Kind kind = Kind::end;
  std::string_view text;
  int line = 0;
};

std::vector<Token> tokens_of(std::string_view text) {
  static constexpr std::string_view symbols[] = {"->", "..", "==", "!=", "<=", ">=", "<",
                                                 ">",  "+",  "-",  "*",  "/",  "%",  "^",
                                                 "(",  ")",  "[",  "]",  ",",  ";"};
  std::vector<Token> result;
  int line = 1;
  std::size_t at = 0;
  const auto is_word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
  };
  while (at < text.size()) {
    const char c = text[at];
    if (c == '\n') ++line;
    if (std::isspace(static_cast<unsigned char>(c))) {
      ++at;
    } else if (c == '#') {
      while (at < text.size() && text[at] != '\n') ++at;
    } else if (is_word(c)) {
      const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
      std::size_t end = at;
      while (end < text.size() && is_word(text[end])) ++end;
      result.push_back(
          {digit ? Token::Kind::number : Token::Kind::name, text.substr(at, end - at), line});
      at = end;
    } else {
      std::size_t length = 0;
      for (const std::string_view symbol : symbols) {
        if (text.substr(at, symbol.size()) == symbol) {
          length = symbol.size();
          break;
        }
      }
      if (length == 0) throw SyntaxError("line " + std::to_string(line) + ": unexpected character");
      result.push_back({Token::Kind::symbol, text.substr(at, length), line});
      at += length;
    }
  }
  result.push_back({Token::Kind::end, {}, line});
  return result;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : tokens_(tokens_of(text)) {}

  Problem problem() {
    while (peek().kind != Token::Kind::end) {
      problem_.statements.push_back(statement());
      expect(";");
    }
    return std::move(problem_);
  }

 private:
  const Token& peek(std::size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  bool next_is(std::string_view text, std::size_t ahead = 0) const {
    const Token& token = peek(ahead);
    return token.kind != Token::Kind::end && token.kind != Token::Kind::number &&
           token.text == text;
  }
  bool accept(std::string_view text) {
    if (!next_is(text)) return false;
    ++at_;
    return true;
  }
  void expect(std::string_view text) {
    if (!accept(text)) fail("expected " + std::string(text));
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw SyntaxError("line " + std::to_string(peek().line) + ": " + what + ", found '" +
                      std::string(peek().text) + "'");
  }

  std::size_t name() {
    if (peek().kind != Token::Kind::name) fail("expected a name");
    const auto [entry, is_new] =
        index_.try_emplace(std::string(peek().text), problem_.names.size());
    if (is_new) problem_.names.emplace_back(peek().text);
    ++at_;
    return entry->second;
  }

  // The magnitude is read unsigned so that -2^63 can be written.
  std::int64_t integer() {
    const bool negative = accept("-");
    if (peek().kind != Token::Kind::number) fail("expected an integer");
    std::uint64_t magnitude = 0;
    const std::string_view text = peek().text;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), magnitude);
    const std::uint64_t limit = std::uint64_t{1} << 63;
    if (error != std::errc{} || end != text.data() + text.size() ||
        magnitude > (negative ? limit : limit - 1)) {
      fail("expected a 64-bit integer");
    }
    ++at_;
    return static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude);
  }

  Statement statement() {
    Statement result;
    if (peek().kind == Token::Kind::name &&
        (next_is("in", 1) || (next_is("==", 1) && next_is("[", 2)))) {
      result.kind = Statement::Kind::domain;
      result.domain.variable = name();
      ++at_;
      domain_values(result.domain);
    } else if (next_is("prefer") && peek(1).kind == Token::Kind::name) {
      ++at_;
      result.kind = Statement::Kind::preference;
      result.preference.variable = name();
      result.preference.largest = next_is("largest");
      if (!accept("largest")) expect("smallest");
    } else if ((next_is("minimize") || next_is("maximize")) && !is_operator_ahead()) {
      result.kind = next_is("minimize") ? Statement::Kind::minimize : Statement::Kind::maximize;
      ++at_;
      result.expression = implication();
    } else {
      result.expression = implication();
    }
    return result;
  }

  bool is_operator_ahead() const {
    return peek(1).kind == Token::Kind::symbol && !next_is("(", 1) && !next_is("-", 1);
  }

  void domain_values(Domain& domain) {
    if (accept("[")) {
      do {
        domain.values.push_back(integer());
      } while (accept(","));
      expect("]");
    } else {
      domain.is_range = true;
      domain.low = integer();
      expect("..");
      domain.high = integer();
    }
  }

  Expr implication() {
    Expr left = disjunction();
    return accept("->") ? node(Op::implication, {left, implication()}) : left;
  }
  Expr disjunction() {
    return repeated("or", Op::disjunction, [this] { return conjunction(); });
  }
  Expr conjunction() {
    return repeated("and", Op::conjunction, [this] { return negation(); });
  }

  template <class Operand>
  Expr repeated(std::string_view word, Op op, Operand operand) {
    std::vector<Expr> operands{operand()};
    while (accept(word)) operands.push_back(operand());
    return operands.size() == 1 ? operands.front() : node(op, std::move(operands));
  }

  Expr negation() { return accept("not") ? node(Op::negation, {negation()}) : comparison(); }

  std::optional<Compare> comparison_sign() {
    if (accept("==")) return Compare::equal;
    if (accept("!=")) return Compare::not_equal;
    if (accept("<=")) return Compare::less_equal;
    if (accept("<")) return Compare::less;
    if (accept(">=")) return Compare::greater_equal;
    if (accept(">")) return Compare::greater;
    return std::nullopt;
  }

  Expr comparison() {
    std::vector<Expr> operands{sum()};
    std::vector<Compare> compare;
    while (const auto sign = comparison_sign()) {
      compare.push_back(*sign);
      operands.push_back(sum());
    }
    return compare.empty() ? operands.front() : chain(std::move(operands), std::move(compare));
  }

  Expr sum() {
    Expr left = product();
    while (next_is("+") || next_is("-")) {
      const Op op = next_is("+") ? Op::add : Op::subtract;
      ++at_;
      left = node(op, {left, product()});
    }
    return left;
  }

  Expr product() {
    Expr left = sign();
    while (next_is("*") || next_is("/") || next_is("%")) {
      const Op op = next_is("*") ? Op::multiply : next_is("/") ? Op::divide : Op::modulo;
      ++at_;
      left = node(op, {left, sign()});
    }
    return left;
  }

  Expr sign() {
    if (!next_is("-")) return power();
    if (peek(1).kind == Token::Kind::number && !next_is("^", 2)) return number(integer());
    ++at_;
    return node(Op::negate, {sign()});
  }

  Expr power() {
    Expr base = primary();
    return accept("^") ? node(Op::power, {base, sign()}) : base;
  }

  Expr primary() {
    if (peek().kind == Token::Kind::number) return number(integer());
    if (accept("(")) {
      Expr inner = implication();
      expect(")");
      return inner;
    }
    for (const auto& [word, op] :
         {std::pair{"min", Op::minimum}, {"max", Op::maximum}, {"abs", Op::absolute}}) {
      if (next_is(word) && next_is("(", 1)) {
        at_ += 2;
        std::vector<Expr> operands{sum()};
        while (accept(",")) operands.push_back(sum());
        expect(")");
        return node(op, std::move(operands));
      }
    }
    return variable(name());
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  Problem problem_;
  std::map<std::string, std::size_t> index_;
};

}  // namespace

Problem parse(std::string_view text) {
  return Parser(text).problem();
}

}  // namespace oracle
