// SPDX-License-Identifier: Apache-2.0
// Real spaces with their exact counts and first solutions.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "constrint/constrint.hpp"

namespace {

using constrint::Model;
using constrint::Space;
using constrint::Status;

const std::filesystem::path kSpaces = CONSTRINT_TEST_SPACES;

std::string read(const std::filesystem::path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(Spaces, HaveTheirCountsAndFirstSolutions) {
  const auto expected = nlohmann::json::parse(read(kSpaces / "expected.json"));
  int checked = 0;
  for (const auto& [name, value] : expected.items()) {
    SCOPED_TRACE(name);
    const bool first = name.ends_with(".first");
    const std::string space = first ? name.substr(0, name.size() - 6) : name;
    const Model model = Model::parse(read(kSpaces / (space + ".constrint")), space);
    if (first) {
      constrint::Search search(model);
      ASSERT_EQ(search.first(), Status::satisfiable);
      for (const auto& [variable, wanted] : value.items()) {
        EXPECT_EQ(search.solution()[model.find(variable)->index()], wanted.get<std::int64_t>());
      }
    } else {
      const auto result = constrint::count(model);
      ASSERT_EQ(result.status, Status::satisfiable);
      EXPECT_EQ(result.count, constrint::Count(value.get<std::uint64_t>()));
    }
    ++checked;
  }
  EXPECT_GE(checked, 10);
}

TEST(Spaces, ListedAlikeByDiagramAndSearchAndThreads) {
  const Model model = Model::parse(read(kSpaces / "gemm.constrint"));
  const Space space(model);
  ASSERT_EQ(space.status(), Status::satisfiable);
  const std::size_t width = space.variable_count();
  std::vector<std::int64_t> rows(space.count().to_uint64() * width);
  ASSERT_EQ(space.write(0, rows), 116928U);
  std::vector<std::int64_t> parallel(rows.size());
  space.write_parallel(0, parallel, 3);
  EXPECT_EQ(rows, parallel);
  constrint::Search search(model);
  for (std::size_t at = 0; at < 2000 * width; at += width) {
    ASSERT_EQ(search.next(), Status::satisfiable);
    ASSERT_TRUE(std::equal(search.solution().begin(), search.solution().end(),
                           rows.begin() + static_cast<std::ptrdiff_t>(at)));
  }
  for (std::size_t r = 0; r < 116928; r += 997) {
    EXPECT_TRUE(model.satisfied_by({rows.data() + r * width, width}));
    EXPECT_EQ(space.rank({rows.data() + r * width, width}), constrint::Count(r));
  }
}

}  // namespace
