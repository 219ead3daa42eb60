// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>

#include "flashrnn/layout.hpp"

namespace flashrnn {

/// A tensor in the memory of the plan's execution space: where it starts and, unless it is
/// contiguous in the problem's order (layout.hpp), its strides. A null pointer means "not given".
/// `data` is the element with all indices 0, also where strides are negative.
template <class Pointer, class StridesOf>
struct BasicTensor {
  Pointer data = nullptr;
  std::optional<StridesOf> strides;
};
using ConstTensor = BasicTensor<const void*, Strides>;
using Tensor = BasicTensor<void*, Strides>;
using ConstMatrix = BasicTensor<const void*, MatrixStrides>;
using Matrix = BasicTensor<void*, MatrixStrides>;

/// Arguments of Plan::forward. No output may overlap any other argument, except that `last` may be
/// the memory of `s0` (a step-by-step simulation carries its state in place).
struct ForwardTensors {
  ConstTensor x;              ///< [T, B, G_x, H, D], required
  ConstMatrix R;              ///< [G_R, H, D_out, D_in], required
  ConstTensor b;              ///< [G_b, H, D]; null: zero
  ConstTensor s0;             ///< [S, B, H, D]; null: zero
  Tensor states;              ///< [S, T, B, H, D]; required when training
  Tensor h;                   ///< [T, B, H, D]: h alone, for inference; null: not written
  Tensor last;                ///< [S, B, H, D]; null: not written
  void* reserve = nullptr;    ///< Plan::reserve_bytes() bytes; required when training if not 0
  void* workspace = nullptr;  ///< Plan::forward_workspace_bytes() bytes; required if not 0
  /// The workspace is as this plan's last forward call left it, and R, its strides and its elements
  /// are those of that call: what it made of R there (packed or aligned rows) is used again. For
  /// calls of few steps, in which preparing R would take most of the time. An engine that keeps
  /// nothing of R in the workspace reads R as ever.
  bool R_is_prepared = false;
};

/// Arguments of Plan::backward. Every output may be null and is then not written; no output may
/// overlap any other argument. Outputs are overwritten, not added to.
struct BackwardTensors {
  ConstMatrix R;                  ///< as in forward
  ConstTensor s0;                 ///< as in forward
  ConstTensor states;             ///< as forward wrote it
  const void* reserve = nullptr;  ///< as forward wrote it
  ConstTensor dh;             ///< [T, B, H, D]: upstream gradient of h_t for every t; null: zero
  ConstTensor d_last;         ///< [S, B, H, D]: upstream gradient of the last states; null: zero
  Tensor dx;                  ///< [T, B, G_x, H, D]
  Matrix dR;                  ///< [G_R, H, D_out, D_in]
  Tensor db;                  ///< [G_b, H, D]
  Tensor ds0;                 ///< [S, B, H, D]
  void* workspace = nullptr;  ///< Plan::backward_workspace_bytes() bytes; required if not 0
};

}  // namespace flashrnn
