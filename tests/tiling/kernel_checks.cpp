// SPDX-License-Identifier: Apache-2.0
#include "kernel_checks.hpp"

#include <algorithm>
#include <stdexcept>

#include "cuda_kernel_checks.hpp"
#include "flashrnn/recurrence/tiling.hpp"

namespace flashrnn {
namespace {

/// The largest of the portable kernels' batch tiles with a team for every place.
Index batch_tile(const Values& sizes, Index places) {
  Index chosen = 1;
  for (const Index candidate : batch_tiles) {
    const Index batch = value_of(sizes, "BATCH");
    const Index teams = value_of(sizes, "HEADS") * ((batch + candidate - 1) / candidate);
    if (candidate <= batch && teams >= places) chosen = candidate;
  }
  return chosen;
}

std::string broken_batch_tile(const Values& sizes, const Values& tiling) {
  const Index tile = value_of(tiling, "BATCH_TILE");
  if (std::ranges::find(batch_tiles, tile) == std::end(batch_tiles))
    return "batch tile is not compiled";
  return tile > value_of(sizes, "BATCH") ? "batch tile beyond the batch" : "";
}

std::string portable_cpu_limit(const DeviceModel& /*device*/, const Values& sizes,
                               const Values& tiling) {
  if (value_of(tiling, "TEAM_SIZE") != 1) return "a CPU team has one thread";
  if (value_of(tiling, "TEAM_MEMORY") != 0) return "CPU teams have no fast memory";
  return broken_batch_tile(sizes, tiling);
}

Values portable_cpu_by_hand(const DeviceModel& /*device*/, const Values& sizes) {
  return {{"BATCH_TILE", batch_tile(sizes, value_of(sizes, "THREADS"))},
          {"TEAM_SIZE", 1},
          {"TEAM_MEMORY", 0}};
}

std::string resident_gpu_limit(const DeviceModel& device, const Values& sizes,
                               const Values& tiling) {
  const auto size = [&](const char* name) { return value_of(sizes, name); };
  const Index width = value_of(tiling, "WIDTH"), tile = value_of(tiling, "BATCH_TILE");
  const Index threads = value_of(tiling, "TEAM_SIZE"), warp = device.at("WARP_SIZE");
  constexpr Index registers = 128;  // per thread, that the kernels are compiled for
  if (width < size("HEAD_DIM")) return "head wider than the kernel";
  if (threads % warp != 0) return "not whole warps";
  if (threads < 4 * size("HEAD_DIM")) return "units without threads";
  if (threads - warp >= 4 * (size("HEAD_DIM") + size("BACKWARD"))) return "a warp has no unit";
  if (threads > device.at("MAX_THREADS_PER_BLOCK")) return "too many threads";
  if (registers * threads > device.at("REGISTERS_PER_SM")) return "too many registers";
  const Index planes = size("BACKWARD") == 1 ? size("RECURRENT_GATES") : 1;
  const Index bytes = 2 * planes * width * tile * size("ACCUMULATE_BYTES");
  if (bytes > size("TEAM_SCRATCH_BYTES")) return "tile beyond the team's memory";
  if (bytes > device.at("SHARED_MEMORY_PER_SM")) return "tile beyond an SM's memory";
  return broken_batch_tile(sizes, tiling);
}

/// The narrowest kernel, and a row of the batch to a team.
Values resident_gpu_by_hand(const DeviceModel& /*device*/, const Values& sizes) {
  const Index head_dim = value_of(sizes, "HEAD_DIM");
  return {{"WIDTH", head_dim <= 32 ? 32 : head_dim <= 64 ? 64 : 128}, {"BATCH_TILE", 1}};
}

std::string product_gpu_limit(const DeviceModel& /*device*/, const Values& sizes,
                              const Values& tiling) {
  const Index padded = value_of(tiling, "PADDED");
  if (padded < value_of(sizes, "HEAD_DIM")) return "operands smaller than the head";
  return padded * value_of(sizes, "STORAGE_BYTES") % 16 != 0 ? "rows that 16 bytes do not fit" : "";
}

Values product_gpu_by_hand(const DeviceModel& /*device*/, const Values& /*sizes*/) {
  return {};  // there is nothing to choose
}

std::string host_vector_limit(const DeviceModel& device, const Values& sizes,
                              const Values& tiling) {
  const auto chosen = [&](const char* name) { return value_of(tiling, name); };
  const Index workers = chosen("WORKERS"), team = chosen("TEAM_SIZE"), sub = chosen("SUB_BLOCKS");
  const Index products = value_of(sizes, "BACKWARD") == 1 ? 1 : value_of(sizes, "RECURRENT_GATES");
  constexpr Index most_vectors = 4;  // of R that a kernel has at once
  if (workers < 1 || workers > value_of(sizes, "THREADS")) return "more workers than threads";
  if (workers > device.at("CORES")) return "more workers than cores";
  if (team < 1 || workers % team != 0) return "not whole teams";
  if (team > value_of(sizes, "HEAD_DIM")) return "a thread has no unit";
  if (sub != 1 && sub != 2 && sub != 4) return "unit block is not compiled";
  if (products * sub > std::max(most_vectors, products)) return "too many vectors at once";
  const Index walk = chosen("WALK"), piece = chosen("DEPTH_PIECE");
  if (walk != 2 && walk != 4) return "walk is not compiled";
  if (value_of(sizes, "BACKWARD") == 1 && walk < sub) return "a backward block takes several walks";
  if (piece < 64 || piece % 2 != 0) return "pieces of k split a pair";
  if (chosen("SLICE_ROWS") < 1 || chosen("SLICE_ROWS") > value_of(sizes, "BATCH"))
    return "slice beyond the batch";
  if (chosen("GROUP_HEADS") < 1 || chosen("GROUP_HEADS") > value_of(sizes, "HEADS"))
    return "more heads than there are";
  return "";
}

/// Every thread on its own.
Values host_vector_by_hand(const DeviceModel& /*device*/, const Values& /*sizes*/) {
  return {{"TEAM_SIZE", 1}};
}

constexpr KernelCheck checks[] = {
    {"spread_heads", spread_heads_limit, spread_heads_by_hand, 0, false},
    {"spread_wide", spread_wide_limit, spread_wide_by_hand, 20, false, 90},
    {"small_heads_forward", small_heads_limit, small_heads_forward_by_hand, 210, false},
    {"small_heads_backward", small_heads_limit, small_heads_backward_by_hand, 200, false},
    {"host_vector", host_vector_limit, host_vector_by_hand, 175},
    {"product_gpu", product_gpu_limit, product_gpu_by_hand, 0},
    {"resident_gpu", resident_gpu_limit, resident_gpu_by_hand, 12, false},
    {"portable_cpu", portable_cpu_limit, portable_cpu_by_hand, 4},
};

}  // namespace

std::int64_t value_of(const Values& values, std::string_view name) {
  const auto found = std::ranges::find(values, name, &NamedValue::name);
  if (found == values.end()) throw std::logic_error("no value " + std::string(name));
  return found->value;
}

const KernelCheck& check_of(std::string_view kernel) {
  for (const KernelCheck& check : checks)
    if (check.kernel == kernel) return check;
  throw std::logic_error("the kernel " + std::string(kernel) +
                         " has no entry in tests/tiling/kernel_checks.cpp");
}

}  // namespace flashrnn
