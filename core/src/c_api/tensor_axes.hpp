// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "flashrnn/problem.hpp"
#include "flashrnn/tensors.hpp"

namespace flashrnn::c_api {

/// What an axis of a tensor counts.
enum class AxisRole { channel, step, batch, head, row, unit };

struct Axis {
  AxisRole role = AxisRole::unit;
  const char* name = "";
  Index length = 1;
};

/// The axes of one tensor in the order in which flashrnn.h lists them, the unit axis last. That is
/// the order of a caller's strides; a contiguous tensor may lie in memory in another one.
struct TensorAxes {
  static constexpr int most = 5;
  int rank = 0;
  Axis axes[most];

  /// Number of elements; validate(problem) has made sure that it fits.
  Index elements() const;
  /// "[T = 3, B = 2, ...]"
  std::string describe() const;
};

/// x, dx [T, B, G_x, H, D]
TensorAxes input_axes(const Shape& shape, const CellDescription& cell);
/// R, dR [G_R, H, D_out, D_in]
TensorAxes matrix_axes(const Shape& shape, const CellDescription& cell);
/// b, db [G_b, H, D]
TensorAxes bias_axes(const Shape& shape, const CellDescription& cell);
/// s0, last, d_last, ds0 [S, B, H, D]
TensorAxes state_axes(const Shape& shape, const CellDescription& cell);
/// states [S, T, B, H, D]
TensorAxes state_sequence_axes(const Shape& shape, const CellDescription& cell);
/// h, dh [T, B, H, D]
TensorAxes output_axes(const Shape& shape);

}  // namespace flashrnn::c_api
