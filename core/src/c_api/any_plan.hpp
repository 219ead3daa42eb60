// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "flashrnn/flashrnn.h"
#include "library.hpp"

/// What a caller's opaque pointer points to: a plan in any execution space. Functions throw; see
/// flashrnn.h for what they do.
struct flashrnn_plan {
 public:
  flashrnn_plan() = default;
  flashrnn_plan(const flashrnn_plan&) = delete;
  flashrnn_plan& operator=(const flashrnn_plan&) = delete;
  virtual ~flashrnn_plan() = default;

  virtual const char* description() const = 0;
  virtual flashrnn_sizes sizes() const = 0;
  virtual void forward(void* stream, const flashrnn_forward_arguments& arguments) = 0;
  virtual void backward(void* stream, const flashrnn_backward_arguments& arguments) = 0;
  virtual void synchronize() = 0;

 private:
  flashrnn::c_api::PlanCount counted_;  // first made and last gone: Kokkos runs in between
};

namespace flashrnn::c_api {

/// Whether this build has the device.
bool device_built(flashrnn_device device);

/// @throws InvalidArgument, InvalidState, DeviceUnavailable as flashrnn_plan_create says.
std::unique_ptr<flashrnn_plan> make_plan(const flashrnn_problem& problem,
                                         const flashrnn_plan_options& options);

}  // namespace flashrnn::c_api
