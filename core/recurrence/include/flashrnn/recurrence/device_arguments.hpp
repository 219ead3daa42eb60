// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>

#include "flashrnn/cells/differentiate.hpp"
#include "flashrnn/recurrence/math.hpp"
#include "flashrnn/recurrence/options.hpp"
#include "flashrnn/recurrence/typed_tensor.hpp"

namespace flashrnn {

/// One unit of one row of the batch: what one thread of a pointwise function works on.
struct UnitIndex {
  Index batch = 0, head = 0, unit = 0;
};

/// The arguments of forward as device kernels take them, and the pointwise part of a step.
template <class Cell, class Storage>
struct ForwardArguments {
  using Real = AccumulateType<Storage>;
  using Complete = CompleteCell<Cell>;
  using Math = KokkosMath<Real>;

  Shape shape;
  KernelOptions<Real> options;
  const Storage* matrix = nullptr;
  MatrixStrides matrix_strides;
  TypedTensor<const Storage> x;
  TypedTensor<const Storage> b;
  TypedTensor<const Storage> s0;
  TypedTensor<Storage> states;
  TypedTensor<Storage> h;
  TypedTensor<Storage> last;
  Storage* saved = nullptr;  // [K, T, B, H, D]
  Strides saved_strides;

  KOKKOS_FORCEINLINE_FUNCTION Real initial_state(int state, const UnitIndex& e) const {
    if (s0.data == nullptr) return Real(0);
    return static_cast<Real>(s0.data[s0.strides.at(state, 0, e.batch, e.head) + e.unit]);
  }

  /// The bias of gate `gate`; zero for a gate that has none.
  KOKKOS_FORCEINLINE_FUNCTION Real bias(int gate, const UnitIndex& e) const {
    if (!has_gate(Cell::bias_gates, gate) || b.data == nullptr) return Real(0);
    return static_cast<Real>(
        b.data[b.strides.at(gate_position(Cell::bias_gates, gate), 0, 0, e.head) + e.unit]);
  }

  /// From the pre-activations and the states before the step to `state` after it and `save`.
  KOKKOS_FORCEINLINE_FUNCTION void update(const Real (&gate)[Cell::gates],
                                          Real (&state)[Cell::states],
                                          Real (&save)[Complete::saved_extent]) const {
    Real next[Cell::states];
    Complete::template forward<Math>(gate, state, next, save);
    next[0] = Math::max(Math::min(next[0], options.forward_clip), -options.forward_clip);
    next[0] = rounded_to<Storage>(next[0]);
    for (int s = 0; s < Cell::states; ++s) state[s] = next[s];
  }

  /// Where an element's values of one step lie. Walked from step to step by additions, because
  /// 64-bit products of indices and strides would cost more than the pointwise function.
  struct Cursor {
    const Storage* x;
    Storage *h, *states, *saved;
  };
  KOKKOS_FORCEINLINE_FUNCTION Cursor cursor(Index step, const UnitIndex& e) const {
    return {x.data + x.strides.at(0, step, e.batch, e.head) + e.unit,
            h.data + h.strides.at(0, step, e.batch, e.head) + e.unit,
            states.data + states.strides.at(0, step, e.batch, e.head) + e.unit,
            saved + saved_strides.at(0, step, e.batch, e.head) + e.unit};
  }
  KOKKOS_FORCEINLINE_FUNCTION void advance(Cursor& at) const {
    at.h += h.strides.step;
    at.states += states.strides.step;
    at.saved += saved_strides.step;
  }

  /// Stores what the step at `at` gave.
  KOKKOS_FORCEINLINE_FUNCTION void store(const Cursor& at, const Real (&state)[Cell::states],
                                         const Real (&save)[Complete::saved_extent]) const {
    if (h.data != nullptr) *at.h = static_cast<Storage>(state[0]);
    if (states.data != nullptr)
      for (int s = 0; s < Cell::states; ++s)
        at.states[s * states.strides.channel] = static_cast<Storage>(state[s]);
    if (saved != nullptr)
      for (int k = 0; k < Complete::saved; ++k)
        at.saved[k * saved_strides.channel] = static_cast<Storage>(save[k]);
  }
  KOKKOS_FORCEINLINE_FUNCTION void store_last(const UnitIndex& e,
                                              const Real (&state)[Cell::states]) const {
    if (last.data == nullptr) return;
    for (int s = 0; s < Cell::states; ++s)
      last.data[last.strides.at(s, 0, e.batch, e.head) + e.unit] = static_cast<Storage>(state[s]);
  }
};

/// The arguments of backward as device kernels take them, and the pointwise part of a step. Gate
/// gradients are rounded to Storage before any use, so that dx, dR and the recurrent gradient
/// agree.
template <class Cell, class Storage>
struct BackwardArguments {
  using Real = AccumulateType<Storage>;
  using Complete = CompleteCell<Cell>;
  using Math = KokkosMath<Real>;
  static constexpr int bias_gates = count_gates(Cell::bias_gates);

  Shape shape;
  KernelOptions<Real> options;
  const Storage* matrix = nullptr;
  MatrixStrides matrix_strides;
  TypedTensor<const Storage> s0;
  TypedTensor<const Storage> states;
  const Storage* saved = nullptr;
  Strides saved_strides;
  TypedTensor<const Storage> dh;
  TypedTensor<const Storage> d_last;
  Storage* d_gate[Cell::gates] = {};  // null: not stored
  Strides d_gate_strides[2];          // of gates with an input, and of the others
  Real* db_partial = nullptr;         // [B, G_b, H, D]; null: not wanted
  TypedTensor<Storage> ds0;

  /// What the pointwise function of a step reads from memory.
  struct Inputs {
    Storage save[Complete::saved_extent], previous[Cell::states], upstream;
  };

  /// Where an element's values of one step lie; walked by additions as in forward.
  struct Cursor {
    const Storage *saved, *before, *upstream;  // before: the states of the step before
    Index gates[2];                            // offsets, as d_gate_strides
  };
  KOKKOS_FORCEINLINE_FUNCTION Cursor cursor(Index step, const UnitIndex& e) const {
    Cursor at;
    at.saved = saved + saved_strides.at(0, step, e.batch, e.head) + e.unit;
    at.before = states.data + states.strides.at(0, step - 1, e.batch, e.head) + e.unit;
    at.upstream = dh.data + dh.strides.at(0, step, e.batch, e.head) + e.unit;
    for (int i = 0; i < 2; ++i)
      at.gates[i] = d_gate_strides[i].at(0, step, e.batch, e.head) + e.unit;
    return at;
  }
  /// To the inputs of the step before.
  KOKKOS_FORCEINLINE_FUNCTION void retreat_inputs(Cursor& at) const {
    at.saved -= saved_strides.step;
    at.before -= states.strides.step;
    at.upstream -= dh.strides.step;
  }
  KOKKOS_FORCEINLINE_FUNCTION void retreat_gates(Cursor& at) const {
    for (int i = 0; i < 2; ++i) at.gates[i] -= d_gate_strides[i].step;
  }

  KOKKOS_FORCEINLINE_FUNCTION Inputs load(Index step, const Cursor& at, const UnitIndex& e) const {
    Inputs in;
    for (int k = 0; k < Complete::saved; ++k) in.save[k] = at.saved[k * saved_strides.channel];
    for (int s = 0; s < Cell::states; ++s) {
      if (step > 0) {
        in.previous[s] = at.before[s * states.strides.channel];
      } else {
        in.previous[s] = s0.data != nullptr ? s0.data[s0.strides.at(s, 0, e.batch, e.head) + e.unit]
                                            : Storage(0.0f);
      }
    }
    in.upstream = dh.data != nullptr ? *at.upstream : Storage(0.0f);
    return in;
  }
  KOKKOS_FORCEINLINE_FUNCTION Real state_after(Index step, int state, const UnitIndex& e) const {
    return static_cast<Real>(states.data[states.strides.at(state, step, e.batch, e.head) + e.unit]);
  }
  KOKKOS_FORCEINLINE_FUNCTION Real last_gradient(int state, const UnitIndex& e) const {
    if (d_last.data == nullptr) return Real(0);
    return static_cast<Real>(d_last.data[d_last.strides.at(state, 0, e.batch, e.head) + e.unit]);
  }

  /// From the gradients by the states after the step to those before it, without the recurrent
  /// part. `next` are the states after the step and becomes those before it; `rounded` is the gate
  /// gradient as everybody sees it, `exact` the one for the bias.
  KOKKOS_FORCEINLINE_FUNCTION void differentiate(const Inputs& in, Real (&next)[Cell::states],
                                                 Real (&d_state)[Cell::states],
                                                 Real (&exact)[Cell::gates],
                                                 Real (&rounded)[Cell::gates]) const {
    Real save[Complete::saved_extent], previous[Cell::states], d_previous[Cell::states];
    for (int k = 0; k < Complete::saved; ++k) save[k] = static_cast<Real>(in.save[k]);
    for (int s = 0; s < Cell::states; ++s) previous[s] = static_cast<Real>(in.previous[s]);
    d_state[0] += static_cast<Real>(in.upstream);
    // Where the clip of h was active, h does not depend on the pointwise function.
    if (options.forward_clip <= Math::abs(next[0])) d_state[0] = Real(0);
    Complete::template backward<Math>(save, previous, next, d_state, exact, d_previous);
    for (int n = 0; n < Cell::gates; ++n) rounded[n] = rounded_to<Storage>(exact[n]);
    for (int s = 0; s < Cell::states; ++s) {
      d_state[s] = d_previous[s];
      next[s] = previous[s];
    }
  }

  /// The recurrent gradient as the options want it.
  KOKKOS_FORCEINLINE_FUNCTION Real clipped(Real sum) const {
    const Real clip = options.recurrent_gradient_clip;
    return Math::max(Math::min(sum, clip), -clip);
  }

  KOKKOS_FORCEINLINE_FUNCTION void store_gates(const Cursor& at,
                                               const Real (&rounded)[Cell::gates]) const {
    for (int n = 0; n < Cell::gates; ++n)
      if (d_gate[n] != nullptr)
        d_gate[n][at.gates[has_gate(Cell::input_gates, n) ? 0 : 1]] =
            static_cast<Storage>(rounded[n]);
  }
  KOKKOS_FORCEINLINE_FUNCTION void store_initial_gradient(
      const UnitIndex& e, const Real (&d_state)[Cell::states]) const {
    if (ds0.data == nullptr) return;
    for (int s = 0; s < Cell::states; ++s)
      ds0.data[ds0.strides.at(s, 0, e.batch, e.head) + e.unit] = static_cast<Storage>(d_state[s]);
  }
  /// The sum over steps of one row's bias gradient.
  KOKKOS_FORCEINLINE_FUNCTION Real& bias_sum(int bias_gate, const UnitIndex& e) const {
    return db_partial[((e.batch * bias_gates + bias_gate) * shape.heads + e.head) * shape.head_dim +
                      e.unit];
  }
};

}  // namespace flashrnn
