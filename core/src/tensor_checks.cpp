// SPDX-License-Identifier: Apache-2.0
#include "tensor_checks.hpp"

#include <cstdint>
#include <string>

#include "flashrnn/error.hpp"
#include "flashrnn/recurrence/workspace.hpp"

namespace flashrnn {
namespace {

std::string text(Index value) {
  return std::to_string(value);
}

/// Strides of axes longer than 1 must be at least as long as the row of D elements behind them,
/// or the tensor would overlap itself (outputs) or could not be walked by matrix products (inputs).
class Checker {
 public:
  explicit Checker(const Problem& problem) : problem_(problem), shape_(problem.shape) {}

  /// `channels`, `steps`, `batch` are the axes' lengths; 1 for an axis that the tensor lacks.
  template <class AnyTensor>
  void tensor(const char* name, AnyTensor& tensor, Index channels, Index steps, Index batch,
              const Strides& contiguous, bool may_overlap) const {
    if (tensor.data == nullptr) return;
    aligned(name, tensor.data);
    if (!tensor.strides) {
      tensor.strides = contiguous;
      return;
    }
    if (may_overlap) return;
    const Strides& s = *tensor.strides;
    at_least(name, "channel", channels, s.channel);
    at_least(name, "step", steps, s.step < 0 ? -s.step : s.step);
    at_least(name, "batch", batch, s.batch);
    at_least(name, "head", shape_.heads, s.head);
  }

  template <class AnyMatrix>
  void matrix(const char* name, AnyMatrix& matrix, Index gates) const {
    if (matrix.data == nullptr) return;
    aligned(name, matrix.data);
    if (!matrix.strides) {
      matrix.strides = matrix_strides(shape_);
      return;
    }
    at_least(name, "gate", gates, matrix.strides->gate);
    at_least(name, "head", shape_.heads, matrix.strides->head);
    at_least(name, "row", shape_.head_dim, matrix.strides->row);
  }

  static void required(const char* name, const void* data, const char* why) {
    if (data == nullptr)
      throw InvalidArgument(std::string(name) + ": expected a pointer, found null; " + why);
  }

  static void workspace(const void* data, std::size_t bytes) {
    if (bytes == 0) return;
    required("workspace", data,
             ("this problem needs " + std::to_string(bytes) + " bytes of workspace").c_str());
    if (reinterpret_cast<std::uintptr_t>(data) % WorkspaceDivider::alignment != 0)
      throw InvalidArgument("workspace: expected an address aligned to 64 bytes");
  }

 private:
  void at_least(const char* name, const char* axis, Index length, Index stride) const {
    if (length > 1 && stride < shape_.head_dim)
      throw InvalidArgument(std::string(name) + ": the stride of axis " + axis + " (length " +
                            text(length) + ") is " + text(stride) +
                            " elements; expected at least head_dim = " + text(shape_.head_dim));
  }
  void aligned(const char* name, const void* data) const {
    const std::size_t size = size_of(problem_.dtype);
    if (reinterpret_cast<std::uintptr_t>(data) % size != 0)
      throw InvalidArgument(std::string(name) + ": expected an address aligned to the " +
                            std::to_string(size) + " bytes of " +
                            std::string(name_of(problem_.dtype)));
  }

  const Problem& problem_;
  const Shape& shape_;
};

}  // namespace

ForwardTensors checked(const Problem& problem, const CellDescription& cell,
                       std::size_t reserve_bytes, std::size_t workspace_bytes, ForwardTensors t) {
  const Shape& s = problem.shape;
  const Checker check(problem);
  Checker::required("x", t.x.data, "forward reads the projected input x [T, B, G, H, D]");
  Checker::required("R", t.R.data, "forward reads the recurrent matrices R [G, H, D, D]");
  if (problem.training) {
    Checker::required("states", t.states.data, "a training problem keeps all states for backward");
    if (reserve_bytes > 0)
      Checker::required("reserve", t.reserve, "a training problem keeps values for backward");
  }
  Checker::workspace(t.workspace, workspace_bytes);
  check.tensor("x", t.x, cell.input_gates, s.steps, s.batch,
               gate_strides(s, cell.input_gates, problem.order), true);
  check.matrix("R", t.R, cell.recurrent_gates);
  check.tensor("b", t.b, cell.bias_gates, 1, 1, bias_strides(s), true);
  check.tensor("s0", t.s0, cell.states, 1, s.batch, state_strides(s), false);
  check.tensor("states", t.states, cell.states, s.steps, s.batch,
               state_sequence_strides(s, problem.order), false);
  check.tensor("h", t.h, 1, s.steps, s.batch, state_sequence_strides(s, problem.order), false);
  check.tensor("last", t.last, cell.states, 1, s.batch, state_strides(s), false);
  return t;
}

BackwardTensors checked(const Problem& problem, const CellDescription& cell,
                        std::size_t reserve_bytes, std::size_t workspace_bytes, BackwardTensors t) {
  const Shape& s = problem.shape;
  const Checker check(problem);
  if (!problem.training)
    throw InvalidArgument("backward: the plan was made for inference; set Problem::training");
  Checker::required("R", t.R.data, "backward reads the recurrent matrices R [G, H, D, D]");
  Checker::required("states", t.states.data, "backward reads the states that forward wrote");
  if (reserve_bytes > 0)
    Checker::required("reserve", t.reserve, "backward reads what forward kept there");
  Checker::workspace(t.workspace, workspace_bytes);
  check.matrix("R", t.R, cell.recurrent_gates);
  check.tensor("s0", t.s0, cell.states, 1, s.batch, state_strides(s), false);
  check.tensor("states", t.states, cell.states, s.steps, s.batch,
               state_sequence_strides(s, problem.order), false);
  check.tensor("dh", t.dh, 1, s.steps, s.batch, state_sequence_strides(s, problem.order), true);
  check.tensor("d_last", t.d_last, cell.states, 1, s.batch, state_strides(s), true);
  check.tensor("dx", t.dx, cell.input_gates, s.steps, s.batch,
               gate_strides(s, cell.input_gates, problem.order), false);
  check.matrix("dR", t.dR, cell.recurrent_gates);
  check.tensor("db", t.db, cell.bias_gates, 1, 1, bias_strides(s), false);
  check.tensor("ds0", t.ds0, cell.states, 1, s.batch, state_strides(s), false);
  return t;
}

}  // namespace flashrnn
