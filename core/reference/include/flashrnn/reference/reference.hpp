// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "flashrnn/cells/differentiate.hpp"
#include "flashrnn/problem.hpp"
#include "flashrnn/types.hpp"

// The recurrence in its plainest form: serial, contiguous tensors in time-major order, any real
// type, written to be read next to the equations. Every other backend is compared with it.

namespace flashrnn::reference {

/// The Math of cells by the C++ standard library. Annotated only because cells are: it runs on the
/// host.
template <class Scalar>
struct StandardMath {
  using Real = Scalar;
  FLASHRNN_FUNCTION static Real exp(Real x) { return std::exp(x); }
  FLASHRNN_FUNCTION static Real log1p(Real x) { return std::log1p(x); }
  FLASHRNN_FUNCTION static Real tanh(Real x) { return std::tanh(x); }
  FLASHRNN_FUNCTION static Real sqrt(Real x) { return std::sqrt(x); }
  FLASHRNN_FUNCTION static Real abs(Real x) { return std::abs(x); }
  FLASHRNN_FUNCTION static Real sigmoid(Real x) { return Real(1) / (Real(1) + std::exp(-x)); }
  FLASHRNN_FUNCTION static Real log_sigmoid(Real x) {
    return (x < 0 ? x : Real(0)) - std::log1p(std::exp(-std::abs(x)));
  }
  FLASHRNN_FUNCTION static Real max(Real x, Real y) { return x < y ? y : x; }
  FLASHRNN_FUNCTION static Real min(Real x, Real y) { return y < x ? y : x; }
  FLASHRNN_FUNCTION static bool less(Real x, Real y) { return x < y; }
  FLASHRNN_FUNCTION static bool equal(Real x, Real y) { return x == y; }
  FLASHRNN_FUNCTION static bool negative(Real x) { return std::signbit(x); }
  FLASHRNN_FUNCTION static Real select(bool mask, Real x, Real y) { return mask ? x : y; }
  FLASHRNN_FUNCTION static Real stop_gradient(Real x) { return x; }
  FLASHRNN_FUNCTION static Real either(Real, Real plain) { return plain; }
};

/// Inputs, outputs and gradients of one recurrence, contiguous (layout.hpp's axes in the order they
/// are listed there). Vectors of inputs that are empty count as zero.
template <class Real>
struct Tensors {
  std::vector<Real> x{}, R{}, b{}, s0{};        ///< inputs
  std::vector<Real> states{}, last{}, saved{};  ///< outputs of forward
  std::vector<Real> dh{}, d_last{};             ///< upstream gradients
  std::vector<Real> dx{}, dR{}, db{}, ds0{};    ///< outputs of backward
};

/// `Storage` is the type that h is rounded to after every step, Real the type of all arithmetic.
template <class Cell, class Storage, class Real = AccumulateType<Storage>>
class Recurrence {
 public:
  using Complete = CompleteCell<Cell>;
  using Math = StandardMath<Real>;
  static constexpr int S = Cell::states, G = Cell::gates, K = Complete::saved;
  static constexpr int G_R = count_gates(Cell::recurrent_gates);
  static constexpr int G_x = count_gates(Cell::input_gates);
  static constexpr int G_b = count_gates(Cell::bias_gates);

  explicit Recurrence(const Problem& problem)
      : problem_(problem),
        T(problem.shape.steps),
        B(problem.shape.batch),
        H(problem.shape.heads),
        D(problem.shape.head_dim) {}

  /// Reads x, R, b, s0; writes states, last, saved.
  void forward(Tensors<Real>& t) const {
    t.states.assign(size(S * T * B), Real(0));
    t.last.assign(size(S * B), Real(0));
    t.saved.assign(size(K * T * B), Real(0));
    for (Index step = 0; step < T; ++step)
      for (Index n = 0; n < B; ++n)
        for (Index head = 0; head < H; ++head)
          for (Index unit = 0; unit < D; ++unit) forward_unit(t, step, n, head, unit);
    for (Index s = 0; s < S; ++s)
      for (Index i = 0; i < B * H * D; ++i)
        t.last[at(s * B * H * D + i)] = t.states[at((s * T + T - 1) * B * H * D + i)];
  }

  /// Reads R, s0, states, saved, dh, d_last; writes dx, dR, db, ds0.
  void backward(Tensors<Real>& t) const {
    t.dx.assign(size(T * B * G_x), Real(0));
    t.dR.assign(at(G_R * H * D * D), Real(0));
    t.db.assign(size(G_b), Real(0));
    t.ds0.assign(size(S * B), Real(0));
    std::vector<Real> d_states(size(S * B), Real(0));  // gradient of the states after `step`
    if (!t.d_last.empty()) d_states = t.d_last;
    std::vector<Real> d_gates(size(G * B));
    for (Index step = T - 1; step >= 0; --step) {
      for (Index n = 0; n < B; ++n)
        for (Index head = 0; head < H; ++head)
          for (Index unit = 0; unit < D; ++unit)
            backward_unit(t, step, n, head, unit, d_states, d_gates);
      for (Index n = 0; n < B; ++n)
        for (Index head = 0; head < H; ++head)
          for (Index in = 0; in < D; ++in)
            through_recurrent_matrix(t, step, n, head, in, d_gates, d_states);
    }
    t.ds0 = d_states;
  }

 private:
  std::size_t at(Index i) const { return static_cast<std::size_t>(i); }
  std::size_t size(Index rows) const { return at(rows * H * D); }
  /// Index of [row, head, unit] in a tensor whose last axes are H, D.
  std::size_t at(Index row, Index head, Index unit) const {
    return at((row * H + head) * D + unit);
  }

  /// State s before `step`.
  Real state_before(const Tensors<Real>& t, Index s, Index step, Index n, Index head,
                    Index unit) const {
    if (step > 0) return t.states[at((s * T + step - 1) * B + n, head, unit)];
    return t.s0.empty() ? Real(0) : t.s0[at(s * B + n, head, unit)];
  }

  void forward_unit(Tensors<Real>& t, Index step, Index n, Index head, Index unit) const {
    Real gate[G] = {}, previous[S], next[S], save[Complete::saved_extent];
    for (int g = 0; g < G; ++g) {
      if (has_gate(Cell::recurrent_gates, g)) {
        const Index row = gate_position(Cell::recurrent_gates, g) * H + head;
        for (Index in = 0; in < D; ++in)
          gate[g] += t.R[at((row * D + unit) * D + in)] * state_before(t, 0, step, n, head, in);
      }
      if (has_gate(Cell::input_gates, g))
        gate[g] += t.x[at((step * B + n) * G_x + gate_position(Cell::input_gates, g), head, unit)];
      if (has_gate(Cell::bias_gates, g) && !t.b.empty())
        gate[g] += t.b[at(gate_position(Cell::bias_gates, g), head, unit)];
    }
    for (int s = 0; s < S; ++s) previous[s] = state_before(t, s, step, n, head, unit);
    Complete::template forward<Math>(gate, previous, next, save);
    if (problem_.forward_clip) {
      const Real clip = rounded_to<Storage>(static_cast<Real>(*problem_.forward_clip));
      next[0] = Math::max(Math::min(next[0], clip), -clip);
    }
    next[0] = rounded_to<Storage>(next[0]);
    for (int s = 0; s < S; ++s) t.states[at((s * T + step) * B + n, head, unit)] = next[s];
    for (int k = 0; k < K; ++k) t.saved[at((k * T + step) * B + n, head, unit)] = save[k];
  }

  void backward_unit(Tensors<Real>& t, Index step, Index n, Index head, Index unit,
                     std::vector<Real>& d_states, std::vector<Real>& d_gates) const {
    Real save[Complete::saved_extent], previous[S], next[S], d_next[S], d_gate[G], d_previous[S];
    for (int k = 0; k < K; ++k) save[k] = t.saved[at((k * T + step) * B + n, head, unit)];
    for (int s = 0; s < S; ++s) {
      previous[s] = state_before(t, s, step, n, head, unit);
      next[s] = t.states[at((s * T + step) * B + n, head, unit)];
      d_next[s] = d_states[at(s * B + n, head, unit)];
    }
    if (!t.dh.empty()) d_next[0] += t.dh[at(step * B + n, head, unit)];
    if (problem_.forward_clip &&
        rounded_to<Storage>(static_cast<Real>(*problem_.forward_clip)) <= Math::abs(next[0]))
      d_next[0] = Real(0);
    Complete::template backward<Math>(save, previous, next, d_next, d_gate, d_previous);
    for (int s = 0; s < S; ++s) d_states[at(s * B + n, head, unit)] = d_previous[s];
    for (int g = 0; g < G; ++g) {
      d_gates[at(g * B + n, head, unit)] = d_gate[g];
      if (has_gate(Cell::input_gates, g))
        t.dx[at((step * B + n) * G_x + gate_position(Cell::input_gates, g), head, unit)] =
            d_gate[g];
      if (has_gate(Cell::bias_gates, g))
        t.db[at(gate_position(Cell::bias_gates, g), head, unit)] += d_gate[g];
    }
  }

  /// The product R·h of `step`, backwards, for one element of h: dR and the recurrent gradient.
  void through_recurrent_matrix(Tensors<Real>& t, Index step, Index n, Index head, Index in,
                                const std::vector<Real>& d_gates,
                                std::vector<Real>& d_states) const {
    const Real h_before = state_before(t, 0, step, n, head, in);
    Real recurrent = Real(0);
    for (int g = 0; g < G; ++g) {
      if (!has_gate(Cell::recurrent_gates, g)) continue;
      const Index row = gate_position(Cell::recurrent_gates, g) * H + head;
      for (Index out = 0; out < D; ++out) {
        const Real d_gate = d_gates[at(g * B + n, head, out)];
        t.dR[at((row * D + out) * D + in)] += d_gate * h_before;
        recurrent += t.R[at((row * D + out) * D + in)] * d_gate;
      }
    }
    if (problem_.cut_recurrent_gradient) return;
    if (problem_.recurrent_gradient_clip) {
      const Real clip = static_cast<Real>(*problem_.recurrent_gradient_clip);
      recurrent = Math::max(Math::min(recurrent, clip), -clip);
    }
    d_states[at(n, head, in)] += recurrent;
  }

  Problem problem_;
  Index T, B, H, D;
};

}  // namespace flashrnn::reference
