// SPDX-License-Identifier: Apache-2.0
// The largest head that runs fused, by asking for the tiling of one head after another.
#include <algorithm>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "flashrnn/cells/elman.hpp"
#include "flashrnn/cells/gru.hpp"
#include "flashrnn/cells/lstm.hpp"
#include "flashrnn/cells/slstm.hpp"
#include "flashrnn/error.hpp"
#include "flashrnn/recurrence/native_cell.hpp"
#include "flashrnn/recurrence/tile_search.hpp"
#include "result_table.hpp"
#include "settings.hpp"
#include "tiling/small_heads.hpp"
#include "tiling/spread_heads.hpp"

namespace flashrnn::bench {
namespace {

constexpr Index largest_asked = 4096;

/// The kernels whose text does not say that they start anew for every step.
bool is_fused(const KernelText& kernel) {
  return kernel.text.find("\n# fused: no\n") == std::string::npos;
}

/// Batch 1 and one head: the smallest demand, so the largest head.
Problem problem_of(const std::string& cell, DataType type, Index head_dim, bool training) {
  Problem problem;
  problem.cell = cell;
  problem.dtype = type;
  problem.shape = {1024, 1, 1, head_dim};
  problem.training = training;
  return problem;
}

/// Whether one of the portable recurrence's fused kernels has a tiling; training asks for both
/// passes.
bool portable_fits(const std::shared_ptr<const DeviceModel>& device, const Problem& problem) {
  const CellDescription& cell = find_cell(problem.cell);
  const auto fits = [&](bool backward) {
    std::vector<NamedValue> sizes = problem_sizes(problem, cell, backward);
    for (const NamedValue& entry : space_sizes(*device)) sizes.push_back(entry);
    for (const KernelText& kernel : kernel_texts()) {
      if (kernel.device != device->kind() || kernel.backend != "kokkos" || !is_fused(kernel))
        continue;
      try {
        (void)search_tiling({device, kernel.name, sizes});
        return true;
      } catch (const InvalidArgument&) {  // no tiling
      }
    }
    return false;
  };
  return fits(false) && (!problem.training || fits(true));
}

NativeCell native_cell_of(const std::string& name) {
  if (name == "lstm") return native_cell<Lstm>();
  if (name == "gru") return native_cell<Gru>();
  if (name == "slstm") return native_cell<Slstm>();
  return native_cell<Elman>();
}

/// Whether the CUDA kernels have a tiling: on one multiprocessor, or on several that share a head.
bool cuda_fits(const std::shared_ptr<const DeviceModel>& device, const Problem& problem) {
  if (problem.dtype == DataType::float64) return false;
  const cuda::DeviceFacts facts = cuda::facts_of(device);
  const NativeCell cell = native_cell_of(problem.cell);
  const Shape& shape = problem.shape;
  const auto spread = [&](const cuda::SpreadPass& pass) {
    return !cuda::choose_spread(shape, pass, facts).empty();
  };
  const bool forward =
      choose_forward(shape, cell.description, problem.dtype, problem.training, facts) ||
      spread(cuda::forward_pass(cell.description, problem.training, problem.dtype));
  if (!forward || !problem.training) return forward;
  return (choose_backward(shape, cell.description, problem.dtype, cell.reads, facts) &&
          choose_weight_gradient(shape, cell.description, problem.dtype, facts)) ||
         spread(cuda::backward_pass(cell.description, cell.reads, problem.dtype));
}

/// The largest head_dim, a multiple of 16 up to largest_asked, that `fits`; 0 if none. `likely` is
/// asked first.
Index largest(const std::function<bool(Index)>& fits, Index likely) {
  constexpr Index step = 16;
  const auto up_from = [&](Index size, Index by) {
    while (size < largest_asked && fits(size + by)) size += by;
    return size;
  };
  if (fits(likely)) return up_from(likely, step);
  const Index coarse = up_from(0, 8 * step);
  return coarse == largest_asked ? coarse : up_from(coarse, step);
}

struct Row {
  std::string device, title, kernels;
  DataType type;
  std::vector<std::pair<Index, Index>> inference_and_training;  ///< of every cell
};

const std::vector<std::string>& cells() {
  static const std::vector<std::string> all{"lstm", "gru", "slstm", "elman"};
  return all;
}

Row row_of(const DeviceModel& device, const std::string& kernels, DataType type,
           const std::function<bool(const Problem&)>& fits) {
  Row row{device.name, device.title, kernels, type, {}};
  for (const std::string& cell : cells()) {
    const auto size = [&](bool training, Index likely) {
      return largest(
          [&](Index head_dim) { return fits(problem_of(cell, type, head_dim, training)); }, likely);
    };
    const bool cpu = device.kind() == DeviceKind::cpu;
    const Index inference = size(false, cpu ? largest_asked : 128);
    row.inference_and_training.emplace_back(inference, size(true, std::max<Index>(16, inference)));
  }
  return row;
}

std::vector<Row> all_rows() {
  std::vector<Row> rows;
  for (const auto& device : device_models()) {
    const bool gpu = device->kind() == DeviceKind::gpu;
    if (device->find("COMPUTE_CAPABILITY"))
      for (const DataType type : {DataType::bfloat16, DataType::float32})
        rows.push_back(row_of(*device, "cuda", type,
                              [&](const Problem& problem) { return cuda_fits(device, problem); }));
    for (const DataType type : {DataType::bfloat16, DataType::float32}) {
      if (!gpu && type != DataType::float32) continue;
      rows.push_back(row_of(*device, "kokkos", type, [&](const Problem& problem) {
        return portable_fits(device, problem);
      }));
    }
  }
  return rows;
}

std::string size_text(Index size) {
  if (size == 0) return "none";
  return (size >= largest_asked ? "≥ " : "") + std::to_string(size);
}

}  // namespace

void print_largest_fused(bool json) {
  const std::vector<Row> rows = all_rows();
  if (json) {
    auto out = nlohmann::ordered_json::array();
    for (const Row& row : rows)
      for (std::size_t n = 0; n < cells().size(); ++n)
        out.push_back({{"device", row.device},
                       {"backend", row.kernels},
                       {"dtype", name_of(row.type)},
                       {"cell", cells()[n]},
                       {"inference", row.inference_and_training[n].first},
                       {"training", row.inference_and_training[n].second}});
    std::cout
        << nlohmann::ordered_json{{"largest_asked", largest_asked}, {"largest_fused", out}}.dump(2)
        << '\n';
    return;
  }
  std::vector<std::string> head{"device model", "kernels", "type"};
  for (const std::string& cell : cells()) head.push_back(cell);
  TextTable table(head);
  for (const Row& row : rows) {
    std::vector<std::string> line{row.device, row.kernels, std::string(name_of(row.type))};
    for (const auto& [inference, training] : row.inference_and_training)
      line.push_back(inference == training ? size_text(inference)
                                           : size_text(inference) + " / " + size_text(training));
    table.add(line);
  }
  std::cout
      << "Largest head_dim that runs in one kernel for the whole sequence (batch 1, one head; "
         "multiples of 16 up to "
      << largest_asked << "): inference / training where they differ\n\n"
      << table.text();
}

}  // namespace flashrnn::bench
