// SPDX-License-Identifier: Apache-2.0
#include "bound.hpp"

#include <algorithm>

namespace flashrnn::bench {
namespace {

double value(const DeviceModel& device, const char* name) {
  return static_cast<double>(device.at(name));
}

/// Multiply-adds per microsecond.
double product_rate(const DeviceModel& device, const Case& one, int threads) {
  const DataType type = one.dtype;
  const double clock = value(device, "CLOCK_MHZ");
  if (device.kind() == DeviceKind::cpu) {
    const double lanes =
        value(device, "VECTOR_BITS") / (type == DataType::float64 ? 64.0 : 32.0);  // sums in float
    const double cores = std::min<double>(threads, value(device, "CORES"));
    return cores * clock * value(device, "FMA_PER_CYCLE") * lanes;
  }
  const char* const rate = type == DataType::float64   ? "FP64_FMA_PER_CYCLE"
                           : type == DataType::float32 ? "FP32_FMA_PER_CYCLE"
                                                       : "BF16_MATRIX_FMA_PER_CYCLE";
  const double units = value(device, "SM_COUNT") * clock;
  if (type == DataType::float32 && one.precision == MatmulPrecision::high)
    return units * value(device, "BF16_MATRIX_FMA_PER_CYCLE") / 2;
  return units * value(device, rate);
}

/// Microseconds to read all of R once.
double reading(const DeviceModel& device, double bytes, int threads) {
  const double clock = value(device, "CLOCK_MHZ");
  if (device.kind() == DeviceKind::gpu) {
    const double on_chip = value(device, "SM_COUNT") * (4 * value(device, "REGISTERS_PER_SM") +
                                                        value(device, "SHARED_MEMORY_PER_SM"));
    if (bytes <= on_chip) return 0;
    const bool in_l2 = bytes <= value(device, "L2_BYTES");
    return bytes / (value(device, in_l2 ? "L2_GB_PER_S" : "DRAM_GB_PER_S") * 1e3);
  }
  const double cores = std::min<double>(threads, value(device, "CORES"));
  const double share = bytes / cores;
  if (share <= value(device, "L1_BYTES"))
    return share / (clock * value(device, "L1_BYTES_PER_CYCLE"));
  if (share <= value(device, "L2_BYTES"))
    return share / (clock * value(device, "L2_BYTES_PER_CYCLE"));
  // Cores that share a last cache are assumed to be as few as possible: the least time.
  if (share <= value(device, "L3_BYTES"))
    return share / (clock * value(device, "L3_BYTES_PER_CYCLE"));
  return std::max(share / (value(device, "CORE_DRAM_GB_PER_S") * 1e3),
                  bytes / (value(device, "DRAM_GB_PER_S") * 1e3));
}

}  // namespace

Bound bound_of(const Case& one, const DeviceModel& device, int threads) {
  const CellDescription& cell = find_cell(one.cell);
  const Shape& s = one.shape;
  const bool backward = one.pass == Pass::training_backward;
  const double element = static_cast<double>(size_of(one.dtype));
  const double row = static_cast<double>(s.heads * s.head_dim);
  const double products = step_products(s, cell.recurrent_gates) * (backward ? 3 : 1);
  const double R_bytes =
      static_cast<double>(cell.recurrent_gates) * row * static_cast<double>(s.head_dim) * element;
  // forward: x in, h or all states out; backward: states and dh in, dx out. What is saved besides
  // is a choice of the implementation.
  double channels = cell.input_gates + (one.pass == Pass::inference ? 1 : cell.states);
  if (backward) channels += cell.states + 1 + cell.input_gates;
  const double step_bytes = channels * row * static_cast<double>(s.batch) * element;
  const bool cpu = device.kind() == DeviceKind::cpu;
  const double cache = cpu ? value(device, "L3_BYTES") : value(device, "L2_BYTES");
  double traffic = 0;
  if (step_bytes * static_cast<double>(s.steps) > cache) {
    double rate = value(device, "DRAM_GB_PER_S");
    if (cpu) rate = std::min(rate, threads * value(device, "CORE_DRAM_GB_PER_S"));
    traffic = step_bytes / (rate * 1e3);
  }
  const double multiply = products / product_rate(device, one, threads);
  const double read = reading(device, R_bytes, threads) * (backward ? 2 : 1);
  Bound bound{multiply, "products"};
  if (read > bound.step_us) bound = {read, "reading R"};
  if (traffic > bound.step_us) bound = {traffic, "memory traffic"};
  return bound;
}

}  // namespace flashrnn::bench
