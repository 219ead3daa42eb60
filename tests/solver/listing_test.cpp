// SPDX-License-Identifier: Apache-2.0
// What listing is made of: the vector steps against exact arithmetic, diagrams of the narrow
// expander against the general one, and what is listed, in either form, against a search.
#include <gtest/gtest.h>

#include <constrint/constrint.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "arithmetic.hpp"
#include "diagram.hpp"
#include "lanes.hpp"
#include "narrow_expander.hpp"
#include "parts.hpp"
#include "root.hpp"
#include "space_data.hpp"

namespace {

using constrint::Model;
using constrint::Status;
using namespace constrint::detail;  // NOLINT(google-build-using-namespace)

TEST(Lanes, AgreeWithExactArithmetic) {
  constexpr Op kOps[] = {Op::negate,    Op::add,     Op::subtract,  Op::multiply, Op::divide,
                         Op::modulo,    Op::minimum, Op::maximum,   Op::absolute, Op::equal,
                         Op::not_equal, Op::less,    Op::less_equal};
  std::mt19937_64 random(1);
  std::vector<std::int32_t> columns(3 * kColumn);
  std::vector<std::int32_t> alive(kColumn);
  for (int round = 0; round < 200; ++round) {
    const int bits = 1 + round % 15;  // products stay below 2^30
    std::uniform_int_distribution<std::int32_t> value(-(1 << bits), 1 << bits);
    const std::size_t lanes = 1 + random() % kLanes;
    for (std::size_t i = 0; i < lanes; ++i) {
      columns[kColumn + i] = value(random);
      columns[2 * kColumn + i] = value(random);
    }
    for (const Op op : kOps) {
      LaneStep steps[2];
      steps[0].op = op;
      steps[0].a = 1;
      steps[0].b = 2;
      steps[1].kind = LaneStep::Kind::filter;  // kept where the result is not below b
      steps[1].op = Op::less_equal;
      steps[1].a = 2;
      steps[1].b = 0;
      run_lanes(steps, 2, columns.data(), alive.data(), lanes);
      for (std::size_t i = 0; i < lanes; ++i) {
        const std::int32_t a = columns[kColumn + i];
        const std::int32_t b = columns[2 * kColumn + i];
        constrint::Int128 expected = 0;
        if (apply_exact(op, a, b, expected) != Exactness::exact) continue;
        ASSERT_EQ(columns[i], static_cast<std::int64_t>(expected))
            << a << " op " << static_cast<int>(op) << ' ' << b;
        ASSERT_EQ(alive[i], b <= columns[i] ? -1 : 0);
      }
    }
  }
}

TEST(Lanes, LargeDividends) {
  // Quotients next to integers, where a rounded quotient would be wrong if it could be.
  std::vector<std::int32_t> columns(3 * kColumn, 1);
  std::vector<std::int32_t> alive(kColumn);
  std::mt19937_64 random(2);
  std::uniform_int_distribution<std::int32_t> any(-(1 << 30), 1 << 30);
  for (int round = 0; round < 2000; ++round) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      const std::int32_t b = any(random) >> (random() % 31);
      const std::int32_t divisor = b == 0 ? 7 : b;
      const std::int32_t near = any(random) / divisor * divisor;
      columns[kColumn + i] = near + static_cast<std::int32_t>(random() % 3) - 1;
      columns[2 * kColumn + i] = divisor;
    }
    for (const Op op : {Op::divide, Op::modulo}) {
      LaneStep step;
      step.op = op;
      step.a = 1;
      step.b = 2;
      run_lanes(&step, 1, columns.data(), alive.data(), kLanes);
      for (std::size_t i = 0; i < kLanes; ++i) {
        const std::int64_t a = columns[kColumn + i];
        const std::int64_t b = columns[2 * kColumn + i];
        ASSERT_EQ(columns[i], op == Op::divide ? floor_divide(a, b) : floor_modulo(a, b))
            << a << ' ' << b;
      }
    }
  }
}

void expect_same(const Diagram& a, const Diagram& b) {
  ASSERT_EQ(a.status(), b.status());
  if (a.status() != Status::satisfiable) return;
  ASSERT_EQ(a.levels().size(), b.levels().size());
  for (std::size_t l = 0; l < a.levels().size(); ++l) {
    ASSERT_EQ(a.levels()[l].variable, b.levels()[l].variable);
    ASSERT_EQ(a.levels()[l].edges.first, b.levels()[l].edges.first);
    ASSERT_EQ(a.levels()[l].edges.child, b.levels()[l].edges.child);
    ASSERT_EQ(a.levels()[l].edges.value, b.levels()[l].edges.value);
    ASSERT_EQ(a.levels()[l].counts, b.levels()[l].counts);
  }
}

// The diagrams of all parts by both expanders; returns for how many the narrow one could do it.
int compare_expanders(const Model& model, std::size_t memory_bytes) {
  Propagator root(model.data());
  if (!propagate_root(root, {})) return 0;
  root.build_occurrences();
  int compared = 0;
  for (const Part& part : split_parts(root, preferred_order(model.data()))) {
    if (part.free.empty()) continue;  // all defined: a search does for such parts
    const Graph graph(root, part.free, part.definitions, part.constraints);
    const Schedule schedule(graph);
    if (!graph.consistent() || !NarrowExpander::can_run(schedule)) continue;
    constrint::Options options;
    options.nodes = 20'000'000;
    Limits first(options);
    Limits second(options);
    const Diagram narrow(graph, schedule, first, memory_bytes);
    const Diagram general(graph, schedule, second, memory_bytes, Diagram::Expansion::general);
    // The general expander needs more memory, and may not have it.
    if (general.status() == Status::limit) continue;
    expect_same(narrow, general);
    ++compared;
  }
  return compared;
}

TEST(NarrowExpander, GivesTheDiagramsOfTheGeneralOneOnSpaces) {
  int compared = 0;
  for (const auto& entry : std::filesystem::directory_iterator(CONSTRINT_LISTED_SPACES)) {
    const std::string name = entry.path().stem().string();
    // Diagrams of these do not fit, as the tests of counting show.
    if (entry.path().extension() != ".constrint" || name.starts_with("flashrnn") ||
        name.starts_with("atf_sgemm")) {
      continue;
    }
    SCOPED_TRACE(name);
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    compared += compare_expanders(Model::parse(text.str()), std::size_t{48} << 20);
  }
  EXPECT_GT(compared, 20);
}

// Problems of the kind of tuning spaces: short lists, products, divisibility, bounds, cases, and
// sometimes a variable that others define, anywhere in the order.
std::string tuning_problem(std::mt19937_64& random) {
  const auto below = [&](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
  const std::size_t variables = 3 + below(10);
  std::ostringstream text;
  const auto name = [](std::size_t v) { return "v" + std::to_string(v); };
  std::vector<std::size_t> plain;
  const std::size_t defined = below(3) == 0 ? below(variables) : variables;
  for (std::size_t v = 0; v < variables; ++v) {
    if (v == defined) {
      text << name(v) << " in -200000..200000;\n";
      continue;
    }
    plain.push_back(v);
    static constexpr const char* kDomains[] = {"[1, 2, 4, 8]",
                                               "[0, 1]",
                                               "1..6",
                                               "[8, 16, 32]",
                                               "-3..2",
                                               "[5]",
                                               "[1, 2, 3, 4, 6, 8, 12, 16, 24]",
                                               "[0, 1, 2]"};
    text << name(v) << " in " << kDomains[below(std::size(kDomains))] << ";\n";
  }
  const auto any = [&] { return name(plain[below(plain.size())]); };
  if (defined < variables) {
    text << name(defined) << " == " << any() << " * (" << any() << " + " << any() << ") - 3 * "
         << any() << ";\n";
  }
  const std::size_t constraints = below(6);
  for (std::size_t c = 0; c < constraints; ++c) {
    switch (below(9)) {
      case 0:
        text << any() << " * " << any() << " <= " << below(200) << ";\n";
        break;
      case 1:
        text << any() << " % " << any() << " == 0;\n";
        break;
      case 2:
        text << any() << " == 1 or " << any() << " % " << any() << " == 0;\n";
        break;
      case 3:
        text << any() << " > 0 -> " << any() << " + " << any() << " / " << any() << " <= 12;\n";
        break;
      case 4:
        text << 1 + below(30) << " <= " << any() << " * " << any() << " * " << any()
             << " <= 500;\n";
        break;
      case 5:
        text << "max(" << any() << ", abs(" << any() << " - " << any() << ")) ^ 2 <= 70;\n";
        break;
      case 6:
        text << "not (" << any() << " in [1, 2, 4] and " << any() << " in 0..2);\n";
        break;
      case 7:
        text << "min(" << any() << ", 4) * (2 + " << any() << ") % 3 != " << any() << ";\n";
        break;
      default:
        text << "96 % ((" << any() << " * " << any() << ") / " << any() << ") == 0;\n";
    }
  }
  if (below(2) == 0) text << "prefer " << any() << " largest;\n";
  return text.str();
}

TEST(NarrowExpander, GivesTheDiagramsOfTheGeneralOneOnRandomProblems) {
  std::mt19937_64 random(3);
  int compared = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::string text = tuning_problem(random);
    SCOPED_TRACE(text);
    compared += compare_expanders(Model::parse(text), std::size_t{8} << 20);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(compared, 3000);
}

// A guard behind the rows, and writing from any row on for any number of rows; ranks of solutions
// and of what is none.
void expect_rows(const constrint::Space& space, const std::vector<std::int64_t>& expected,
                 std::mt19937_64& random) {
  const std::size_t width = space.variable_count();
  const std::size_t rows = expected.size() / width;
  ASSERT_EQ(space.count(), constrint::Count(rows));
  for (int part = 0; part < 4; ++part) {
    const std::size_t from = part == 0 || rows == 0 ? 0 : random() % rows;
    const std::size_t most = rows - from;
    const std::size_t number = part == 0 ? rows : most == 0 ? 0 : 1 + random() % most;
    std::vector<std::int64_t> out((number + 1) * width, -99);
    ASSERT_EQ(space.write(from, std::span(out).first(number * width)), number);
    for (std::size_t k = 0; k < number * width; ++k) {
      ASSERT_EQ(out[k], expected[from * width + k]) << "row " << from + k / width;
    }
    for (std::size_t k = number * width; k < out.size(); ++k) ASSERT_EQ(out[k], -99);
    if (rows == 0) continue;
    const std::span row(expected.data() + from * width, width);
    ASSERT_EQ(space.rank(row), constrint::Count(from));
    std::vector<std::int64_t> sampled = space.sample(1, random());
    const constrint::Count rank = space.rank(sampled);
    ASSERT_LT(rank, space.count());
    space.at(rank, std::span(out).first(width));
    ASSERT_TRUE(std::equal(sampled.begin(), sampled.end(), out.begin()));
  }
}

TEST(Listing, AgreesWithSearch) {
  constexpr std::size_t kMost = 3000;
  std::mt19937_64 random(4);
  int compared = 0;
  int listings = 0;
  int with_two_chains = 0;
  int with_computed = 0;
  int with_tables = 0;
  int with_outputs = 0;
  for (int i = 0; i < 1500; ++i) {
    const std::string text = tuning_problem(random);
    SCOPED_TRACE(text);
    const Model model = Model::parse(text);
    constrint::Search search(model);
    std::vector<std::int64_t> expected;
    const std::size_t width = model.variable_count();
    while (expected.size() <= kMost * width && search.next() == Status::satisfiable) {
      expected.insert(expected.end(), search.solution().begin(), search.solution().end());
    }
    if (expected.size() > kMost * width) continue;
    for (const SpaceData::Form form : {SpaceData::Form::fastest, SpaceData::Form::diagrams}) {
      auto data = std::make_unique<SpaceData>(model.data(), constrint::Options{}, form);
      if (data->listing) {
        ++listings;
        with_two_chains += data->listing->has_outer_rows() ? 1 : 0;
        with_computed += data->listing->has_computed() ? 1 : 0;
      } else if (data->status == Status::satisfiable) {
        with_tables += data->tail.cut < data->steps.size() ? 1 : 0;
        with_outputs += data->has_outputs ? 1 : 0;
      }
      expect_rows(constrint::Space(std::move(data)), expected, random);
      if (HasFatalFailure()) return;
    }
    ++compared;
  }
  // The problems must have gone where they are meant to go.
  EXPECT_GT(compared, 700);
  EXPECT_GT(listings, 500);
  EXPECT_GT(with_two_chains, 100);
  EXPECT_GT(with_computed, 30);
  EXPECT_GT(with_tables, 300);
  EXPECT_GT(with_outputs, 50);
}

}  // namespace
