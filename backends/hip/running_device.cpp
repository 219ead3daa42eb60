// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/recurrence/running_device.hpp"

#include <hip/hip_runtime_api.h>

#include <map>
#include <mutex>

#include "flashrnn/error.hpp"

namespace flashrnn {
namespace {

DeviceProbe probe_hip(int device) {
  hipDeviceProp_t properties{};
  const hipError_t status = hipGetDeviceProperties(&properties, device);
  if (status != hipSuccess)
    throw EnvironmentError(std::string("HIP device: cannot read its properties: ") +
                           hipGetErrorString(status));
  // "gfx942:sramecc+:xnack-": the features behind the colon do not change the model.
  const std::string architecture = properties.gcnArchName;
  constexpr int khz_per_mhz = 1000;
  DeviceProbe probe;
  probe.identity = "hip " + architecture.substr(0, architecture.find(':')) + ' ' + properties.name;
  probe.title = properties.name;
  probe.fallback = "amd_generic";
  // HIP's counts of registers and threads per multiprocessor are not those of the files: it
  // reports registers of a block, and blocks per multiprocessor not at all.
  probe.values = {
      {"WARP_SIZE", properties.warpSize},
      {"SM_COUNT", properties.multiProcessorCount},
      {"CLOCK_MHZ", properties.clockRate / khz_per_mhz},
      {"SHARED_MEMORY_PER_BLOCK", static_cast<std::int64_t>(properties.sharedMemPerBlock)},
      {"MAX_THREADS_PER_BLOCK", properties.maxThreadsPerBlock},
      {"MAX_THREADS_PER_SM", properties.maxThreadsPerMultiProcessor}};
  return probe;
}

}  // namespace

template <>
const RunningDevice& running_device(const Kokkos::HIP& space) {
  static std::mutex mutex;
  static std::map<int, RunningDevice> devices;
  const std::lock_guard lock(mutex);
  const int number = space.hip_device();
  const auto found = devices.find(number);
  if (found != devices.end()) return found->second;
  RunningDevice device;
  device.probe = probe_hip(number);
  device.resolved = resolve(device.probe);
  return devices.emplace(number, std::move(device)).first->second;
}

}  // namespace flashrnn
