// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/recurrence/running_device.hpp"

#include <cuda_runtime_api.h>

#include <map>
#include <mutex>

#include "jit/kernel.hpp"

namespace flashrnn {
namespace {

using cuda::check;

DeviceProbe probe_cuda(int device) {
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

}  // namespace

template <>
const RunningDevice& running_device(const Kokkos::Cuda& space) {
  static std::mutex mutex;
  static std::map<int, RunningDevice> devices;
  const std::lock_guard lock(mutex);
  const int number = space.cuda_device();
  const auto found = devices.find(number);
  if (found != devices.end()) return found->second;
  RunningDevice device;
  device.probe = probe_cuda(number);
  device.resolved = resolve(device.probe);
  return devices.emplace(number, std::move(device)).first->second;
}

}  // namespace flashrnn
