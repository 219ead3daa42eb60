// SPDX-License-Identifier: Apache-2.0
#include "device_probe.hpp"

#include <cuda_runtime_api.h>

#include "jit/kernel.hpp"

namespace flashrnn::cuda {

DeviceProbe probe(int device) {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
  const auto attribute = [device](cudaDeviceAttr which) {
    int value = 0;
    check(cudaDeviceGetAttribute(&value, which, device), "cudaDeviceGetAttribute");
    return static_cast<std::int64_t>(value);
  };
  const std::int64_t capability = properties.major * 10 + properties.minor;
  constexpr std::int64_t khz_per_mhz = 1000;
  DeviceProbe probe;
  probe.identity = "cuda " + std::to_string(capability) + ' ' + properties.name;
  probe.title = properties.name;
  probe.fallback = "nvidia_generic";
  probe.values = {
      {"COMPUTE_CAPABILITY", capability},
      {"WARP_SIZE", properties.warpSize},
      {"SM_COUNT", properties.multiProcessorCount},
      {"CLOCK_MHZ", attribute(cudaDevAttrClockRate) / khz_per_mhz},
      {"REGISTERS_PER_SM", properties.regsPerMultiprocessor},
      {"SHARED_MEMORY_PER_BLOCK", static_cast<std::int64_t>(properties.sharedMemPerBlockOptin)},
      {"SHARED_MEMORY_PER_SM", static_cast<std::int64_t>(properties.sharedMemPerMultiprocessor)},
      {"MAX_THREADS_PER_BLOCK", properties.maxThreadsPerBlock},
      {"MAX_THREADS_PER_SM", properties.maxThreadsPerMultiProcessor},
      {"MAX_BLOCKS_PER_SM", properties.maxBlocksPerMultiProcessor},
      {"L2_BYTES", properties.l2CacheSize}};
  return probe;
}

}  // namespace flashrnn::cuda
