// SPDX-License-Identifier: Apache-2.0
// Searching: limits, cancellation, resuming, assumptions, objectives.
#include <gtest/gtest.h>

#include "constrint/constrint.hpp"

namespace {

using constrint::Model;
using constrint::Options;
using constrint::Search;
using constrint::Status;

std::vector<std::int64_t> values(const Search& search) {
  return {search.solution().begin(), search.solution().end()};
}

TEST(Search, ResumesAndExcludes) {
  const Model model = Model::parse("x in 1..9; y in 1..9; x * y == 12; prefer x largest;");
  Search search(model);
  ASSERT_EQ(search.resume_after(std::vector<std::int64_t>{5, 1}), Status::satisfiable);
  EXPECT_EQ(values(search), (std::vector<std::int64_t>{4, 3}));
  search.exclude(std::vector<std::int64_t>{3, 4});
  ASSERT_EQ(search.next(), Status::satisfiable);
  EXPECT_EQ(values(search), (std::vector<std::int64_t>{2, 6}));
  EXPECT_EQ(search.next(), Status::unsatisfiable);
}

TEST(Search, AssumptionsComeAndGo) {
  const Model model = Model::parse("x in 1..9; y in 1..9; x * y == 12;");
  Search search(model);
  search.push({0, 6});
  ASSERT_EQ(search.first(), Status::satisfiable);
  EXPECT_EQ(values(search), (std::vector<std::int64_t>{6, 2}));
  search.push({1, 3});
  EXPECT_EQ(search.first(), Status::unsatisfiable);
  search.pop();
  search.pop();
  ASSERT_EQ(search.first(), Status::satisfiable);
  EXPECT_EQ(values(search), (std::vector<std::int64_t>{2, 6}));
  EXPECT_THROW(search.pop(), constrint::InvalidArgument);
}

TEST(Search, LimitsAndCancellationEndIt) {
  const Model model = Model::parse("x < y; y < x;");
  Options options;
  options.nodes = 100;
  EXPECT_EQ(Search(model, options).first(), Status::limit);
  std::stop_source stop;
  stop.request_stop();
  options = {};
  options.stop = stop.get_token();
  EXPECT_EQ(Search(model, options).first(), Status::limit);
}

TEST(Search, OptimisesInOrderOfImportance) {
  const Model model =
      Model::parse("x in 1..9; y in 1..9; x * y >= 20; minimize x + y; maximize x;");
  Search search(model);
  ASSERT_EQ(search.optimize(), Status::satisfiable);
  EXPECT_EQ(values(search), (std::vector<std::int64_t>{5, 4}));
}

TEST(Search, RanksTheBest) {
  using Ranking = std::vector<std::vector<std::int64_t>>;
  const Model model =
      Model::parse("x in 1..3; y in 1..3; z in 1..2; minimize x * y; prefer x largest;");
  Search search(model);
  ASSERT_EQ(search.rank(4), Status::satisfiable);
  EXPECT_EQ(search.ranked(), (Ranking{{1, 1, 1}, {1, 1, 2}, {2, 1, 1}, {2, 1, 2}}));
  // Of those with the same x and y the first; equal costs in the preferred order.
  const std::vector<std::size_t> distinct{0, 1};
  ASSERT_EQ(search.rank(5, distinct), Status::satisfiable);
  EXPECT_EQ(search.ranked(), (Ranking{{1, 1, 1}, {2, 1, 1}, {1, 2, 1}, {3, 1, 1}, {1, 3, 1}}));
  // A later and better one takes the place of the one that it agrees with.
  const std::vector<std::size_t> x_alone{0};
  ASSERT_EQ(search.rank(9, x_alone), Status::satisfiable);
  EXPECT_EQ(search.ranked(), (Ranking{{1, 1, 1}, {2, 1, 1}, {3, 1, 1}}));
  const Model later =
      Model::parse("x in 1..2; y in 1..3; maximize y; minimize x; prefer y smallest;");
  Search by_two(later);
  ASSERT_EQ(by_two.rank(3, x_alone), Status::satisfiable);
  EXPECT_EQ(by_two.ranked(), (Ranking{{1, 3}, {2, 3}}));
  ASSERT_EQ(by_two.rank(3), Status::satisfiable);
  EXPECT_EQ(by_two.ranked(), (Ranking{{1, 3}, {2, 3}, {1, 2}}));
  const std::vector<std::size_t> wrong{7};
  EXPECT_THROW(by_two.rank(1, wrong), constrint::InvalidArgument);
}

// A division by zero makes a statement false, and an objective is a statement: where one of them is
// undefined, a solution is no candidate for the best, whatever the others say.
TEST(Search, LeavesOutSolutionsWithoutAnObjective) {
  const Model nowhere = Model::parse("y in 13..13; maximize 0; maximize 0 / 0;");
  Search search(nowhere);
  EXPECT_EQ(search.optimize(), Status::unsatisfiable);
  EXPECT_TRUE(search.solution().empty());
  EXPECT_EQ(search.first(), Status::satisfiable);
  const Model somewhere = Model::parse("x in 0..3; y in 0..3; maximize y; minimize 6 / (x * y);");
  Search second(somewhere);
  ASSERT_EQ(second.optimize(), Status::satisfiable);
  EXPECT_EQ(values(second), (std::vector<std::int64_t>{3, 3}));
}

// The first objective cannot be bounded in 64 bits, and still comes before the second.
TEST(Search, ComparesObjectivesBeyond64Bits) {
  const Model model = Model::parse(
      "x in 4000000000..4000000003; y in 0..2; maximize x * x * (1 - y % 2); maximize y; "
      "minimize x;");
  Search search(model);
  ASSERT_EQ(search.optimize(), Status::satisfiable);
  EXPECT_EQ(values(search), (std::vector<std::int64_t>{4000000003, 2}));
}

TEST(Search, FindsDivisorsWithoutScanning) {
  const Model model = Model::parse("w in 1..1152921504606846976; 1152921504606846976 % w == 0;");
  const auto result = constrint::propagate(model);
  ASSERT_EQ(result.domains.size(), 1U);
  EXPECT_EQ(result.domains[0].values.size(), 61U);
}

TEST(Explain, KnowsThatFactorsCancel) {
  // Each first statement has no solution among all integers, so the domain is not needed.
  for (const char* text :
       {"x * 6 / x <= 5; x in [-6, 4];", "x * y % x != 0; x in [2, 4]; y in [3, 5];",
        "x % y / y != 0; x in [2, 4]; y in [3, 5];", "y * x * 7 % y == 3; x in [2, 4]; y in [3];",
        "x % y % y != x % y; x in [2, 4]; y in [3];"}) {
    const constrint::Explanation explanation = constrint::explain(Model::parse(text));
    EXPECT_EQ(explanation.status, Status::unsatisfiable) << text;
    EXPECT_TRUE(explanation.minimal) << text;
    EXPECT_EQ(explanation.statements, std::vector<std::size_t>{0}) << text;
  }
}

TEST(Explain, KnowsWhatHoldsForAllIntegers) {
  for (const char* text :
       {"x * y % (y * x) != 0; x in [2, 4]; y in [3, 5];", "x < min(x, y); x in [2, 4]; y in [3];",
        "max(5, y, x) < x; x in [2, 4]; y in [3];", "0 % x > 0; x in [2, 4];",
        "(abs(x) - x * y) % x != 0; x in [-2, 4]; y in [3, 5];", "x > abs(x); x in [-4, 3];",
        "-(x * x) > 0; x in [-3, 2];", "x * y % -x != 0; x in [2, 4]; y in [3];",
        "max(x - 34, x - y) >= x; x in [2]; y < 9;", "2 * x % 4 == 1; x in [3, 5];",
        "x - y != x - y; x in [3, 5]; y in [1];"}) {
    const constrint::Explanation explanation = constrint::explain(Model::parse(text));
    EXPECT_EQ(explanation.status, Status::unsatisfiable) << text;
    EXPECT_TRUE(explanation.minimal) << text;
    EXPECT_EQ(explanation.statements, std::vector<std::size_t>{0}) << text;
  }
  // What looks alike and can hold.
  for (const char* text :
       {"x <= min(x, y); x in [2]; y in [3];", "max(x, y) <= x; x in [3]; y in [2];",
        "x == min(x, y); x in [2]; y in [2];", "x != max(y, x); x in [2]; y in [3];",
        "x < abs(x); x in [-2];", "x * y % (x + y) == 7; x in [3]; y in [5];",
        "x / (y * x) == 0; x in [3]; y in [2];"}) {
    EXPECT_EQ(Search(Model::parse(text)).first(), Status::satisfiable) << text;
  }
}

}  // namespace
