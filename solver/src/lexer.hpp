// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "recycler.hpp"
#include "word_bits.hpp"

namespace constrint::detail {

enum class TokenKind : std::uint8_t {
  end,
  identifier,
  number,
  plus,
  minus,
  star,
  slash,
  percent,
  caret,
  left_parenthesis,
  right_parenthesis,
  left_bracket,
  right_bracket,
  comma,
  semicolon,
  range,  // ..
  arrow,  // ->
  equal,  // comparisons, in the order of those among the operators
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  word_in,
  word_and,
  word_or,
  word_not,
  word_min,
  word_max,
  word_abs,
  word_prefer,
  word_minimize,
  word_maximize,
  invalid,    // a character that starts no token
  too_large,  // a number above 2^63
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::uint32_t begin = 0;
  std::uint32_t size = 0;
  std::uint64_t number = 0;  // magnitude, at most 2^63
};

/// Splits a text of less than 4 GiB into tokens, one at a time, in linear time.
class Lexer {
 public:
  /// So many zeros must stand behind the text: it is read in blocks, and its end found as a byte
  /// that belongs to no token.
  static constexpr std::size_t kPadding = WordBits::kBlock;

  /// From byte `at` on, which must start a token.
  explicit Lexer(std::string_view text, std::size_t at = 0)
      : begin_(text.data()),
        end_(begin_ + text.size()),
        at_(begin_ + at),
        words_(begin_, text.size()) {}

  /// Reads the next token into `token`, field by field: a token returned by value and copied whole
  /// would wait for its just written parts.
  void next(Token& token);
  /// Behind a '[': reads a list of nothing but plain numbers, commas and blanks up to its ']',
  /// which is then the token, to the end of `values`; or reads nothing and is false.
  bool plain_list(Token& token, RecyclingVector<std::int64_t>& values, bool& ascending);
  /// Behind a name: reads ` in [...];` with a plain list. The semicolon is then the token. Or reads
  /// nothing and is false.
  bool plain_domain(Token& token, RecyclingVector<std::int64_t>& values, bool& ascending);
  /// The same for ` == NUMBER;` with a plain number.
  bool plain_equality(Token& token, std::int64_t& value);
  /// Whether the token that next() returned last is directly followed by a comma or ']'.
  [[nodiscard]] bool at_list_separator() const { return *at_ == ',' || *at_ == ']'; }
  /// Line of the token that next() returned last, from 1.
  [[nodiscard]] std::uint32_t line() const { return line_; }
  [[nodiscard]] std::string_view text() const { return {begin_, end_}; }
  [[nodiscard]] std::string_view spelling(const Token& token) const {
    return {begin_ + token.begin, token.size};
  }

 private:
  void make(Token& token, TokenKind kind, const char* end) {
    token.kind = kind;
    token.begin = static_cast<std::uint32_t>(at_ - begin_);
    token.size = static_cast<std::uint32_t>(end - at_);
    at_ = end;
  }
  void identifier(Token& token);
  void long_identifier(Token& token);
  void number(Token& token);
  void odd(Token& token);
  void begin(Token& token, std::uint8_t own);
  void next_behind_blanks(Token& token);
  static const char* plain_number(const char* at, std::int64_t& value);
  static const char* plain_values(const char* at, RecyclingVector<std::int64_t>& values,
                                  bool& ascending);

  const char* begin_;
  const char* end_;
  const char* at_;
  std::uint32_t line_ = 1;
  WordBits words_;
};

/// A token as error messages show it: 'x', "end of text", or an escaped byte.
std::string describe(const Lexer& lexer, const Token& token);

}  // namespace constrint::detail
