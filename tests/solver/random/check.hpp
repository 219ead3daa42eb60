// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <constrint/constrint.hpp>
#include <functional>
#include <optional>
#include <string>

#include "brute_force.hpp"
#include "generate.hpp"
#include "language.hpp"

namespace checks {

/// What is known about one problem: its text, the oracle's reading of it and the oracle's answer.
struct Known {
  std::string text;
  oracle::Problem problem;
  oracle::Answer answer;
};

/// The first thing that is wrong, in words; nothing if all is right.
using Finding = std::optional<std::string>;

/// Points that the oracle tries before it gives a problem up.
inline constexpr std::size_t most_points = 60000;

/// The oracle's answer to a text; nothing if it has none (too many points, or beyond 126 bits).
std::optional<Known> known_of(const std::string& text);

/// Variables, printed form, satisfied_by, and the same model built with C++ operators.
Finding check_model(const Known& known, const constrint::Model& model, oracle::Random& random);
/// Space: count, order, ranks, partial and parallel writes, samples.
Finding check_space(const Known& known, const constrint::Model& model, oracle::Random& random);
/// Search: every solution in order, resume, exclusion, assumptions, limits, optimum.
Finding check_search(const Known& known, const constrint::Model& model, oracle::Random& random);
/// propagate() and explain().
Finding check_reasons(const Known& known, const constrint::Model& model, oracle::Random& random);
/// The same questions from several threads at once on one model.
Finding check_threads(const Known& known, const constrint::Model& model);

/// How many conflicts were explained so far, and how many of them without a proof of minimality.
extern std::atomic<std::uint64_t> explained;
extern std::atomic<std::uint64_t> not_minimal;

/// All of these; an exception is a finding too.
Finding check_all(const Known& known, std::uint64_t seed, bool with_threads);

/// The problem built with constrint's C++ operators.
constrint::Model built(const oracle::Problem& problem);

/// A row as text, for messages.
std::string shown(std::span<const std::int64_t> row);

/// The smallest text found by leaving out statements, values and operands of `text` for which
/// `fails` still holds.
std::string shrunk(const std::string& text, const std::function<bool(const std::string&)>& fails);

}  // namespace checks
