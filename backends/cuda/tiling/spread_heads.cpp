// SPDX-License-Identifier: Apache-2.0
#include "spread_heads.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <sstream>

#include "kernels/parameters.hpp"

namespace flashrnn::cuda {
namespace {

constexpr int fragment_bytes = 512, wide_tile_bytes = 2048;
/// Rows of the batch from which the kernels for wide batch tiles are asked for.
constexpr Index least_wide_batch = 16;

SpreadTiling tiling_of(const TileCandidate& candidate) {
  const auto at = [&](const char* name) { return static_cast<int>(candidate.at(name)); };
  SpreadTiling out;
  out.in_cluster = at("IN_CLUSTER") == 1;
  out.blocks = at("BLOCKS");
  out.units = at("UNITS");
  out.split = at("SPLIT");
  out.batch = at("BATCH_TILE");
  out.row_groups = at("ROW_GROUPS");
  out.k_groups = at("K_GROUPS");
  out.register_tiles = at("REGISTER_TILES");
  out.at_once = at("AT_ONCE");
  out.whole = at("WHOLE") == 1;
  out.scaled = at("SCALED") == 1;
  out.input_steps = at("INPUT_STEPS");
  out.launches = at("LAUNCHES");
  out.staged = at("STAGED") == 1;
  out.beside = at("BESIDE");
  out.tiles = at("TILES");
  out.shared_bytes = at("SHARED_BYTES");
  out.vector_bytes = at("VECTOR_BYTES");
  out.nanoseconds = 1e-3 * static_cast<double>(candidate.step_ps);
  return out;
}

SpreadTiling wide_tiling_of(const TileCandidate& candidate) {
  const auto at = [&](const char* name) { return static_cast<int>(candidate.at(name)); };
  SpreadTiling out;
  out.wide = true;
  out.blocks = at("BLOCKS");
  out.units = at("UNITS");
  out.batch = at("BATCH_TILE");
  out.streams = at("STREAMS");
  out.row_groups = at("ROW_GROUPS");
  out.register_tiles = at("REGISTER_TILES");
  out.tiles = at("K_TILES");
  out.shared_bytes = at("SHARED_BYTES");
  out.vector_bytes = at("VECTOR_BYTES");
  out.nanoseconds = 1e-3 * static_cast<double>(candidate.step_ps);
  return out;
}

/// The `count` fastest answers to a question for spread_heads.
void add_tilings(TileQuestion question, const SpreadPass& pass, int count,
                 std::vector<SpreadTiling>& out) {
  // To split R in every step takes longer, but two thirds of the room of three parts: only where it
  // must be.
  question.sizes.push_back({"WHOLE", 0});
  auto choice = find_tilings(question, count);
  if (choice->candidates.empty() && pass.type.parts() == 3) {
    question.sizes.back().value = 1;
    choice = find_tilings(question, count);
  }
  for (const TileCandidate& candidate : choice->candidates) out.push_back(tiling_of(candidate));
}

}  // namespace

Index SpreadTiling::exchange_bytes() const {
  if (in_cluster) return 0;
  return Index(wide ? wide_exchange_slots : exchange_slots(vector_bytes)) * vector_bytes * streams;
}

Index SpreadTiling::groups(const Shape& shape) const {
  const Index rows = Index(batch) * streams;
  return shape.heads * ((shape.batch + rows - 1) / rows);
}

SpreadTiling SpreadTiling::with_fewer_register_tiles(int count) const {
  SpreadTiling out = *this;
  out.register_tiles -= count;
  out.shared_bytes +=
      wide ? row_groups * count * wide_tile_bytes : row_groups * k_groups * count * fragment_bytes;
  return out;
}

std::string SpreadTiling::text() const {
  std::ostringstream out;
  if (wide) {
    out << blocks << ", " << units << ", " << batch << ", " << streams << ", " << row_groups << ", "
        << register_tiles;
    return out.str();
  }
  out << (in_cluster ? "true" : "false") << ", " << blocks << ", " << units << ", " << batch << ", "
      << row_groups << ", " << k_groups << ", " << register_tiles << ", " << at_once << ", "
      << (whole ? "true" : "false") << ", " << input_steps;
  return out.str();
}

SpreadPass forward_pass(const CellDescription& cell, bool saving, ProductType type) {
  return {cell, false, saving, cell.input_gates, type};
}
SpreadPass backward_pass(const CellDescription& cell, BackwardReads reads, ProductType type,
                         bool clips) {
  return {cell, true, true, std::popcount(reads.states) + std::popcount(reads.saved) + 1,
          type, clips};
}

std::vector<SpreadTiling> choose_spread(const Shape& shape, const SpreadPass& pass,
                                        const DeviceFacts& device, int count, KSplits splits) {
  Problem problem;
  problem.dtype = pass.type.type;
  problem.float32_matmul_precision = pass.type.precision;
  problem.shape = shape;
  problem.training = pass.saving;
  TileQuestion question{device.model, "spread_heads",
                        problem_sizes(problem, pass.cell, pass.backward)};
  const auto set = [&](const char* name, std::int64_t value) {
    std::ranges::find(question.sizes, name, &NamedValue::name)->value = value;
  };
  set("INPUT_CHANNELS", pass.input_channels);
  set("CLIPS", pass.clips ? 1 : 0);
  std::vector<SpreadTiling> out;
  if (splits == KSplits::all) {
    add_tilings(question, pass, count, out);
  } else {
    for (int split = 1; split <= (splits == KSplits::pairs ? 2 : 1); ++split) {
      TileQuestion with_split = question;
      with_split.sizes.push_back({"SPLIT", split});
      add_tilings(with_split, pass, count, out);
    }
  }
  if (!pass.backward && !pass.type.is_float() && shape.batch >= least_wide_batch) {
    question.kernel = "spread_wide";
    const auto choice = find_tilings(question, count);
    for (const TileCandidate& candidate : choice->candidates)
      out.push_back(wide_tiling_of(candidate));
  }
  std::ranges::stable_sort(out, {}, &SpreadTiling::nanoseconds);
  if (out.size() > static_cast<std::size_t>(count)) out.resize(static_cast<std::size_t>(count));
  return out;
}

double products_time(const Shape& shape, const CellDescription& cell, bool backward,
                     ProductType type) {
  // Two kernels per step, R from L2, and a product far from the tensor cores' full rate: fitted to
  // the H200's table in docs/performance.md (256×3 to 1024×1 at B = 16, 768×1 at B = 256). float32
  // has no tensor cores; forward of 256×3 and 768×1 at B = 16 was measured, how the rate grows with
  // the batch is assumed.
  const double elements = static_cast<double>(cell.recurrent_gates) *
                          static_cast<double>(shape.heads * shape.head_dim) *
                          static_cast<double>(shape.head_dim);
  const double product = 2 * elements * static_cast<double>(shape.batch);
  const double bytes = elements * static_cast<double>(type.bytes());
  const double rate =
      type.is_float()
          ? std::min(40e3, 2200 * std::sqrt(std::max(16.0, static_cast<double>(shape.batch))))
          : (backward ? 120e3 : 260e3);
  return (backward ? 9000 : 6500) + bytes / 5500 + product / rate;
}

double weight_gradient_time(const Shape& shape, const CellDescription& cell, ProductType type) {
  const double operations = 2.0 * static_cast<double>(cell.recurrent_gates * shape.batch) *
                            static_cast<double>(shape.heads * shape.head_dim) *
                            static_cast<double>(shape.head_dim);
  // 40 TFLOP/s of float32 are assumed, as in products_time(); with tensor cores what 256×3 to
  // 2048×1 take on an H200 (docs/cuda_spread_heads.md).
  return operations / (type.parts() == 3 ? 40e3 : 200e3);
}

}  // namespace flashrnn::cuda
