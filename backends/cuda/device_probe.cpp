// SPDX-License-Identifier: Apache-2.0
#include "device_probe.hpp"

#include <cuda_runtime_api.h>

#include <map>
#include <mutex>
#include <string>

#include "flashrnn/error.hpp"
#include "jit/kernel.hpp"

namespace flashrnn::cuda {

namespace {

/// What the runtime has no quick call for: cudaGetDeviceProperties takes most of a millisecond.
std::string name_of_device(int device) {
  using DeviceGetName =
      int (*)(char*, int, int);  // cuDeviceGetName, CUresult and CUdevice are ints
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found{};
  check(cudaGetDriverEntryPointByVersion("cuDeviceGetName", &function, 12000, cudaEnableDefault,
                                         &found),
        "cudaGetDriverEntryPointByVersion");
  char name[256] = "";
  if (found != cudaDriverEntryPointSuccess ||
      reinterpret_cast<DeviceGetName>(function)(name, sizeof(name) - 1, device) != 0)
    throw EnvironmentError("cuDeviceGetName fails for device " + std::to_string(device));
  return name;
}

}  // namespace

CurrentDevice::CurrentDevice(int device) {
  check(cudaGetDevice(&before_), "cudaGetDevice");
  if (before_ != device) check(cudaSetDevice(device), "cudaSetDevice");
}

CurrentDevice::~CurrentDevice() {
  cudaSetDevice(before_);
}

DeviceProbe probe(int device) {
  const auto attribute = [device](cudaDeviceAttr which) {
    int value = 0;
    check(cudaDeviceGetAttribute(&value, which, device), "cudaDeviceGetAttribute");
    return static_cast<std::int64_t>(value);
  };
  const std::int64_t capability = attribute(cudaDevAttrComputeCapabilityMajor) * 10 +
                                  attribute(cudaDevAttrComputeCapabilityMinor);
  constexpr std::int64_t khz_per_mhz = 1000;
  DeviceProbe probe;
  probe.title = name_of_device(device);
  probe.identity = "cuda " + std::to_string(capability) + ' ' + probe.title;
  probe.fallback = "nvidia_generic";
  probe.values = {{"COMPUTE_CAPABILITY", capability},
                  {"WARP_SIZE", attribute(cudaDevAttrWarpSize)},
                  {"SM_COUNT", attribute(cudaDevAttrMultiProcessorCount)},
                  {"CLOCK_MHZ", attribute(cudaDevAttrClockRate) / khz_per_mhz},
                  {"REGISTERS_PER_SM", attribute(cudaDevAttrMaxRegistersPerMultiprocessor)},
                  {"SHARED_MEMORY_PER_BLOCK", attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin)},
                  {"SHARED_MEMORY_PER_SM", attribute(cudaDevAttrMaxSharedMemoryPerMultiprocessor)},
                  {"MAX_THREADS_PER_BLOCK", attribute(cudaDevAttrMaxThreadsPerBlock)},
                  {"MAX_THREADS_PER_SM", attribute(cudaDevAttrMaxThreadsPerMultiProcessor)},
                  {"MAX_BLOCKS_PER_SM", attribute(cudaDevAttrMaxBlocksPerMultiprocessor)},
                  {"L2_BYTES", attribute(cudaDevAttrL2CacheSize)}};
  return probe;
}

const RunningDevice& running_device(int device) {
  static std::mutex mutex;
  static std::map<int, RunningDevice> known;
  const std::lock_guard lock(mutex);
  const auto found = known.find(device);
  if (found != known.end()) return found->second;
  RunningDevice running;
  running.probe = probe(device);
  running.resolved = resolve(running.probe);
  return known.emplace(device, std::move(running)).first->second;
}

}  // namespace flashrnn::cuda
