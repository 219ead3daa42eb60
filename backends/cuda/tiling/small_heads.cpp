// SPDX-License-Identifier: Apache-2.0
#include "small_heads.hpp"

#include <algorithm>
#include <bit>
#include <sstream>

#include "rounding.hpp"

namespace flashrnn::cuda {
namespace {

// Bytes of the parts of shared memory; the kernels' own figures, which the generated program
// asserts to be equal.
int columns_bytes(int batch, int length) {
  const int row = 2 * length, to_odd = (row + 63) / 128 * 128 + 64;
  return batch == 8 ? 4 * (2 * to_odd + 16) : batch * (row + 16);
}
/// The right-hand factor of the product; of several parts, 8 / batch lie in one operand.
int factor_bytes(const ElementFacts& element, int batch, int length) {
  if (element.parts == 1) return columns_bytes(batch, length);
  return divide_up(element.parts * batch, 8) * columns_bytes(8, length);
}
int ring_bytes(const ElementFacts& element, int batch, int channels, int padded, int depth) {
  return depth * batch * (channels * element.bytes * padded + (batch == 8 ? 16 : 32));
}
int staged_bytes(const ElementFacts& element, int batch, int channels, int padded) {
  return channels * batch * (element.bytes * padded + 16);
}

/// What warps that move data keep when they give registers away; kernels/shared_memory.cuh.
constexpr int io_registers = 88;

/// Cells per thread: units and rows of the batch tile.
int cells(int batch, int units) {
  return batch == 8 ? 2 * units : units * batch / 4;
}

/// Blocks of one multiprocessor that run beside each other without loss: short steps of small heads
/// leave most of it idle.
int blocks_beside(int padded) {
  return padded <= 16 ? 3 : padded <= 32 ? 2 : 1;
}

/// Lets four warps that move data hand registers to those that compute; false where that cannot be
/// or gives little. With 8 rows of the batch, or more than ten channels (sLSTM's training spills
/// then), moving data needs the registers itself.
template <class Tiling>
bool redistribute(Tiling& tiling, int channels, const DeviceFacts& device) {
  if (device.architecture != "sm_90a" || tiling.compute_warps() % 4 != 0 || tiling.batch == 8 ||
      channels > 10)
    return false;
  tiling.io_warps = 4;
  // What the launch gives to all warps alike is all that can be handed around.
  const int groups = tiling.compute_warps() / 4;
  const int even = registers_per_thread(device, tiling.threads());
  tiling.compute_registers = std::min(240, (even * (groups + 1) - io_registers) / groups / 8 * 8);
  return tiling.compute_registers >= even + 16;
}

/// Registers per thread that let the compiler load ahead; with fewer it waits for shared memory
/// between products.
constexpr int spare_registers = 24;

/// The longest group of steps for which shared memory suffices; elements of 4 bytes may need a
/// shorter ring too.
template <class Tiling, class SharedBytes>
void choose_group(Tiling& tiling, const DeviceFacts& device, const SharedBytes& shared_bytes) {
  const int room = device.shared_bytes / blocks_beside(tiling.padded);
  if (tiling.element.bytes == 4) {
    constexpr int choices[][2] = {{16, 4}, {16, 2}, {8, 2}, {8, 1}, {4, 1}};  // ring, group
    for (const auto& [ring, group] : choices) {
      tiling.ring = ring;
      tiling.group = group;
      if (shared_bytes(tiling) <= room) return;
    }
    return;
  }
  // Longer groups are unrolled further, for which the largest tiles have no registers.
  const bool large = tiling.padded > 112 && tiling.batch > 2;
  for (tiling.group = large ? 2 : 4; tiling.group > 1; tiling.group /= 2)
    if (shared_bytes(tiling) <= room) return;
}

/// Batch tiles from the largest that still fills the device once, and smaller ones after it; for
/// each, all accumulators and warps that data movement asks for, then fewer of them: what a thread
/// may use of the registers depends on both. Registers are handed around rather than scarce.
template <class Tiling, class Registers, class SharedBytes>
std::optional<Tiling> with_batch(const Tiling& tiling, int smallest, int channels,
                                 int least_io_warps, const Shape& shape, const DeviceFacts& device,
                                 const Registers& registers, const SharedBytes& shared_bytes) {
  const auto one_wave = [&](int batch) {
    Tiling candidate = tiling;
    candidate.batch = batch;
    candidate.held = tiling.element.parts;
    int beside = blocks_beside(tiling.padded);
    // Elements of several parts take so many registers that fewer blocks may fit.
    while (tiling.element.parts > 1 && beside > 1 &&
           registers(candidate) > registers_per_thread(device, beside * candidate.threads()))
      --beside;
    return shape.heads * ((shape.batch + batch - 1) / batch) <=
           static_cast<Index>(device.multiprocessors) * beside;
  };
  int batch = smallest;
  while (batch < 8 && !one_wave(batch)) batch *= 2;
  for (; batch >= smallest; batch /= 2)
    // As many parts of R in registers as these hold.
    for (int held = tiling.element.parts; held >= 1; --held) {
      Tiling candidate = tiling;
      candidate.batch = batch;
      candidate.held = held;
      choose_group(candidate, device, shared_bytes);
      const int wanted = tiling.io_warps;
      const auto fits = [&](const Tiling& t, int available) {
        return t.threads() <= 1024 && shared_bytes(t) <= device.shared_bytes &&
               registers(t) <= available;
      };
      candidate.io_warps = wanted;
      if (fits(candidate, registers_per_thread(device, candidate.threads()) - spare_registers))
        return candidate;
      if (redistribute(candidate, channels, device) && fits(candidate, candidate.compute_registers))
        return candidate;
      candidate.compute_registers = 0;
      // The steps of a group are unrolled, which costs the largest tiles registers of their own.
      const int unrolled = tiling.element.parts > 1 ? (candidate.padded > 80 ? 24 : 0)
                           : candidate.padded > 112 ? 16
                                                    : 0;
      for (candidate.chains = tiling.chains; candidate.chains >= 1; candidate.chains /= 2)
        for (candidate.io_warps = wanted; candidate.io_warps >= least_io_warps;
             --candidate.io_warps)
          if (fits(candidate, registers_per_thread(device, candidate.threads()) - unrolled))
            return candidate;
    }
  return std::nullopt;
}

}  // namespace

int registers_per_thread(const DeviceFacts& device, int threads) {
  // Registers are handed out to groups of four warps, one on each quarter of the multiprocessor.
  return std::min(255, device.registers / (32 * round_up(threads / 32, 4)) / 8 * 8);
}

int ForwardTiling::shared_bytes(const CellDescription& cell) const {
  const int hidden_row = element.parts > 1 ? 1 : 0;  // h that goes out beside its parts
  const int staged = hidden_row + cell.states - 1 + (saving ? cell.saved : 0);
  const int tiles = divide_up(units * cell.recurrent_gates, 2) * (padded / 16);
  return 2 * group * factor_bytes(element, batch, padded) +
         2 * group * staged_bytes(element, batch, staged, padded) +
         ring_bytes(element, batch, cell.input_gates, padded, ring + 1) +
         compute_warps() * (element.parts - held) * tiles * 512;
}

int ForwardTiling::registers(const CellDescription& cell) const {
  const int m_tiles = divide_up(units * cell.recurrent_gates, 2);
  const int matrix = held * m_tiles * (padded / 16) * 4;
  if (element.parts > 1) {
    // Two sums per row; operands on their way; what goes out waits a step in registers.
    const int staged = cell.states + (saving ? cell.saved : 0);
    return matrix + (chains == 2 ? 6 : 2 * chains) * m_tiles * 4 +
           4 * divide_up(element.parts * batch, 8) +
           cells(batch, units) * (2 * cell.gates + cell.states + cell.input_gates + staged) + 30;
  }
  return matrix + chains * m_tiles * 4 + padded / 64 +
         cells(batch, units) * (2 * cell.gates + cell.states + cell.input_gates / 2) + 10;
}

std::string ForwardTiling::text() const {
  std::ostringstream out;
  out << padded << ", " << batch << ", " << units << ", " << chains << ", " << io_warps << ", "
      << ring << ", " << group << ", " << (exact ? "true" : "false") << ", "
      << (saving ? "true" : "false");
  return out.str();
}

int BackwardTiling::shared_bytes(const CellDescription& cell, BackwardReads reads) const {
  const int channels = std::popcount(reads.states) + std::popcount(reads.saved) + 1;
  const int exchange = factor_bytes(element, batch, cell.recurrent_gates * padded);
  const int tiles = cell.recurrent_gates * (padded / 16);
  return 2 * exchange + 2 * group * staged_bytes(element, batch, cell.gates, padded) + 16 +
         ring_bytes(element, batch, channels, padded, ring + 1) +
         compute_warps() * (element.parts - held) * tiles * 512;
}

int BackwardTiling::registers(const CellDescription& cell, BackwardReads reads) const {
  const int matrix = held * cell.recurrent_gates * (padded / 16) * 4;
  const int states = std::popcount(reads.states);
  if (element.parts > 1) {
    // What comes in is read a step ahead, what goes out waits a step.
    const int in = std::popcount(reads.saved) + states + 1;
    // Beyond 36 tiles the compiler keeps more operands on their way.
    const int ahead = held * cell.recurrent_gates * (padded / 16) > 36 ? 32 : 0;
    return matrix + ahead + 4 * (chains == 2 ? 6 : 2 * chains) +
           4 * divide_up(element.parts * batch, 8) +
           cells(batch, 2) * (2 * in + states + cell.states + cell.gates + cell.bias_gates + 1) +
           30;
  }
  return matrix + 4 * chains + cells(batch, 2) * (4 * states + cell.states + cell.bias_gates + 1) +
         20;
}

std::string BackwardTiling::text() const {
  std::ostringstream out;
  out << padded << ", " << batch << ", " << chains << ", " << io_warps << ", " << ring << ", "
      << group << ", " << (exact ? "true" : "false") << ", " << (reports ? "true" : "false");
  return out.str();
}

int WeightGradientTiling::shared_bytes() const {
  const bool split = element.parts > 1;
  const int rows = split ? 16 : 32, stages = split || padded >= 64 ? 4 : 3;
  const auto bytes = [&](int element_bytes) {
    return rows * (gates * (element_bytes * padded + 16) + element_bytes * columns + 16);
  };
  return stages * bytes(element.bytes) + (split ? 2 * element.parts * bytes(2) : 0);
}

int WeightGradientTiling::blocks_beside() const {
  // With more columns, products of parts need more than the 128 registers that this leaves.
  return element.parts > 1 && columns <= 32 ? std::max(1, 512 / threads()) : 1;
}

int WeightGradientTiling::groups(const CellDescription& cell) const {
  return divide_up(cell.recurrent_gates, gates) * divide_up(padded, columns);
}

std::string WeightGradientTiling::text() const {
  std::ostringstream out;
  out << gates << ", " << columns;
  return out.str();
}

ElementFacts element_facts(DataType type) {
  return type == DataType::float32 ? ElementFacts{4, 3} : ElementFacts{};
}

std::optional<ForwardTiling> choose_forward(const Shape& shape, const CellDescription& cell,
                                            DataType type, bool saving, const DeviceFacts& device) {
  if (shape.head_dim > 512) return std::nullopt;
  ForwardTiling tiling;
  tiling.element = element_facts(type);
  tiling.io_warps = 4;
  tiling.saving = saving;
  tiling.padded = round_up(shape.head_dim, 16);
  tiling.exact = tiling.padded == shape.head_dim;
  // Small heads spread over more warps; one gate alone fills an mma only with two units.
  tiling.units = tiling.padded <= 32 && cell.recurrent_gates > 1 ? 1 : 2;
  const int m_tiles = divide_up(tiling.units * cell.recurrent_gates, 2);
  tiling.chains =
      std::clamp(4 / m_tiles, 1, tiling.element.parts > 1 ? 4 : std::min(4, tiling.padded / 16));
  const int channels =
      cell.input_gates + cell.states + (saving ? cell.saved : 0);  // x in; h, states, saved out
  return with_batch(
      tiling, 4 / tiling.units, channels, 2, shape, device,
      [&](const ForwardTiling& t) { return t.registers(cell); },
      [&](const ForwardTiling& t) { return t.shared_bytes(cell); });
}

std::optional<BackwardTiling> choose_backward(const Shape& shape, const CellDescription& cell,
                                              DataType type, BackwardReads reads,
                                              const DeviceFacts& device) {
  if (shape.head_dim > 512) return std::nullopt;
  BackwardTiling tiling;
  tiling.element = element_facts(type);
  tiling.padded = round_up(shape.head_dim, 16);
  const int k_tiles = cell.recurrent_gates * tiling.padded / 16;
  tiling.chains = k_tiles <= 2 ? 1 : k_tiles <= 4 ? 2 : 4;
  const int channels = std::popcount(reads.states) + std::popcount(reads.saved) + 1 + cell.gates;
  const auto choose = [&](bool reports) {
    tiling.reports = reports;
    tiling.io_warps = reports ? 5 : 4;
    return with_batch(
        tiling, 2, channels, reports ? 3 : 2, shape, device,
        [&](const BackwardTiling& t) { return t.registers(cell, reads); },
        [&](const BackwardTiling& t) { return t.shared_bytes(cell, reads); });
  };
  auto chosen = choose(false);
  if (!chosen) return chosen;
  // sm_90 can start the next kernel before this one ends; that pays where a quarter of the
  // multiprocessors is free.
  const Index blocks = shape.heads * ((shape.batch + chosen->batch - 1) / chosen->batch);
  const bool starts_early = device.architecture != "sm_80" && device.architecture != "sm_86" &&
                            device.architecture != "sm_89";
  // A gate beside the recurrent ones (GRU) takes the registers that longer groups would need; where
  // warps cannot hand registers around, all of them.
  const bool one_more_gate = chosen->padded > 112 && cell.gates > cell.recurrent_gates;
  if (!starts_early && one_more_gate) chosen->group = 1;
  if (starts_early && 4 * blocks <= 3 * static_cast<Index>(device.multiprocessors)) {
    const auto with_reports = choose(true);
    if (with_reports) chosen = with_reports;
    if (chosen->reports && one_more_gate) chosen->group = std::min(chosen->group, 2);
  }
  chosen->exact = chosen->padded == shape.head_dim && shape.batch % chosen->batch == 0;
  return chosen;
}

std::optional<WeightGradientTiling> choose_weight_gradient(const Shape& shape,
                                                           const CellDescription& cell,
                                                           DataType type,
                                                           const DeviceFacts& device) {
  if (shape.head_dim > 512) return std::nullopt;
  WeightGradientTiling tiling;
  tiling.element = element_facts(type);
  tiling.padded = round_up(shape.head_dim, 16);
  // 16 warps leave 128 registers to a thread, which the compiler keeps to for these architectures
  // and not for newer ones. Sums of parts need more.
  const bool frugal = (device.architecture == "sm_80" || device.architecture == "sm_90a") &&
                      tiling.element.parts == 1;
  tiling.gates = std::clamp((frugal ? 256 : 128) / tiling.padded, 1, cell.recurrent_gates);
  const int column_groups = divide_up(tiling.padded, 64);
  tiling.columns = round_up(divide_up(tiling.padded, column_groups), 16);
  const Index rows = shape.steps * shape.batch;
  // Blocks in flight hide the latency of memory: as many as threads and shared memory let run
  // beside each other. Products of parts take longer, and what is left of them when the recurrence
  // ends should be short: more and smaller ones.
  const int together =
      std::clamp(std::min(1024 / tiling.threads(), 200 * 1024 / tiling.shared_bytes()), 1, 8);
  const int beside = tiling.element.parts > 1 ? std::max(4, together) : together;
  const Index wanted =
      beside * static_cast<Index>(device.multiprocessors) / (shape.heads * tiling.groups(cell));
  const Index parts = std::clamp<Index>(wanted, 1, std::max<Index>(1, rows / 256));
  tiling.rows_per_part = ((rows + parts - 1) / parts + 31) / 32 * 32;
  tiling.parts = (rows + tiling.rows_per_part - 1) / tiling.rows_per_part;
  if (tiling.shared_bytes() > device.shared_bytes || tiling.threads() > 1024) return std::nullopt;
  return tiling;
}

}  // namespace flashrnn::cuda
