// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "language.hpp"

namespace oracle {

__extension__ using Wide = __int128;

/// An intermediate value does not fit 128 bits: the oracle has no answer.
struct Overflow : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The value of an arithmetic expression at `row` (one value per variable), exactly; nothing where
/// it divides by zero. Throws Overflow. `widest`, if given, grows to the largest magnitude met.
std::optional<Wide> value_of(const Expr& expression, std::span<const std::int64_t> row,
                             Wide* widest = nullptr);

/// The truth of a logical expression at `row`; nothing where any division in it, wherever it
/// stands, divides by zero. A statement with no truth value counts as false.
std::optional<bool> truth_of(const Expr& expression, std::span<const std::int64_t> row,
                             Wide* widest = nullptr);

}  // namespace oracle
