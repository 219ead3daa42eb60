// SPDX-License-Identifier: Apache-2.0
// Real spaces with their exact counts and first solutions.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <sstream>
#include <utility>

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

std::vector<std::int64_t> all_rows(const Space& space) {
  std::vector<std::int64_t> rows(space.count().to_uint64() * space.variable_count());
  space.write(0, rows);
  return rows;
}

TEST(Spaces, AreTheSameInLittleMemory) {
  const Model model = Model::parse(read(kSpaces / "gemm.constrint"));
  const auto rows = all_rows(Space(model));
  int held = 0;
  for (const std::size_t kib : {1U, 64U, 256U, 1024U}) {
    constrint::Options options;
    options.memory_bytes = kib * 1024;
    const Space space(model, options);
    if (space.status() == Status::limit) continue;
    ++held;
    EXPECT_EQ(all_rows(space), rows) << kib << " KiB";
  }
  EXPECT_GE(held, 1);
}

// Its states take 150 MiB, its diagram 3: it is built in slices.
TEST(Spaces, LargeOnesAreSampledUniformly) {
  const Model model = Model::parse(read(kSpaces / "atf_sgemm_1024.constrint"));
  const Space space(model);
  ASSERT_EQ(space.status(), Status::satisfiable);
  ASSERT_EQ(space.count(), constrint::Count(331847860));
  const std::size_t width = space.variable_count();
  std::vector<std::int64_t> row(width);
  for (const std::uint64_t rank : {0U, 1U, 1234567U, 200000000U, 331847859U}) {
    space.at(rank, row);
    EXPECT_TRUE(model.satisfied_by(row));
    EXPECT_EQ(space.rank(row), constrint::Count(rank));
  }
  // Pearson's statistic of one variable's values, whose shares are counted on their own: mean n - 1
  // and variance about 2 (n - 1) where each is expected often; 6 deviations are less than once in a
  // million.
  constexpr std::size_t kDraws = 20000;
  const std::size_t variable = model.find("MWG")->index();
  const auto samples = space.sample(kDraws, 7);
  double statistic = 0.0;
  double degrees = -1.0;
  double total = 0.0;
  for (std::int64_t value = 1; value <= 1024; value *= 2) {
    constrint::Options options;
    options.assumptions = {{variable, value}};
    const auto share = constrint::count(model, options);
    ASSERT_NE(share.status, Status::limit);
    total += static_cast<double>(share.count.to_uint64());
    const double wanted = static_cast<double>(share.count.to_uint64()) * kDraws / 331847860.0;
    double found = 0.0;
    for (std::size_t i = 0; i < kDraws; ++i)
      found += samples[i * width + variable] == value ? 1 : 0;
    if (wanted < 5.0) {
      EXPECT_LT(found, 30.0);
      continue;
    }
    statistic += (found - wanted) * (found - wanted) / wanted;
    degrees += 1.0;
  }
  EXPECT_EQ(total, 331847860.0);
  ASSERT_GE(degrees, 3.0);
  EXPECT_LT(statistic, degrees + 6.0 * std::sqrt(2.0 * degrees));
  for (std::size_t i = 0; i < kDraws; i += 97) {
    EXPECT_TRUE(model.satisfied_by({samples.data() + i * width, width}));
  }
}

// z is computed from the others, but stands first in the order.
TEST(Spaces, VariablesThatAreComputedFromLaterOnes) {
  for (const auto& [text, count] :
       {std::pair{"z in 0..1000000000000000; a in 1..300; b in 1..40; z == a * a * a + b;", 12000},
        std::pair{"z in 0..1000000000000000; a in 1..300; b in 1..40; z == a * a * a + b; prefer a "
                  "largest; prefer z largest;",
                  12000},
        std::pair{
            "z in 0..1000000000000; y in 0..1000000000; a in 1..60; b in 1..50; y == a * b * b;"
            "z == y * b + a * a * a;",
            3000},
        std::pair{"z >= 1; a in 1..200; b in 1..100; z == a * a * a / b;", 19700}}) {
    SCOPED_TRACE(text);
    const Model model = Model::parse(text);
    const auto counted = constrint::count(model);
    ASSERT_EQ(counted.status, Status::satisfiable);
    EXPECT_EQ(counted.count, constrint::Count(static_cast<std::uint64_t>(count)));
    const Space space(model);
    ASSERT_EQ(space.status(), Status::satisfiable);
    ASSERT_EQ(space.count(), counted.count);
    const auto rows = all_rows(space);
    const std::size_t width = space.variable_count();
    constrint::Search search(model);
    for (std::size_t at = 0; at < rows.size(); at += width) {
      const std::span<const std::int64_t> row(rows.data() + at, width);
      ASSERT_TRUE(model.satisfied_by(row));
      if (at >= 100 * width) continue;
      ASSERT_EQ(search.next(), Status::satisfiable);
      ASSERT_TRUE(std::equal(row.begin(), row.end(), search.solution().begin()));
      EXPECT_EQ(space.rank(row), constrint::Count(at / width));
    }
  }
}

}  // namespace
