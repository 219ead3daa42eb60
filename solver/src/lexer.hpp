// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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
  equal,
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
  /// From byte `at` on, which must start a token.
  explicit Lexer(std::string_view text, std::size_t at = 0) : text_(text), at_(at) {}

  /// Reads the next token into `token`, field by field: a token returned by value and copied whole
  /// would wait for its just written parts.
  void next(Token& token);
  /// Behind a '[': reads a list of nothing but plain numbers, commas and blanks up to its ']',
  /// which is then the token; or reads nothing and is false.
  bool plain_list(Token& token, std::vector<std::int64_t>& values);
  /// Whether the token that next() returned last is directly followed by a comma or ']'.
  [[nodiscard]] bool at_list_separator() const {
    return at_ < text_.size() && (text_[at_] == ',' || text_[at_] == ']');
  }
  /// Whether it is followed by a blank and the word `in`.
  [[nodiscard]] bool at_word_in() const {
    return at_ + 3 < text_.size() && text_[at_] == ' ' && text_[at_ + 1] == 'i' &&
           text_[at_ + 2] == 'n' && (text_[at_ + 3] == ' ' || text_[at_ + 3] == '[');
  }
  /// Line of the token that next() returned last, from 1.
  [[nodiscard]] std::uint32_t line() const { return line_; }
  [[nodiscard]] std::string_view text() const { return text_; }
  [[nodiscard]] std::string_view spelling(const Token& token) const {
    return text_.substr(token.begin, token.size);
  }

 private:
  void make(Token& token, TokenKind kind, std::size_t size);
  void identifier(Token& token);
  void number(Token& token);

  std::string_view text_;
  std::size_t at_ = 0;
  std::uint32_t line_ = 1;
};

/// A token as error messages show it: 'x', "end of text", or an escaped byte.
std::string describe(const Lexer& lexer, const Token& token);

}  // namespace constrint::detail
