// SPDX-License-Identifier: Apache-2.0
// What the tile search reads besides ConstrINT: kernels' texts and the problem's numbers.
#include <algorithm>
#include <cstdio>
#include <sstream>

#include "devices/embedded_texts.hpp"
#include "devices/words.hpp"
#include "flashrnn/error.hpp"
#include "flashrnn/recurrence/product_parts.hpp"
#include "flashrnn/recurrence/tile_search.hpp"

namespace flashrnn {
namespace {

KernelText read(const EmbeddedText& file) {
  KernelText kernel;
  kernel.text = file.text;
  for (std::string_view left = file.text; left.starts_with('#');) {
    std::string_view line = take_until('\n', left);
    line.remove_prefix(1);
    const std::string_view key = take_word(line);
    for (auto word = take_word(line); !word.empty(); word = take_word(line)) {
      if (key == "kernel:") kernel.name = word;
      if (key == "backend:") kernel.backend = word;
      if (key == "device:") kernel.device = word == "gpu" ? DeviceKind::gpu : DeviceKind::cpu;
      if (key == "tiling:") kernel.tiling.emplace_back(word);
      if (key == "search:") kernel.listed = word == "list";
    }
  }
  if (kernel.name != file.name || kernel.backend.empty() || kernel.tiling.empty())
    throw InternalError("kernel text " + std::string(file.name) +
                        ": the first lines must give kernel (as the file is named), backend, "
                        "device and tiling");
  return kernel;
}

std::vector<KernelText> read_kernel_texts() {
  std::vector<KernelText> kernels;
  for (const EmbeddedText& file : embedded_kernel_texts()) kernels.push_back(read(file));
  return kernels;
}

}  // namespace

const std::vector<KernelText>& kernel_texts() {
  static const std::vector<KernelText> kernels = read_kernel_texts();
  return kernels;
}

const KernelText& find_kernel_text(std::string_view name) {
  const auto& kernels = kernel_texts();
  const auto found = std::ranges::find(kernels, name, &KernelText::name);
  if (found == kernels.end())
    throw InternalError("tile search: there is no kernel text '" + std::string(name) + "'");
  return *found;
}

std::string key_of(const TileQuestion& question) {
  std::string key = question.kernel;
  const auto add = [&](const std::vector<NamedValue>& values) {
    for (const NamedValue& entry : values) {
      key += ' ';
      key += entry.name;
      key += '=';
      key += std::to_string(entry.value);
    }
  };
  key += '@';
  key += question.device->name;
  add(question.device->values);
  key += '@';
  add(question.sizes);
  return key;
}

std::int64_t TileCandidate::at(std::string_view name) const {
  const auto found = std::ranges::find(tiling, name, &NamedValue::name);
  if (found == tiling.end())
    throw InternalError("tile search: the kernel's text has no tiling variable " +
                        std::string(name));
  return found->value;
}

std::vector<NamedValue> problem_sizes(const Problem& problem, const CellDescription& cell,
                                      bool backward) {
  const Shape& shape = problem.shape;
  const auto storage = static_cast<std::int64_t>(size_of(problem.dtype));
  return {{"HEAD_DIM", shape.head_dim},
          {"HEADS", shape.heads},
          {"BATCH", shape.batch},
          {"STEPS", shape.steps},
          {"STATES", cell.states},
          {"GATES", cell.gates},
          {"RECURRENT_GATES", cell.recurrent_gates},
          {"INPUT_GATES", cell.input_gates},
          {"SAVED", problem.training ? cell.saved : 0},
          {"STORAGE_BYTES", storage},
          {"PARTS", product_parts(problem.dtype, problem.float32_matmul_precision)},
          {"BOUNDED", cell.bounded ? 1 : 0},
          {"ACCUMULATE_BYTES", std::max<std::int64_t>(storage, sizeof(float))},
          {"BACKWARD", backward ? 1 : 0},
          {"TRAINING", problem.training ? 1 : 0},
          {"BIAS_GATES", cell.bias_gates},
          {"INPUT_CHANNELS", backward ? cell.states + cell.saved + 1 : cell.input_gates},
          {"READ_STATES", backward ? cell.states : 0},
          {"CLIPS", problem.forward_clip ? 1 : 0}};
}

std::vector<NamedValue> space_sizes(const DeviceModel& device) {
  // The kernels of a CPU's widest vectors, and threads of OpenMP, which can wait for each other.
  if (device.kind() == DeviceKind::cpu)
    return {{"THREADS", device.at("CORES")},
            {"KERNEL_VECTOR_BITS", std::min<std::int64_t>(device.at("VECTOR_BITS"), 512)},
            {"TEAMS_MEET", 1}};
  // Kokkos gives a team what a block has without opting in to more (48 KiB on NVIDIA, all of it on
  // AMD), less 8 KiB + 24 bytes that it keeps for reductions (TeamPolicy::scratch_size_max).
  constexpr std::int64_t kept = (1024 + 2) * 8 + 8;
  constexpr std::int64_t without_opting_in = 48 * 1024;
  const std::int64_t block = device.at("SHARED_MEMORY_PER_BLOCK");
  const bool amd = device.at("WARP_SIZE") == 64;
  return {{"TEAM_SCRATCH_BYTES", (amd ? block : std::min(block, without_opting_in)) - kept}};
}

std::string describe(const TileChoice& choice) {
  const TileCandidate& best = choice.best();
  std::ostringstream out;
  out << choice.kernel << " for " << choice.device << ':';
  for (const NamedValue& entry : best.tiling) out << ' ' << entry.name << ' ' << entry.value;
  char time[32];
  std::snprintf(time, sizeof time, "%.3g", static_cast<double>(best.step_ps) * 1e-6);
  out << "; predicted " << time << " us a step, limited by " << best.limited_by;
  return out.str();
}

}  // namespace flashrnn
