// SPDX-License-Identifier: Apache-2.0
// flashrnn plan and flashrnn devices: what scripts rely on.
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "../io/file_fixture.hpp"
#include "flashrnn/device_model.hpp"
#include "program.hpp"

namespace flashrnn::test {
namespace {

using Arguments = std::vector<std::string>;
using Json = nlohmann::json;

Json json_of(const Arguments& arguments) {
  const ProgramResult result = run_program(arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
  return Json::parse(result.out);
}

void expect_refused(const Arguments& arguments, const std::string& message) {
  const ProgramResult result = run_program(arguments);
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_NE(result.err.find(message), std::string::npos) << result.err;
}

Arguments plan_of(const std::string& device) {
  return {"plan", "--device", device, "--cell",  "lstm", "--head-dim", "64",   "--heads",
          "12",   "--batch",  "16",   "--steps", "1024", "--dtype",    "bf16", "--json"};
}

TEST(PlanCommand, HasTheKeysForEveryModel) {
  for (const auto& model : device_models()) {
    SCOPED_TRACE(model->name);
    const Json json = json_of(plan_of(model->name));
    EXPECT_EQ(json.at("device"), model->name);
    EXPECT_EQ(json.at("pass"), "forward");
    EXPECT_EQ(json.at("backend"), "kokkos");
    EXPECT_NE(json.at("kernel"), "");
    EXPECT_NE(json.at("limited_by"), "");
    const double predicted = json.at("predicted_step_us").get<double>();
    EXPECT_GT(predicted, 0);
    EXPECT_FALSE(json.at("tiling").empty());
    for (const auto& [name, value] : json.at("tiling").items())
      EXPECT_TRUE(value.is_number_integer()) << name;
    ASSERT_FALSE(json.at("runners_up").empty());
    EXPECT_GE(json.at("runners_up")[0].at("predicted_step_us").get<double>(), predicted);
  }
}

TEST(PlanCommand, BackwardIsAnotherQuestion) {
  Arguments arguments = plan_of("nvidia_h200");
  const Json forward = json_of(arguments);
  arguments.emplace_back("--backward");
  const Json backward = json_of(arguments);
  EXPECT_EQ(backward.at("pass"), "backward");
  EXPECT_NE(backward.at("predicted_step_us"), forward.at("predicted_step_us"));
}

TEST(PlanCommand, TrainingKeepsWhatBackwardReads) {
  Arguments arguments = plan_of("nvidia_h200");
  arguments.insert(arguments.end(), {"--backend", "cuda"});
  const Json inference = json_of(arguments);
  arguments.emplace_back("--training");
  const Json training = json_of(arguments);
  EXPECT_EQ(training.at("pass"), "training_forward");
  EXPECT_GT(training.at("predicted_step_us"), inference.at("predicted_step_us"));
  arguments.emplace_back("--backward");
  EXPECT_EQ(json_of(arguments).at("pass"), "backward");
}

TEST(PlanCommand, LessPreciseProductsOfFloat32TakeLess) {
  Arguments highest{"plan", "--device", "nvidia_h200", "--backend", "cuda", "--head-dim",
                    "1024", "--batch",  "16",          "--dtype",   "f32",  "--json"};
  const auto step = [](Arguments arguments, bool high) {
    if (high) arguments.insert(arguments.end(), {"--float32-matmul-precision", "high"});
    return json_of(arguments).at("predicted_step_us").get<double>();
  };
  // LSTM's h is bounded: two float16 either way.
  EXPECT_EQ(step(highest, true), step(highest, false));
  Arguments relu = highest;
  relu.insert(relu.end(), {"--cell", "elman_relu"});
  EXPECT_LT(step(relu, true), step(relu, false));
  highest.emplace_back("--backward");
  EXPECT_LT(step(highest, true), step(highest, false));
}

TEST(PlanCommand, TableNamesWinnerLimitAndRunnersUp) {
  Arguments arguments = plan_of("amd_mi300x");
  arguments.pop_back();
  const ProgramResult result = run_program(arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  for (const char* part :
       {"on amd_mi300x", "step (us)", "limited by", "->", "BATCH_TILE", "terms of the first (us):"})
    EXPECT_NE(result.out.find(part), std::string::npos) << part << " is not in\n" << result.out;
}

TEST(PlanCommand, WithoutADeviceMeansThisMachine) {
  const Json devices = json_of({"devices", "--json"});
  const Json plan = json_of({"plan", "--head-dim", "64", "--json"});
  EXPECT_EQ(plan.at("device"), devices.at("devices")[0].at("model"));
}

TEST(PlanCommand, RefusesWhatItDoesNotKnow) {
  expect_refused(plan_of("nvidia_h20"), "nearest are nvidia_h200");
  expect_refused(plan_of("Tesla"), "there is no model 'Tesla'");
  Arguments cell = plan_of("nvidia_h200");
  cell[4] = "lsmt";
  expect_refused(cell, "cell: expected one of");
  Arguments size = plan_of("nvidia_h200");
  size[6] = "0";
  expect_refused(size, "head_dim: expected at least 1");
  expect_refused({"plan", "--device", "nvidia_h200"}, "--head-dim");
}

TEST(DevicesCommand, ListsThisMachineAndAllModels) {
  const Json json = json_of({"devices", "--json"});
  const Json& device = json.at("devices").at(0);
  EXPECT_NE(device.at("identity"), "");
  EXPECT_TRUE(device.contains("file") && device.contains("differences"));
  const bool cpu = device.at("kind") == "cpu";
  EXPECT_TRUE(cpu || device.at("kind") == "gpu");
  EXPECT_GE(device.at("values").at(cpu ? "CORES" : "SM_COUNT").get<long>(), 1);
  ASSERT_EQ(json.at("models").size(), device_models().size());
  for (std::size_t n = 0; n < device_models().size(); ++n)
    EXPECT_EQ(json.at("models")[n].at("name"), device_models()[n]->name);
  const ProgramResult text = run_program({"devices"});
  EXPECT_EQ(text.status, 0);
  EXPECT_NE(text.out.find("amd_mi300x"), std::string::npos);
}

class DevicesFiles : public FolderTest {};

TEST_F(DevicesFiles, WritesAModelThatCanBeUsed) {
  const std::string file = path("my_box.constrint");
  const ProgramResult written = run_program({"devices", "--write", file});
  ASSERT_EQ(written.status, 0) << written.err;
  std::ifstream in(file);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const DeviceModel model = parse_device_model("my_box", text);
  EXPECT_TRUE(problems_of(model).empty());
  expect_refused({"devices", "--write", file}, "exists; it is left alone");

  ::setenv("FLASHRNN_HARDWARE_MODELS", path("").c_str(), 1);
  const Json plan = json_of(plan_of("my_box"));
  EXPECT_EQ(plan.at("device"), "my_box");
  std::ofstream(path("broken.constrint")) << "CORES = 2\n";
  expect_refused(plan_of("my_box"), "device model broken, line 1");
  ::setenv("FLASHRNN_HARDWARE_MODELS", path("no_such_folder").c_str(), 1);
  expect_refused(plan_of("cpu_zen5"), "FLASHRNN_HARDWARE_MODELS: cannot read the folder");
  ::unsetenv("FLASHRNN_HARDWARE_MODELS");
}

TEST_F(DevicesFiles, RunMeasuresItsTilingsIfAsked) {
  ::setenv("XDG_CACHE_HOME", path("").c_str(), 1);
  const Arguments arguments{"run",
                            "--in",
                            golden("cell_lstm_small.safetensors"),
                            "--out",
                            path("out.safetensors"),
                            "--describe",
                            "--tune"};
  const ProgramResult first = run_program(arguments);
  const ProgramResult second = run_program(arguments);
  ::unsetenv("XDG_CACHE_HOME");
  EXPECT_EQ(first.status, 0) << first.err;
  EXPECT_NE(first.out.find("forward measured: fastest of"), std::string::npos) << first.out;
  EXPECT_NE(second.out.find("forward measured: as measured earlier"), std::string::npos)
      << second.out;
}

}  // namespace
}  // namespace flashrnn::test
