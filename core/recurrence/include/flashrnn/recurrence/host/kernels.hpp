// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/recurrence/host/backward.hpp"
#include "flashrnn/recurrence/host/forward.hpp"
#include "flashrnn/recurrence/host/kernel_table.hpp"

namespace flashrnn::host {

/// The kernels of one cell and type, compiled for the instruction set of this file.
template <class Isa, class Cell, class Storage>
constexpr HostKernels<Storage> make_host_kernels() {
  using Forward = ForwardWorker<Isa, Cell, Storage>;
  using Backward = BackwardWorker<Isa, Cell, Storage>;
  using Packed = PackedFactors<Isa, Storage>;
  HostKernels<Storage> out;
  out.isa = Isa::name;
  out.registers = Isa::registers;
  out.lanes = Packed::lanes;
  out.depth_step = Packed::depth_step;
  out.most_forward_sub_blocks = Forward::Block::most_sub_blocks;
  out.forward_planes = Forward::planes;
  out.backward_planes = Backward::planes;
  out.forward = &Forward::run;
  out.backward = &Backward::run;
  return out;
}

}  // namespace flashrnn::host
