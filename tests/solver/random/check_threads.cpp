// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <thread>
#include <vector>

#include "check.hpp"

namespace checks {
namespace {

Finding asked_at_once(const Known& known, const constrint::Model& model,
                      const constrint::Space& space, std::uint64_t seed) {
  oracle::Random random(seed);
  if (auto finding = check_search(known, model, random)) return finding;
  std::vector<std::int64_t> rows(known.answer.rows.size() * known.problem.names.size());
  space.write(0, rows);
  for (std::size_t i = 0; i < known.answer.rows.size(); ++i) {
    const auto& expected = known.answer.rows[i];
    if (!std::equal(expected.begin(), expected.end(),
                    rows.begin() + static_cast<std::ptrdiff_t>(i * expected.size()))) {
      return "write of a shared Space: solution " + std::to_string(i) + " differs";
    }
  }
  return check_space(known, model, random);
}

}  // namespace

Finding check_threads(const Known& known, const constrint::Model& model) {
  const constrint::Space space(model);
  std::array<Finding, 3> findings;
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < findings.size(); ++i) {
      threads.emplace_back([&, i] {
        try {
          findings[i] = asked_at_once(known, model, space, i);
        } catch (const std::exception& error) {
          findings[i] = error.what();
        }
      });
    }
  }
  for (const Finding& finding : findings) {
    if (finding) return "with several threads: " + *finding;
  }
  return std::nullopt;
}

}  // namespace checks
