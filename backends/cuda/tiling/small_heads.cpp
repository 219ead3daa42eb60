// SPDX-License-Identifier: Apache-2.0
#include "small_heads.hpp"

#include <algorithm>
#include <bit>
#include <sstream>

#include "flashrnn/recurrence/tile_search.hpp"
#include "rounding.hpp"

namespace flashrnn::cuda {
namespace {

Problem problem_of(const Shape& shape, const ProductType& type, bool training) {
  Problem problem;
  problem.dtype = type.type;
  problem.float32_matmul_precision = type.precision;
  problem.shape = shape;
  problem.training = training;
  return problem;
}

/// What both passes' answers have.
template <class Tiling>
Tiling tiling_of(const TileCandidate& candidate, ProductType type) {
  const auto at = [&](const char* name) { return static_cast<int>(candidate.at(name)); };
  Tiling out;
  out.padded = at("PADDED");
  out.batch = at("BATCH_TILE");
  out.chains = at("CHAINS");
  out.io_warps = at("IO_WARPS");
  out.ring = at("RING");
  out.group = at("GROUP");
  out.held = at("HELD");
  out.compute_registers = at("COMPUTE_REGISTERS");
  out.shared_bytes = at("SHARED_BYTES");
  out.beside = at("TOGETHER");
  out.element = type;
  out.nanoseconds = 1e-3 * static_cast<double>(candidate.step_ps);
  return out;
}

}  // namespace

int registers_per_thread(const DeviceFacts& device, int threads) {
  // Registers are handed out to groups of four warps, one on each quarter of the multiprocessor.
  return std::min(255, device.registers / (32 * round_up(threads / 32, 4)) / 8 * 8);
}

MatrixTiles ForwardTiling::matrix_tiles(const CellDescription& cell) const {
  return {padded / (8 * units), divide_up(units * cell.recurrent_gates, 2) * (padded / 16)};
}

MatrixTiles BackwardTiling::matrix_tiles(const CellDescription& cell) const {
  return {padded / 16, cell.recurrent_gates * (padded / 16)};
}

std::string ForwardTiling::text() const {
  std::ostringstream out;
  out << padded << ", " << batch << ", " << units << ", " << chains << ", " << io_warps << ", "
      << ring << ", " << group << ", " << (exact ? "true" : "false") << ", "
      << (saving ? "true" : "false") << ", " << (staggered ? "true" : "false");
  return out.str();
}

std::string BackwardTiling::text() const {
  std::ostringstream out;
  out << padded << ", " << batch << ", " << chains << ", " << io_warps << ", " << ring << ", "
      << group << ", " << (exact ? "true" : "false") << ", " << (reports ? "true" : "false");
  return out.str();
}

int WeightGradientTiling::shared_bytes() const {
  const bool split = element.parts() > 1;
  const int rows = split ? 16 : 32, stages = split || padded >= 64 ? 4 : 3;
  const auto bytes = [&](int element_bytes) {
    return rows * (gates * (element_bytes * padded + 16) + element_bytes * columns + 16);
  };
  return stages * bytes(element.bytes()) + (split ? 2 * element.parts() * bytes(2) : 0);
}

int WeightGradientTiling::blocks_beside() const {
  // With more columns, products of parts need more than the 128 registers that this leaves.
  return element.parts() > 1 && columns <= 32 ? std::max(1, 512 / threads()) : 1;
}

int WeightGradientTiling::groups(const CellDescription& cell) const {
  return divide_up(cell.recurrent_gates, gates) * divide_up(padded, columns);
}

std::string WeightGradientTiling::text() const {
  std::ostringstream out;
  out << gates << ", " << columns;
  return out.str();
}

std::vector<ForwardTiling> forward_tilings(const Shape& shape, const CellDescription& cell,
                                           ProductType type, bool saving, const DeviceFacts& device,
                                           int count) {
  const auto choice = find_tilings({device.model, "small_heads_forward",
                                    problem_sizes(problem_of(shape, type, saving), cell, false)},
                                   count);
  std::vector<ForwardTiling> out;
  for (const TileCandidate& candidate : choice->candidates) {
    auto& tiling = out.emplace_back(tiling_of<ForwardTiling>(candidate, type));
    tiling.units = static_cast<int>(candidate.at("UNITS"));
    tiling.saving = saving;
    tiling.staggered = candidate.at("STAGGERED") == 1;
    tiling.exact = tiling.padded == shape.head_dim;
  }
  return out;
}

std::vector<BackwardTiling> backward_tilings(const Shape& shape, const CellDescription& cell,
                                             ProductType type, BackwardReads reads,
                                             const DeviceFacts& device, int count) {
  auto sizes = problem_sizes(problem_of(shape, type, true), cell, true);
  const auto set = [&](const char* name, std::int64_t value) {
    std::ranges::find(sizes, name, &NamedValue::name)->value = value;
  };
  set("INPUT_CHANNELS", std::popcount(reads.states) + std::popcount(reads.saved) + 1);
  set("READ_STATES", std::popcount(reads.states));
  const auto choice = find_tilings({device.model, "small_heads_backward", std::move(sizes)}, count);
  std::vector<BackwardTiling> out;
  for (const TileCandidate& candidate : choice->candidates) {
    auto& tiling = out.emplace_back(tiling_of<BackwardTiling>(candidate, type));
    tiling.reports = candidate.at("REPORTS") == 1;
    tiling.exact = tiling.padded == shape.head_dim && shape.batch % tiling.batch == 0;
  }
  return out;
}

std::optional<ForwardTiling> choose_forward(const Shape& shape, const CellDescription& cell,
                                            ProductType type, bool saving,
                                            const DeviceFacts& device) {
  const auto all = forward_tilings(shape, cell, type, saving, device);
  return all.empty() ? std::nullopt : std::optional(all.front());
}

std::optional<BackwardTiling> choose_backward(const Shape& shape, const CellDescription& cell,
                                              ProductType type, BackwardReads reads,
                                              const DeviceFacts& device) {
  const auto all = backward_tilings(shape, cell, type, reads, device);
  return all.empty() ? std::nullopt : std::optional(all.front());
}

std::optional<WeightGradientTiling> choose_weight_gradient(const Shape& shape,
                                                           const CellDescription& cell,
                                                           ProductType type,
                                                           const DeviceFacts& device) {
  if (shape.head_dim > 512) return std::nullopt;
  WeightGradientTiling tiling;
  tiling.element = type;
  tiling.padded = round_up(shape.head_dim, 16);
  // 16 warps leave 128 registers to a thread, which the compiler keeps to for these architectures
  // and not for newer ones. Sums of parts need more.
  const bool frugal = (device.architecture == "sm_80" || device.architecture == "sm_90a") &&
                      tiling.element.parts() == 1;
  tiling.gates = std::clamp((frugal ? 256 : 128) / tiling.padded, 1, cell.recurrent_gates);
  const int column_groups = divide_up(tiling.padded, 64);
  tiling.columns = round_up(divide_up(tiling.padded, column_groups), 16);
  const Index rows = shape.steps * shape.batch;
  // Blocks in flight hide the latency of memory: as many as threads and shared memory let run
  // beside each other. Products of parts take longer, and what is left of them when the recurrence
  // ends should be short: more and smaller ones.
  const int together =
      std::clamp(std::min(1024 / tiling.threads(), 200 * 1024 / tiling.shared_bytes()), 1, 8);
  const int beside = tiling.element.parts() > 1 ? std::max(4, together) : together;
  const Index wanted =
      beside * static_cast<Index>(device.multiprocessors) / (shape.heads * tiling.groups(cell));
  const Index parts = std::clamp<Index>(wanted, 1, std::max<Index>(1, rows / 256));
  tiling.rows_per_part = ((rows + parts - 1) / parts + 31) / 32 * 32;
  tiling.parts = (rows + tiling.rows_per_part - 1) / tiling.rows_per_part;
  if (tiling.shared_bytes() > device.shared_bytes || tiling.threads() > 1024) return std::nullopt;
  return tiling;
}

}  // namespace flashrnn::cuda
