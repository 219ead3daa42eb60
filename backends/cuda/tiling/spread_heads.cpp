// SPDX-License-Identifier: Apache-2.0
#include "spread_heads.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <sstream>

#include "kernels/parameters.hpp"
#include "rounding.hpp"

namespace flashrnn::cuda {
namespace {

/// Number in "sm_90a".
int capability(const DeviceFacts& device) {
  return std::stoi(device.architecture.substr(3));
}

/// Blocks of the largest cluster (CUDA C++ Programming Guide, thread block clusters); 1: none.
int largest_cluster(const DeviceFacts& device) {
  const int number = capability(device);
  return number < 90 ? 1 : number < 120 ? 16 : 8;
}

/// Figures of one step, measured on an H100 and an H200 (docs/cuda_kernels.md).
struct Rates {
  static constexpr double cycles_per_ns = 1.755;
  static constexpr double mma_cycles = 6.03;             ///< m16n8k16 per quarter
  static constexpr double mma_latency = 33;              ///< of one that waits for another's result
  static constexpr double shared_bytes_per_cycle = 128;  ///< per multiprocessor
  static constexpr double cluster_ns = 235, cluster_ns_per_kb = 26;  ///< handing a vector around
  /// Through L2 a packet is read by all blocks at about the same time, so that they wait for each
  /// other.
  static constexpr double l2_ns = 500, l2_ns_per_kb = 14, l2_ns_per_block = 6,
                          l2_ns_per_vector = 90;
  static constexpr double fixed_ns = 150;  ///< barrier, sums, pointwise function
  static constexpr double vector_ns = 30,
                          round_ns = 90;  ///< every further vector, packet of a warp
  // Of float32: splitting a lane's 4 elements of a k-tile, accurate functions, vectors to clusters
  // of more than 8 blocks, two row groups in a cluster, more than 4 packets asked for in L2 before
  // the first product, every further section where it is 2, several groups that use L2.
  static constexpr double split_cycles = 22, accurate_ns = 60, cluster_ns_per_kb_block = 1,
                          cluster_row_groups_ns = 100, l2_at_once_ns = 100, l2_section_ns = 100,
                          l2_many_groups = 1.12;
};

/// What was measured of float32 beyond `time`, which is as for 16 bits.
double float_time(const SpreadTiling& t, double time, double vector_kb, Index together) {
  time += Rates::accurate_ns;
  if (t.in_cluster)
    return time + Rates::cluster_ns_per_kb_block * vector_kb * std::max(0, t.blocks - 8) +
           Rates::cluster_row_groups_ns * (t.row_groups - 1);
  const int packets = std::min(t.at_once, t.pairs() * t.n_tiles() * t.halves);
  const int sections = t.sections() - divide_up(t.sections(), 2);
  if (packets > 4) time += Rates::l2_at_once_ns;
  if (t.at_once < 4) time += Rates::l2_section_ns * sections;
  return together > 2 ? Rates::l2_many_groups * time : time;
}

/// Predicted nanoseconds of a step of one launch, in which `together` groups run.
double step_time(const SpreadTiling& t, Index together) {
  const int warps = t.row_groups * t.k_groups;
  const int k_tiles = 2 * t.pairs(), quarter_warps = divide_up(warps, 4);
  // Parts p and q of float32 with p + q < parts; but for p = q = 0 they share accumulators.
  const int products = t.parts * (t.parts + 1) / 2;
  const double rate =
      products * t.m_tiles() * k_tiles * quarter_warps * t.n_tiles() * Rates::mma_cycles;
  const double chain = t.parts == 1
                           ? 1.0 * k_tiles / t.chains() * Rates::mma_latency
                           : (products - 1.0) * k_tiles / (t.chains() - 1) * Rates::mma_latency;
  const double split = t.parts == 1 ? 0
                                    : Rates::split_cycles * k_tiles * quarter_warps *
                                          (t.n_tiles() + (t.whole ? 2 * t.m_tiles() : 0));
  const double product = std::max(rate, chain) + split;
  const double vector_kb = t.chunks() * t.batch * t.halves * 16 / 1024.0;
  const double matrix = 512.0 * warps * (t.tiles() - t.register_tiles);
  const double vector = t.in_cluster ? 1024 * vector_kb * t.row_groups : 0;
  const double reads = (matrix + vector) / Rates::shared_bytes_per_cycle;
  const int width = t.rows == 3 ? 4 : t.rows;
  const double sums =
      2.0 * 4 * t.k_groups * t.batch * t.units * width / Rates::shared_bytes_per_cycle;
  const double cycles = std::max(product, reads) + 0.4 * std::min(product, reads) + sums;
  const double exchange = t.in_cluster
                              ? Rates::cluster_ns + Rates::cluster_ns_per_kb * vector_kb
                              : Rates::l2_ns + Rates::l2_ns_per_kb * vector_kb * t.row_groups +
                                    Rates::l2_ns_per_block * t.blocks * t.row_groups +
                                    Rates::l2_ns_per_vector * (t.vectors - 1);
  const double time = cycles / Rates::cycles_per_ns + exchange + Rates::fixed_ns +
                      Rates::vector_ns * (t.vectors - 1) + Rates::round_ns * (t.rounds() - 1);
  return t.parts == 1 ? time : float_time(t, time, vector_kb, together);
}

/// Registers per thread besides the fragments of R that stay in them.
int other_registers(const SpreadTiling& t, int kept) {
  const int words = 4 * t.n_tiles() * t.halves, sections = t.sections();
  const int section = divide_up(t.pairs(), sections);
  // Of floats: the parts of a k-tile, tiles of R on their way, addresses.
  const int split =
      t.parts == 1 ? 0 : 6 * t.n_tiles() + (t.whole ? 18 + 9 * std::min(t.m_tiles(), 2) : 16);
  const int ahead = std::min(t.pairs() - section, section);
  return 4 * t.m_tiles() * t.n_tiles() * t.chains() + words * (section + ahead) + 46 +
         t.rounds() * (kept + 4) + (t.in_cluster ? divide_up(t.blocks, 8 / t.halves) : 0) +
         (sections > 2 ? 6 * sections * t.n_tiles() / 2 : 0) + split;
}

}  // namespace

int SpreadTiling::pairs() const {
  return divide_up(divide_up(chunks(), 4), k_groups);
}
int SpreadTiling::m_tiles() const {
  return (units / row_groups / 8 * rows + 1) / 2;
}
int SpreadTiling::chains() const {
  const int sums = m_tiles() * n_tiles();
  if (parts > 1) return sums >= 4 ? 2 : sums >= 2 ? 3 : 4;
  return sums >= 4 ? 1 : sums >= 2 ? 2 : 4;
}
int SpreadTiling::rounds() const {
  return divide_up(units / row_groups / 8 * batch, 4 * k_groups);
}

int SpreadTiling::sections() const {
  const int packets = n_tiles() * halves;
  if (pairs() * packets <= at_once) return 1;
  return divide_up(pairs(), std::max(1, at_once / packets));
}

int SpreadTiling::shared_bytes() const {
  const int exchange =
      in_cluster ? round_up(2 * k_groups * 4 * pairs() * batch * halves * 16 + 16 * k_groups, 128)
                 : 0;
  const int matrix = row_groups * k_groups * (tiles() - register_tiles) * 512;
  const int group_units = units / row_groups, width = rows == 3 ? 4 : rows;
  const int distance = width == 4   ? group_units + 1
                       : width == 2 ? round_up(group_units, 8) + 2
                                    : round_up(group_units, 16) + 4;
  const int sums = 2 * row_groups * 4 * k_groups * batch * distance * width;
  const int input = row_groups * std::min(k_groups, divide_up(group_units / 8 * batch, 4)) *
                    (in_cluster ? 8 : 3) * rounds() * 64 * halves * std::max(input_channels, 1);
  const int bias = 4 * units * bias_gates;
  return round_up(exchange + matrix + sums + bias, 16) + input;
}

Index SpreadTiling::exchange_bytes() const {
  return in_cluster ? 0 : Index(exchange_slots) * 16 * chunks() * batch * halves;
}

Index SpreadTiling::groups(const Shape& shape) const {
  return shape.heads * ((shape.batch + batch - 1) / batch);
}

Index SpreadTiling::groups_at_once(const DeviceFacts& device) const {
  // Clusters wait for their turn by themselves; blocks that wait for each other must all run.
  return in_cluster ? (Index(1) << 30) / blocks : device.multiprocessors / blocks;
}

std::string SpreadTiling::text() const {
  std::ostringstream out;
  out << (in_cluster ? "true" : "false") << ", " << blocks << ", " << units << ", " << batch << ", "
      << row_groups << ", " << k_groups << ", " << register_tiles << ", " << at_once << ", "
      << (whole ? "true" : "false");
  return out.str();
}

SpreadPass forward_pass(const CellDescription& cell, bool saving, DataType type) {
  return {cell.recurrent_gates,           1,   cell.input_gates, cell.bias_gates,
          cell.states + (saving ? 4 : 0), type};
}
SpreadPass backward_pass(const CellDescription& cell, BackwardReads reads, DataType type) {
  return {1,
          cell.recurrent_gates,
          std::popcount(reads.states) + std::popcount(reads.saved) + 1,
          0,
          2 * cell.states + cell.bias_gates + cell.gates,
          type};
}

std::vector<SpreadTiling> choose_spread(const Shape& shape, const SpreadPass& pass,
                                        const DeviceFacts& device) {
  std::vector<SpreadTiling> all;
  if (pass.rows > 4 || shape.head_dim > 8192) return all;
  const auto consider = [&](bool in_cluster, int blocks, int units, bool whole) {
    for (int batch = 1; batch <= 32; batch *= 2) {
      if (batch > 1 && batch / 2 >= shape.batch) break;
      for (int row_groups = 1; row_groups <= 2; ++row_groups) {
        const int multiple = (pass.rows == 1 ? 16 : 8) * row_groups;
        if (units % multiple != 0) continue;
        SpreadTiling t;
        t.in_cluster = in_cluster;
        t.blocks = blocks;
        t.units = units;
        t.batch = batch;
        t.row_groups = row_groups;
        t.k_groups = 8 / row_groups;
        t.rows = pass.rows;
        t.vectors = pass.vectors;
        t.input_channels = pass.input_channels;
        t.bias_gates = pass.bias_gates;
        t.parts = pass.type == DataType::float32 ? 3 : 1;
        t.halves = pass.type == DataType::float32 ? 2 : 1;
        t.whole = whole;
        const Index room_for_clusters =
            std::max<Index>(1, device.multiprocessors * 9 / 10 / blocks);
        const Index groups_at_once = in_cluster ? room_for_clusters : t.groups_at_once(device);
        const Index groups = t.groups(shape);
        const Index launches = (groups + groups_at_once - 1) / groups_at_once;
        // Reading fewer packets at once leaves registers to R.
        int sections = 0;
        for (t.at_once = 8; t.at_once >= (t.parts > 1 ? 2 : 8); t.at_once /= 2) {
          if (t.sections() == sections) continue;  // the same again
          sections = t.sections();
          // 8 warps on 4 quarters: every thread may have all the registers there are names for.
          const int room = (255 - other_registers(t, pass.kept)) / 4;
          if (room < 0) continue;
          t.register_tiles = std::min(t.tiles(), room);
          if (t.shared_bytes() > device.shared_bytes) continue;
          t.nanoseconds =
              step_time(t, std::min(groups, groups_at_once)) * static_cast<double>(launches);
          all.push_back(t);
        }
      }
    }
  };
  const auto consider_all = [&](bool whole) {
    const int step = pass.rows == 1 ? 16 : 8;
    for (int units = step; units <= 64; units += step) {
      const int blocks = divide_up(shape.head_dim, units);
      if (blocks <= device.multiprocessors) consider(false, blocks, units, whole);
    }
    for (int blocks = 2; blocks <= largest_cluster(device); blocks *= 2)
      consider(true, blocks, round_up(divide_up(shape.head_dim, blocks), step), whole);
  };
  consider_all(false);
  // To split R in every step takes longer, but two thirds of the room. With four rows per unit it
  // takes more registers than there are: the assembler spills in every such tiling.
  if (all.empty() && pass.type == DataType::float32 && pass.rows < 4) consider_all(true);
  std::stable_sort(all.begin(), all.end(), [](const SpreadTiling& a, const SpreadTiling& b) {
    return a.nanoseconds < b.nanoseconds;
  });
  return all;
}

double products_time(const Shape& shape, const CellDescription& cell, bool backward,
                     DataType type) {
  // Two kernels per step, R from L2, and a product far from the tensor cores' full rate: fitted to
  // the H200's table in docs/performance.md (256×3 to 1024×1 at B = 16, 768×1 at B = 256). float32
  // has no tensor cores; forward of 256×3 and 768×1 at B = 16 was measured, how the rate grows with
  // the batch is assumed.
  const double elements = static_cast<double>(cell.recurrent_gates) *
                          static_cast<double>(shape.heads * shape.head_dim) *
                          static_cast<double>(shape.head_dim);
  const double product = 2 * elements * static_cast<double>(shape.batch);
  const double bytes = elements * static_cast<double>(size_of(type));
  const double rate =
      type == DataType::float32
          ? std::min(40e3, 2200 * std::sqrt(std::max(16.0, static_cast<double>(shape.batch))))
          : (backward ? 120e3 : 260e3);
  return (backward ? 9000 : 6500) + bytes / 5500 + product / rate;
}

}  // namespace flashrnn::cuda
