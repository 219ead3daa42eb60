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

/// One LSTM as another library runs it, on data of its own. All calls return when the work is done.
struct Peer {
  std::string name;
  Run forward, training, backward;  ///< empty: not measured
  /// The input projection that forward and training contain, and what backward does for it; to be
  /// taken out. Empty: contains none.
  Run projection, projection_backward;
};

/// oneDNN: one LSTM primitive per head, input size = head_dim, so with a projection of the size of
/// the recurrence. Nothing if the build has no oneDNN, or it does not know the type.
std::optional<Peer> one_dnn(const Shape& shape, DataType type);

/// A loop over steps and heads: cblas_sgemm (cblas_sgemv at batch 1), then a vectorised pointwise
/// function, the same mathematics as the library's own. Forward only.
Peer blas_loop(const Shape& shape);

}  // namespace flashrnn::bench
