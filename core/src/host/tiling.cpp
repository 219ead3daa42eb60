// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/recurrence/host/tiling.hpp"

#include <unistd.h>

#include <algorithm>

#include "flashrnn/recurrence/host/kernel_table.hpp"

namespace flashrnn::host {
namespace {

// The cost model: cycles of one register-wide operation. A core that starts two multiply-adds per
// cycle halves all of them but the loads; what is compared stays the same.
constexpr double pointwise_cycles = 80;  // one vector of units: about five exponentials
constexpr double barrier_cycles = 600;   // a step's barrier, with the imbalance that it waits for
// Loads of one register of factors, by where they come from.
constexpr double level_1_cycles = 1, level_2_cycles = 2, level_3_cycles = 6;

Index divided(Index value, Index by) { return (value + by - 1) / by; }

/// Bytes of packed factors of one head.
double head_bytes(const HostPass& pass, const HostLimits& limits, int sub_blocks) {
  const Index units = divided(pass.shape.head_dim, Index(limits.lanes) * sub_blocks) *
                      limits.lanes * sub_blocks;
  return static_cast<double>(pass.factor_bytes) *
         static_cast<double>(units * pass.vectors_per_unit * pass.depth);
}

/// The widest block that wastes at most an eighth of its registers on padding.
int choose_sub_blocks(const HostPass& pass, const HostLimits& limits, int team_size) {
  int sub_blocks = pass.most_sub_blocks;
  const Index vectors = divided(pass.shape.head_dim, limits.lanes);
  while (sub_blocks > 1) {
    const Index padded = divided(vectors, sub_blocks) * sub_blocks;
    const Index blocks = padded / sub_blocks;
    if (8 * (padded - vectors) <= padded && blocks >= team_size) break;
    sub_blocks /= 2;
  }
  return sub_blocks;
}

}  // namespace

double predicted_step_cycles(const HostPass& pass, const HostLimits& limits,
                             const HostTiling& tiling) {
  const int vectors = pass.vectors_per_unit * tiling.sub_blocks;
  const Index blocks = divided(pass.shape.head_dim, Index(limits.lanes) * tiling.sub_blocks);
  const auto share = static_cast<double>(divided(blocks, tiling.team_size));
  const auto rows = static_cast<double>(tiling.slice_rows);
  const auto tiles = static_cast<double>(divided(tiling.slice_rows, tiling.register_rows));
  const Index teams = tiling.workers / tiling.team_size;
  const Index slices = divided(pass.shape.batch, tiling.slice_rows);
  const Index groups = divided(pass.shape.heads, tiling.group_heads);
  const auto rounds = static_cast<double>(divided(groups * slices, teams) * tiling.group_heads);

  // Between two steps a worker's part of R stays in the smallest cache that holds it.
  const double bytes = head_bytes(pass, limits, tiling.sub_blocks) *
                       static_cast<double>(tiling.group_heads) / tiling.team_size;
  double first = level_1_cycles, again = level_1_cycles;
  if (bytes > 0.75 * static_cast<double>(limits.level_1_bytes)) first = again = level_2_cycles;
  if (bytes > 0.9 * static_cast<double>(limits.level_2_bytes)) first = level_3_cycles;
  const double loads = vectors * (first + (tiles - 1) * again);
  const double multiply_adds = rows * vectors;
  const double product =
      share * static_cast<double>(pass.depth) * std::max(multiply_adds, loads);
  const double pointwise = share * tiling.sub_blocks * rows * pointwise_cycles;
  return rounds * (product + pointwise) + (tiling.team_size > 1 ? rounds * barrier_cycles : 0);
}

HostTiling choose_host_tiling(const HostPass& pass, const HostLimits& limits) {
  HostTiling best;
  double least = -1;
  for (int team_size = 1; team_size <= limits.workers; ++team_size) {
    if (limits.workers % team_size != 0 || (team_size > 1 && !limits.barriers)) continue;
    HostTiling tiling;
    tiling.team_size = team_size;
    tiling.sub_blocks = choose_sub_blocks(pass, limits, team_size);
    if (divided(pass.shape.head_dim, Index(limits.lanes) * tiling.sub_blocks) < team_size) continue;
    tiling.register_rows =
        most_register_rows(limits.registers, pass.vectors_per_unit * tiling.sub_blocks);
    const int teams = limits.workers / team_size;
    for (int slices = 1; slices <= teams && slices <= pass.shape.batch; ++slices) {
      tiling.slice_rows = divided(pass.shape.batch, slices);
      const Index tasks = pass.shape.heads * divided(pass.shape.batch, tiling.slice_rows);
      tiling.workers = static_cast<int>(std::min<Index>(teams, tasks)) * team_size;
      // Heads that share the first-level cache are interleaved: the arithmetic of one hides the
      // latency of another.
      const double fit = 0.6 * static_cast<double>(limits.level_1_bytes) /
                         head_bytes(pass, limits, tiling.sub_blocks);
      tiling.group_heads = std::clamp<Index>(static_cast<Index>(fit), 1,
                                             std::max<Index>(1, pass.shape.heads / teams));
      tiling.streaming = pass.output_bytes > limits.level_3_bytes / 2;
      const double cycles = predicted_step_cycles(pass, limits, tiling);
      if (least < 0 || cycles < least) {
        least = cycles;
        best = tiling;
      }
    }
  }
  return best;
}

HostLimits host_limits() {
  HostLimits limits;
  const auto ask = [](int name, std::size_t& bytes) {
    const long answer = sysconf(name);
    if (answer > 0) bytes = static_cast<std::size_t>(answer);
  };
#ifdef _SC_LEVEL1_DCACHE_SIZE
  ask(_SC_LEVEL1_DCACHE_SIZE, limits.level_1_bytes);
  ask(_SC_LEVEL2_CACHE_SIZE, limits.level_2_bytes);
  ask(_SC_LEVEL3_CACHE_SIZE, limits.level_3_bytes);
#endif
  return limits;
}

}  // namespace flashrnn::host
