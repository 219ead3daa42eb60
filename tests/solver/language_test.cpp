// SPDX-License-Identifier: Apache-2.0
// The language: what texts mean, and how bad ones are refused.
#include <gtest/gtest.h>

#include "constrint/constrint.hpp"

namespace {

using constrint::Model;
using constrint::ParseError;
using constrint::Search;
using constrint::Status;

using Rows = std::vector<std::vector<std::int64_t>>;

Rows all(std::string_view text) {
  const Model model = Model::parse(text);
  Search search(model);
  Rows rows;
  while (search.next() == Status::satisfiable && rows.size() < 1000) {
    rows.emplace_back(search.solution().begin(), search.solution().end());
  }
  return rows;
}

TEST(Language, MustComeOutRight) {
  EXPECT_EQ(all("12 % x == 0; x == 8;"), Rows{});
  EXPECT_EQ(all("a == 2; b == 6; c == 8; a * b % c == 0;"), Rows{});
  EXPECT_EQ(all("91 % y == 0; y <= 100;"), (Rows{{1}, {7}, {13}, {91}}));
  EXPECT_EQ(all("x ^ 3 == 64;"), Rows{{4}});
  EXPECT_EQ(all("r == (a + b) * c; a == 2; b == 3; c == 4;"), (Rows{{20, 2, 3, 4}}));
  EXPECT_EQ(all("x in [5,6,7,8]; x % 4 == 1;"), Rows{{5}});
  EXPECT_EQ(all("A in [1,2]; B in [3,4];"), (Rows{{1, 3}, {1, 4}, {2, 3}, {2, 4}}));
  EXPECT_EQ(all("x in -5..5; x / 2 == -1;"), (Rows{{-2}, {-1}}));
  EXPECT_EQ(all("a == 65536; b == 65536; c == a * b;"), (Rows{{65536, 65536, 4294967296}}));
}

TEST(Language, CountsWithoutListing) {
  const auto result = constrint::count(Model::parse("2 <= x or y == 1;"));
  EXPECT_EQ(result.status, Status::satisfiable);
  // (2^62 - 1) * 2^62 + 1
  EXPECT_EQ(result.count.str(), "21267647932558653961849226946058125313");
}

TEST(Language, CountsAllIntegers) {
  const auto result =
      constrint::count(Model::parse("x in -9223372036854775808..9223372036854775807; y in 1..3;"));
  EXPECT_EQ(result.status, Status::satisfiable);
  EXPECT_EQ(result.count.str(), "55340232221128654848");  // 3 * 2^64
}

// 2^186 % 7 is 1, but 127 bits do not hold it: whoever is asked may only say that.
TEST(Language, SaysLimitBeyond127Bits) {
  for (const char* text : {"x == 4611686018427387904; x * x * x % 7 == 1;",
                           "x in [4611686018427387904, 3]; x * x * x % 7 == 1;",
                           "x in [4611686018427387904]; y in 1..2; x * x * x * y % 7 == 1;"}) {
    SCOPED_TRACE(text);
    const Model model = Model::parse(text);
    EXPECT_EQ(Search(model).first(), Status::limit);
    EXPECT_EQ(Search(model).resume_after(std::vector<std::int64_t>(model.variable_count(), 0)),
              Status::limit);
    EXPECT_EQ(constrint::count(model).status, Status::limit);
    EXPECT_EQ(constrint::Space(model).status(), Status::limit);
    EXPECT_NE(constrint::explain(model).status, Status::unsatisfiable);
  }
}

// Each variable is a part of its own; the count leaves 128 bits after 81 of them.
TEST(Language, ThousandsOfPartsAreALimitAtOnce) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "v" + std::to_string(i) + " in 1..3;";
  const Model model = Model::parse(text);
  EXPECT_EQ(constrint::count(model).status, Status::limit);
  EXPECT_EQ(constrint::Space(model).status(), Status::limit);
  EXPECT_EQ(Search(model).first(), Status::satisfiable);
}

TEST(Language, StatementsAreShownWithoutWhatFollowsThem) {
  const Model model = Model::parse("x in 1..2; x == 2 # why \t \n ; x\t==\t1\t;");
  EXPECT_EQ(model.statement(1).text, "x == 2");
  EXPECT_EQ(model.statement(2).text, "x\t==\t1");
}

TEST(Language, BindsAsPythonDoes) {
  EXPECT_EQ(all("x in -9..9; x == -7 / 2 * 2 + 7 % -4;"), Rows{{-9}});
  EXPECT_EQ(all("x in -9..9; x == -2 ^ 2;"), Rows{{-4}});
  EXPECT_EQ(all("x in 0..3; not x == 1 and x < 3 or x == 1 -> x == 2;"), (Rows{{2}, {3}}));
  EXPECT_EQ(all("x in 1..9; 3 <= x < 5;"), (Rows{{3}, {4}}));
  EXPECT_EQ(all("x in 0..6; x == 0 or 6 / x == 2;"), Rows{{3}});  // a division by zero is false
}

void refused(std::string_view text, std::size_t line, std::size_t column, std::string_view part) {
  SCOPED_TRACE(std::string(text));
  try {
    Model::parse(text, "t");
    ADD_FAILURE() << "was accepted";
  } catch (const ParseError& error) {
    EXPECT_EQ(error.line(), line) << error.what();
    EXPECT_EQ(error.column(), column) << error.what();
    EXPECT_NE(error.message().find(part), std::string::npos) << error.what();
  }
}

TEST(Language, SaysWhereAndWhatWasExpected) {
  refused("x == ;", 1, 6, "a number, a variable or '('");
  refused("x in 1..4;\n  y ;", 2, 5, "comparison");
  refused("x == 1", 1, 7, "';'");
  refused("x in 1, 2;", 1, 7, "'..'");
  refused("x == 99999999999999999999;", 1, 6, "64 bits");
  refused("x ^ y == 1;", 1, 5, "exponent");
  refused("prefer x biggest;", 1, 10, "smallest");
  refused("x = 3;", 1, 3, "found '='");
}

TEST(Language, RefusesDeepNestingAndTakesLongTexts) {
  const std::string deep = std::string(1000000, '(') + "x";
  EXPECT_THROW(Model::parse(deep), ParseError);
  std::string sum = "x in 1..3; x";
  for (int i = 0; i < 250000; ++i) sum += " + 0";
  EXPECT_EQ(all(sum + " == 2;"), Rows{{2}});
}

TEST(Language, TellsNamesOfAnyLengthApart) {
  // Every length, at every place of a block of the text, and names that differ in one letter only.
  for (std::size_t length = 1; length <= 200; ++length) {
    const std::string first = "N" + std::string(length - 1, 'a');
    std::string second = first;
    second[length / 2] = 'b';
    const std::string text = std::string(length % 64, ' ') + first + " in [1];" + second +
                             " in [2];\n" + first + " + " + second + " == 3;";
    const Model model = Model::parse(text);
    ASSERT_EQ(model.variable_count(), 2U) << text;
    EXPECT_EQ(model.variable_name(0), first);
    EXPECT_EQ(model.variable_name(1), second);
    EXPECT_EQ(all(text), (Rows{{1, 2}}));
  }
  EXPECT_TRUE(Model::parse("x == 1;").find("x"));
  EXPECT_FALSE(Model::parse("x == 1;").find("y"));
  EXPECT_FALSE(Model().find("x"));
}

// The plainest statements have a way of their own through the reader: no spelling may make a
// difference.
TEST(Language, ReadsPlainStatementsLikeOthers) {
  for (const char* value :
       {"0", "7", "42", "999999", "1234567", "12345678", "123456789012345678",
        "1234567890123456789", "9223372036854775807", "00012", "000000000012"}) {
    SCOPED_TRACE(value);
    const auto with = [value](std::string before, const char* after) {
      return before.append(value).append(after);
    };
    const Model equality = Model::parse(with("x == ", ";"));
    EXPECT_EQ(equality.str(), Model::parse(with("x  ==", " ;")).str());
    EXPECT_EQ(equality.statement(0).text, with("x == ", ""));
    const Model domain = Model::parse(with("y > 1;\nx in [3, ", "];"));
    EXPECT_EQ(domain.statement(1).text, with("x in [3, ", "]"));
    EXPECT_EQ(domain.statement(1).line, 2);
    for (const char* spelling :
         {"y>1;x  in [3,", "y>1;x in[ 3 ,", "y>1;x in [3 ,", "y>1;x in [ 3,  "}) {
      EXPECT_EQ(domain.str(), Model::parse(with(spelling, " ] ;")).str()) << spelling;
    }
  }
  EXPECT_EQ(all("x in [5, 3,4 , 3];"), (Rows{{3}, {4}, {5}}));
  EXPECT_EQ(all("x == 5 or x == 6; x == 5 + 1;"), Rows{{6}});
  for (const char* text :
       {"x in [];", "x in [1,];", "x in [1 2];", "x in [1, 2;", "x in [12a];", "x == ;", "x == 5a;",
        "x == 99999999999999999999;", "in == 5;", "x in [1]", "x == 5", "or in [1];"}) {
    EXPECT_THROW(Model::parse(text), ParseError) << text;
  }
}

TEST(Language, TakesAnyNumberOfComments) {
  std::string text;
  for (int line = 0; line < 300000; ++line) text += "# a line\n";
  EXPECT_EQ(all(text + "x in [1, 2]; # and one more"), (Rows{{1}, {2}}));
}

TEST(Language, JoinsTextsAndNamesTheOneAtFault) {
  Model model;
  model.add_text("WARP in [32, 64];", "device");
  EXPECT_THROW(model.add_text("WARP in [32;", "kernel"), ParseError);
  EXPECT_EQ(model.statement_count(), 1U);
  model.add_text("\nWARP <= 16;", "kernel");
  const auto why = constrint::explain(model);
  ASSERT_EQ(why.statements, (std::vector<std::size_t>{0, 1}));
  EXPECT_TRUE(why.minimal);
  EXPECT_EQ(model.statement(1).text_name, "kernel");
  EXPECT_EQ(model.statement(1).line, 2U);
}

}  // namespace
