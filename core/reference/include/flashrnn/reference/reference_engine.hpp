// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <type_traits>
#include <vector>

#include "flashrnn/recurrence/describe_cell.hpp"
#include "flashrnn/recurrence/engine.hpp"
#include "flashrnn/reference/reference.hpp"

namespace flashrnn {

/// The reference behind the plan's interface: copies strided tensors into contiguous ones and back.
/// For checking, not for speed: it allocates, and works before it returns.
template <class Cell, class Storage, class ExecutionSpace>
class ReferenceEngine final : public Engine<ExecutionSpace> {
 public:
  using Real = AccumulateType<Storage>;
  using Complete = CompleteCell<Cell>;

  explicit ReferenceEngine(const Problem& problem)
      : problem_(problem), cell_(describe_cell<Cell>()) {}

  const CellDescription& cell() const override { return cell_; }
  std::string describe() const override { return "serial reference\n"; }
  /// Saved values and all states stay in Real, so that backward sees what forward computed.
  std::size_t reserve_bytes() const override {
    const Shape& s = problem_.shape;
    return problem_.training
               ? sizeof(Real) * static_cast<std::size_t>((cell_.saved + cell_.states) * s.steps *
                                                         s.batch * s.heads * s.head_dim)
               : 0;
  }
  std::size_t forward_workspace_bytes() const override { return 0; }
  std::size_t backward_workspace_bytes() const override { return 0; }

  void forward(const ExecutionSpace& space, const ForwardTensors& in) const override {
    space.fence("flashrnn::reference");
    const Shape& s = problem_.shape;
    reference::Tensors<Real> t;
    read(in.x, cell_.input_gates, s.steps, s.batch, t.x, true);
    t.R = read_matrix(in.R);
    read(in.b, cell_.bias_gates, 1, 1, t.b);
    read(in.s0, cell_.states, 1, s.batch, t.s0);
    reference::Recurrence<Cell, Storage>(problem_).forward(t);
    write(in.states, cell_.states, s.steps, s.batch, t.states);
    write(in.h, 1, s.steps, s.batch, t.states);
    write(in.last, cell_.states, 1, s.batch, t.last);
    if (problem_.training) {
      Real* const kept = static_cast<Real*>(in.reserve);
      std::memcpy(kept, t.states.data(), t.states.size() * sizeof(Real));
      if (!t.saved.empty())
        std::memcpy(kept + t.states.size(), t.saved.data(), t.saved.size() * sizeof(Real));
    }
  }

  void backward(const ExecutionSpace& space, const BackwardTensors& in) const override {
    space.fence("flashrnn::reference");
    const Shape& s = problem_.shape;
    const auto elements = static_cast<std::size_t>(s.steps * s.batch * s.heads * s.head_dim);
    reference::Tensors<Real> t;
    const Real* const kept = static_cast<const Real*>(in.reserve);
    t.states.assign(kept, kept + elements * static_cast<std::size_t>(cell_.states));
    t.saved.assign(kept + t.states.size(),
                   kept + t.states.size() + elements * static_cast<std::size_t>(cell_.saved));
    t.R = read_matrix(in.R);
    read(in.s0, cell_.states, 1, s.batch, t.s0);
    read(in.dh, 1, s.steps, s.batch, t.dh);
    read(in.d_last, cell_.states, 1, s.batch, t.d_last);
    reference::Recurrence<Cell, Storage>(problem_).backward(t);
    write(in.dx, cell_.input_gates, s.steps, s.batch, t.dx, true);
    write_matrix(in.dR, t.dR);
    write(in.db, cell_.bias_gates, 1, 1, t.db);
    write(in.ds0, cell_.states, 1, s.batch, t.ds0);
  }

 private:
  /// Calls body(offset in the strided tensor, index in the contiguous one). Gates of x and dx stand
  /// behind steps and batch, other channels in front.
  template <class Body>
  void walk(const Strides& strides, Index channels, Index steps, Index batch, bool gates_behind,
            const Body& body) const {
    const Shape& s = problem_.shape;
    for (Index c = 0; c < channels; ++c)
      for (Index t = 0; t < steps; ++t)
        for (Index n = 0; n < batch; ++n)
          for (Index h = 0; h < s.heads; ++h)
            for (Index d = 0; d < s.head_dim; ++d) {
              const Index row =
                  gates_behind ? (t * batch + n) * channels + c : (c * steps + t) * batch + n;
              body(strides.at(c, t, n, h) + d,
                   static_cast<std::size_t>((row * s.heads + h) * s.head_dim + d));
            }
  }

  void read(const ConstTensor& from, Index channels, Index steps, Index batch,
            std::vector<Real>& to, bool gates_behind = false) const {
    if (from.data == nullptr) return;
    const Shape& s = problem_.shape;
    to.resize(static_cast<std::size_t>(channels * steps * batch * s.heads * s.head_dim));
    const auto* data = static_cast<const Storage*>(from.data);
    walk(*from.strides, channels, steps, batch, gates_behind,
         [&](Index offset, std::size_t i) { to[i] = static_cast<Real>(data[offset]); });
  }

  void write(const Tensor& to, Index channels, Index steps, Index batch,
             const std::vector<Real>& from, bool gates_behind = false) const {
    if (to.data == nullptr) return;
    auto* data = static_cast<Storage*>(to.data);
    walk(*to.strides, channels, steps, batch, gates_behind,
         [&](Index offset, std::size_t i) { data[offset] = static_cast<Storage>(from[i]); });
  }

  template <class Body>
  void walk_matrix(const MatrixStrides& strides, const Body& body) const {
    const Shape& s = problem_.shape;
    std::size_t i = 0;
    for (Index g = 0; g < cell_.recurrent_gates; ++g)
      for (Index h = 0; h < s.heads; ++h)
        for (Index out = 0; out < s.head_dim; ++out)
          for (Index in = 0; in < s.head_dim; ++in) body(strides.at(g, h, out) + in, i++);
  }

  std::vector<Real> read_matrix(const ConstMatrix& from) const {
    const Shape& s = problem_.shape;
    std::vector<Real> to(
        static_cast<std::size_t>(cell_.recurrent_gates * s.heads * s.head_dim * s.head_dim));
    const auto* data = static_cast<const Storage*>(from.data);
    walk_matrix(*from.strides,
                [&](Index offset, std::size_t i) { to[i] = static_cast<Real>(data[offset]); });
    return to;
  }

  void write_matrix(const Matrix& to, const std::vector<Real>& from) const {
    if (to.data == nullptr) return;
    auto* data = static_cast<Storage*>(to.data);
    walk_matrix(*to.strides,
                [&](Index offset, std::size_t i) { data[offset] = static_cast<Storage>(from[i]); });
  }

  Problem problem_;
  CellDescription cell_;
};

}  // namespace flashrnn
