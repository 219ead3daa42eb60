// SPDX-License-Identifier: Apache-2.0
// Numbers, lists and statements in their plainest form, which most of them have: without going
// through tokens.
#include <bit>

#include "lexer.hpp"
#include "names.hpp"

namespace constrint::detail {

namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101ULL;

// Eight bytes of a text as a number, the first one lowest.
std::uint64_t load_bytes(const char* at) {
  if constexpr (std::endian::native == std::endian::little) return load<std::uint64_t>(at);
  std::uint64_t result = 0;
  for (std::size_t i = 8; i-- > 0;) result = result << 8 | static_cast<unsigned char>(at[i]);
  return result;
}

// Whether the text goes on with some bytes, at most eight.
template <std::size_t size>
bool continues(const char* at, const char (&with)[size]) {
  constexpr std::uint64_t kMask = ~std::uint64_t{0} >> (8 * (9 - size));
  std::uint64_t bytes = 0;
  for (std::size_t i = size - 1; i-- > 0;) bytes = bytes << 8 | static_cast<unsigned char>(with[i]);
  return (load_bytes(at) & kMask) == bytes;
}

// The number that eight bytes begin with, if it has one to seven digits.
struct ShortNumber {
  explicit ShortNumber(std::uint64_t bytes) : digits_(bytes ^ kOnes * '0') {
    // A bit for each byte that is no digit.
    const std::uint64_t others =
        (((digits_ & kOnes * 0x7F) + kOnes * (0x7F - 9)) | digits_) & kOnes * 0x80;
    bits = others == 0 ? 0 : std::countr_zero(others) / 8 * 8;
  }
  [[nodiscard]] std::int64_t value() const {
    // The last digit highest, zeros before the first; then pairs of digits, and all of them.
    std::uint64_t all = digits_ << (64 - bits);
    all = all * 10 + (all >> 8);
    constexpr std::uint64_t kPairs = 0x000000FF000000FFULL;
    all = (all & kPairs) * (100 + (std::uint64_t{1000000} << 32)) +
          (all >> 16 & kPairs) * (1 + (std::uint64_t{10000} << 32));
    return static_cast<std::int64_t>(all >> 32);
  }
  int bits = 0;  // of its digits' bytes; 0 if there is none

 private:
  std::uint64_t digits_;  // 0 to 9, or what is no digit
};

}  // namespace

// A number of at most 18 digits, so that it fits for sure: its end, or null.
const char* Lexer::plain_number(const char* at, std::int64_t& value) {
  const ShortNumber number(load_bytes(at));
  if (number.bits > 0) {
    value = number.value();
    return at + number.bits / 8;
  }
  constexpr std::ptrdiff_t kMostDigits = 18;
  const char* const first = at;
  for (value = 0; static_cast<unsigned char>(*at - '0') <= 9; ++at) {
    if (at - first == kMostDigits) return nullptr;
    value = value * 10 + (*at - '0');
  }
  return at == first ? nullptr : at;
}

// The values of a list from behind its '[' on: where its ']' stands, or null, and then the values
// are as they were.
inline const char* Lexer::plain_values(const char* at, RecyclingVector<std::int64_t>& values,
                                       bool& ascending) {
  constexpr int kMostBits = 48;  // leaves two bytes of eight
  const std::size_t before = values.size();
  std::int64_t last = -1;
  ascending = true;
  at += *at == ' ' ? 1 : 0;
  for (;;) {
    const std::uint64_t bytes = load_bytes(at);
    const ShortNumber number(bytes);
    std::int64_t value = 0;
    std::uint64_t behind = bytes >> number.bits & 0xFFFF;
    if (number.bits > 0 && number.bits <= kMostBits && (behind & 0xFF) != ' ') {
      value = number.value();
      at += number.bits / 8;
    } else {
      at = plain_number(at, value);
      if (at == nullptr) break;
      at += *at == ' ' ? 1 : 0;
      behind = load_bytes(at) & 0xFFFF;
    }
    const bool ends = (behind & 0xFF) == ']';
    if (!ends && (behind & 0xFF) != ',') break;
    ascending = ascending && value > last;
    last = value;
    values.push_back(value);
    if (ends) return at;
    at += behind >> 8 == ' ' ? 2 : 1;
  }
  values.resize(before);
  return nullptr;
}

bool Lexer::plain_list(Token& token, RecyclingVector<std::int64_t>& values, bool& ascending) {
  const char* const end = plain_values(at_, values, ascending);
  if (end == nullptr) return false;
  at_ = end;
  make(token, TokenKind::right_bracket, end + 1);
  return true;
}

bool Lexer::plain_domain(Token& token, RecyclingVector<std::int64_t>& values, bool& ascending) {
  constexpr char kBegin[] = " in [";
  if (!continues(at_, kBegin)) return false;
  const std::size_t before = values.size();
  const char* const end = plain_values(at_ + sizeof kBegin - 1, values, ascending);
  if (end == nullptr) return false;
  if (end[1] == ';') {
    at_ = end + 1;
    make(token, TokenKind::semicolon, end + 2);
    return true;
  }
  values.resize(before);
  return false;
}

bool Lexer::plain_equality(Token& token, std::int64_t& value) {
  constexpr char kBegin[] = " == ";
  if (!continues(at_, kBegin)) return false;
  const char* const end = plain_number(at_ + sizeof kBegin - 1, value);
  if (end == nullptr || *end != ';') return false;
  at_ = end;
  make(token, TokenKind::semicolon, end + 1);
  return true;
}

}  // namespace constrint::detail
