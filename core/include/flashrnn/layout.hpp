// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cells/cell.hpp"

// The shapes and strides of every tensor of a recurrence, once. Includes nothing but the function
// annotation, so that kernels compiled at run time read the same text.
//
// Axes: T steps, B batch, G gates, S states, K saved values, H heads, D head_dim (units of a head).
// Strides are in elements; the last axis always has stride 1. Steps and batch may have any stride,
// negative ones included: a sequence that runs backwards is a stride, not a copy.
//
//     x       [T, B, G_x, H, D]     projected input, one entry per gate of Cell::input_gates
//     R       [G_R, H, D_out, D_in] recurrent matrices, per gate of Cell::recurrent_gates
//     b       [G_b, H, D]           biases, per gate of Cell::bias_gates
//     s0      [S, B, H, D]          initial states
//     states  [S, T, B, H, D]       states after every step (or only h: S = 1)
//     last    [S, B, H, D]          states after the last step
//     saved   [K, T, B, H, D]       what forward keeps for backward
//     dh      [T, B, H, D]          upstream gradient of h after every step
// Gradients have the shape of what they are gradients of.

namespace flashrnn {

using Index = long long;

/// Sizes of one recurrence.
struct Shape {
  Index steps = 1;
  Index batch = 1;
  Index heads = 1;
  Index head_dim = 1;
};

/// Strides of a tensor [channel, step, batch, head, D] in elements, in whatever order memory has
/// them. `channel` is the axis of gates, states or saved values. An axis that a tensor lacks has
/// stride 0.
struct Strides {
  Index channel = 0;
  Index step = 0;
  Index batch = 0;
  Index head = 0;

  FLASHRNN_FUNCTION constexpr Index at(Index c, Index t, Index b, Index h) const {
    return c * channel + t * step + b * batch + h * head;
  }
};

/// Strides of R [G_R, H, D_out, D_in]; D_in has stride 1.
struct MatrixStrides {
  Index gate = 0;
  Index head = 0;
  Index row = 0;

  FLASHRNN_FUNCTION constexpr Index at(Index g, Index h, Index out) const {
    return g * gate + h * head + out * row;
  }
};

/// Where the gates of x (and dx) lie. Both have D innermost, then heads, then gates.
enum class SequenceOrder { time_major, batch_first };

/// x [T, B, G, H, D] (time_major) or [B, T, G, H, D] (batch_first), contiguous.
constexpr Strides gate_strides(const Shape& shape, Index gates, SequenceOrder order) {
  const Index row = gates * shape.heads * shape.head_dim;
  return order == SequenceOrder::time_major
             ? Strides{shape.heads * shape.head_dim, shape.batch * row, row, shape.head_dim}
             : Strides{shape.heads * shape.head_dim, row, shape.steps * row, shape.head_dim};
}

/// states [S, T, B, H, D] (time_major) or [S, B, T, H, D] (batch_first), contiguous. Also dh with
/// one channel, and saved.
constexpr Strides state_sequence_strides(const Shape& shape, SequenceOrder order) {
  const Index row = shape.heads * shape.head_dim;
  const Index all = shape.steps * shape.batch * row;
  return order == SequenceOrder::time_major ? Strides{all, shape.batch * row, row, shape.head_dim}
                                            : Strides{all, row, shape.steps * row, shape.head_dim};
}

/// s0, last [S, B, H, D], contiguous.
constexpr Strides state_strides(const Shape& shape) {
  const Index row = shape.heads * shape.head_dim;
  return Strides{shape.batch * row, 0, row, shape.head_dim};
}

/// b [G, H, D], contiguous.
constexpr Strides bias_strides(const Shape& shape) {
  return Strides{shape.heads * shape.head_dim, 0, 0, shape.head_dim};
}

/// R [G, H, D_out, D_in], contiguous.
constexpr MatrixStrides matrix_strides(const Shape& shape) {
  return MatrixStrides{shape.heads * shape.head_dim * shape.head_dim,
                       shape.head_dim * shape.head_dim, shape.head_dim};
}

}  // namespace flashrnn
