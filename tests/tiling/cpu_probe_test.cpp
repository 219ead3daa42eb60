// SPDX-License-Identifier: Apache-2.0
#include "cpu_probe.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace flashrnn {
namespace {

namespace fs = std::filesystem;

/// A copy of what Linux says of a CPU, in a folder of its own.
class FakeSystem {
 public:
  FakeSystem()
      : root_(fs::temp_directory_path() /
              ("flashrnn_cpu_probe_" + std::to_string(getpid()) + "_" + std::to_string(++count))) {}
  ~FakeSystem() {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }
  FakeSystem(const FakeSystem&) = delete;
  FakeSystem& operator=(const FakeSystem&) = delete;

  void file(const std::string& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text << '\n';
  }
  void cache(int index, const char* level, const char* type, const char* size,
             const char* shared) const {
    const std::string folder =
        "sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + '/';
    file(folder + "level", level);
    file(folder + "type", type);
    file(folder + "size", size);
    file(folder + "shared_cpu_list", shared);
  }
  std::string root() const { return root_.string() + '/'; }

 private:
  static inline int count = 0;
  fs::path root_;
};

std::optional<std::int64_t> value(const DeviceProbe& probe, const char* name) {
  const auto found = std::ranges::find(probe.values, name, &NamedValue::name);
  if (found == probe.values.end()) return std::nullopt;
  return found->value;
}

TEST(CpuProbe, ReadsAnX86ServerWithHardwareThreads) {
  const FakeSystem system;
  system.file("proc/cpuinfo",
              "processor : 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 17\n"
              "model name\t: AMD EPYC 9654\nflags\t\t: fpu sse2 avx2 avx512f\n\nprocessor : 1\n"
              "model\t\t: 99\n");
  system.file("sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "0,96");
  system.cache(0, "1", "Data", "32K", "0,96");
  system.cache(1, "1", "Instruction", "64K", "0,96");
  system.cache(2, "2", "Unified", "1024K", "0,96");
  system.cache(3, "3", "Unified", "32M", "0-7,96-103");
  const DeviceProbe probe = host::probe_cpu(system.root(), 192);
  EXPECT_EQ(probe.identity, "cpu AuthenticAMD 25 17");
  EXPECT_EQ(probe.title, "AMD EPYC 9654");
  EXPECT_EQ(value(probe, "CORES"), 96);
  EXPECT_EQ(value(probe, "VECTOR_BITS"), 512);
  EXPECT_EQ(value(probe, "VECTOR_REGISTERS"), 32);
  EXPECT_EQ(value(probe, "L1_BYTES"), 32 * 1024);
  EXPECT_EQ(value(probe, "L2_BYTES"), 1024 * 1024);
  EXPECT_EQ(value(probe, "L2_CORES"), 1);
  EXPECT_EQ(value(probe, "L3_BYTES"), 32 * 1024 * 1024);
  EXPECT_EQ(value(probe, "L3_CORES"), 8);
}

TEST(CpuProbe, ReadsAnArmServer) {
  const FakeSystem system;
  system.file("proc/cpuinfo",
              "processor\t: 0\nFeatures\t: fp asimd sve\nCPU implementer\t: 0x41\n"
              "CPU part\t: 0xd40\n");
  const DeviceProbe probe = host::probe_cpu(system.root(), 64);
  EXPECT_EQ(probe.identity, "cpu ARM 0x41 0xd40");
  EXPECT_EQ(value(probe, "CORES"), 64);
  EXPECT_EQ(value(probe, "VECTOR_BITS"), std::nullopt);  // SVE does not say its width here
}

TEST(CpuProbe, SaysNothingOfWhatItCannotSee) {
  const FakeSystem system;  // an empty folder
  const DeviceProbe probe = host::probe_cpu(system.root(), 3);
  EXPECT_EQ(probe.identity, "cpu unknown unknown unknown");
  EXPECT_EQ(probe.values, (std::vector<NamedValue>{{"CORES", 3}}));
  EXPECT_EQ(resolve(probe).model->at("CORES"), 3);
}

TEST(CpuProbe, ThisMachineHasARightModel) {
  const DeviceProbe probe = host::probe_cpu();
  const ResolvedDevice device = resolve(probe);
  EXPECT_EQ(problems_of(*device.model), std::vector<std::string>{}) << probe.identity;
  EXPECT_GE(device.model->at("CORES"), 1);
}

}  // namespace
}  // namespace flashrnn
