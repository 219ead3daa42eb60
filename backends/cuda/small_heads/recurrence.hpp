// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include <memory>
#include <optional>
#include <string>

#include "flashrnn/problem.hpp"
#include "flashrnn/tensors.hpp"
#include "jit/kernel.hpp"
#include "kernels/parameters.hpp"
#include "native_cell.hpp"
#include "recurrence_parts.hpp"
#include "tiling/small_heads.hpp"

namespace flashrnn::cuda {

/// The recurrence of heads whose R fits one multiprocessor, on CUDA streams alone: nothing here
/// knows of Kokkos. Forward and backward allocate nothing and wait for nothing, so they can be
/// captured in a graph.
class SmallHeads {
 public:
  /// Null, and in `reason` why, if these kernels do not run the problem.
  static std::unique_ptr<SmallHeads> make(const Problem& problem, const NativeCell& cell,
                                          const DeviceFacts& device, std::string& reason);

  /// With tilings of one's own choice, to compare them.
  static std::unique_ptr<SmallHeads> with_tilings(const Problem& problem, const NativeCell& cell,
                                                  const DeviceFacts& device,
                                                  const SmallHeadsTilings& tilings);

  std::string describe() const;
  std::size_t reserve_bytes() const;
  /// Of forward: R as its kernel reads it, which it still is at the next call.
  std::size_t forward_workspace_bytes() const;
  std::size_t backward_workspace_bytes() const;
  void forward(cudaStream_t stream, const ForwardTensors& tensors) const;
  void backward(cudaStream_t stream, const BackwardTensors& tensors) const;

 private:
  struct Workspace;
  /// What one pass launches.
  struct RecurrenceKernels {
    RecurrenceKernels() = default;
    RecurrenceKernels(const Kernel& kernel, const Program& program, int shared_bytes);
    Kernel recurrence;
    std::optional<Kernel> arrange;
  };
  SmallHeads(const Problem& problem, const NativeCell& cell) : problem_(problem), cell_(cell) {}

  /// Bytes of R as the kernel with such a tiling reads it; 0 if that is R itself.
  template <class Tiling>
  std::size_t fragment_bytes(const Tiling& tiling) const;
  /// Enqueues a recurrence, and what arranges R for it.
  template <class Tiling, class Parameters>
  void run(cudaStream_t stream, const Tiling& tiling, const RecurrenceKernels& kernels,
           void* fragments, bool is_arranged, Parameters& parameters) const;
  void weight_gradient(cudaStream_t stream, const BackwardTensors& tensors,
                       const BackwardParameters& p, float* partial) const;

  Problem problem_;
  NativeCell cell_;
  DeviceFacts device_;
  ForwardTiling forward_tiling_;
  BackwardTiling backward_tiling_;
  WeightGradientTiling weight_tiling_;
  RecurrenceKernels forward_, backward_;
  std::optional<RecurrenceKernels>
      forward_of_hidden_;  ///< for calls without a tensor for all states
  Kernel weight_kernel_, sum_kernel_;
};

}  // namespace flashrnn::cuda
