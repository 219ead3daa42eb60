// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/recurrence/running_device.hpp"

#include "cpu_probe.hpp"

namespace flashrnn {
namespace {

const RunningDevice& this_cpu() {
  static const RunningDevice device = [] {
    RunningDevice out;
    out.probe = host::probe_cpu();
    out.resolved = resolve(out.probe);
    return out;
  }();
  return device;
}

}  // namespace

#ifdef KOKKOS_ENABLE_SERIAL
template <>
const RunningDevice& running_device(const Kokkos::Serial& /*space*/) {
  return this_cpu();
}
#endif
#ifdef KOKKOS_ENABLE_OPENMP
template <>
const RunningDevice& running_device(const Kokkos::OpenMP& /*space*/) {
  return this_cpu();
}
#endif

}  // namespace flashrnn
