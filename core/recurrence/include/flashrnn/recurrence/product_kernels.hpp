// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>

#include "flashrnn/recurrence/device_arguments.hpp"
#include "flashrnn/recurrence/tiling.hpp"

namespace flashrnn {

// The kernels around the matrix products of a recurrence whose R does not fit a team
// (product_recurrence.hpp). One thread per element (batch, head, unit), which is the order of
// memory. `padded` is head_dim rounded up so that rows of the products' operands are aligned; what
// lies behind head_dim is zero.

/// What a recorded step reads of a call: it lies in device memory, so that a recording serves all
/// calls.
template <class Arguments>
struct RecordedCall {
  Arguments arguments;
  Index steps_done = 0;
};

template <class Arguments>
struct SetCall {
  RecordedCall<Arguments> call;
  RecordedCall<Arguments>* to;
  KOKKOS_FUNCTION void operator()(const int) const { *to = call; }
};

struct SetStepsDone {
  Index value;
  Index* to;
  KOKKOS_FUNCTION void operator()(const int) const { *to = value; }
};

KOKKOS_FORCEINLINE_FUNCTION UnitIndex element_of(Index n, const Shape& shape) {
  return {n / (shape.head_dim * shape.heads), n / shape.head_dim % shape.heads, n % shape.head_dim};
}

/// packed [H, G, padded, padded] = R [G, H, D_out, D_in], zero behind D.
template <class Storage>
struct PackPadded {
  Index head_dim, gates, padded;
  const Storage* matrix;
  MatrixStrides strides;
  Storage* packed;

  KOKKOS_FUNCTION void operator()(const Index n) const {
    const Index in = n % padded, out = n / padded % padded;
    const Index gate = n / (padded * padded) % gates, head = n / (padded * padded * gates);
    packed[n] = out < head_dim && in < head_dim ? matrix[strides.at(gate, head, out) + in]
                                                : static_cast<Storage>(0.0f);
  }
};

/// The buffers of the forward recurrence by products.
template <class Cell, class Storage>
struct ForwardBuffers {
  using Real = AccumulateType<Storage>;
  static constexpr int gates = count_gates(Cell::recurrent_gates);
  Shape shape;
  Index padded = 1;
  RecordedCall<ForwardArguments<Cell, Storage>>* call = nullptr;
  Storage* h = nullptr;       // [B, H, padded]
  Real* states = nullptr;     // [S - 1, B, H, D]: those that are not h
  Real* product = nullptr;    // [H, B, G_R, padded]: R·h
  Storage* packed = nullptr;  // [H, G_R, padded, padded]

  KOKKOS_FORCEINLINE_FUNCTION Storage& h_of(const UnitIndex& e) const {
    return h[(e.batch * shape.heads + e.head) * padded + e.unit];
  }
  KOKKOS_FORCEINLINE_FUNCTION Real& state_of(int state, Index n) const {
    return states[(state - 1) * shape.batch * shape.heads * shape.head_dim + n];
  }
};

/// States before the first step, and zeros behind the ends of rows.
template <class Cell, class Storage>
struct ForwardStart {
  ForwardBuffers<Cell, Storage> buffers;
  KOKKOS_FUNCTION void operator()(const Index n) const {
    const UnitIndex e = element_of(n, buffers.shape);
    const auto& arguments = buffers.call->arguments;
    buffers.h_of(e) = static_cast<Storage>(arguments.initial_state(0, e));
    for (int s = 1; s < Cell::states; ++s) buffers.state_of(s, n) = arguments.initial_state(s, e);
    if (e.unit == 0)
      for (Index i = buffers.shape.head_dim; i < buffers.padded; ++i)
        (&buffers.h_of(e))[i] = static_cast<Storage>(0.0f);
  }
};

/// The pointwise part of step steps_done + offset.
template <class Cell, class Storage>
struct ForwardStep {
  using Arguments = ForwardArguments<Cell, Storage>;
  using Real = typename Arguments::Real;
  ForwardBuffers<Cell, Storage> buffers;
  Index offset;

  KOKKOS_FUNCTION void operator()(const Index n) const {
    constexpr int gates = ForwardBuffers<Cell, Storage>::gates;
    const UnitIndex e = element_of(n, buffers.shape);
    const Arguments& arguments = buffers.call->arguments;
    const Index step = buffers.call->steps_done + offset;
    const Real* product = buffers.product +
                          (e.head * buffers.shape.batch + e.batch) * gates * buffers.padded +
                          e.unit;
    const auto at = arguments.cursor(step, e);
    Real gate[Cell::gates], state[Cell::states], save[CompleteCell<Cell>::saved_extent];
    for (int i = 0; i < Cell::gates; ++i) {
      gate[i] = arguments.bias(i, e);
      if (has_gate(Cell::input_gates, i))
        gate[i] += static_cast<Real>(
            at.x[gate_position(Cell::input_gates, i) * arguments.x.strides.channel]);
      if (has_gate(Cell::recurrent_gates, i))
        gate[i] += product[gate_position(Cell::recurrent_gates, i) * buffers.padded];
    }
    state[0] = static_cast<Real>(buffers.h_of(e));
    for (int s = 1; s < Cell::states; ++s) state[s] = buffers.state_of(s, n);
    arguments.update(gate, state, save);
    buffers.h_of(e) = static_cast<Storage>(state[0]);
    for (int s = 1; s < Cell::states; ++s) buffers.state_of(s, n) = state[s];
    arguments.store(at, state, save);
    if (step == buffers.shape.steps - 1) arguments.store_last(e, state);
  }
};

/// The buffers of the backward recurrence by products.
template <class Cell, class Storage>
struct BackwardBuffers {
  using Real = AccumulateType<Storage>;
  static constexpr int gates = count_gates(Cell::recurrent_gates);
  Shape shape;
  Index padded = 1;
  RecordedCall<BackwardArguments<Cell, Storage>>* call = nullptr;
  Storage* d_gates = nullptr;  // [H, B, G_R, padded]
  Real* d_states = nullptr;    // [S, B, H, D], d_h without the recurrent part
  Real* product = nullptr;     // [H, B, padded]: R^T·d_gate of the step before
  Storage* packed = nullptr;   // [H, G_R, padded, padded]

  KOKKOS_FORCEINLINE_FUNCTION Storage* gates_of(const UnitIndex& e) const {
    return d_gates + (e.head * shape.batch + e.batch) * gates * padded + e.unit;
  }
  KOKKOS_FORCEINLINE_FUNCTION Real& product_of(const UnitIndex& e) const {
    return product[(e.head * shape.batch + e.batch) * padded + e.unit];
  }
  KOKKOS_FORCEINLINE_FUNCTION Real& d_state_of(int state, Index n) const {
    return d_states[state * shape.batch * shape.heads * shape.head_dim + n];
  }
  /// Gradients by the states, the recurrent part included.
  KOKKOS_FORCEINLINE_FUNCTION void load(Index n, const UnitIndex& e,
                                        Real (&d_state)[Cell::states]) const {
    for (int s = 0; s < Cell::states; ++s) d_state[s] = d_state_of(s, n);
    d_state[0] += call->arguments.clipped(product_of(e));
  }
};

/// Gradients behind the last step, and zeros behind the ends of rows.
template <class Cell, class Storage>
struct BackwardStart {
  BackwardBuffers<Cell, Storage> buffers;
  KOKKOS_FUNCTION void operator()(const Index n) const {
    using Real = AccumulateType<Storage>;
    const UnitIndex e = element_of(n, buffers.shape);
    const auto& arguments = buffers.call->arguments;
    for (int s = 0; s < Cell::states; ++s) buffers.d_state_of(s, n) = arguments.last_gradient(s, e);
    buffers.product_of(e) = Real(0);
    if (arguments.db_partial != nullptr)
      for (int i = 0; i < arguments.bias_gates; ++i) arguments.bias_sum(i, e) = Real(0);
    if (e.unit == 0)
      for (int i = 0; i < buffers.gates; ++i)
        for (Index unit = buffers.shape.head_dim; unit < buffers.padded; ++unit)
          buffers.gates_of(e)[i * buffers.padded + unit] = static_cast<Storage>(0.0f);
  }
};

/// The pointwise part of the step that follows steps_done + offset others, from the last one on.
template <class Cell, class Storage>
struct BackwardStep {
  using Arguments = BackwardArguments<Cell, Storage>;
  using Real = typename Arguments::Real;
  BackwardBuffers<Cell, Storage> buffers;
  Index offset;

  KOKKOS_FUNCTION void operator()(const Index n) const {
    const UnitIndex e = element_of(n, buffers.shape);
    const Arguments& arguments = buffers.call->arguments;
    const Index step = buffers.shape.steps - 1 - (buffers.call->steps_done + offset);
    Real next[Cell::states], d_state[Cell::states], exact[Cell::gates], rounded[Cell::gates];
    const auto at = arguments.cursor(step, e);
    const auto inputs = arguments.load(step, at, e);
    for (int s = 0; s < Cell::states; ++s) next[s] = arguments.state_after(step, s, e);
    buffers.load(n, e, d_state);
    arguments.differentiate(inputs, next, d_state, exact, rounded);
    for (int s = 0; s < Cell::states; ++s) buffers.d_state_of(s, n) = d_state[s];
    for (int i = 0; i < Cell::gates; ++i) {
      if (has_gate(Cell::recurrent_gates, i))
        buffers.gates_of(e)[gate_position(Cell::recurrent_gates, i) * buffers.padded] =
            static_cast<Storage>(rounded[i]);
      if (has_gate(Cell::bias_gates, i) && arguments.db_partial != nullptr)
        arguments.bias_sum(gate_position(Cell::bias_gates, i), e) += exact[i];
    }
    arguments.store_gates(at, rounded);
  }
};

/// ds0, from what the first step left.
template <class Cell, class Storage>
struct BackwardEnd {
  BackwardBuffers<Cell, Storage> buffers;
  KOKKOS_FUNCTION void operator()(const Index n) const {
    const UnitIndex e = element_of(n, buffers.shape);
    AccumulateType<Storage> d_state[Cell::states];
    buffers.load(n, e, d_state);
    buffers.call->arguments.store_initial_gradient(e, d_state);
  }
};

}  // namespace flashrnn
