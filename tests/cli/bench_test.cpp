// SPDX-License-Identifier: Apache-2.0
// flashrnn bench: the file that it writes, what it refuses, and what an interrupt leaves behind.
#include <chrono>
#include <cmath>
#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

#include "../io/file_fixture.hpp"
#include "program.hpp"

namespace flashrnn::test {
namespace {

using Arguments = std::vector<std::string>;
using Json = nlohmann::json;

/// Whether the program under test can time anything; it says so itself.
bool has_timing_engine() {
  const ProgramResult result = run_program(
      {"bench", "--heads-dims", "4x1", "--steps", "2", "--cells", "elman", "--sweep", "head_dim",
       "--passes", "inference", "--repetitions", "1", "--least-seconds", "0"});
  return result.err.find("without Google Benchmark") == std::string::npos;
}

class BenchCommand : public FolderTest {
 protected:
  void SetUp() override {
    if (!has_timing_engine()) GTEST_SKIP() << "the program was built without Google Benchmark";
  }
  /// A run of seconds: two head sizes, one of them in heads.
  [[nodiscard]] Arguments tiny(const std::string& file) const {
    return {"bench", "--heads-dims", "8x2,16x1",         "--batches",     "2", "--steps",
            "4",     "--sweep",      "head_dim",         "--repetitions", "3", "--least-seconds",
            "0.001", "--out",        path(file).string()};
  }
};

void expect_times(const Json& times) {
  EXPECT_GT(times.at("least").get<double>(), 0);
  EXPECT_LE(times.at("least"), times.at("lower_quartile"));
  EXPECT_LE(times.at("lower_quartile"), times.at("median"));
  EXPECT_LE(times.at("median"), times.at("upper_quartile"));
  EXPECT_GE(times.at("calls"), 1);
}

TEST_F(BenchCommand, WritesEveryCaseWithWhatItWasMeasuredWith) {
  const ProgramResult result = run_program(tiny("out.json"));
  ASSERT_EQ(result.status, 0) << result.err;
  const Json json = Json::parse(content(path("out.json")));
  EXPECT_EQ(json.at("format"), "flashrnn-bench");
  EXPECT_EQ(json.at("version"), 1);
  EXPECT_EQ(json.at("complete"), true);
  EXPECT_GE(json.at("rules").size(), 5U);
  EXPECT_NE(json.at("versions").at("kokkos"), "");
  for (const char* moment : {"before", "after"})
    EXPECT_EQ(json.at("machine").at(moment).at("load_averages").size(), 3U) << moment;
  ASSERT_FALSE(json.at("devices").empty());
  for (const char* key : {"title", "identity", "model", "file", "probed", "values"})
    EXPECT_TRUE(json.at("devices")[0].contains(key)) << key;

  // 2 head sizes, 4 cells, 3 passes, in every space; what is missing is said.
  const std::size_t problems = 2 * 4 * 3;
  ASSERT_GE(json.at("cases").size(), problems);
  EXPECT_EQ((json.at("cases").size() + json.at("skipped").size()) % problems, 0U);
  for (const Json& one : json.at("skipped"))
    EXPECT_NE(one.at("reason").get<std::string>().find("does not run this problem"),
              std::string::npos)
        << one.dump();
  for (const Json& one : json.at("cases")) {
    SCOPED_TRACE(one.dump());
    expect_times(one.at("time"));
    EXPECT_EQ(one.at("time").at("repetitions"), 3);
    EXPECT_EQ(one.at("steps"), 4);
    const double step = one.at("time").at("median").get<double>() / 4;
    EXPECT_NEAR(one.at("us_per_step").get<double>(), step, 1e-3 * step);
    EXPECT_GT(one.at("bound").at("step_us").get<double>(), 0);
    EXPECT_NE(one.at("plan").at("describe"), "");
    EXPECT_EQ(one.at("plan").contains("backward"), one.at("pass") == "training_backward");
    for (const Json& peer : one.at("peers")) {
      EXPECT_TRUE(one.at("cell") == "lstm" || one.at("cell") == "gru") << one.at("cell");
      expect_times(peer.at("time"));
      if (!peer.at("projection").is_null()) expect_times(peer.at("projection"));
    }
  }
  EXPECT_NE(result.err.find("1 of "), std::string::npos) << result.err;
  EXPECT_NE(result.err.find(" left"), std::string::npos) << result.err;
  EXPECT_NE(result.out.find("Rules of the comparison"), std::string::npos);
  EXPECT_EQ(files_in_folder(), 1U);

  const ProgramResult report = run_program(
      {"compare", path("out.json"), "--html", path("out.html"), "--picture", path("out.svg")});
  ASSERT_EQ(report.status, 0) << report.err;
  EXPECT_NE(content(path("out.html")).find("Step time against head size"), std::string::npos);
  EXPECT_NE(content(path("out.svg")).find("<svg"), std::string::npos);
}

TEST_F(BenchCommand, ListsWhatItWouldRun) {
  Arguments arguments = tiny("out.json");
  arguments.insert(arguments.end(), {"--list", "--cells", "gru", "--passes", "training"});
  const ProgramResult result = run_program(arguments);
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.out.find("gru float32 8x2 B2 T4 training, kokkos"), std::string::npos)
      << result.out;
  EXPECT_EQ(result.out.find("lstm"), std::string::npos) << result.out;
  EXPECT_EQ(files_in_folder(), 0U);
}

TEST_F(BenchCommand, TakesFloat32OfLessPreciseProductsAsATypeOfItsOwn) {
  Arguments arguments = tiny("out.json");
  arguments.insert(arguments.end(), {"--list", "--cells", "gru", "--passes", "training", "--dtype",
                                     "f32_high,float32"});
  const ProgramResult result = run_program(arguments);
  ASSERT_EQ(result.status, 0) << result.err;
  for (const char* part : {"gru float32_high 8x2 B2 T4 training", "gru float32 8x2 B2 T4 training"})
    EXPECT_NE(result.out.find(part), std::string::npos) << part << result.out;
}

TEST_F(BenchCommand, ShortensStepsOnACpuAsTheRuleSays) {
  const ProgramResult result = run_program({"bench", "--list", "--sweep", "head_dim", "--cells",
                                            "lstm", "--passes", "inference", "--spaces", "Serial"});
  ASSERT_EQ(result.status, 0) << result.err;
  // Multiply-adds a step: 4·16²·48·16 = 786432, of which 1024 steps stay below 2^31; 4·128²·6·16 =
  // 6291456, of which 341 do, so 256; 4·768²·16 = 37748736, of which 56 do, so the least, 64.
  for (const char* part : {"16x48 B16 T1024 ", "128x6 B16 T256 ", "768x1 B16 T64 "})
    EXPECT_NE(result.out.find(part), std::string::npos) << part << result.out;
}

TEST_F(BenchCommand, RefusesWhatItDoesNotKnow) {
  const std::vector<std::pair<Arguments, std::string>> wrong{
      {{"--sweep", "width"}, "--sweep: there is no 'width'; there are: head_dim, batch, steps"},
      {{"--cells", "lsmt"}, "--cells: there is no 'lsmt'"},
      {{"--passes", "backward"}, "--passes: there is no 'backward'"},
      {{"--dtype", "f8"}, "f8"},
      {{"--backend", "metal"}, "--backend: this build has no 'metal'"},
      {{"--spaces", "Threads"}, "--spaces: this build has no 'Threads'"},
      {{"--heads-dims", "64"}, "--heads-dims: expected head_dim x heads"},
      {{"--heads-dims", "0x4"}, "--heads-dims: expected head_dim x heads"},
      {{"--repetitions", "0"}, "--repetitions"},
      {{"--steps", "-4"}, "--steps"},
      {{"--json"}, "--json goes with --largest-fused"},
      {{"--out", path("no/such/folder/x.json")}, "no/such/folder"}};
  for (const auto& [options, message] : wrong) {
    Arguments arguments{"bench"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const ProgramResult result = run_program(arguments);
    EXPECT_EQ(result.status, 2) << message;
    EXPECT_NE(result.err.find(message), std::string::npos) << result.err;
  }
}

TEST_F(BenchCommand, ATimeLimitLeavesCasesOutAndSaysSo) {
  Arguments arguments = tiny("out.json");
  arguments.insert(arguments.end(), {"--time-limit", "0.000001"});
  const ProgramResult result = run_program(arguments);
  ASSERT_EQ(result.status, 0) << result.err;
  const Json json = Json::parse(content(path("out.json")));
  EXPECT_EQ(json.at("complete"), false);
  ASSERT_FALSE(json.at("skipped").empty());
  EXPECT_EQ(json.at("skipped")[0].at("reason"), "time limit");
}

/// What a run that `signal` ends leaves: status, and the file.
std::pair<int, std::string> interrupted_run(const Arguments& arguments,
                                            const std::filesystem::path& file, int signal) {
  RunningProgram program(arguments);
  // Until the file has its first case: the signal meets the run in its middle. On a machine that
  // others load, that may take a minute.
  for (int n = 0; n < 12000; ++n) {
    std::ifstream in(file);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    if (text.find("\"us_per_step\"") != std::string::npos) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  program.kill(signal);
  const ProgramResult result = program.wait();
  std::ifstream in(file);
  return {result.status, {std::istreambuf_iterator<char>(in), {}}};
}

TEST_F(BenchCommand, AnInterruptedRunKeepsWhatItHas) {
  // Long enough to be met in its middle: repetitions of a tenth of a second.
  Arguments arguments = tiny("out.json");
  arguments[12] = "0.1";
  for (const int signal : {SIGINT, SIGKILL}) {
    std::filesystem::remove(path("out.json"));
    const auto [status, text] = interrupted_run(arguments, path("out.json"), signal);
    EXPECT_EQ(status, 128 + signal);
    const Json json = Json::parse(text);
    EXPECT_EQ(json.at("complete"), false);
    EXPECT_GE(json.at("cases").size(), 1U);
    if (signal == SIGINT) {
      EXPECT_EQ(json.at("skipped").back().at("reason"), "interrupted");
    }
    const ProgramResult compared = run_program({"compare", path("out.json")});
    EXPECT_EQ(compared.status, 0) << compared.err;
    EXPECT_NE(compared.err.find("the run was cut short"), std::string::npos) << compared.err;
  }
}

TEST(BenchCommandAlone, LargestFusedHeadsFollowTheTilings) {
  const ProgramResult result = run_program({"bench", "--largest-fused", "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const Json json = Json::parse(result.out);
  int gpus = 0;
  for (const Json& row : json.at("largest_fused")) {
    SCOPED_TRACE(row.dump());
    EXPECT_LE(row.at("training"), row.at("inference"));
    const bool h200 = row.at("device") == "nvidia_h200" && row.at("cell") == "lstm" &&
                      row.at("dtype") == "bfloat16";
    if (!h200) continue;
    ++gpus;
    // Whatever the table says, a plan for that head exists, and it is of a fused kernel.
    if (row.at("backend") != "kokkos") continue;
    const std::string size = std::to_string(row.at("inference").get<int>());
    const ProgramResult plan = run_program({"plan", "--device", "nvidia_h200", "--head-dim", size,
                                            "--dtype", "bf16", "--json", "--runners-up", "9"});
    EXPECT_NE(plan.out.find("resident_gpu"), std::string::npos) << plan.out << plan.err;
    const std::string next = std::to_string(row.at("inference").get<int>() + 16);
    const ProgramResult beyond = run_program({"plan", "--device", "nvidia_h200", "--head-dim", next,
                                              "--dtype", "bf16", "--json", "--runners-up", "9"});
    EXPECT_EQ(beyond.out.find("resident_gpu"), std::string::npos) << beyond.out;
  }
  EXPECT_EQ(gpus, 2);  // the CUDA kernels' row and the portable recurrence's
}

}  // namespace
}  // namespace flashrnn::test
