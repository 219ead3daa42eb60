// SPDX-License-Identifier: Apache-2.0
#include "question_grid.hpp"

#include <utility>

namespace flashrnn {
namespace {

/// Inference, training forward and backward of all cells, in two types.
void ask_all(const KernelText& kernel, const std::shared_ptr<const DeviceModel>& device,
             const Shape& shape, const AskQuestion& ask) {
  for (const CellDescription& cell : built_in_cells()) {
    for (const DataType type : {DataType::bfloat16, DataType::float32}) {
      for (const char* pass : {"inference", "training", "backward"}) {
        Problem problem;
        problem.dtype = type;
        problem.shape = shape;
        problem.training = pass[0] != 'i';
        TileQuestion question{device, kernel.name, problem_sizes(problem, cell, pass[0] == 'b')};
        for (const NamedValue& entry : space_sizes(*device)) question.sizes.push_back(entry);
        const std::string text = device->name + ' ' + cell.name + ' ' + std::string(name_of(type)) +
                                 ' ' + pass + ' ' + std::to_string(shape.head_dim) + 'x' +
                                 std::to_string(shape.heads) + " B=" + std::to_string(shape.batch);
        if (kernel.name != "spread_heads") {
          ask(question, text);
          continue;
        }
        // As the backend asks: R unsplit only where it does not fit otherwise.
        question.sizes.push_back({"WHOLE", 0});
        ask(question, text);
        if (type != DataType::float32 || !find_tilings(question)->candidates.empty()) continue;
        question.sizes.back().value = 1;
        ask(question, text + " whole");
      }
    }
  }
}

}  // namespace

void ask_grid(const KernelText& kernel, const std::string& only_device, const AskQuestion& ask) {
  const bool spread = kernel.name.starts_with("spread");
  for (const auto& device : device_models()) {
    if (device->kind() != kernel.device || (!only_device.empty() && device->name != only_device))
      continue;
    if (kernel.backend == "cuda" && !device->find("COMPUTE_CAPABILITY")) continue;
    for (const Index head_dim : {16, 33, 64, 100, 128, 130, 160, 256, 300, 384, 512, 768, 1000,
                                 1024, 1056, 1536, 2048, 3000, 4096}) {
      if (spread && head_dim <= 128) continue;
      for (const Index heads : {1, 3, 8, 24})
        for (const Index batch : {1, 3, 16, 32, 64, 100, 256, 512})
          ask_all(kernel, device, {1024, batch, heads, head_dim}, ask);
    }
  }
}

}  // namespace flashrnn
