// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include <memory>
#include <string>
#include <vector>

#include "flashrnn/problem.hpp"
#include "flashrnn/tensors.hpp"
#include "jit/kernel.hpp"
#include "kernels/parameters.hpp"
#include "recurrence_parts.hpp"
#include "tiling/spread_heads.hpp"

namespace flashrnn::cuda {

/// The recurrence of heads that several multiprocessors share, on CUDA streams alone. Forward and
/// backward allocate nothing and wait for nothing, so they can be captured in a graph. dR is not
/// computed here: it is a matrix product of the gate gradients, which backward leaves behind.
class SpreadHeads {
 public:
  /// Null, and in `reason` why, if these kernels do not run the problem.
  static std::unique_ptr<SpreadHeads> make(const Problem& problem, const NativeCell& cell,
                                           const DeviceFacts& device, std::string& reason);

  /// With tilings of one's own choice, to compare them; null if a kernel spills registers or the
  /// device has no room for it.
  static std::unique_ptr<SpreadHeads> with_tilings(const Problem& problem, const NativeCell& cell,
                                                   const DeviceFacts& device,
                                                   const SpreadHeadsTilings& tilings);

  std::string describe() const;
  std::size_t reserve_bytes() const;
  std::size_t forward_workspace_bytes() const;
  std::size_t backward_workspace_bytes() const;
  void forward(cudaStream_t stream, const ForwardTensors& tensors) const;
  /// Leaves the gate gradients in `d_gate`, per recurrent gate in the order of R, if tensors.dR is
  /// given.
  void backward(cudaStream_t stream, const BackwardTensors& tensors,
                Sequence (&d_gate)[max_gates]) const;

 private:
  /// One pass: its tiling, its kernel, and how it is launched.
  struct Pass {
    SpreadTiling tiling;
    Kernel kernel;
    Launch launch;
    Index groups_at_once = 1;  ///< groups (SpreadTiling::groups) that one launch takes at most
    std::string describe(const Problem& problem) const;
  };
  struct ForwardWorkspace;
  struct BackwardWorkspace;
  SpreadHeads(const Problem& problem, const NativeCell& cell) : problem_(problem), cell_(cell) {}

  template <class MakeProgram>
  bool take_first(const std::vector<SpreadTiling>& tilings, const MakeProgram& program,
                  const Kernel& first, Pass& pass);
  std::size_t matrix_bytes() const;
  HeadMatrix arrange(cudaStream_t stream, const HeadMatrix& R, void* to, bool transpose,
                     bool is_arranged) const;
  template <class Parameters>
  void launch(cudaStream_t stream, const Pass& pass, Parameters& parameters,
              unsigned char* exchange) const;

  Problem problem_;
  NativeCell cell_;
  DeviceFacts device_;
  Pass forward_, backward_;
  Kernel arrange_kernel_, sum_kernel_;
};

}  // namespace flashrnn::cuda
