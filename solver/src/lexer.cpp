// SPDX-License-Identifier: Apache-2.0
#include "lexer.hpp"

#include <array>
#include <bit>
#include <cstring>

#include "model_data.hpp"
#include "names.hpp"

namespace constrint::detail {

namespace {

// What a byte can be the first of. Bytes that are a token of their own follow, by kind.
enum Class : std::uint8_t { blank, new_line, letter, digit, other, single };

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> table{};
  table.fill(Class::other);
  const auto set = [&table](char c, std::uint8_t to) { table[static_cast<unsigned char>(c)] = to; };
  const auto alone = [&set](char c, TokenKind kind) {
    set(c, static_cast<std::uint8_t>(Class::single + static_cast<std::uint8_t>(kind)));
  };
  for (char c = 'a'; c <= 'z'; ++c) set(c, Class::letter);
  for (char c = 'A'; c <= 'Z'; ++c) set(c, Class::letter);
  for (char c = '0'; c <= '9'; ++c) set(c, Class::digit);
  set('_', Class::letter);
  set(' ', Class::blank);
  set('\t', Class::blank);
  set('\r', Class::blank);
  set('\n', Class::new_line);
  alone('+', TokenKind::plus);
  alone('*', TokenKind::star);
  alone('/', TokenKind::slash);
  alone('%', TokenKind::percent);
  alone('^', TokenKind::caret);
  alone('(', TokenKind::left_parenthesis);
  alone(')', TokenKind::right_parenthesis);
  alone('[', TokenKind::left_bracket);
  alone(']', TokenKind::right_bracket);
  alone(',', TokenKind::comma);
  alone(';', TokenKind::semicolon);
  return table;
}

constexpr std::array<std::uint8_t, 256> kClass = make_classes();

std::uint8_t class_of(char c) {
  return kClass[static_cast<unsigned char>(c)];
}
bool is_word_character(char c) {
  return class_of(c) == Class::letter || class_of(c) == Class::digit;
}
bool is_digit(char c) {
  return static_cast<unsigned char>(c - '0') <= 9;
}

// The bytes of a word of at most eight, as a number.
constexpr std::uint64_t packed(std::string_view word) {
  std::uint64_t result = 0;
  for (std::size_t i = word.size(); i-- > 0;) {
    result = result << 8 | static_cast<unsigned char>(word[i]);
  }
  return result;
}

// Only short lower-case words can be words of the language.
bool may_be_word(const char* word, std::size_t size) {
  return size <= 8 && *word >= 'a' && *word <= 'p';
}

TokenKind classify(std::uint64_t word) {
  switch (word) {
    case packed("in"):
      return TokenKind::word_in;
    case packed("and"):
      return TokenKind::word_and;
    case packed("or"):
      return TokenKind::word_or;
    case packed("not"):
      return TokenKind::word_not;
    case packed("min"):
      return TokenKind::word_min;
    case packed("max"):
      return TokenKind::word_max;
    case packed("abs"):
      return TokenKind::word_abs;
    case packed("prefer"):
      return TokenKind::word_prefer;
    case packed("minimize"):
      return TokenKind::word_minimize;
    case packed("maximize"):
      return TokenKind::word_maximize;
    default:
      return TokenKind::identifier;
  }
}

}  // namespace

bool is_reserved(std::string_view word) {
  return !word.empty() && may_be_word(word.data(), word.size()) &&
         classify(packed(word)) != TokenKind::identifier;
}

inline void Lexer::identifier(Token& token) {
  const std::size_t size = words_.run(static_cast<std::size_t>(at_ - begin_));
  if (size >= WordBits::kShortRun) return long_identifier(token);
  TokenKind kind = TokenKind::identifier;
  if (may_be_word(at_, size)) {
    if constexpr (std::endian::native == std::endian::little) {
      kind = classify(load<std::uint64_t>(at_) & (~std::uint64_t{0} >> (64 - 8 * size)));
    } else {
      kind = classify(packed({at_, size}));
    }
  }
  make(token, kind, at_ + size);
}

[[gnu::noinline]] void Lexer::long_identifier(Token& token) {
  make(token, TokenKind::identifier, at_ + words_.long_run(static_cast<std::size_t>(at_ - begin_)));
}

inline void Lexer::number(Token& token) {
  constexpr std::uint64_t kLargest = std::uint64_t{1} << 63;
  constexpr std::ptrdiff_t kShort = 18;  // so many digits fit for sure
  std::uint64_t value = 0;
  bool fits = true;
  const char* end = at_;
  for (; is_digit(*end) && end - at_ < kShort; ++end) {
    value = value * 10 + static_cast<std::uint64_t>(*end - '0');
  }
  for (; is_digit(*end); ++end) {
    const auto next_digit = static_cast<std::uint64_t>(*end - '0');
    fits = fits && value <= (kLargest - next_digit) / 10;
    if (fits) value = value * 10 + next_digit;
  }
  token.number = value;
  // "12abc" is one wrong token, not two right ones.
  const bool word = is_word_character(*end);
  while (is_word_character(*end)) ++end;
  make(token, word ? TokenKind::invalid : fits ? TokenKind::number : TokenKind::too_large, end);
}

// The end, and what may have two characters.
void Lexer::odd(Token& token) {
  const auto one_or_two = [&](char second, TokenKind two, TokenKind one) {
    return at_[1] == second ? make(token, two, at_ + 2) : make(token, one, at_ + 1);
  };
  switch (*at_) {
    case '-':
      return one_or_two('>', TokenKind::arrow, TokenKind::minus);
    case '.':
      return one_or_two('.', TokenKind::range, TokenKind::invalid);
    case '=':
      return one_or_two('=', TokenKind::equal, TokenKind::invalid);
    case '!':
      return one_or_two('=', TokenKind::not_equal, TokenKind::invalid);
    case '<':
      return one_or_two('=', TokenKind::less_equal, TokenKind::less);
    case '>':
      return one_or_two('=', TokenKind::greater_equal, TokenKind::greater);
    default:
      return at_ == end_ ? make(token, TokenKind::end, at_)
                         : make(token, TokenKind::invalid, at_ + 1);
  }
}

// The token that begins at at_; own: what its first byte is.
[[gnu::always_inline]] inline void Lexer::begin(Token& token, std::uint8_t own) {
  // Most tokens are names.
  if (own == Class::letter) return identifier(token);
  if (own >= Class::single) {
    return make(token, static_cast<TokenKind>(own - Class::single), at_ + 1);
  }
  if (own == Class::digit) return number(token);
  odd(token);
}

// Most tokens stand behind one blank or none. Nothing is called but at the end, so that no
// registers have to be saved.
void Lexer::next(Token& token) {
  at_ += *at_ == ' ' ? 1 : 0;
  const std::uint8_t own = class_of(*at_);
  if (own <= Class::new_line || *at_ == '#') return next_behind_blanks(token);
  begin(token, own);
}

[[gnu::noinline]] void Lexer::next_behind_blanks(Token& token) {
  const char* at = at_;
  for (;;) {
    const std::uint8_t own = class_of(*at);
    if (own <= Class::new_line) {
      line_ += own;
      ++at;
    } else if (*at == '#') {
      const void* const end = std::memchr(at, '\n', static_cast<std::size_t>(end_ - at));
      at = end == nullptr ? end_ : static_cast<const char*>(end);
    } else {
      at_ = at;
      return begin(token, own);
    }
  }
}

std::string describe(const Lexer& lexer, const Token& token) {
  if (token.kind == TokenKind::end) return "the end of the text";
  constexpr std::size_t kShown = 40;
  std::string result = "'";
  for (const char c : lexer.spelling(token).substr(0, kShown)) {
    if (c >= ' ' && c <= '~') {
      result += c;
    } else {
      constexpr char kDigits[] = "0123456789ABCDEF";
      result += "\\x";
      result += kDigits[static_cast<unsigned char>(c) >> 4];
      result += kDigits[static_cast<unsigned char>(c) & 15];
    }
  }
  return result + (token.size > kShown ? "...'" : "'");
}

}  // namespace constrint::detail
