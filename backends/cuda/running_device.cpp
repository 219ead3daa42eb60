// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/recurrence/running_device.hpp"

#include "device_probe.hpp"

namespace flashrnn {

template <>
const RunningDevice& running_device(const Kokkos::Cuda& space) {
  return cuda::running_device(space.cuda_device());
}

}  // namespace flashrnn
