// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <memory>

#include "flashrnn/plan.hpp"
#include "flashrnn/problem.hpp"
#include "flashrnn/tensors.hpp"

namespace flashrnn {

/// Which way a layer walks through time.
enum class Direction { forward, reverse };

/// One recurrent layer with its input projection: the recurrence of `recurrence` over x = W·u.
struct LayerProblem {
  /// Cell, type, sizes, order and options. `order` is also that of u, du, h and dh where they come
  /// without strides, and how x is laid out inside: choose the order of u's memory.
  Problem recurrence;
  Index input_size = 1;  ///< I, features of u
  /// reverse: the first step is the last in time, as with torch's `_reverse` weights. Tensors stay
  /// in the order of time; nothing is copied.
  Direction direction = Direction::forward;
};

/// @throws InvalidArgument naming the field, as validate(Problem); also for an input size below 1
/// or tensors too large to be counted.
void validate(const LayerProblem& problem);

/// Arguments of Layer::forward. Of the strides of a sequence [T, B, ...], `step` and `batch` count,
/// and `head` where there are heads. No output may overlap any other argument, except that `last`
/// may be the memory of `s0`.
struct LayerForwardTensors {
  ConstTensor u;              ///< [T, B, I], rows without gaps; required
  const void* W = nullptr;    ///< [G_x, H, D, I], contiguous; required
  ConstMatrix R;              ///< [G_R, H, D_out, D_in]; required
  ConstTensor b;              ///< [G_b, H, D]; null: zero
  ConstTensor s0;             ///< [S, B, H, D], before the layer's first step; null: zero
  Tensor h;                   ///< [T, B, H, D] in the order of time; null: not written
  Tensor last;                ///< [S, B, H, D], after the layer's last step; null: not written
  void* reserve = nullptr;    ///< Layer::reserve_bytes() bytes; required when training
  void* workspace = nullptr;  ///< Layer::forward_workspace_bytes() bytes; required
};

/// Arguments of Layer::backward. Every output may be null and is then not written; no output may
/// overlap any other argument. Outputs are overwritten, except du with accumulate_du.
struct LayerBackwardTensors {
  ConstTensor u;                  ///< as in forward; required for dW
  const void* W = nullptr;        ///< as in forward; required for du
  ConstMatrix R;                  ///< as in forward; required
  ConstTensor s0;                 ///< as in forward
  const void* reserve = nullptr;  ///< as forward wrote it; required
  ConstTensor dh;                 ///< [T, B, H, D]: upstream gradient of h, in the order of time
  ConstTensor d_last;             ///< [S, B, H, D]: upstream gradient of the last states
  Tensor du;                      ///< [T, B, I], rows without gaps
  bool accumulate_du = false;  ///< add to du instead of overwriting it: the other direction's share
  void* dW = nullptr;          ///< [G_x, H, D, I], contiguous
  Matrix dR;                   ///< [G_R, H, D_out, D_in]
  Tensor db;                   ///< [G_b, H, D]
  Tensor ds0;                  ///< [S, B, H, D]
  void* workspace = nullptr;   ///< Layer::backward_workspace_bytes() bytes; required
};

/// A recurrent layer made ready for one problem in one execution space: a Plan and the projection
/// of its input by the platform's BLAS library,
///
///     x_t = W·u_t         dW = sum over t, b of dx ⊗ u         du_t = W^T·dx_t
///
/// Memory, threads and synchronisation are as with Plan: all memory is the caller's and accessible
/// from ExecutionSpace, nothing is allocated, work is enqueued on the instance that is given. x is
/// stored in the problem's type, its sums are formed in float (float64: double).
template <class ExecutionSpace>
class Layer {
 public:
  /// @throws InvalidArgument for an invalid problem or an unknown backend, EnvironmentError if the
  /// BLAS library cannot be set up.
  Layer(const ExecutionSpace& space, const LayerProblem& problem, const PlanOptions& options = {});
  Layer(Layer&&) noexcept;
  Layer& operator=(Layer&&) noexcept;
  ~Layer();

  const LayerProblem& problem() const;
  const CellDescription& cell() const;
  /// What was chosen, in a few lines for people.
  std::string describe() const;

  /// Bytes that forward keeps for backward in LayerForwardTensors::reserve (0 unless training);
  /// aligned to 64 bytes.
  std::size_t reserve_bytes() const;
  /// Bytes of LayerForwardTensors::workspace; aligned to 64 bytes.
  std::size_t forward_workspace_bytes() const;
  /// Bytes of LayerBackwardTensors::workspace; aligned to 64 bytes. 0 unless training.
  std::size_t backward_workspace_bytes() const;

  /// Enqueues the forward pass on `space`.
  /// @throws InvalidArgument naming the tensor if one that is required is null, an address is not
  /// aligned, or a stride is shorter than the rows it separates.
  void forward(const ExecutionSpace& space, const LayerForwardTensors& tensors) const;

  /// Enqueues the backward pass on `space`.
  /// @throws InvalidArgument as forward; also if the problem is not for training.
  void backward(const ExecutionSpace& space, const LayerBackwardTensors& tensors) const;

 private:
  struct Parts;
  std::unique_ptr<const Parts> parts_;
};

}  // namespace flashrnn
