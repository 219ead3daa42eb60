// SPDX-License-Identifier: Apache-2.0
#include "cuda_kernel_checks.hpp"

#include <algorithm>

namespace flashrnn {
namespace {

constexpr Index warp_threads = 32, fragment = 256;  // threads; elements of R that an mma takes

}  // namespace

std::string spread_heads_limit(const DeviceModel& device, const Values& sizes,
                               const Values& tiling) {
  const auto size = [&](const char* name) { return value_of(sizes, name); };
  const auto chosen = [&](const char* name) { return value_of(tiling, name); };
  const Index blocks = chosen("BLOCKS"), units = chosen("UNITS"), batch = chosen("BATCH_TILE");
  const bool backward = size("BACKWARD") == 1, scaled = chosen("SCALED") == 1;
  const Index parts = scaled ? 2 : size("PARTS") - chosen("WHOLE");
  constexpr Index warps = 8;
  if (device.at("WARP_SIZE") != warp_threads || size("STORAGE_BYTES") > 4)
    return "not for this kernel";
  if (scaled && (backward || size("BOUNDED") == 0 || size("STORAGE_BYTES") != 4))
    return "a vector without bounds in the range of float16";
  if (blocks * units < size("HEAD_DIM")) return "units without a block";
  if (chosen("IN_CLUSTER") == 1 && blocks > device.at("MAX_CLUSTER_SIZE"))
    return "a larger cluster than there is";
  if (blocks > device.at("SM_COUNT")) return "blocks that wait for others that cannot run";
  if (chosen("ROW_GROUPS") * chosen("K_GROUPS") != warps) return "not eight warps";
  if (units % (8 * chosen("ROW_GROUPS")) != 0) return "rows of fragments without units";
  if (batch / 2 >= size("BATCH")) return "batch tile twice the batch";
  if (4 * chosen("REGISTER_TILES") + 4 > device.at("MAX_REGISTERS_PER_THREAD"))
    return "too many registers";
  if (chosen("REGISTER_TILES") > chosen("TILES"))
    return "more fragments in registers than there are";
  // What a block has of R: its units' rows forward, its units' columns backward.
  const Index elements = units * blocks * units * size("RECURRENT_GATES");
  if (chosen("TILES") * fragment * warps < parts * elements) return "R does not fit its fragments";
  const Index rest = 2 * fragment * warps * (chosen("TILES") - chosen("REGISTER_TILES"));
  const Index sums =
      2 * 4 * chosen("K_GROUPS") * batch * units * (backward ? 1 : size("RECURRENT_GATES"));
  const Index arrives = chosen("IN_CLUSTER") == 1 ? 2 * chosen("VECTOR_BYTES") : 0;
  if (chosen("SHARED_BYTES") < rest + sums + arrives) return "shared memory counted too low";
  if (chosen("SHARED_BYTES") > device.at("SHARED_MEMORY_PER_BLOCK"))
    return "too much shared memory";
  const Index width = size("HEAD_DIM") * (backward ? size("RECURRENT_GATES") : 1);
  if (chosen("VECTOR_BYTES") < width * batch * size("STORAGE_BYTES")) return "vector cut short";
  return "";
}

/// 16 units and 8 rows of the batch to a block, through L2.
Values spread_heads_by_hand(const DeviceModel& /*device*/, const Values& /*sizes*/) {
  return {{"IN_CLUSTER", 0}, {"UNITS", 16}, {"BATCH_TILE", 8}, {"ROW_GROUPS", 1}};
}

std::string spread_wide_limit(const DeviceModel& device, const Values& sizes,
                              const Values& tiling) {
  const auto size = [&](const char* name) { return value_of(sizes, name); };
  const auto chosen = [&](const char* name) { return value_of(tiling, name); };
  const Index blocks = chosen("BLOCKS"), units = chosen("UNITS"), batch = chosen("BATCH_TILE");
  const Index streams = chosen("STREAMS"), groups = chosen("ROW_GROUPS");
  const Index gates = size("RECURRENT_GATES"), group_units = units / groups;
  constexpr Index product_rows = 64, product_depth = 16;  // of wgmma
  if (device.at("COMPUTE_CAPABILITY") != 90) return "wgmma is of sm_90 alone";
  if (size("BACKWARD") == 1 || size("STORAGE_BYTES") != 2) return "not for this kernel";
  if (blocks * units < size("HEAD_DIM")) return "units without a block";
  if (blocks > device.at("SM_COUNT")) return "blocks that wait for others that cannot run";
  if (batch % 8 != 0 || batch < 8 || batch > product_rows)
    return "columns that wgmma does not have";
  if ((streams - 1) * batch >= size("BATCH")) return "a stream without rows of the batch";
  if (groups < 2 || groups * 128 + 128 > device.at("MAX_THREADS_PER_BLOCK"))
    return "groups of warps that the kernel does not have";
  if (group_units * gates > product_rows) return "more rows than a product has";
  if (group_units != 8 && group_units != 16 && group_units != 32)
    return "chunks that are not dealt to whole warps";
  const Index k_tiles = chosen("K_TILES"), held = chosen("REGISTER_TILES");
  if (k_tiles * product_depth < size("HEAD_DIM")) return "k cut short";
  if (held < 0 || held > k_tiles) return "more of R in registers than there is";
  // Fragments of R, 4 registers a k-tile, beside the sums, of what three groups of warps share.
  if (4 * held + batch / 2 >= 208) return "too many registers";
  const Index vectors = streams * 2 * product_depth * k_tiles * batch;
  const Index rest = groups * 2 * product_rows * product_depth * (k_tiles - held);
  const Index sums = 4 * batch * units * gates;
  const Index kept = streams * batch * units * (4 * size("STATES") + 2 * size("INPUT_GATES"));
  if (chosen("SHARED_BYTES") < vectors + rest + sums + kept) return "shared memory counted too low";
  if (chosen("SHARED_BYTES") > device.at("SHARED_MEMORY_PER_BLOCK"))
    return "too much shared memory";
  if (chosen("VECTOR_BYTES") < 2 * size("HEAD_DIM") * batch) return "vector cut short";
  return "";
}

/// 32 rows of the batch at a time.
Values spread_wide_by_hand(const DeviceModel& /*device*/, const Values& /*sizes*/) {
  return {{"BATCH_TILE", 32}, {"STREAMS", 1}};
}

std::string small_heads_limit(const DeviceModel& device, const Values& sizes,
                              const Values& tiling) {
  const auto size = [&](const char* name) { return value_of(sizes, name); };
  const auto chosen = [&](const char* name) { return value_of(tiling, name); };
  const bool backward = size("BACKWARD") == 1;
  const Index bytes = size("STORAGE_BYTES"), parts = chosen("FACTOR_PARTS");
  const Index padded = chosen("PADDED"), batch = chosen("BATCH_TILE"), held = chosen("HELD");
  const Index units = backward ? 2 : chosen("UNITS");
  if (device.at("WARP_SIZE") != warp_threads || bytes > 4) return "not for this kernel";
  if (padded < size("HEAD_DIM") || padded % 16 != 0) return "units without a fragment";
  if (units * batch < 4) return "threads of a warp without a unit";
  if (held < 1 || held > parts) return "more parts in registers than there are";
  const Index compute_warps = padded / (8 * units), warps = compute_warps + chosen("IO_WARPS");
  if (warp_threads * warps > device.at("MAX_THREADS_PER_BLOCK")) return "too many threads";

  // R in registers, in 16-bit parts two to a register, beside the sums of a product.
  const Index gates = size("RECURRENT_GATES");
  const Index elements = gates * padded * padded;
  const Index handed = chosen("COMPUTE_REGISTERS");
  const Index registers = device.at("REGISTERS_PER_SM");
  const Index per_thread = handed > 0 ? handed : registers / (warp_threads * warps);
  if (per_thread > device.at("MAX_REGISTERS_PER_THREAD") && handed > 0) return "too many handed";
  if (held * elements / 2 / (warp_threads * compute_warps) + 4 >=
      std::min<Index>(per_thread, device.at("MAX_REGISTERS_PER_THREAD")))
    return "R does not fit the registers";
  if (handed > 0 && device.at("COMPUTE_CAPABILITY") != 90) return "registers cannot be handed on";
  if (warp_threads * (compute_warps * handed + (handed > 0 ? chosen("IO_WARPS") * 24 : 0)) >
      registers)
    return "more registers handed on than there are";

  // The product's vector twice, the ring of what comes in, the other parts of R.
  const Index vector = (backward ? gates : 1) * parts * batch * padded * 2;
  const Index ring =
      chosen("RING") * batch * padded * bytes * size(backward ? "INPUT_CHANNELS" : "INPUT_GATES");
  const Index rest = (parts - held) * elements * 2;
  if (chosen("SHARED_BYTES") < 2 * vector + ring + rest) return "shared memory counted too low";
  if (chosen("SHARED_BYTES") > device.at("SHARED_MEMORY_PER_BLOCK"))
    return "too much shared memory";
  if (chosen("RING") < 2 * chosen("GROUP")) return "a group that does not fit the ring twice";
  return "";
}

/// 8 rows of the batch to a block, and as many warps as ever to move data.
Values small_heads_forward_by_hand(const DeviceModel& /*device*/, const Values& /*sizes*/) {
  return {{"BATCH_TILE", 8}, {"IO_WARPS", 4}};
}
Values small_heads_backward_by_hand(const DeviceModel& /*device*/, const Values& /*sizes*/) {
  return {{"BATCH_TILE", 8}, {"IO_WARPS", 4}, {"REPORTS", 0}};
}

}  // namespace flashrnn
