// SPDX-License-Identifier: Apache-2.0
#include "io/csv.hpp"

#include <clocale>
#include <cmath>
#include <limits>

#include "file_fixture.hpp"
#include "flashrnn/error.hpp"

namespace flashrnn::test {
namespace {

using Columns = std::vector<std::vector<double>>;
using Names = std::vector<std::string>;

class CsvTest : public FolderTest {};

TEST(csv, names_and_numbers) {
  const io::CsvTable table = io::parse_csv("time,value\n1700.000000,5\n1701, -1.5e-3\n", "t.csv");
  EXPECT_EQ(table.names, (Names{"time", "value"}));
  EXPECT_EQ(table.columns, (Columns{{1700, 1701}, {5, -0.0015}}));
  EXPECT_EQ(table.rows(), 2U);
}

TEST(csv, line_ends_blank_lines_quotes_and_byte_order_mark) {
  const Columns expected{{1, 3}, {2, 4}};
  for (const char* text :
       {"a,b\r\n1,2\r\n3,4\r\n", "\n a , b \n\n1,2\n   \n3,4", "\xef\xbb\xbf\x61,b\n1,2\n3,4\n\n",
        "\"a\",\"b\"\n\"1\",2\n 3 ,\"4\" \n", "a,b\n+1,+2\n3.,.4e1\n"}) {
    const io::CsvTable table = io::parse_csv(text, "t.csv");
    EXPECT_EQ(table.names, (Names{"a", "b"})) << text;
    EXPECT_EQ(table.columns, expected) << text;
  }
  EXPECT_EQ(io::parse_csv("\"a \"\"b\"\", c\"\n1\n", "t").names, Names{"a \"b\", c"});
}

struct BadCsv {
  std::string what;
  std::string text;
  std::string message;
};

class BadCsvs : public ::testing::TestWithParam<BadCsv> {};

TEST_P(BadCsvs, name_line_and_column) {
  const BadCsv& bad = GetParam();
  EXPECT_EQ(message_of<InvalidArgument>([&] { (void)io::parse_csv(bad.text, "t.csv"); }),
            bad.message);
}

INSTANTIATE_TEST_SUITE_P(
    csv, BadCsvs,
    ::testing::Values(
        BadCsv{"empty", "", "t.csv: no line of column names"},
        BadCsv{"blank", "\n  \n", "t.csv: no line of column names"},
        BadCsv{"no_rows", "a,b\n", "t.csv: no rows below the column names"},
        BadCsv{"no_header", "1,2\n3,4\n",
               "t.csv: line 1: column names are expected, found the number 1"},
        BadCsv{"same_name", "a,a\n1,2\n", "t.csv: line 1: two columns have the name 'a'"},
        BadCsv{"no_name", "a,\n1,2\n", "t.csv: line 1: column 2 has no name"},
        BadCsv{"missing", "a,b\n1,2\n\n3,\n",
               "t.csv: line 4: column 2 ('b'): the value is missing; every row needs one"},
        BadCsv{"not_available", "a,b\nNA,2\n",
               "t.csv: line 2: column 1 ('a'): the value is missing; every row needs one"},
        BadCsv{"too_few", "a,b\n1\n",
               "t.csv: line 2: expected 2 fields, as there are column names, found 1"},
        BadCsv{"too_many", "a,b\r\n1,2\r\n1,2,3\r\n",
               "t.csv: line 3: expected 2 fields, as there are column names, found 3"},
        BadCsv{"word", "a,b\n1,2x\n",
               "t.csv: line 2: column 2 ('b'): '2x' is not a number (decimal point, fields "
               "separated by commas)"},
        BadCsv{"two_signs", "a\n+-1\n",
               "t.csv: line 2: column 1 ('a'): '+-1' is not a number (decimal point, fields "
               "separated by commas)"},
        BadCsv{"not_a_number", "a\nnan\n",
               "t.csv: line 2: column 1 ('a'): 'nan' is not a finite number"},
        BadCsv{"infinite", "a\n-inf\n",
               "t.csv: line 2: column 1 ('a'): '-inf' is not a finite number"},
        BadCsv{"too_large", "a\n1e999\n",
               "t.csv: line 2: column 1 ('a'): '1e999' is out of a double's range"},
        BadCsv{"open_quote", "\"a\n1\n", "t.csv: line 1: a quoted field does not end on its line"},
        BadCsv{"text_after_quote", "a\n\"1\"2\n", "t.csv: line 2: text follows a quoted field"},
        BadCsv{"binary", std::string("a\n\0\x01\n", 5),
               "t.csv: line 2: column 1 ('a'): '\\x00\\x01' is not a number (decimal point, fields "
               "separated by commas)"}),
    [](const auto& parameter) { return parameter.param.what; });

TEST_F(CsvTest, round_trip_is_exact) {
  const io::CsvTable table{{"plain", "a \"b\", c"},
                           {{0.1, -0.0, std::numeric_limits<double>::max()},
                            {1.0 / 3, std::numeric_limits<double>::denorm_min(), 1e23}}};
  io::write_csv(path("t.csv"), table);
  const io::CsvTable again = io::read_csv(path("t.csv"));
  EXPECT_EQ(again.names, table.names);
  EXPECT_EQ(again.columns, table.columns);
  EXPECT_TRUE(std::signbit(again.columns[0][1]));
}

TEST(csv, not_a_number_is_written_as_no_value) {
  EXPECT_EQ(io::format_csv({{"a", "b"}, {{1, std::nan("")}, {2.5, 3}}}), "a,b\n1,2.5\n,3\n");
}

TEST(csv, columns_of_different_length_are_refused) {
  EXPECT_EQ(message_of<InvalidArgument>([] {
              (void)io::format_csv({{"a", "b"}, {{1}, {}}});
            }),
            "column 2 ('b') has 0 rows, the first one 1");
}

TEST(csv, decimal_point_in_every_locale) {
  const std::string before = std::setlocale(LC_ALL, nullptr);
  const bool switched = std::setlocale(LC_ALL, "de_DE.UTF-8") != nullptr;
  const io::CsvTable table = io::parse_csv("a\n1.5\n", "t.csv");
  const std::string text = io::format_csv(table);
  std::setlocale(LC_ALL, before.c_str());
  if (!switched) GTEST_SKIP() << "the locale de_DE.UTF-8 is not installed";
  EXPECT_EQ(table.columns, Columns{{1.5}});
  EXPECT_EQ(text, "a\n1.5\n");
}

TEST(csv, sunspot_series) {
  const io::CsvTable table =
      io::read_csv(std::filesystem::path(FLASHRNN_GOLDEN_DATA) / "sunspots_lstm.csv");
  EXPECT_EQ(table.names, (Names{"time", "value"}));
  ASSERT_EQ(table.rows(), 309U);
  EXPECT_EQ(table.columns[0].back(), 2008);
  EXPECT_EQ(table.columns[1].back(), 2.9);
}

}  // namespace
}  // namespace flashrnn::test
