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
  out.parts = at("FACTOR_PARTS");
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

int WeightGradientTiling::warp_columns() const {
  if (!element.is_float() || columns <= 48) return columns;
  return columns == 80 || columns == 96 ? 48 : 32;
}

int WeightGradientTiling::threads() const {
  const int warp_tiles = element.is_float() && padded > 32 ? 2 : 1;
  return 32 * divide_up(gates * padded / 16, warp_tiles) * divide_up(columns, warp_columns());
}

int WeightGradientTiling::shared_bytes() const {
  const bool is_float = element.is_float();
  const int rows = is_float ? 16 : 32, stages = is_float || padded >= 64 ? 4 : 3,
            gap = is_float ? 32 : 16, bytes = element.bytes(),
            read_columns = round_up(columns, warp_columns());
  return stages * rows * (gates * (bytes * padded + gap) + bytes * read_columns + gap) +
         2 * rows * (gates + 1) * static_cast<int>(sizeof(void*));
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
  // Up to 16 warps of a multiprocessor have 128 registers to a thread, which the compiler keeps to
  // for these architectures and not for newer ones.
  const bool frugal = device.architecture == "sm_80" || device.architecture == "sm_90a";
  const bool is_float = type.is_float();
  if (is_float && tiling.padded > 256) return std::nullopt;  // nor does R fit one multiprocessor
  int most_columns = 64;
  if (is_float && frugal && tiling.padded <= 128) most_columns = 128;
  if (is_float && !frugal && tiling.padded > 128) most_columns = 32;
  const int column_groups = divide_up(tiling.padded, most_columns);
  tiling.columns = round_up(divide_up(tiling.padded, column_groups), 16);
  if (is_float) {
    // Up to eight warps, and as many gates for every block.
    const int most = std::clamp(256 / tiling.threads(), 1, cell.recurrent_gates);
    tiling.gates = divide_up(cell.recurrent_gates, divide_up(cell.recurrent_gates, most));
    tiling.beside = std::max(1, (frugal ? 512 : 256) / tiling.threads());
  } else {
    tiling.gates = std::clamp((frugal ? 256 : 128) / tiling.padded, 1, cell.recurrent_gates);
  }
  const Index rows = shape.steps * shape.batch;
  // Blocks in flight hide the latency of memory: as many as threads and shared memory let run
  // beside each other. Products of floats take longer, and what is left of them when the recurrence
  // ends should be short: more and smaller ones.
  const int together =
      std::clamp(std::min(1024 / tiling.threads(), 200 * 1024 / tiling.shared_bytes()), 1, 8);
  const int beside = is_float ? std::max(4, together) : together;
  const Index wanted =
      beside * static_cast<Index>(device.multiprocessors) / (shape.heads * tiling.groups(cell));
  const Index parts = std::clamp<Index>(wanted, 1, std::max<Index>(1, rows / 256));
  tiling.rows_per_part = ((rows + parts - 1) / parts + 31) / 32 * 32;
  tiling.parts = (rows + tiling.rows_per_part - 1) / tiling.rows_per_part;
  if (tiling.shared_bytes() > device.shared_bytes || tiling.threads() > 1024) return std::nullopt;
  return tiling;
}

}  // namespace flashrnn::cuda
