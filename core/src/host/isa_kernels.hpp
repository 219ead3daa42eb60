// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/recurrence/host/isa.hpp"
#include "flashrnn/recurrence/host/kernel_table.hpp"

namespace flashrnn::host {

/// The kernels of a built-in cell for one instruction set. Each is defined in src/host/<cell>.cpp,
/// which is compiled once per instruction set of the build.
template <class Isa, class Cell, class Storage>
const HostKernels<Storage>& isa_kernels();

}  // namespace flashrnn::host
