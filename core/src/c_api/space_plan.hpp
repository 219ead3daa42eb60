// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <string>

#include "any_plan.hpp"
#include "flashrnn/plan.hpp"
#include "space_instance.hpp"
#include "tensor_memory.hpp"

namespace flashrnn::c_api {

/// A plan of the C API in one execution space: turns a caller's arguments into those of the C++
/// API, after checking the sizes that only the C API knows.
template <class ExecutionSpace>
class SpacePlan final : public flashrnn_plan {
 public:
  SpacePlan(const Problem& problem, const PlanOptions& options)
      : plan_(instances_.own(), problem, options), description_(plan_.describe()) {}

  const char* description() const override { return description_.c_str(); }

  flashrnn_sizes sizes() const override {
    const Shape& shape = plan_.problem().shape;
    const CellDescription& cell = plan_.cell();
    flashrnn_sizes out{};
    out.struct_size = sizeof(out);
    out.states = cell.states;
    out.input_gates = cell.input_gates;
    out.recurrent_gates = cell.recurrent_gates;
    out.bias_gates = cell.bias_gates;
    out.x = bytes_of(input_axes(shape, cell));
    out.R = bytes_of(matrix_axes(shape, cell));
    out.b = bytes_of(bias_axes(shape, cell));
    out.s0 = bytes_of(state_axes(shape, cell));
    out.h = bytes_of(output_axes(shape));
    out.state_sequence = bytes_of(state_sequence_axes(shape, cell));
    out.reserve = plan_.reserve_bytes();
    out.forward_workspace = plan_.forward_workspace_bytes();
    out.backward_workspace = plan_.backward_workspace_bytes();
    return out;
  }

  void forward(void* stream, const flashrnn_forward_arguments& in) override {
    check_calling_thread<ExecutionSpace>();
    const Shape& shape = plan_.problem().shape;
    const CellDescription& cell = plan_.cell();
    ForwardTensors t;
    t.x = tensor("x", input_axes(shape, cell), in.x);
    t.R = matrix("R", in.R);
    t.b = tensor("b", bias_axes(shape, cell), in.b);
    t.s0 = tensor("s0", state_axes(shape, cell), in.s0);
    t.states = tensor("states", state_sequence_axes(shape, cell), in.states);
    t.h = tensor("h", output_axes(shape), in.h);
    t.last = tensor("last", state_axes(shape, cell), in.last);
    check_buffer("reserve", plan_.reserve_bytes(), in.reserve.data, in.reserve.bytes);
    t.reserve = in.reserve.data;
    check_buffer("workspace", plan_.forward_workspace_bytes(), in.workspace.data,
                 in.workspace.bytes);
    t.workspace = in.workspace.data;
    t.R_is_prepared = in.R_is_prepared != 0;
    const std::lock_guard lock(mutex_);
    plan_.forward(instances_.for_stream(stream), t);
  }

  void backward(void* stream, const flashrnn_backward_arguments& in) override {
    check_calling_thread<ExecutionSpace>();
    const Shape& shape = plan_.problem().shape;
    const CellDescription& cell = plan_.cell();
    BackwardTensors t;
    t.R = matrix("R", in.R);
    t.s0 = tensor("s0", state_axes(shape, cell), in.s0);
    t.states = tensor("states", state_sequence_axes(shape, cell), in.states);
    check_buffer("reserve", plan_.reserve_bytes(), in.reserve, in.reserve_bytes);
    t.reserve = in.reserve;
    t.dh = tensor("dh", output_axes(shape), in.dh);
    t.d_last = tensor("d_last", state_axes(shape, cell), in.d_last);
    t.dx = tensor("dx", input_axes(shape, cell), in.dx);
    t.dR = matrix("dR", in.dR);
    t.db = tensor("db", bias_axes(shape, cell), in.db);
    t.ds0 = tensor("ds0", state_axes(shape, cell), in.ds0);
    check_buffer("workspace", plan_.backward_workspace_bytes(), in.workspace.data,
                 in.workspace.bytes);
    t.workspace = in.workspace.data;
    const std::lock_guard lock(mutex_);
    plan_.backward(instances_.for_stream(stream), t);
  }

  void synchronize() override {
    const std::lock_guard lock(mutex_);
    instances_.last().fence("flashrnn_plan_synchronize");
  }

 private:
  std::size_t bytes_of(const TensorAxes& axes) const {
    return static_cast<std::size_t>(axes.elements()) * size_of(plan_.problem().dtype);
  }

  static constexpr Access access_of(const flashrnn_const_tensor&) { return Access::read; }
  static constexpr Access access_of(const flashrnn_tensor&) { return Access::write; }

  template <class Given>
  auto tensor(const char* name, const TensorAxes& axes, const Given& given) const {
    check_memory(name, axes, plan_.problem().dtype, given.data, given.bytes, given.strides,
                 access_of(given));
    BasicTensor<decltype(given.data), Strides> out;
    out.data = given.data;
    if (given.strides != nullptr) out.strides = to_strides(axes, given.strides);
    return out;
  }

  template <class Given>
  auto matrix(const char* name, const Given& given) const {
    check_memory(name, matrix_axes(plan_.problem().shape, plan_.cell()), plan_.problem().dtype,
                 given.data, given.bytes, given.strides, access_of(given));
    BasicTensor<decltype(given.data), MatrixStrides> out;
    out.data = given.data;
    if (given.strides != nullptr) out.strides = to_matrix_strides(given.strides);
    return out;
  }

  SpaceInstances<ExecutionSpace> instances_;
  Plan<ExecutionSpace> plan_;
  std::string description_;
  std::mutex mutex_;
};

}  // namespace flashrnn::c_api
