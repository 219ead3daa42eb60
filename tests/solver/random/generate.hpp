// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "language.hpp"

namespace oracle {

/// Random numbers that are the same on every standard library.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  /// Uniform in 0..bound-1.
  std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
  /// Uniform in low..high.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
  }
  bool chance(unsigned percent) { return below(100) < percent; }
  template <class Container>
  const auto& pick(const Container& from) {
    return from[below(from.size())];
  }

 private:
  std::mt19937_64 engine_;
};

/// A random small problem: up to six variables with lists, intervals, divisors, bounds or
/// definitions; every operator; values from tiny to the edges of 64 bits. Most have solutions,
/// since constants are fitted to a hidden assignment; about a third have none.
Problem random_problem(Random& random);

/// The text of a problem with random line breaks, comments and blanks between its tokens.
std::string decorated(const Problem& problem, Random& random);

}  // namespace oracle
