// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/architecture.hpp"

#include "flashrnn/error.hpp"

namespace flashrnn {

ParameterLayout::ParameterLayout(const Architecture& architecture) {
  validate(architecture);
  const Architecture& a = architecture;
  const CellDescription& cell = find_cell(a.cell);
  for (Index layer = 0; layer < a.layers; ++layer) {
    for (Index direction = 0; direction < a.directions(); ++direction) {
      const bool reverse = direction == 1;
      add(name("W", layer, reverse),
          {cell.input_gates, a.heads, a.head_dim, a.input_size_of(layer)});
      add(name("R", layer, reverse), {cell.recurrent_gates, a.heads, a.head_dim, a.head_dim});
      if (a.bias) add(name("b", layer, reverse), {cell.bias_gates, a.heads, a.head_dim});
    }
  }
  if (!a.output_size) return;
  add("head.W", {*a.output_size, a.directions() * a.hidden_size()});
  if (a.head_bias) add("head.b", {*a.output_size});
}

const Parameter* ParameterLayout::find(std::string_view name) const {
  for (const Parameter& parameter : parameters_)
    if (parameter.name == name) return &parameter;
  return nullptr;
}

const Parameter& ParameterLayout::at(std::string_view name) const {
  if (const Parameter* parameter = find(name)) return *parameter;
  std::string known;
  for (const Parameter& parameter : parameters_)
    known += (known.empty() ? "" : ", ") + parameter.name;
  throw InvalidArgument("parameter: expected one of " + known + "; found '" + std::string(name) +
                        "'");
}

std::string ParameterLayout::name(std::string_view tensor, Index layer, bool reverse) {
  return std::string(tensor) + "_l" + std::to_string(layer) + (reverse ? "_reverse" : "");
}

void ParameterLayout::add(std::string name, std::vector<Index> shape) {
  Index size = 1;
  for (const Index axis : shape) size *= axis;
  parameters_.push_back({std::move(name), std::move(shape), size_, size});
  size_ += size;
}

}  // namespace flashrnn
