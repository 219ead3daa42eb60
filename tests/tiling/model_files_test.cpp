// SPDX-License-Identifier: Apache-2.0
// The files of hardware_models/: names, ranges, a source for every number, and the README's tables.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "devices/value_names.hpp"
#include "flashrnn/device_model.hpp"

namespace flashrnn {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::vector<fs::path> model_files() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(FLASHRNN_HARDWARE_MODEL_FILES))
    if (entry.path().extension() == ".constrint") files.push_back(entry.path());
  return files;
}

TEST(ModelFiles, EveryNumberHasASource) {
  ASSERT_FALSE(model_files().empty());
  for (const fs::path& file : model_files()) {
    std::istringstream lines(read(file));
    int numbers = 0;
    for (std::string line; std::getline(lines, line);) {
      const std::size_t statement = line.find("==");
      const std::size_t hash = line.find('#');
      if (statement == std::string::npos || statement > hash) continue;
      ++numbers;
      ASSERT_NE(hash, std::string::npos) << file << ": " << line;
      constexpr std::size_t shortest_source = 12;
      EXPECT_GT(line.size() - hash, shortest_source) << file << ": " << line;
    }
    EXPECT_GE(numbers, 16) << file;
  }
}

TEST(ModelFiles, AreAllBuiltInAndRight) {
  std::set<std::string> names;
  for (const fs::path& file : model_files()) {
    const DeviceModel model = parse_device_model(file.stem().string(), read(file));
    EXPECT_EQ(problems_of(model), std::vector<std::string>{}) << file;
    EXPECT_NE(model.title, model.name) << file << " has no '# device:' line";
    EXPECT_EQ(find_device_model(model.name)->values, model.values) << "built in from another text";
    names.insert(model.name);
    const bool generic = model.name.ends_with("_generic");
    EXPECT_EQ(model.matches.empty(), generic) << file;
  }
  for (const char* required :
       {"nvidia_a100", "nvidia_h100_sxm", "nvidia_h200", "nvidia_l40s", "nvidia_rtx_4090",
        "nvidia_b200", "amd_mi210", "amd_mi250x", "amd_mi300x", "cpu_zen4", "cpu_zen5",
        "cpu_sapphire_rapids", "cpu_graviton3", "cpu_generic", "nvidia_generic", "amd_generic"})
    EXPECT_TRUE(names.contains(required)) << required;
}

TEST(ModelFiles, NumbersAgreeWithEachOther) {
  for (const auto& model : device_models()) {
    SCOPED_TRACE(model->name);
    if (model->kind() == DeviceKind::cpu) {
      EXPECT_LT(model->at("L1_BYTES"), model->at("L2_BYTES"));
      EXPECT_GE(model->at("L1_BYTES_PER_CYCLE"), model->at("L2_BYTES_PER_CYCLE"));
      EXPECT_GE(model->at("L2_BYTES_PER_CYCLE"), model->at("L3_BYTES_PER_CYCLE"));
      EXPECT_LE(model->at("CORE_DRAM_GB_PER_S"), model->at("DRAM_GB_PER_S"));
      EXPECT_LE(model->at("L2_CORES"), model->at("CORES"));
      EXPECT_EQ(model->at("VECTOR_BITS") % 128, 0);
    } else {
      EXPECT_LE(model->at("SHARED_MEMORY_PER_BLOCK"), model->at("SHARED_MEMORY_PER_SM"));
      EXPECT_LE(model->at("MAX_THREADS_PER_BLOCK"), model->at("MAX_THREADS_PER_SM"));
      EXPECT_EQ(model->at("MAX_THREADS_PER_SM") % model->at("WARP_SIZE"), 0);
      EXPECT_LT(model->at("L1_LATENCY_PS"), model->at("L2_LATENCY_PS"));
      EXPECT_LT(model->at("L2_LATENCY_PS"), model->at("DRAM_LATENCY_PS"));
      EXPECT_LT(model->at("DRAM_GB_PER_S"), model->at("L2_GB_PER_S"));
      EXPECT_LE(model->at("FP64_FMA_PER_CYCLE"), model->at("FP32_FMA_PER_CYCLE"));
      EXPECT_LT(model->at("FP32_FMA_PER_CYCLE"), model->at("BF16_MATRIX_FMA_PER_CYCLE"));
    }
  }
}

TEST(ModelFiles, ReadmeExplainsEveryName) {
  const std::string readme = read(fs::path(FLASHRNN_HARDWARE_MODEL_FILES) / "README.md");
  const std::size_t cpu_part = readme.find("## Names of a CPU");
  ASSERT_NE(cpu_part, std::string::npos);
  for (const ValueName& known : value_names()) {
    const std::string part =
        known.kind == DeviceKind::cpu ? readme.substr(cpu_part) : readme.substr(0, cpu_part);
    const std::string start = "| " + std::string(known.name) + " |";
    const std::size_t row = part.find(start);
    ASSERT_NE(row, std::string::npos) << known.name;
    const std::string line = part.substr(row, part.find('\n', row) - row);
    const std::string range = std::to_string(known.low) + "–" + std::to_string(known.high) + " |";
    EXPECT_NE(line.find(range), std::string::npos) << line << "\nexpected the range " << range;
    EXPECT_EQ(line.find("not required") == std::string::npos, known.required) << line;
  }
}

}  // namespace
}  // namespace flashrnn
