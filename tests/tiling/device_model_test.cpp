// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/device_model.hpp"

#include <gtest/gtest.h>

#include "core/expect_message.hpp"
#include "flashrnn/error.hpp"

namespace flashrnn {
namespace {

TEST(DeviceModel, ReadsValuesTitleAndMatches) {
  const DeviceModel model = parse_device_model("box",
                                               "# device: A box\n# match: cuda 90 Box\n\nWARP_SIZE "
                                               "== 32;  # source\n L3_BYTES == [0]; # none");
  EXPECT_EQ(model.title, "A box");
  EXPECT_EQ(model.matches, std::vector<std::string>{"cuda 90 Box"});
  EXPECT_EQ(model.at("WARP_SIZE"), 32);
  EXPECT_EQ(model.at("L3_BYTES"), 0);
  EXPECT_EQ(model.kind(), DeviceKind::gpu);
  EXPECT_EQ(parse_device_model("box", model.text()).values, model.values);
}

TEST(DeviceModel, NamesTheWrongLine) {
  const auto fails = [](const char* text, const char* part) {
    expect_message<InvalidArgument>([&] { parse_device_model("box", text); }, part, "box");
  };
  fails("CORES == 2;\nCORES == 3;", "line 2: a second value for CORES");
  fails("CORES == two;", "line 1: expected NAME == NUMBER;");
  fails("CORES == 2", "line 1");
  fails("CORES = 2;", "line 1");
  fails("cores == 2;", "line 1");
  fails("CORES == 99999999999999999999;", "line 1");
  fails("CORES == 2; CLOCK_MHZ == 3;", "line 1");
}

TEST(DeviceModel, FindsWhatIsWrong) {
  DeviceModel model = *find_device_model("cpu_generic");
  EXPECT_TRUE(problems_of(model).empty());
  model.set("CORES", 0);
  model.set("WINGS", 2);
  std::erase_if(model.values, [](const NamedValue& entry) { return entry.name == "L1_BYTES"; });
  EXPECT_EQ(problems_of(model),
            (std::vector<std::string>{"CORES: expected 1 to 4096, found 0", "L1_BYTES is missing",
                                      "WINGS is not a name that models of this kind have"}));
}

TEST(DeviceModel, UnknownNameListsTheNearest) {
  expect_message<InvalidArgument>([] { find_device_model("nvidia_h20"); }, "'nvidia_h20'",
                                  "nvidia_h200");
  expect_message<InvalidArgument>([] { find_device_model("mi300x"); }, "nearest are amd_mi300x");
  expect_message<InvalidArgument>([] { find_device_model(""); }, "there is no model ''");
}

DeviceProbe probe_of(const char* identity) {
  DeviceProbe probe;
  probe.identity = identity;
  probe.title = "Some device";
  probe.fallback = "cpu_generic";
  return probe;
}

TEST(DeviceModel, MatchesDevicesToFiles) {
  const auto file_of = [](const char* identity, const char* fallback) {
    DeviceProbe probe = probe_of(identity);
    probe.fallback = fallback;
    return resolve(probe).file;
  };
  EXPECT_EQ(file_of("cuda 90 NVIDIA H200", "nvidia_generic"), "nvidia_h200");
  EXPECT_EQ(file_of("cuda 90 NVIDIA H100 80GB HBM3", "nvidia_generic"), "nvidia_h100_sxm");
  EXPECT_EQ(file_of("cuda 90 NVIDIA H100 PCIe", "nvidia_generic"), "");
  EXPECT_EQ(file_of("cuda 80 NVIDIA A100-SXM4-80GB", "nvidia_generic"), "nvidia_a100");
  EXPECT_EQ(file_of("cuda 89 NVIDIA GeForce RTX 4090", "nvidia_generic"), "nvidia_rtx_4090");
  EXPECT_EQ(file_of("cuda 89 NVIDIA L40S", "nvidia_generic"), "nvidia_l40s");
  EXPECT_EQ(file_of("cuda 100 NVIDIA B200", "nvidia_generic"), "nvidia_b200");
  EXPECT_EQ(file_of("hip gfx942 AMD Instinct MI300X", "amd_generic"), "amd_mi300x");
  EXPECT_EQ(file_of("hip gfx90a AMD Instinct MI250X", "amd_generic"), "amd_mi250x");
  EXPECT_EQ(file_of("hip gfx90a AMD Instinct MI210", "amd_generic"), "amd_mi210");
  EXPECT_EQ(file_of("hip gfx90a AMD Instinct MI300X", "amd_generic"), "");
  EXPECT_EQ(file_of("cpu AuthenticAMD 25 17", "cpu_generic"), "cpu_zen4");
  EXPECT_EQ(file_of("cpu AuthenticAMD 25 97", "cpu_generic"), "cpu_zen4");
  EXPECT_EQ(file_of("cpu AuthenticAMD 25 1", "cpu_generic"), "");  // Zen 3
  EXPECT_EQ(file_of("cpu AuthenticAMD 26 2", "cpu_generic"), "cpu_zen5");
  EXPECT_EQ(file_of("cpu GenuineIntel 6 143", "cpu_generic"), "cpu_sapphire_rapids");
  EXPECT_EQ(file_of("cpu ARM 0x41 0xd40", "cpu_generic"), "cpu_graviton3");
  EXPECT_EQ(file_of("cpu ARM 0x41 0xd4f", "cpu_generic"), "");
  EXPECT_EQ(file_of("cpu unknown unknown unknown", "cpu_generic"), "");
}

TEST(DeviceModel, LinesMatchWordByWord) {
  const DeviceProbe gpu = probe_of("cuda 90 NVIDIA H200"), cpu = probe_of("cpu AuthenticAMD 25 97");
  EXPECT_TRUE(matches("cuda 90 h200", gpu));
  EXPECT_TRUE(matches("  cuda\t90   NVIDIA H200 \r", gpu));
  EXPECT_TRUE(matches("cuda 90", gpu)) << "any of the architecture";
  EXPECT_FALSE(matches("cuda 9 H200", gpu));
  EXPECT_FALSE(matches("cuda 90 NVIDIA  H200", gpu));
  EXPECT_FALSE(matches("cuda", gpu));
  EXPECT_FALSE(matches("", gpu));
  for (const char* const ranges : {"97", "96-97", "1,97", "1-2,97-98,200", "0x61"})
    EXPECT_TRUE(matches("cpu AuthenticAMD 25 " + std::string(ranges), cpu)) << ranges;
  for (const char* const ranges : {"", "98", "98-96", "1,,2", "97x", "-97", "9 7"})
    EXPECT_FALSE(matches("cpu AuthenticAMD 25 " + std::string(ranges), cpu)) << ranges;
}

TEST(DeviceModel, ProbeWinsAndDifferencesAreListed) {
  DeviceProbe probe = probe_of("cpu AuthenticAMD 25 17");
  probe.values = {{"CORES", 2}, {"L1_BYTES", 32768}};
  const ResolvedDevice device = resolve(probe);
  EXPECT_EQ(device.model->name, "cpu_zen4");
  EXPECT_EQ(device.model->at("CORES"), 2);
  ASSERT_EQ(device.differences.size(), 1u);
  EXPECT_EQ(device.differences[0].name, "CORES");
  EXPECT_EQ(device.differences[0].in_file, find_device_model("cpu_zen4")->at("CORES"));
  EXPECT_EQ(device.differences[0].probed, 2);
  const std::string text = model_file_text(probe, device);
  EXPECT_NE(text.find("CORES == 2;  # probed on the device"), std::string::npos) << text;
  EXPECT_NE(text.find("# as in cpu_zen4"), std::string::npos) << text;
}

TEST(DeviceModel, DeviceWithoutAFileGetsAModelThatCanBeFiled) {
  DeviceProbe probe = probe_of("cpu ARM 0x42 0x1");
  probe.title = "New CPU (rev. 2)";
  probe.values = {{"CORES", 12}, {"VECTOR_BITS", 128}};
  const ResolvedDevice device = resolve(probe);
  EXPECT_EQ(device.file, "");
  EXPECT_EQ(device.model->name, "new_cpu_rev_2");
  EXPECT_EQ(device.model->at("CORES"), 12);
  EXPECT_EQ(device.model->at("CLOCK_MHZ"), find_device_model("cpu_generic")->at("CLOCK_MHZ"));
  const std::string text = model_file_text(probe, device);
  EXPECT_NE(text.find("CORES == 12;  # probed on the device"), std::string::npos) << text;
  EXPECT_NE(text.find("# estimate: taken over from cpu_generic"), std::string::npos) << text;
  const DeviceModel filed = parse_device_model("new_cpu", text);
  EXPECT_EQ(filed.values, device.model->values);
  EXPECT_TRUE(problems_of(filed).empty());
  ASSERT_EQ(filed.matches.size(), 1u);
  EXPECT_TRUE(matches(filed.matches[0], probe));
}

}  // namespace
}  // namespace flashrnn
