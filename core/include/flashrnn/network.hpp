// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "flashrnn/architecture.hpp"
#include "flashrnn/plan.hpp"
#include "flashrnn/problem.hpp"
#include "flashrnn/tensors.hpp"

namespace flashrnn {

/// A network on data of one size.
struct NetworkProblem {
  Architecture architecture;
  DataType dtype = DataType::float32;
  Index steps = 1;  ///< T
  Index batch = 1;  ///< B
  /// Order of u, y, du and dy where they come without strides: [T, B, ...] or [B, T, ...].
  SequenceOrder order = SequenceOrder::time_major;
  bool training = false;  ///< keep what backward needs

  // For every recurrence of the network, as in Problem.
  std::optional<double> forward_clip;
  std::optional<double> recurrent_gradient_clip;
  bool cut_recurrent_gradient = false;

  /// Of all products of the network, the head's too, where dtype is float32.
  MatmulPrecision float32_matmul_precision = MatmulPrecision::highest;
};

/// @throws InvalidArgument naming the field.
void validate(const NetworkProblem& problem);

// The states of a network are one tensor [S, L · directions, B, H · D], contiguous: state 0 is
// torch's h_n (and h_0), state 1 its c_n; within a state layer by layer, forward before reverse.
// Of the strides of u, y and their gradients, `step` and `batch` count; rows have no gaps.

/// Arguments of Network::forward. No output may overlap any other argument, except that `last` may
/// be the memory of `s0`.
struct NetworkForwardTensors {
  const void* parameters = nullptr;  ///< all parameters, as ParameterLayout places them; required
  ConstTensor u;                     ///< [T, B, I]; required
  const void* s0 = nullptr;          ///< [S, L · directions, B, H · D]; null: zero
  Tensor y;                          ///< [T, B, features]; required
  void* last = nullptr;              ///< [S, L · directions, B, H · D]; null: not written
  void* reserve = nullptr;           ///< Network::reserve_bytes() bytes; required when training
  void* workspace = nullptr;         ///< Network::forward_workspace_bytes() bytes; required
};

/// Arguments of Network::backward. Every output may be null and is then not written; no output may
/// overlap any other argument. Outputs are overwritten, not added to.
struct NetworkBackwardTensors {
  const void* parameters = nullptr;  ///< as in forward; required
  ConstTensor u;                     ///< as in forward; required for d_parameters
  const void* s0 = nullptr;          ///< as in forward
  const void* reserve = nullptr;     ///< as forward wrote it; required
  ConstTensor dy;                    ///< [T, B, features]: upstream gradient of y; null: zero
  const void* d_last = nullptr;  ///< as `last`: upstream gradient of the last states; null: zero
  Tensor du;                     ///< [T, B, I]
  void* d_parameters = nullptr;  ///< laid out as the parameters
  void* ds0 = nullptr;           ///< [S, L · directions, B, H · D]
  void* workspace = nullptr;     ///< Network::backward_workspace_bytes() bytes; required
};

/// A stack of recurrent layers made ready for one problem in one execution space. Memory, threads
/// and synchronisation are as with Plan: all memory is the caller's and accessible from
/// ExecutionSpace, nothing is allocated, work is enqueued on the instance that is given.
///
/// Equations are those of torch.nn.LSTM, GRU and RNN without dropout; other built-in cells stack
/// likewise. The head is y = head.W · h + head.b at every step.
template <class ExecutionSpace>
class Network {
 public:
  /// @throws InvalidArgument for an invalid problem or an unknown backend, EnvironmentError if the
  /// BLAS library cannot be set up.
  Network(const ExecutionSpace& space, const NetworkProblem& problem,
          const PlanOptions& options = {});
  Network(Network&&) noexcept;
  Network& operator=(Network&&) noexcept;
  ~Network();

  const NetworkProblem& problem() const;
  const CellDescription& cell() const;
  const ParameterLayout& parameters() const;
  /// What was chosen, in a few lines for people.
  std::string describe() const;

  /// Elements of the states [S, L · directions, B, H · D].
  std::size_t state_size() const;
  /// Bytes that forward keeps for backward (0 unless training); aligned to 64 bytes.
  std::size_t reserve_bytes() const;
  /// Bytes of NetworkForwardTensors::workspace; aligned to 64 bytes.
  std::size_t forward_workspace_bytes() const;
  /// Bytes of NetworkBackwardTensors::workspace; aligned to 64 bytes. 0 unless training.
  std::size_t backward_workspace_bytes() const;

  /// Enqueues the forward pass on `space`.
  /// @throws InvalidArgument naming the tensor if one that is required is null, an address is not
  /// aligned, or a stride is shorter than the rows it separates.
  void forward(const ExecutionSpace& space, const NetworkForwardTensors& tensors) const;

  /// Enqueues the backward pass on `space`.
  /// @throws InvalidArgument as forward; also if the problem is not for training.
  void backward(const ExecutionSpace& space, const NetworkBackwardTensors& tensors) const;

 private:
  struct Parts;
  std::unique_ptr<const Parts> parts_;
};

}  // namespace flashrnn
