// SPDX-License-Identifier: Apache-2.0
// flashrnn compare on small files written by hand: its arithmetic, its gate, and what it refuses.
#include <nlohmann/json.hpp>

#include "../io/file_fixture.hpp"
#include "program.hpp"

namespace flashrnn::test {
namespace {

using Json = nlohmann::ordered_json;
using Cases = std::vector<Json>;

Json times(double median, double spread = 0.01) {
  return {{"median", median},
          {"lower_quartile", median * (1 - spread)},
          {"upper_quartile", median * (1 + spread)},
          {"least", median * (1 - 2 * spread)},
          {"repetitions", 9},
          {"calls", 3}};
}

/// A case of 100 steps.
Json one_case(int head_dim, double median, double spread = 0.01) {
  return {{"sweeps", Json::array({"head_dim"})},
          {"cell", "lstm"},
          {"dtype", "float32"},
          {"head_dim", head_dim},
          {"heads", 2},
          {"batch", 4},
          {"steps", 100},
          {"pass", "inference"},
          {"backend", "kokkos"},
          {"space", "OpenMP"},
          {"threads", 2},
          {"device", "cpu TestVendor 1 2"},
          {"time", times(median, spread)},
          {"us_per_step", median / 100},
          {"bound", {{"step_us", 1.0}, {"limited_by", "products"}}},
          {"peers", Json::array()},
          {"load", 0.1},
          {"plan", {{"describe", "a plan\nof <two> lines\n"}}}};
}

Json file_of(const Cases& cases) {
  return {
      {"format", "flashrnn-bench"},
      {"version", 1},
      {"complete", true},
      {"created", "2026-11-25T20:00:00Z"},
      {"settings", Json::object()},
      {"rules", Json::array({"a rule"})},
      {"machine", {{"before", {{"load_averages", {0, 0, 0}}, {"usable_processors", 2}}}}},
      {"versions", {{"flashrnn", "0.1.0"}}},
      {"devices",
       Json::array({{{"title", "Test CPU"}, {"identity", "cpu TestVendor 1 2"}, {"model", "m"}}})},
      {"skipped", Json::array()},
      {"cases", cases}};
}

class CompareCommand : public FolderTest {
 protected:
  std::string write(const std::string& name, const Json& json) {
    put(path(name), json.dump());
    return path(name);
  }
  /// The gate of 1.10 between two files of these cases.
  ProgramResult gate(const Cases& base, const Cases& fresh) {
    return run_program({"compare", "--fail-above", "1.10", write("base.json", file_of(base)),
                        write("new.json", file_of(fresh))});
  }
};

void expect_in(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "'" << part << "' is not in\n" << text;
}

TEST_F(CompareCommand, TakesProjectionsOutAndDividesByTheSteps) {
  Json one = one_case(64, 1000);  // 10 us a step, bound 1: 10 %
  one["peers"] =
      Json::array({{{"name", "other"}, {"time", times(5000)}, {"projection", times(2000)}},
                   {{"name", "odd"}, {"time", times(100)}, {"projection", times(2000)}},
                   {{"name", "quick"}, {"time", times(2049)}, {"projection", times(2000)}}});
  const ProgramResult result = run_program({"compare", write("a.json", file_of({one}))});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
  expect_in(result.out, "| lstm float32 64x2 B4 T100 inference | kokkos OpenMP 2 threads |");
  expect_in(result.out, "10.0 (9.90–10.1)");
  expect_in(result.out, "10.0 %");
  expect_in(result.out, "other 30.0 (×3.00)");  // (5000 - 2000) / 100, and over 10
  expect_in(result.out, "odd net time not believable");
  // 0.49 us a step, where the device's bound is 1.
  expect_in(result.out, "quick net time not believable");
}

TEST_F(CompareCommand, ShowsFilesSideBySide) {
  const ProgramResult result =
      run_program({"compare", write("a.json", file_of({one_case(64, 1000), one_case(32, 500)})),
                   write("b.json", file_of({one_case(64, 1500), one_case(16, 100)}))});
  EXPECT_EQ(result.status, 0) << result.err;
  expect_in(result.out, "b / a");
  expect_in(result.out, "| 1.50");
  expect_in(result.out, "| lstm float32 16x2 B4 T100 inference | kokkos OpenMP 2 threads | – ");
}

TEST_F(CompareCommand, GateFailsBeyondLimitAndNoise) {
  const ProgramResult result =
      gate({one_case(64, 1000), one_case(32, 500)}, {one_case(64, 1200), one_case(32, 545)});
  EXPECT_EQ(result.status, 1) << result.out;
  expect_in(result.out, "2 case(s) compared, 1 slower than 1.10 times beyond the noise: FAILED");
  expect_in(result.out, "1.20");
  EXPECT_EQ(result.out.find("1.09"), std::string::npos) << result.out;
}

TEST_F(CompareCommand, GatePassesWhatIsWithinLimitFasterOrNoise) {
  // At the limit; faster; far above it, but with quartiles of 40 % that overlap.
  const ProgramResult result =
      gate({one_case(16, 1000), one_case(32, 1000), one_case(64, 1000, 0.4)},
           {one_case(16, 1100), one_case(32, 300), one_case(64, 1300, 0.4)});
  EXPECT_EQ(result.status, 0) << result.out;
  expect_in(result.out, "3 case(s) compared, 0 slower");
  expect_in(result.out, "the quartiles overlap: noise");
  expect_in(result.out, "1.30");
}

TEST_F(CompareCommand, GateListsWhatItCouldNotCompare) {
  const ProgramResult result =
      gate({one_case(64, 1000), one_case(32, 500)}, {one_case(64, 1000), one_case(16, 10)});
  EXPECT_EQ(result.status, 0);
  expect_in(result.out, "Only in base, not compared (1):\n- lstm float32 32x2");
  expect_in(result.out, "Only in new, not compared (1):\n- lstm float32 16x2");
}

TEST_F(CompareCommand, GateRefusesOtherDevicesAndNothingInCommon) {
  Json other = one_case(64, 1000);
  other["device"] = "cpu TestVendor 1 3";
  ProgramResult result = gate({one_case(64, 1000)}, {other});
  EXPECT_EQ(result.status, 2);
  expect_in(result.err, "cpu TestVendor 1 3");
  expect_in(result.err, "--any-device");
  result = run_program(
      {"compare", "--any-device", "--fail-above", "1.1", path("base.json"), path("new.json")});
  EXPECT_EQ(result.status, 0);
  expect_in(result.err, "warning: new: measured on 'cpu TestVendor 1 3'");
  result = gate({one_case(64, 1000)}, {one_case(32, 1000)});
  EXPECT_EQ(result.status, 2);
  expect_in(result.err, "nothing was compared");
  Json timed = file_of({one_case(64, 1000)});
  timed["settings"]["clock"] = "processor time";
  result = run_program(
      {"compare", "--fail-above", "1.1", path("base.json"), write("timed.json", timed)});
  EXPECT_EQ(result.status, 2);
  expect_in(result.err, "timed has processor time");
  result = run_program({"compare", "--fail-above", "1.1", path("base.json")});
  EXPECT_EQ(result.status, 2);
  expect_in(result.err, "--fail-above takes two files");
}

TEST_F(CompareCommand, RefusesFilesThatAreWrong) {
  const auto refused = [this](const std::string& text, const std::string& message) {
    put(path("x.json"), text);
    const ProgramResult result = run_program({"compare", path("x.json")});
    EXPECT_EQ(result.status, 2) << message;
    expect_in(result.err, "x.json: ");
    expect_in(result.err, message);
  };
  refused("{\"format\": \"flashrnn-bench\", ", "parse error");
  refused("[]", "not a file of results of flashrnn bench");
  refused("{\"devices\": []}", "not a file of results of flashrnn bench");
  Json file = file_of({one_case(64, 1000)});
  file["version"] = 2;
  refused(file.dump(), "version 2; this program reads version 1");
  file = file_of({one_case(64, 1000)});
  file.erase("rules");
  refused(file.dump(), "rules");
  file = file_of({one_case(64, 1000), one_case(32, 1000)});
  file["cases"][1]["time"]["median"] = -1;
  refused(file.dump(), "case 2: 'median' is not a positive number");
  file["cases"][1]["time"]["median"] = 3000;
  refused(file.dump(), "case 2: the median is not between the quartiles");
  file["cases"][1] = one_case(0, 1000);
  refused(file.dump(), "case 2: a size is below 1");
  file["cases"][1] = one_case(32, 1000);
  file["cases"][1]["threads"] = "two";
  refused(file.dump(), "case 2: ");
  const ProgramResult result = run_program({"compare", path("absent.json")});
  EXPECT_EQ(result.status, 2);
  expect_in(result.err, "absent.json");
}

TEST_F(CompareCommand, ReportHasChartsAndNothingFromElsewhere) {
  Json slow = one_case(64, 1000);
  slow["peers"] =
      Json::array({{{"name", "<other>"}, {"time", times(5000)}, {"projection", nullptr}}});
  const std::string a = write("a.json", file_of({slow, one_case(32, 500), one_case(16, 300)}));
  const ProgramResult result =
      run_program({"compare", a, "--html", path("r.html"), "--picture", path("p.svg")});
  ASSERT_EQ(result.status, 0) << result.err;
  const std::string html = content(path("r.html"));
  for (const char* part : {"Step time against head size", "Fraction of the device's bound",
                           "prefers-color-scheme: dark", "@media print", "&lt;other&gt;",
                           "of &lt;two&gt; lines", "a rule"})
    expect_in(html, part);
  for (const char* part : {"<script", "src=", "href=", "url(", "@import", "<other>"})
    EXPECT_EQ(html.find(part), std::string::npos) << part;
  expect_in(content(path("p.svg")), "lstm float32, inference, batch 4");
  const ProgramResult none =
      run_program({"compare", write("b.json", file_of({slow})), "--picture", path("none.svg")});
  EXPECT_EQ(none.status, 2);
  expect_in(none.err, "--picture");
}

}  // namespace
}  // namespace flashrnn::test
