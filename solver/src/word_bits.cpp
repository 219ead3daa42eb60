// SPDX-License-Identifier: Apache-2.0
#include "word_bits.hpp"

namespace constrint::detail {

namespace {

#if defined(__x86_64__) && defined(__GNUC__)

template <std::size_t bytes>
struct Vectors {
  using Bytes [[gnu::vector_size(bytes)]] = unsigned char;
  using Chars [[gnu::vector_size(bytes)]] = char;

  [[gnu::always_inline]] static void classify(const char* at, Chars& words) {
    Bytes own;
    std::memcpy(&own, at, sizeof own);
    const Bytes folded = own | 0x20;
    words = (Chars)((folded - 'a' <= 'z' - 'a') | (own - '0' <= '9' - '0') | (own == '_'));
  }
};

void find_words_with_sse2(const char* text, std::uint8_t* bits, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; i += 16) {
    Vectors<16>::Chars words;
    Vectors<16>::classify(text + i, words);
    const auto mask = static_cast<std::uint16_t>(__builtin_ia32_pmovmskb128(words));
    std::memcpy(bits + i / 8, &mask, sizeof mask);
  }
}

[[gnu::target("avx2")]] void find_words_with_avx2(const char* text, std::uint8_t* bits,
                                                  std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; i += 32) {
    Vectors<32>::Chars words;
    Vectors<32>::classify(text + i, words);
    const auto mask = static_cast<std::uint32_t>(__builtin_ia32_pmovmskb256(words));
    std::memcpy(bits + i / 8, &mask, sizeof mask);
  }
}

void find_words(const char* text, std::uint8_t* bits, std::size_t bytes) {
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx2) return find_words_with_avx2(text, bits, bytes);
  find_words_with_sse2(text, bits, bytes);
}

#else

[[gnu::always_inline]] inline bool is_word_byte(unsigned char c) {
  const auto folded = static_cast<unsigned char>(c | 0x20);  // upper case to lower
  return (folded >= 'a' && folded <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

void find_words(const char* text, std::uint8_t* bits, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; i += 8) {
    unsigned mask = 0;
    for (std::size_t b = 0; b < 8; ++b) {
      mask |= static_cast<unsigned>(is_word_byte(static_cast<unsigned char>(text[i + b]))) << b;
    }
    bits[i / 8] = static_cast<std::uint8_t>(mask);
  }
}

#endif

}  // namespace

WordBits::WordBits(const char* text, std::size_t size) {
  const std::size_t bytes = size / kBlock * kBlock + kBlock;  // one behind the end at least
  bits_ = RecycledArray<std::uint8_t>(bytes / 8 + sizeof(std::uint64_t));
  std::memset(bits_.data() + bytes / 8, 0, sizeof(std::uint64_t));
  find_words(text, bits_.data(), bytes);
}

std::size_t WordBits::long_run(std::size_t at) const {
  std::size_t total = 0;
  for (std::size_t more = kShortRun; more == kShortRun; total += more) more = run(at + total);
  return total;
}

}  // namespace constrint::detail
