// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/recurrence/running_device.hpp"

#include <map>
#include <mutex>

#include "device_probe.hpp"

namespace flashrnn {
template <>
const RunningDevice& running_device(const Kokkos::Cuda& space) {
  static std::mutex mutex;
  static std::map<int, RunningDevice> devices;
  const std::lock_guard lock(mutex);
  const int number = space.cuda_device();
  const auto found = devices.find(number);
  if (found != devices.end()) return found->second;
  RunningDevice device;
  device.probe = cuda::probe(number);
  device.resolved = resolve(device.probe);
  return devices.emplace(number, std::move(device)).first->second;
}

}  // namespace flashrnn
