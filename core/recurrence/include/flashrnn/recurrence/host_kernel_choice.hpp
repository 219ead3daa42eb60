// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "flashrnn/recurrence/host/kernel_table.hpp"

namespace flashrnn::host {

/// The kernels that a plan runs, and what the choice lost, in words for Plan::describe(). Null
/// kernels: there are none, and the generic recurrence runs.
template <class Storage>
struct HostKernelChoice {
  const HostKernels<Storage>* kernels = nullptr;
  std::string note;
};

}  // namespace flashrnn::host
