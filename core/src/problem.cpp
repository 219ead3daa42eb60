// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/problem.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "flashrnn/cells/elman.hpp"
#include "flashrnn/cells/gru.hpp"
#include "flashrnn/cells/lstm.hpp"
#include "flashrnn/cells/slstm.hpp"
#include "flashrnn/error.hpp"
#include "flashrnn/recurrence/describe_cell.hpp"

namespace flashrnn {
namespace {

struct TypeName {
  DataType type;
  std::string_view name;
  std::string_view short_name;
  std::size_t bytes;
};
constexpr TypeName type_names[] = {{DataType::float64, "float64", "f64", 8},
                                   {DataType::float32, "float32", "f32", 4},
                                   {DataType::bfloat16, "bfloat16", "bf16", 2},
                                   {DataType::float16, "float16", "f16", 2}};

const TypeName& entry(DataType type) {
  for (const TypeName& known : type_names)
    if (known.type == type) return known;
  throw InvalidArgument("data type: the value " + std::to_string(static_cast<int>(type)) +
                        " is none of float64, float32, bfloat16, float16");
}

struct PrecisionName {
  MatmulPrecision precision;
  std::string_view name;
};
constexpr PrecisionName precision_names[] = {{MatmulPrecision::highest, "highest"},
                                             {MatmulPrecision::high, "high"}};

void check_size(const char* name, Index size) {
  if (size < 1)
    throw InvalidArgument(std::string(name) + ": expected at least 1, found " +
                          std::to_string(size));
}

void check_clip(const char* name, const std::optional<double>& clip) {
  if (clip && !(*clip > 0 && std::isfinite(*clip)))
    throw InvalidArgument(std::string(name) + ": expected a positive, finite number, found " +
                          std::to_string(*clip));
}

/// Bytes of the largest tensor, or a message if they do not fit a signed 64-bit count.
void check_total(const Problem& problem, const CellDescription& cell) {
  const Shape& s = problem.shape;
  const Index channels = std::max({cell.gates, cell.states, cell.saved, 1});
  const Index limit = std::numeric_limits<Index>::max() / static_cast<Index>(sizeof(double));
  const auto check_product = [&](const char* tensor, std::initializer_list<Index> sizes) {
    Index product = 1;
    for (const Index size : sizes) {
      if (product > limit / size)
        throw InvalidArgument(std::string("problem: the tensor ") + tensor +
                              " would have more than 2^63 - 1 bytes; its sizes cannot be right");
      product *= size;
    }
  };
  check_product("x [T, B, G, H, D]", {channels, s.steps, s.batch, s.heads, s.head_dim});
  check_product("R [G, H, D, D]", {channels, s.heads, s.head_dim, s.head_dim});
  constexpr Index most_teams = std::numeric_limits<int>::max();
  if (s.heads > most_teams / s.batch)
    throw InvalidArgument("problem: heads × batch is above 2^31 - 1: heads = " +
                          std::to_string(s.heads) + ", batch = " + std::to_string(s.batch));
}

}  // namespace

std::string_view name_of(DataType type) {
  return entry(type).name;
}
std::size_t size_of(DataType type) {
  return entry(type).bytes;
}

DataType data_type_from_name(std::string_view name) {
  for (const TypeName& known : type_names)
    if (name == known.name || name == known.short_name) return known.type;
  throw InvalidArgument(
      "data type: expected float64 (f64), float32 (f32), bfloat16 (bf16) or "
      "float16 (f16), found '" +
      std::string(name) + "'");
}

std::string_view name_of(MatmulPrecision precision) {
  for (const PrecisionName& known : precision_names)
    if (known.precision == precision) return known.name;
  throw InvalidArgument("float32_matmul_precision: the value " +
                        std::to_string(static_cast<int>(precision)) +
                        " is neither highest nor high");
}

MatmulPrecision matmul_precision_from_name(std::string_view name) {
  for (const PrecisionName& known : precision_names)
    if (name == known.name) return known.precision;
  throw InvalidArgument("float32 matmul precision: expected highest or high, found '" +
                        std::string(name) + "'");
}

const std::vector<CellDescription>& built_in_cells() {
  static const std::vector<CellDescription> cells = {
      describe_cell<Elman>(), describe_cell<ElmanRelu>(), describe_cell<Lstm>(),
      describe_cell<Gru>(), describe_cell<Slstm>()};
  return cells;
}

const CellDescription& find_cell(std::string_view name) {
  std::string known;
  for (const CellDescription& cell : built_in_cells()) {
    if (cell.name == name) return cell;
    known += (known.empty() ? "" : ", ") + cell.name;
  }
  throw InvalidArgument("cell: expected one of " + known + ", found '" + std::string(name) + "'");
}

void validate(const Problem& problem, const CellDescription& cell) {
  entry(problem.dtype);
  check_size("steps", problem.shape.steps);
  check_size("batch", problem.shape.batch);
  check_size("heads", problem.shape.heads);
  check_size("head_dim", problem.shape.head_dim);
  check_clip("forward_clip", problem.forward_clip);
  check_clip("recurrent_gradient_clip", problem.recurrent_gradient_clip);
  (void)name_of(problem.float32_matmul_precision);
  check_total(problem, cell);
}

void validate(const Problem& problem) {
  validate(problem, find_cell(problem.cell));
}

}  // namespace flashrnn
