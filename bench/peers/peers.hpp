// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "flashrnn/problem.hpp"

namespace flashrnn::bench {

/// Something to be timed: runs one whole sequence.
using Run = std::function<void()>;

/// One recurrence as another library runs it, on data of its own.
struct Peer {
  std::string name;
  Run forward, training, backward;  ///< empty: not measured
  /// The input projection that forward and training contain, and what backward does for it; to be
  /// taken out. Empty: contains none.
  Run projection, projection_backward;
  /// Waits for what the others enqueued; empty: they return when their work is done.
  Run wait;
};

/// oneDNN: one LSTM primitive per head, input size = head_dim, so with a projection of the size of
/// the recurrence. Nothing if the build has no oneDNN, or it does not know the type.
std::optional<Peer> one_dnn(const Shape& shape, DataType type);

/// A loop over steps and heads: cblas_sgemm (cblas_sgemv at batch 1), then a vectorised pointwise
/// function, the same mathematics as the library's own. Forward only.
Peer blas_loop(const Shape& shape);

/// The GPU vendor's LSTM or GRU, one call per head with input size = head_dim, each on a stream of
/// its own; the projection is a product of the same shapes by the vendor's BLAS. cuDNN: standard
/// algorithm, float32 (TF32 where `precision` allows it), float16, bfloat16. MIOpen: default
/// algorithm, float32 (no TF32), float16. Nothing if the build has neither, or it does not know the
/// cell or type. Builds for GPUs only.
std::optional<Peer> vendor_rnn(const std::string& cell, const Shape& shape, DataType type,
                               MatmulPrecision precision);

/// Alternating: per step a batched product of cuBLAS or hipBLAS for all heads and a pointwise
/// kernel, LSTM forward, launched one by one. Nothing for another cell or type. Builds for GPUs
/// only.
std::optional<Peer> gemm_loop(const std::string& cell, const Shape& shape, DataType type,
                              MatmulPrecision precision);

}  // namespace flashrnn::bench
