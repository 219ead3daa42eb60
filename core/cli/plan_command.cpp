// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <iomanip>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "commands.hpp"
#include "device_memory.hpp"
#include "flashrnn/error.hpp"
#include "flashrnn/recurrence/execution_space.hpp"

namespace flashrnn::cli {
namespace {

using Json = nlohmann::ordered_json;

struct PlanCommandOptions {
  std::string device;
  std::string backend = "kokkos";
  std::string cell = "lstm";
  std::string dtype = "f32";
  std::string precision = "highest";
  Problem problem;
  bool backward = false;
  bool json = false;
  int runners_up = 3;

  const char* pass() const {
    return backward ? "backward" : problem.training ? "training_forward" : "forward";
  }
};

/// A way to run the problem: a tiling of one of the kernels.
struct Entry {
  std::shared_ptr<const TileChoice> choice;
  const TileCandidate* candidate = nullptr;
};

/// Microseconds with as many digits as a prediction deserves.
std::string microseconds(std::int64_t picoseconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", static_cast<double>(picoseconds) * 1e-6);
  return text;
}

std::string tiling_text(const TileCandidate& candidate) {
  std::string text;
  for (const NamedValue& entry : candidate.tiling)
    text += (text.empty() ? "" : "  ") + entry.name + ' ' + std::to_string(entry.value);
  return text;
}

Json object_of(const std::vector<NamedValue>& values) {
  Json out = Json::object();
  for (const NamedValue& entry : values) out[entry.name] = entry.value;
  return out;
}

Json json_of(const Entry& entry) {
  return {{"backend", find_kernel_text(entry.choice->kernel).backend},
          {"kernel", entry.choice->kernel},
          {"tiling", object_of(entry.candidate->tiling)},
          {"predicted_step_us", static_cast<double>(entry.candidate->step_ps) * 1e-6},
          {"limited_by", entry.candidate->limited_by}};
}

void print_json(const PlanCommandOptions& options, const std::vector<Entry>& entries) {
  Json out = {{"device", entries[0].choice->device}, {"pass", options.pass()}};
  out.update(json_of(entries[0]));
  out["times_ps"] = object_of(entries[0].candidate->times);
  out["runners_up"] = Json::array();
  for (std::size_t n = 1; n < entries.size(); ++n) out["runners_up"].push_back(json_of(entries[n]));
  std::cout << out.dump(2) << '\n';
}

void print_table(const PlanCommandOptions& options, const std::vector<Entry>& entries) {
  const Shape& shape = options.problem.shape;
  std::cout << options.cell << ' ' << name_of(options.problem.dtype) << ", " << options.pass()
            << ", " << shape.heads << " head(s) of " << shape.head_dim << ", batch " << shape.batch
            << ", " << shape.steps << " steps on " << entries[0].choice->device << "\n\n";
  std::cout << "    " << std::left << std::setw(14) << "step (us)" << std::setw(14) << "limited by"
            << std::setw(22) << "kernel"
            << "tiling\n";
  for (std::size_t n = 0; n < entries.size(); ++n) {
    const TileCandidate& candidate = *entries[n].candidate;
    std::cout << std::left << std::setw(4) << (n == 0 ? "->" : "") << std::setw(14)
              << microseconds(candidate.step_ps) << std::setw(14) << candidate.limited_by
              << std::setw(22) << entries[n].choice->kernel << tiling_text(candidate) << '\n';
  }
  std::cout << "\nterms of the first (us):";
  for (const NamedValue& term : entries[0].candidate->times) {
    std::string name = term.name.substr(term.name.find('_') + 1);
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    std::cout << "  " << name << ' ' << microseconds(term.value);
  }
  std::cout << '\n';
}

/// All kernels' candidates, the fastest first.
std::vector<Entry> rank(const std::vector<std::shared_ptr<const TileChoice>>& choices,
                        std::size_t most) {
  std::vector<Entry> entries;
  for (const auto& choice : choices)
    for (const TileCandidate& candidate : choice->candidates)
      entries.push_back({choice, &candidate});
  std::ranges::stable_sort(entries, {},
                           [](const Entry& entry) { return entry.candidate->step_ps; });
  entries.resize(std::min(entries.size(), most));
  return entries;
}

void plan(PlanCommandOptions options) {
  options.problem.cell = options.cell;
  options.problem.dtype = data_type_from_name(options.dtype);
  options.problem.float32_matmul_precision = matmul_precision_from_name(options.precision);
  options.problem.training |= options.backward;
  const CellDescription& cell = find_cell(options.cell);
  validate(options.problem);
  std::vector<NamedValue> sizes = problem_sizes(options.problem, cell, options.backward);
  const auto add = [&sizes](const std::vector<NamedValue>& more) {
    sizes.insert(sizes.end(), more.begin(), more.end());
  };
  std::shared_ptr<const DeviceModel> device;
  if (options.device.empty()) {
    const KokkosScope kokkos;
    const Kokkos::DefaultExecutionSpace space;
    device = running_device(space).resolved.model;
    add(space_sizes(space));
  } else {
    device = find_device_model(options.device);
    add(space_sizes(*device));
  }
  const int candidates = options.runners_up + 1;
  const auto entries = rank(search_kernels(device, options.backend, sizes, candidates),
                            static_cast<std::size_t>(candidates));
  if (options.json) {
    print_json(options, entries);
  } else {
    print_table(options, entries);
  }
}

}  // namespace

Command add_plan_command(CLI::App& app) {
  auto options = std::make_shared<PlanCommandOptions>();
  Shape& shape = options->problem.shape;
  CLI::App* command = app.add_subcommand(
      "plan",
      "Shows which tiling the tile search chooses for a problem on a device, which need not "
      "be there, with the predicted time of one step and what limits it");
  command->add_option("--device", options->device,
                      "name of a model (flashrnn devices lists them); default: this machine's");
  command->add_option("--cell", options->cell, "elman, elman_relu, lstm, gru or slstm")
      ->capture_default_str();
  command->add_option("--backend", options->backend, "whose kernels compete")
      ->capture_default_str();
  command->add_option("--head-dim", shape.head_dim, "units of a head")->required();
  command->add_option("--heads", shape.heads, "heads")->capture_default_str();
  command->add_option("--batch", shape.batch, "rows of the batch")->capture_default_str();
  command->add_option("--steps", shape.steps, "steps")->capture_default_str();
  command->add_option("--dtype", options->dtype, "f64, f32, bf16 or f16")->capture_default_str();
  command
      ->add_option("--float32-matmul-precision", options->precision,
                   "highest or high, as for flashrnn run")
      ->capture_default_str();
  command->add_flag("--training", options->problem.training,
                    "the forward pass of training, which keeps what backward reads");
  command->add_flag("--backward", options->backward,
                    "the backward pass instead of the forward one");
  command->add_option("--runners-up", options->runners_up, "how many other tilings to list")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  command->add_flag("--json", options->json, "print JSON");
  return {command, [options] {
            plan(*options);
            return ExitStatus::done;
          }};
}

}  // namespace flashrnn::cli
