// SPDX-License-Identifier: Apache-2.0
// Tilings that win when they are timed, and the files that remember them.
#include <gtest/gtest.h>
#include <unistd.h>

#include <Kokkos_Core.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "flashrnn/plan.hpp"
#include "flashrnn/recurrence/execution_space.hpp"
#include "flashrnn/recurrence/tuning_store.hpp"

namespace flashrnn {
namespace {

namespace fs = std::filesystem;
using Space = Kokkos::DefaultExecutionSpace;
// An engine that asks the tile search with nothing but what the space and the problem say.
constexpr const char* backend = is_gpu<Space> ? "kokkos" : "kokkos_generic";

/// A cache folder of the test's own, where the library looks for one.
class TuningStore : public testing::Test {
 public:
  TuningStore()
      : folder_(fs::temp_directory_path() / ("flashrnn_tuning_" + std::to_string(getpid()))) {
    fs::create_directories(folder_);
    ::setenv("XDG_CACHE_HOME", folder_.c_str(), 1);
  }
  ~TuningStore() override {
    ::unsetenv("XDG_CACHE_HOME");
    std::error_code ignored;
    fs::permissions(folder_, fs::perms::owner_all, ignored);
    fs::remove_all(folder_, ignored);
  }

 protected:
  static Problem problem() {
    Problem out;
    out.shape = {100, 8, 2, 16};
    out.training = true;
    return out;
  }
  static TileQuestion question(bool backward = false) {
    return tile_question(Space(), backend, problem(), find_cell("lstm"), backward);
  }
  /// Tilings of the kernel that wins by the model, the best first.
  static std::vector<FixedTiling> tilings() {
    const TileQuestion asked = question();
    const auto choice = search_kernels(asked.device, asked.kernel, asked.sizes, 2).front();
    std::vector<FixedTiling> out;
    for (const TileCandidate& candidate : choice->candidates)
      out.push_back({choice->kernel, candidate.tiling});
    return out;
  }
  static std::string describe(Tuning tuning) {
    PlanOptions options;
    options.backend = backend;
    options.tuning = tuning;
    return Plan<Space>(Space(), problem(), options).describe();
  }
  std::size_t files() const {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder_))
      count += entry.is_regular_file() ? 1 : 0;
    return count;
  }
  const fs::path& folder() const { return folder_; }

 private:
  fs::path folder_;
};

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

TEST_F(TuningStore, RemembersAndForgetsNothingElse) {
  EXPECT_EQ(remembered_tiling(question()), std::nullopt);
  const FixedTiling tiling = tilings().back();
  ASSERT_TRUE(remember_tiling(question(), tiling));
  EXPECT_EQ(remembered_tiling(question()), tiling);
  EXPECT_EQ(remembered_tiling(question(true)), std::nullopt);
  EXPECT_EQ(files(), 1u) << "a temporary file was left";
  TileQuestion larger = question();
  larger.sizes[0].value += 1;
  EXPECT_EQ(remembered_tiling(larger), std::nullopt);
}

TEST_F(TuningStore, ADamagedFileCountsAsNone) {
  const FixedTiling tiling = tilings().front();
  ASSERT_TRUE(remember_tiling(question(), tiling));
  const fs::path file = tuning_file(question());
  const std::string whole = read(file);
  for (std::size_t length = 0; length + 1 < whole.size(); ++length) {
    write(file, whole.substr(0, length));
    EXPECT_EQ(remembered_tiling(question()), std::nullopt) << "cut off after " << length;
  }
  for (std::size_t at = 0; at + 1 < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = '\x01';
    write(file, changed);
    EXPECT_EQ(remembered_tiling(question()), std::nullopt) << "changed at " << at;
  }
  write(file, whole);
  EXPECT_EQ(remembered_tiling(question()), tiling);
}

TEST_F(TuningStore, AMeasuredPlanRemembersItsWinners) {
  EXPECT_EQ(describe(Tuning::model).find("measured"), std::string::npos);
  EXPECT_EQ(files(), 0u) << "a plan by the model touches no disk";
  const std::string first = describe(Tuning::measured);
  EXPECT_NE(first.find("forward measured: fastest of"), std::string::npos) << first;
  EXPECT_NE(first.find("backward measured: fastest of"), std::string::npos) << first;
  EXPECT_EQ(files(), 2u);
  const std::string second = describe(Tuning::measured);
  EXPECT_NE(second.find("forward measured: as measured earlier"), std::string::npos) << second;
  EXPECT_NE(second.find("backward measured: as measured earlier"), std::string::npos) << second;
}

TEST_F(TuningStore, TheRememberedTilingIsUsed) {
  // Not the best by the model, so that it can only come from the file.
  const std::vector<FixedTiling> known = tilings();
  ASSERT_GE(known.size(), 2u);
  ASSERT_TRUE(remember_tiling(question(), known[1]));
  const std::string text = describe(Tuning::measured);
  std::string values;
  for (const NamedValue& entry : known[1].values)
    values += ' ' + entry.name + ' ' + std::to_string(entry.value);
  const std::string expected = "forward measured: as measured earlier: " + known[1].kernel + values;
  EXPECT_NE(text.find(expected), std::string::npos) << text;
  // The engine's own line says what it runs with.
  EXPECT_NE(text.substr(0, text.find("backward:")).find(':' + values + "; predicted"),
            std::string::npos)
      << text;
}

TEST_F(TuningStore, AnIllegalTilingOnDiskIsMeasuredAnew) {
  FixedTiling tiling = tilings().front();
  tiling.values[0].value = 77;
  ASSERT_TRUE(remember_tiling(question(), tiling));
  const std::string text = describe(Tuning::measured);
  EXPECT_NE(text.find("forward measured: fastest of"), std::string::npos) << text;
  EXPECT_NE(remembered_tiling(question()), tiling);
}

TEST_F(TuningStore, WithoutAFolderToWriteInAPlanIsMadeAllTheSame) {
  // A file stands where the folder should be, which stops root as well.
  write(folder() / "flashrnn", "in the way");
  const std::string text = describe(Tuning::measured);
  EXPECT_NE(text.find("forward measured: fastest of"), std::string::npos) << text;
  EXPECT_NE(text.find("could not be stored"), std::string::npos) << text;
}

}  // namespace
}  // namespace flashrnn
