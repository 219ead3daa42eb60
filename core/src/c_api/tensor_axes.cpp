// SPDX-License-Identifier: Apache-2.0
#include "tensor_axes.hpp"

#include <initializer_list>

namespace flashrnn::c_api {
namespace {

TensorAxes make_axes(std::initializer_list<Axis> list) {
  TensorAxes out;
  for (const Axis& axis : list) out.axes[out.rank++] = axis;
  return out;
}

Axis channels(const char* name, int count) {
  return {AxisRole::channel, name, count};
}
Axis steps(const Shape& shape) {
  return {AxisRole::step, "T", shape.steps};
}
Axis batch(const Shape& shape) {
  return {AxisRole::batch, "B", shape.batch};
}
Axis heads(const Shape& shape) {
  return {AxisRole::head, "H", shape.heads};
}
Axis units(const Shape& shape) {
  return {AxisRole::unit, "D", shape.head_dim};
}

}  // namespace

Index TensorAxes::elements() const {
  Index product = 1;
  for (int n = 0; n < rank; ++n) product *= axes[n].length;
  return product;
}

std::string TensorAxes::describe() const {
  std::string out;
  for (int n = 0; n < rank; ++n)
    out +=
        (n == 0 ? "[" : ", ") + std::string(axes[n].name) + " = " + std::to_string(axes[n].length);
  return out + "]";
}

TensorAxes input_axes(const Shape& shape, const CellDescription& cell) {
  return make_axes(
      {steps(shape), batch(shape), channels("G_x", cell.input_gates), heads(shape), units(shape)});
}
TensorAxes matrix_axes(const Shape& shape, const CellDescription& cell) {
  return make_axes({channels("G_R", cell.recurrent_gates),
                    heads(shape),
                    {AxisRole::row, "D_out", shape.head_dim},
                    {AxisRole::unit, "D_in", shape.head_dim}});
}
TensorAxes bias_axes(const Shape& shape, const CellDescription& cell) {
  return make_axes({channels("G_b", cell.bias_gates), heads(shape), units(shape)});
}
TensorAxes state_axes(const Shape& shape, const CellDescription& cell) {
  return make_axes({channels("S", cell.states), batch(shape), heads(shape), units(shape)});
}
TensorAxes state_sequence_axes(const Shape& shape, const CellDescription& cell) {
  return make_axes(
      {channels("S", cell.states), steps(shape), batch(shape), heads(shape), units(shape)});
}
TensorAxes output_axes(const Shape& shape) {
  return make_axes({steps(shape), batch(shape), heads(shape), units(shape)});
}

}  // namespace flashrnn::c_api
