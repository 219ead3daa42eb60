// SPDX-License-Identifier: Apache-2.0
#include "devices/value_names.hpp"

namespace flashrnn {
namespace {

constexpr auto gpu = DeviceKind::gpu;
constexpr auto cpu = DeviceKind::cpu;
constexpr std::int64_t kib = 1024, mib = 1024 * kib, gib = 1024 * mib;
constexpr std::int64_t ns = 1000, us = 1000 * ns;  // in picoseconds

constexpr ValueName names[] = {
    {"WARP_SIZE", gpu, 16, 64, true},
    {"SM_COUNT", gpu, 1, 1024, true},
    {"CLOCK_MHZ", gpu, 300, 5000, true},
    {"REGISTERS_PER_SM", gpu, 16 * kib, mib, true},
    {"MAX_REGISTERS_PER_THREAD", gpu, 63, 512, true},
    {"SHARED_MEMORY_PER_BLOCK", gpu, 16 * kib, mib, true},
    {"SHARED_MEMORY_PER_SM", gpu, 16 * kib, mib, true},
    {"MAX_THREADS_PER_BLOCK", gpu, 256, 2048, true},
    {"MAX_THREADS_PER_SM", gpu, 512, 4096, true},
    {"MAX_BLOCKS_PER_SM", gpu, 8, 64, true},
    {"MAX_CLUSTER_SIZE", gpu, 1, 32, true},
    {"L1_BYTES", gpu, 8 * kib, mib, true},
    {"L2_BYTES", gpu, mib, gib, true},
    {"L3_BYTES", gpu, 0, 4 * gib, true},
    {"FP64_FMA_PER_CYCLE", gpu, 1, 1024, true},
    {"FP32_FMA_PER_CYCLE", gpu, 16, 1024, true},
    {"BF16_MATRIX_FMA_PER_CYCLE", gpu, 128, 16384, true},
    {"SPECIAL_FUNCTIONS_PER_CYCLE", gpu, 4, 256, true},
    {"L1_BYTES_PER_CYCLE", gpu, 32, 512, true},
    {"L2_GB_PER_S", gpu, 100, 100000, true},
    {"DRAM_GB_PER_S", gpu, 50, 100000, true},
    {"L1_LATENCY_PS", gpu, 5 * ns, us, true},
    {"L2_LATENCY_PS", gpu, 20 * ns, 2 * us, true},
    {"DRAM_LATENCY_PS", gpu, 50 * ns, 5 * us, true},
    {"BLOCK_BARRIER_PS", gpu, ns, us, true},
    {"CLUSTER_BARRIER_PS", gpu, 10 * ns, 10 * us, false},
    {"GRID_BARRIER_PS", gpu, 100 * ns, 100 * us, true},
    {"LAUNCH_PS", gpu, 100 * ns, 100 * us, true},
    {"COMPUTE_CAPABILITY", gpu, 70, 200, false},
    {"CORES", cpu, 1, 4096, true},
    {"CLOCK_MHZ", cpu, 300, 10000, true},
    {"VECTOR_BITS", cpu, 64, 2048, true},
    {"VECTOR_REGISTERS", cpu, 8, 128, true},
    {"FMA_PER_CYCLE", cpu, 1, 8, true},
    {"L1_BYTES", cpu, 8 * kib, mib, true},
    {"L2_BYTES", cpu, 64 * kib, 256 * mib, true},
    {"L2_CORES", cpu, 1, 256, true},
    {"L3_BYTES", cpu, 0, 16 * gib, true},
    {"L3_CORES", cpu, 1, 4096, true},
    {"L1_BYTES_PER_CYCLE", cpu, 8, 512, true},
    {"L2_BYTES_PER_CYCLE", cpu, 4, 256, true},
    {"L3_BYTES_PER_CYCLE", cpu, 2, 256, true},
    {"CORE_DRAM_GB_PER_S", cpu, 1, 1000, true},
    {"DRAM_GB_PER_S", cpu, 1, 20000, true},
    {"THREAD_BARRIER_PS", cpu, 10 * ns, 100 * us, true},
};

}  // namespace

std::span<const ValueName> value_names() {
  return names;
}

}  // namespace flashrnn
