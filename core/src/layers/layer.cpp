// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/layer.hpp"

#include <algorithm>
#include <sstream>

#include "flashrnn/error.hpp"
#include "instantiate.hpp"
#include "layers/projection.hpp"
#include "layers/sequence.hpp"

namespace flashrnn {
namespace {

const LayerProblem& valid(const LayerProblem& problem) {
  validate(problem);
  return problem;
}

SequenceFrame frame_of(const Problem& problem) {
  return {problem.shape.steps, problem.shape.batch, problem.order, problem.dtype,
          problem.float32_matmul_precision};
}

}  // namespace

template <class ExecutionSpace>
struct Layer<ExecutionSpace>::Parts {
  Parts(const ExecutionSpace& space, const LayerProblem& layer, const PlanOptions& options)
      : problem(valid(layer)),
        frame(frame_of(problem.recurrence)),
        plan(space, problem.recurrence, options),
        shape(problem.recurrence.shape),
        x_length(plan.cell().input_gates * shape.heads * shape.head_dim),
        gemm(make_gemm<ExecutionSpace>(space)),
        projection(frame, problem.input_size, x_length, *gemm) {}

  /// x or dx, and memory that the projection and the recurrence use one after the other.
  struct Workspace {
    Workspace(const Parts& parts, std::size_t shared_bytes, void* base) {
      WorkspaceDivider divide(base);
      x = divide.take<char>(parts.bytes(parts.frame.elements(parts.x_length)));
      shared = divide.take<char>(shared_bytes);
      bytes = divide.used();
    }
    char* x;
    char* shared;
    std::size_t bytes;
  };
  Workspace forward_workspace(void* base) const {
    return {*this, std::max(plan.forward_workspace_bytes(), projection.forward_workspace_bytes()),
            base};
  }
  Workspace backward_workspace(void* base) const {
    return {*this, std::max(plan.backward_workspace_bytes(), projection.backward_workspace_bytes()),
            base};
  }

  /// All states [S, T, B, H, D], and what the plan keeps.
  template <class Pointer>
  struct Reserve {
    Reserve(const Parts& parts, Pointer base) {
      using Byte = std::conditional_t<std::is_same_v<Pointer, const void*>, const char, char>;
      const Shape& s = parts.shape;
      WorkspaceDivider divide(nullptr);
      divide.take<char>(
          parts.bytes(parts.plan.cell().states * parts.frame.elements(s.heads * s.head_dim)));
      states = base;
      plan = base == nullptr ? nullptr : static_cast<Byte*>(base) + divide.used();
      divide.take<char>(parts.plan.reserve_bytes());
      bytes = divide.used();
    }
    Pointer states;
    Pointer plan;
    std::size_t bytes;
  };

  std::size_t bytes(Index elements) const {
    return static_cast<std::size_t>(elements) * size_of(frame.type);
  }

  /// The same tensor from the layer's first step on, which for the reverse direction is the last in
  /// time. All sequences of the recurrence are turned alike, so that the sums over steps behind
  /// dR remain one product.
  template <class Pointer>
  BasicTensor<Pointer, Strides> in_order_of_steps(BasicTensor<Pointer, Strides> tensor,
                                                  const Strides& contiguous) const {
    if (tensor.data == nullptr) return tensor;
    if (!tensor.strides) tensor.strides = contiguous;
    if (problem.direction == Direction::reverse) {
      Strides& strides = *tensor.strides;
      tensor.data = advance(tensor.data, (shape.steps - 1) * strides.step, frame.type);
      strides.step = -strides.step;
    }
    return tensor;
  }
  template <class Pointer>
  auto gates_in_order(Pointer data) const {
    return in_order_of_steps<Pointer>({data, {}},
                                      gate_strides(shape, plan.cell().input_gates, frame.order));
  }
  template <class Pointer>
  auto states_in_order(const BasicTensor<Pointer, Strides>& tensor) const {
    return in_order_of_steps(tensor, state_sequence_strides(shape, frame.order));
  }

  LayerProblem problem;
  SequenceFrame frame;
  Plan<ExecutionSpace> plan;
  Shape shape;
  Index x_length;
  std::unique_ptr<const Gemm<ExecutionSpace>> gemm;
  Projection<ExecutionSpace> projection;
};

template <class ExecutionSpace>
Layer<ExecutionSpace>::Layer(const ExecutionSpace& space, const LayerProblem& problem,
                             const PlanOptions& options)
    : parts_(std::make_unique<const Parts>(space, problem, options)) {}
template <class ExecutionSpace>
Layer<ExecutionSpace>::Layer(Layer&&) noexcept = default;
template <class ExecutionSpace>
Layer<ExecutionSpace>& Layer<ExecutionSpace>::operator=(Layer&&) noexcept = default;
template <class ExecutionSpace>
Layer<ExecutionSpace>::~Layer() = default;

template <class ExecutionSpace>
const LayerProblem& Layer<ExecutionSpace>::problem() const {
  return parts_->problem;
}
template <class ExecutionSpace>
const CellDescription& Layer<ExecutionSpace>::cell() const {
  return parts_->plan.cell();
}

template <class ExecutionSpace>
std::string Layer<ExecutionSpace>::describe() const {
  std::ostringstream out;
  out << "projection of " << parts_->problem.input_size << " features to " << parts_->x_length
      << " by BLAS, then "
      << (parts_->problem.direction == Direction::reverse ? "backwards in time: " : "")
      << parts_->plan.describe();
  return out.str();
}

template <class ExecutionSpace>
std::size_t Layer<ExecutionSpace>::reserve_bytes() const {
  if (!parts_->problem.recurrence.training) return 0;
  return typename Parts::template Reserve<void*>(*parts_, nullptr).bytes;
}
template <class ExecutionSpace>
std::size_t Layer<ExecutionSpace>::forward_workspace_bytes() const {
  return parts_->forward_workspace(nullptr).bytes;
}
template <class ExecutionSpace>
std::size_t Layer<ExecutionSpace>::backward_workspace_bytes() const {
  return parts_->problem.recurrence.training ? parts_->backward_workspace(nullptr).bytes : 0;
}

template <class ExecutionSpace>
void Layer<ExecutionSpace>::forward(const ExecutionSpace& space,
                                    const LayerForwardTensors& t) const {
  const Parts& p = *parts_;
  require_tensor("u", t.u.data, "forward reads the input u [T, B, I]");
  require_tensor("W", t.W, "forward reads the input weights W [G, H, D, I]");
  require_aligned("W", t.W, p.frame.type);
  require_memory("workspace", t.workspace, forward_workspace_bytes());
  require_memory("reserve", t.reserve, reserve_bytes());
  const ConstSequence u = p.frame.checked("u", t.u, p.problem.input_size);
  const auto workspace = p.forward_workspace(t.workspace);

  ForwardTensors recurrence;
  recurrence.x = p.gates_in_order(static_cast<const void*>(workspace.x));
  recurrence.R = t.R;
  recurrence.b = t.b;
  recurrence.s0 = t.s0;
  recurrence.h = p.states_in_order(t.h);
  recurrence.last = t.last;
  recurrence.workspace = workspace.shared;
  if (p.problem.recurrence.training) {
    const typename Parts::template Reserve<void*> reserve(p, t.reserve);
    recurrence.states = p.states_in_order(Tensor{reserve.states, {}});
    recurrence.reserve = reserve.plan;
  }
  p.projection.forward(space, u, t.W, p.frame.template contiguous<void*>(workspace.x, p.x_length),
                       false, workspace.shared);
  p.plan.forward(space, recurrence);
}

template <class ExecutionSpace>
void Layer<ExecutionSpace>::backward(const ExecutionSpace& space,
                                     const LayerBackwardTensors& t) const {
  const Parts& p = *parts_;
  if (!p.problem.recurrence.training)
    throw InvalidArgument("backward: the layer was made for inference; set Problem::training");
  if (t.dW != nullptr) require_tensor("u", t.u.data, "dW is summed from it");
  if (t.du.data != nullptr) require_tensor("W", t.W, "du is formed with it");
  require_aligned("W", t.W, p.frame.type);
  require_aligned("dW", t.dW, p.frame.type);
  require_memory("workspace", t.workspace, backward_workspace_bytes());
  require_memory("reserve", t.reserve, reserve_bytes());
  const ConstSequence u = p.frame.checked("u", t.u, p.problem.input_size);
  const Sequence du = p.frame.checked("du", t.du, p.problem.input_size);
  const auto workspace = p.backward_workspace(t.workspace);
  const typename Parts::template Reserve<const void*> reserve(p, t.reserve);

  BackwardTensors recurrence;
  recurrence.R = t.R;
  recurrence.s0 = t.s0;
  recurrence.states = p.states_in_order(ConstTensor{reserve.states, {}});
  recurrence.reserve = reserve.plan;
  recurrence.dh = p.states_in_order(t.dh);
  recurrence.d_last = t.d_last;
  recurrence.dx = p.gates_in_order(static_cast<void*>(workspace.x));
  recurrence.dR = t.dR;
  recurrence.db = t.db;
  recurrence.ds0 = t.ds0;
  recurrence.workspace = workspace.shared;
  p.plan.backward(space, recurrence);

  const ConstSequence dx = p.frame.template contiguous<const void*>(workspace.x, p.x_length);
  if (t.dW != nullptr) p.projection.weight_gradient(space, dx, u, t.dW, workspace.shared);
  if (t.du.data != nullptr)
    p.projection.input_gradient(space, dx, t.W, du, t.accumulate_du, workspace.shared);
}

#define FLASHRNN_INSTANTIATE(space) template class Layer<space>;
FLASHRNN_FOR_EACH_EXECUTION_SPACE(FLASHRNN_INSTANTIATE)
#undef FLASHRNN_INSTANTIATE

}  // namespace flashrnn
