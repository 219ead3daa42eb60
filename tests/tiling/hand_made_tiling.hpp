// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/device_model.hpp"
#include "flashrnn/recurrence/tiling.hpp"

namespace flashrnn {

/// The obvious choice without a model, which the tile search has to beat or equal by the model: a
/// thread per unit, and the largest batch tile that still gives every place of the device a team.
/// @param sizes  as the tile search gets them
Tiling hand_made_tiling(const DeviceModel& device, const std::vector<NamedValue>& sizes);

/// A value by name; fails the test's program if there is none.
std::int64_t value_of(const std::vector<NamedValue>& values, std::string_view name);

}  // namespace flashrnn
