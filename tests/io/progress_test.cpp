// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>

#include "file_fixture.hpp"
#include "flashrnn/error.hpp"
#include "flashrnn/progress_bar.hpp"

namespace flashrnn::test {
namespace {

TEST(progress_bar, writes_a_line_for_every_tenth_to_a_file) {
  std::ostringstream out;
  io::ProgressBar bar("training", 40, out, false);
  for (int n = 1; n <= 40; ++n) bar.show(n, "loss 0.5");
  const std::string text = out.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 10) << text;
  EXPECT_EQ(text.find('\r'), std::string::npos);
  EXPECT_TRUE(
      text.starts_with("training               [##......................] 4/40  loss 0.5  0 s\n"))
      << text;
  EXPECT_TRUE(
      text.ends_with("training               [########################] 40/40  loss 0.5  0 s\n"))
      << text;
}

TEST(progress_bar, draws_over_its_line_on_a_terminal_and_ends_it) {
  std::ostringstream out;
  io::ProgressBar bar("a title that is longer than most", 1000, out, true);
  for (int n = 1; n <= 1000; ++n) bar.show(n);
  const std::string text = out.str();
  // The first, the last, and what ten times a second allows between.
  const auto drawn = std::count(text.begin(), text.end(), '\r');
  EXPECT_GE(drawn, 2);
  EXPECT_LT(drawn, 500);
  EXPECT_TRUE(text.starts_with("\ra title that is longer than most [")) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_TRUE(text.ends_with("[########################] 1000/1000    0 s\033[K\n")) << text;
}

TEST(progress_bar, names_values) {
  std::ostringstream out;
  io::ProgressBar bar("training", 1, out, false);
  bar.show(1, {{"length", 12}, {"loss", 1.0 / 3}, {"rate", 1e-7}});
  EXPECT_NE(out.str().find("  length 12, loss 0.333333, rate 1e-07  "), std::string::npos)
      << out.str();
}

TEST(progress_bar, stays_within_its_line_beyond_the_total) {
  std::ostringstream out;
  io::ProgressBar bar("training", 2, out, false);
  bar.show(3);
  EXPECT_NE(out.str().find("[########################] 3/2"), std::string::npos) << out.str();
  EXPECT_EQ(message_of<InvalidArgument>([] { io::ProgressBar("training", 0); }),
            "progress: expected a total of at least 1, found 0");
}

}  // namespace
}  // namespace flashrnn::test
