// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cases.hpp"
#include "flashrnn/device_model.hpp"

namespace flashrnn::bench {

/// The least time of one step that a device's model allows, and by what: "products", "reading R" or
/// "memory traffic".
struct Bound {
  double step_us = 0;
  std::string limited_by;
};

/// The largest of three terms, each of which no implementation that multiplies in the usual way
/// can beat on that device: the multiply-adds of the products (twice more for backward) at the full
/// rate of `threads` cores or of all multiprocessors (16-bit types: their matrix units;
/// float32_high: half of that, the rate of TF32); reading R once per step and pass from the level
/// of cache that holds a core's or the device's share of it (a GPU's registers and shared memory:
/// no time); and moving x, h, states and gradients once between the processor and memory, where
/// they do not fit the last cache. Latencies, barriers and pointwise functions are left out: it is
/// a bound, not a prediction.
[[nodiscard]] Bound bound_of(const Case& one, const DeviceModel& device, int threads);

}  // namespace flashrnn::bench
