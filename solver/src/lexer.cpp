// SPDX-License-Identifier: Apache-2.0
#include "lexer.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "model_data.hpp"

namespace constrint::detail {

namespace {

constexpr std::array<bool, 256> make_word_characters() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
  table['_'] = true;
  return table;
}

constexpr std::array<bool, 256> kWordCharacter = make_word_characters();

constexpr std::size_t kBytesAtOnce = 16;

// How many of sixteen bytes from `at` on are word characters before the first other one, on a
// machine that keeps the first byte of a number first.
std::size_t word_characters_of_sixteen(const char* at) {
  using Bytes [[gnu::vector_size(kBytesAtOnce)]] = unsigned char;
  Bytes bytes;
  std::memcpy(&bytes, at, sizeof bytes);
  const Bytes folded = bytes | 0x20;  // upper case to lower
  const auto word = (folded - 'a' <= 'z' - 'a') | (bytes - '0' <= '9' - '0') | (bytes == '_');
  std::array<std::uint64_t, 2> halves{};
  std::memcpy(halves.data(), &word, sizeof word);
  const auto first = [](std::uint64_t half) {
    return static_cast<std::size_t>(std::countr_zero(~half)) / 8;
  };
  return ~halves[0] != 0 ? first(halves[0]) : 8 + first(halves[1]);
}

constexpr std::pair<std::string_view, TokenKind> kWords[] = {
    {"in", TokenKind::word_in},
    {"and", TokenKind::word_and},
    {"or", TokenKind::word_or},
    {"not", TokenKind::word_not},
    {"min", TokenKind::word_min},
    {"max", TokenKind::word_max},
    {"abs", TokenKind::word_abs},
    {"prefer", TokenKind::word_prefer},
    {"minimize", TokenKind::word_minimize},
    {"maximize", TokenKind::word_maximize},
};

// Only short lower-case words can be words of the language.
TokenKind classify(std::string_view word) {
  if (word.size() > 8 || word[0] < 'a' || word[0] > 'p') return TokenKind::identifier;
  for (const auto& [spelling, kind] : kWords) {
    if (word == spelling) return kind;
  }
  return TokenKind::identifier;
}

}  // namespace

bool is_reserved(std::string_view word) {
  return classify(word) != TokenKind::identifier;
}

inline void Lexer::make(Token& token, TokenKind kind, std::size_t size) {
  token.kind = kind;
  token.begin = static_cast<std::uint32_t>(at_);
  token.size = static_cast<std::uint32_t>(size);
  at_ += size;
}

void Lexer::identifier(Token& token) {
  std::size_t end = at_ + 1;
  if constexpr (std::endian::native == std::endian::little) {
    while (end + kBytesAtOnce <= text_.size()) {
      const std::size_t found = word_characters_of_sixteen(text_.data() + end);
      end += found;
      if (found < kBytesAtOnce)
        return make(token, classify(text_.substr(at_, end - at_)), end - at_);
    }
  }
  while (end < text_.size() && kWordCharacter[static_cast<unsigned char>(text_[end])]) ++end;
  make(token, classify(text_.substr(at_, end - at_)), end - at_);
}

void Lexer::number(Token& token) {
  constexpr std::uint64_t kLargest = std::uint64_t{1} << 63;
  constexpr std::size_t kShort = 18;  // so many digits fit for sure
  std::uint64_t value = 0;
  bool fits = true;
  std::size_t end = at_;
  const std::size_t short_end = std::min(text_.size(), at_ + kShort);
  for (; end < short_end && text_[end] >= '0' && text_[end] <= '9'; ++end) {
    value = value * 10 + static_cast<std::uint64_t>(text_[end] - '0');
  }
  for (; end < text_.size() && text_[end] >= '0' && text_[end] <= '9'; ++end) {
    const auto digit = static_cast<std::uint64_t>(text_[end] - '0');
    fits = fits && value <= (kLargest - digit) / 10;
    if (fits) value = value * 10 + digit;
  }
  // "12abc" is one wrong token, not two right ones.
  bool word = false;
  while (end < text_.size() && kWordCharacter[static_cast<unsigned char>(text_[end])]) {
    word = true;
    ++end;
  }
  make(token,
       word   ? TokenKind::invalid
       : fits ? TokenKind::number
              : TokenKind::too_large,
       end - at_);
  token.number = value;
}

bool Lexer::plain_list(Token& token, std::vector<std::int64_t>& values) {
  constexpr std::size_t kShort = 18;
  const char* at = text_.data() + at_;
  const char* const end = text_.data() + text_.size();
  const std::size_t before = values.size();
  for (;;) {
    while (at < end && *at == ' ') ++at;
    const char* const digits = at;
    std::uint64_t value = 0;
    for (; at < end && *at >= '0' && *at <= '9'; ++at) {
      value = value * 10 + static_cast<std::uint64_t>(*at - '0');
    }
    const auto length = static_cast<std::size_t>(at - digits);
    if (length == 0 || length > kShort || at == end || (*at != ',' && *at != ']')) break;
    values.push_back(static_cast<std::int64_t>(value));
    if (*at++ == ',') continue;
    at_ = static_cast<std::size_t>(at - 1 - text_.data());
    make(token, TokenKind::right_bracket, 1);
    return true;
  }
  values.resize(before);
  return false;
}

void Lexer::next(Token& token) {
  const std::size_t size = text_.size();
  for (;;) {
    if (at_ >= size) return make(token, TokenKind::end, 0);
    const char c = text_[at_];
    if (c == '\n') {
      ++line_;
      ++at_;
    } else if (c == ' ' || c == '\t' || c == '\r') {
      ++at_;
    } else if (c == '#') {
      const std::size_t end = text_.find('\n', at_);
      at_ = end == std::string_view::npos ? size : end;
    } else {
      break;
    }
  }
  const char c = text_[at_];
  // Most tokens are names and numbers.
  if (kWordCharacter[static_cast<unsigned char>(c)])
    return c <= '9' ? number(token) : identifier(token);
  const char following = at_ + 1 < size ? text_[at_ + 1] : '\0';
  switch (c) {
    case '+':
      return make(token, TokenKind::plus, 1);
    case '-':
      return following == '>' ? make(token, TokenKind::arrow, 2) : make(token, TokenKind::minus, 1);
    case '*':
      return make(token, TokenKind::star, 1);
    case '/':
      return make(token, TokenKind::slash, 1);
    case '%':
      return make(token, TokenKind::percent, 1);
    case '^':
      return make(token, TokenKind::caret, 1);
    case '(':
      return make(token, TokenKind::left_parenthesis, 1);
    case ')':
      return make(token, TokenKind::right_parenthesis, 1);
    case '[':
      return make(token, TokenKind::left_bracket, 1);
    case ']':
      return make(token, TokenKind::right_bracket, 1);
    case ',':
      return make(token, TokenKind::comma, 1);
    case ';':
      return make(token, TokenKind::semicolon, 1);
    case '.':
      return following == '.' ? make(token, TokenKind::range, 2)
                              : make(token, TokenKind::invalid, 1);
    case '=':
      return following == '=' ? make(token, TokenKind::equal, 2)
                              : make(token, TokenKind::invalid, 1);
    case '!':
      return following == '=' ? make(token, TokenKind::not_equal, 2)
                              : make(token, TokenKind::invalid, 1);
    case '<':
      return following == '=' ? make(token, TokenKind::less_equal, 2)
                              : make(token, TokenKind::less, 1);
    case '>':
      return following == '=' ? make(token, TokenKind::greater_equal, 2)
                              : make(token, TokenKind::greater, 1);
    default:
      return make(token, TokenKind::invalid, 1);
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
