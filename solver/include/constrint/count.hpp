// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace constrint {

// typedef: __extension__ silences -Wpedantic only in front of it.
// NOLINTBEGIN(modernize-use-using)
__extension__ typedef unsigned __int128 Uint128;
__extension__ typedef __int128 Int128;
// NOLINTEND(modernize-use-using)

/// A number of solutions, or the rank of one: exact, below 2^128.
class Count {
 public:
  constexpr Count() = default;
  constexpr Count(Uint128 value) : value_(value) {}  // NOLINT: counts are numbers

  [[nodiscard]] constexpr Uint128 value() const { return value_; }
  /// Whether the count fits in 64 bits, so that to_uint64() is exact.
  [[nodiscard]] constexpr bool fits_uint64() const { return (value_ >> 64) == 0; }
  /// The low 64 bits.
  [[nodiscard]] constexpr std::uint64_t to_uint64() const {
    return static_cast<std::uint64_t>(value_);
  }
  /// Decimal digits.
  [[nodiscard]] std::string str() const;

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy misreads the defaulted comparison
  friend constexpr auto operator<=>(const Count&, const Count&) = default;

 private:
  Uint128 value_ = 0;
};

}  // namespace constrint
