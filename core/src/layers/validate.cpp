// SPDX-License-Identifier: Apache-2.0
#include "layers/validate.hpp"

#include <limits>

#include "flashrnn/error.hpp"

namespace flashrnn {

void require_positive(const char* name, Index size) {
  if (size < 1)
    throw InvalidArgument(std::string(name) + ": expected at least 1, found " +
                          std::to_string(size));
}

Index checked_product(const std::string& tensor, std::initializer_list<Index> sizes) {
  constexpr Index limit = Index(1) << 52;  // 2^55 bytes of float64, so hundreds of them add up
  Index product = 1;
  for (const Index size : sizes) {
    if (product > limit / size)
      throw InvalidArgument("the tensor " + tensor +
                            " would have more than 2^52 elements; its sizes cannot be right");
    product *= size;
  }
  return product;
}

void validate(const LayerProblem& problem) {
  const Problem& recurrence = problem.recurrence;
  validate(recurrence);
  require_positive("input_size", problem.input_size);
  const CellDescription& cell = find_cell(recurrence.cell);
  const Shape& s = recurrence.shape;
  checked_product("u [T, B, I]", {s.steps, s.batch, problem.input_size});
  checked_product("x [T, B, G, H, D]", {s.steps, s.batch, cell.input_gates, s.heads, s.head_dim});
  checked_product("W [G, H, D, I]", {cell.input_gates, s.heads, s.head_dim, problem.input_size});
}

void validate(const Architecture& a) {
  const CellDescription& cell = find_cell(a.cell);
  require_positive("input_size", a.input_size);
  require_positive("heads", a.heads);
  require_positive("head_dim", a.head_dim);
  require_positive("layers", a.layers);
  if (a.layers > Architecture::most_layers)
    throw InvalidArgument("layers: expected at most " + std::to_string(Architecture::most_layers) +
                          ", found " + std::to_string(a.layers));
  const Index outputs =
      checked_product("h [directions, H, D]", {a.directions(), a.heads, a.head_dim});
  for (const Index inputs : {a.input_size, outputs})
    checked_product("of all W", {a.layers, a.directions(), cell.input_gates, outputs, inputs});
  checked_product("of all R", {a.layers, cell.recurrent_gates, outputs, a.head_dim});
  if (!a.output_size) return;
  require_positive("output_size", *a.output_size);
  checked_product("head.W [O, directions · H · D]", {*a.output_size, outputs});
  // Each of them is one team of the kernel that sums the gradient of head.b.
  if (*a.output_size > std::numeric_limits<int>::max())
    throw InvalidArgument("output_size: expected at most 2^31 - 1, found " +
                          std::to_string(*a.output_size));
}

LayerProblem layer_problem(const NetworkProblem& problem, Index layer, Direction direction) {
  const Architecture& a = problem.architecture;
  LayerProblem out;
  out.recurrence.cell = a.cell;
  out.recurrence.dtype = problem.dtype;
  out.recurrence.shape = {problem.steps, problem.batch, a.heads, a.head_dim};
  out.recurrence.order = problem.order;
  out.recurrence.training = problem.training;
  out.recurrence.forward_clip = problem.forward_clip;
  out.recurrence.recurrent_gradient_clip = problem.recurrent_gradient_clip;
  out.recurrence.cut_recurrent_gradient = problem.cut_recurrent_gradient;
  out.recurrence.float32_matmul_precision = problem.float32_matmul_precision;
  out.input_size = a.input_size_of(layer);
  out.direction = direction;
  return out;
}

void validate(const NetworkProblem& problem) {
  const Architecture& a = problem.architecture;
  validate(a);
  for (const Index layer : {Index(0), Index(1)})
    validate(layer_problem(problem, layer, Direction::forward));
  checked_product("y [T, B, features]", {problem.steps, problem.batch, a.features()});
  checked_product("h of all layers [L, T, B, directions · H · D]",
                  {a.layers, problem.steps, problem.batch, a.directions() * a.hidden_size()});
}

}  // namespace flashrnn
