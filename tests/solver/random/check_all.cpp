// SPDX-License-Identifier: Apache-2.0
#include "check.hpp"

namespace checks {

std::optional<Known> known_of(const std::string& text) {
  Known known{text, oracle::parse(text), {}};
  if (known.problem.names.empty()) return std::nullopt;
  try {
    auto answer = oracle::brute_force(known.problem, most_points);
    if (!answer) return std::nullopt;
    known.answer = std::move(*answer);
  } catch (const oracle::Overflow&) {
    return std::nullopt;
  }
  return known;
}

Finding check_all(const Known& known, std::uint64_t seed, bool with_threads) {
  oracle::Random random(seed);
  try {
    const constrint::Model model = constrint::Model::parse(known.text);
    for (const auto check : {check_model, check_space, check_search, check_reasons}) {
      if (auto finding = check(known, model, random)) return finding;
    }
    return with_threads ? check_threads(known, model) : std::nullopt;
  } catch (const std::exception& error) {
    return std::string("throws: ") + error.what();
  }
}

}  // namespace checks
