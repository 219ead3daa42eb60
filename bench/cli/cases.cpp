// SPDX-License-Identifier: Apache-2.0
#include "cases.hpp"

#include <algorithm>
#include <charconv>

#include "flashrnn/error.hpp"

namespace flashrnn::bench {
namespace {

using Names = std::vector<std::string>;

/// A point of a sweep.
struct Point {
  std::string sweep;
  Shape shape;
};

void check_names(const char* option, const Names& given, const Names& known) {
  for (const std::string& name : given) {
    if (std::ranges::find(known, name) != known.end()) continue;
    std::string list;
    for (const std::string& one : known) list += (list.empty() ? "" : ", ") + one;
    throw InvalidArgument(std::string(option) + ": there is no '" + name + "'; there are: " + list);
  }
}

const Names& or_all(const Names& given, const Names& all) {
  return given.empty() ? all : given;
}

/// "64x12" as head_dim and heads.
Shape parse_heads_dim(const std::string& text) {
  Shape shape;
  const char* const end = text.data() + text.size();
  const auto dim = std::from_chars(text.data(), end, shape.head_dim);
  const bool divided = dim.ec == std::errc() && dim.ptr != end && *dim.ptr == 'x';
  const auto heads = divided ? std::from_chars(dim.ptr + 1, end, shape.heads) : dim;
  if (!divided || heads.ec != std::errc() || heads.ptr != end || shape.head_dim < 1 ||
      shape.heads < 1)
    throw InvalidArgument("--heads-dims: expected head_dim x heads such as 64x12, found '" + text +
                          "'");
  return shape;
}

/// The FlashRNN paper's sweeps: 768 units in heads of every size and on to larger heads; the batch
/// and the steps for many small heads and for one large one.
std::vector<Point> points_of(const Selection& selection) {
  const bool quick = selection.quick;
  const auto indices = [](const std::vector<Index>& all, const std::vector<Index>& given) {
    return given.empty() ? all : given;
  };
  Names dims =
      quick ? Names{"16x48", "64x12", "256x3", "768x1"}
            : Names{"16x48", "32x24", "64x12", "128x6", "256x3", "768x1", "1024x1", "2048x1"};
  Names pair = quick ? Names{"64x12"} : Names{"64x12", "768x1"};
  if (!selection.heads_dims.empty()) dims = pair = selection.heads_dims;
  const auto batches = indices(
      quick ? std::vector<Index>{1, 16, 64} : std::vector<Index>{1, 2, 4, 8, 16, 32, 64, 128, 256},
      selection.batches);
  const auto steps =
      indices(quick ? std::vector<Index>{128, 512} : std::vector<Index>{256, 512, 1024, 2048},
              selection.steps);
  const Index batch = selection.batches.empty() ? 16 : selection.batches.front();
  const Index length = selection.steps.empty() ? 1024 : selection.steps.front();
  std::vector<Point> points;
  const auto add = [&points](const char* sweep, Shape shape, Index t, Index b) {
    shape.steps = t;
    shape.batch = b;
    points.push_back({sweep, shape});
  };
  for (const std::string& dim : dims) add("head_dim", parse_heads_dim(dim), length, batch);
  for (const std::string& dim : pair)
    for (const Index b : batches) add("batch", parse_heads_dim(dim), length, b);
  for (const std::string& dim : pair)
    for (const Index t : steps) add("steps", parse_heads_dim(dim), t, batch);
  return points;
}

Pass pass_from_name(const std::string& name) {
  for (const Pass pass : {Pass::inference, Pass::training, Pass::training_backward})
    if (name_of(pass) == name) return pass;
  throw InternalError("bench: no pass " + name);
}

}  // namespace

std::string name_of(Pass pass) {
  static const char* const names[] = {"inference", "training", "training_backward"};
  return names[static_cast<int>(pass)];
}

ElementChoice element_choice(const std::string& name) {
  if (name == "f32_high" || name == "float32_high")
    return {DataType::float32, MatmulPrecision::high};
  try {
    return {data_type_from_name(name), MatmulPrecision::highest};
  } catch (const InvalidArgument& error) {
    throw InvalidArgument("--dtype: " + std::string(error.what()) +
                          "; here float32_high (f32_high) as well");
  }
}

std::string dtype_of(const Case& one) {
  return std::string(name_of(one.dtype)) + (one.precision == MatmulPrecision::high ? "_high" : "");
}

std::string key_of(const Case& one) {
  const Shape& s = one.shape;
  return one.cell + ' ' + dtype_of(one) + ' ' + std::to_string(s.head_dim) + 'x' +
         std::to_string(s.heads) + " B" + std::to_string(s.batch) + " T" + std::to_string(s.steps) +
         ' ' + name_of(one.pass);
}

double step_products(const Shape& shape, int recurrent_gates) {
  return static_cast<double>(recurrent_gates) * static_cast<double>(shape.head_dim) *
         static_cast<double>(shape.head_dim) * static_cast<double>(shape.heads) *
         static_cast<double>(shape.batch);
}

double step_budget(bool sweep_of_steps, bool quick) {
  if (quick) return sweep_of_steps ? 0x1p31 : 0x1p29;
  return sweep_of_steps ? 0x1p33 : 0x1p31;
}

Index shortened_steps(const Shape& shape, int recurrent_gates, double budget) {
  constexpr Index least = 64;  // packing R, once per call, should not outweigh the steps
  Index steps = least;
  while (static_cast<double>(2 * steps) * step_products(shape, recurrent_gates) <= budget &&
         2 * steps <= shape.steps)
    steps *= 2;
  return static_cast<double>(shape.steps) * step_products(shape, recurrent_gates) <= budget
             ? shape.steps
             : std::min(steps, shape.steps);
}

std::vector<Case> make_cases(const Selection& selection, bool cpu) {
  Names cells;
  for (const CellDescription& cell : built_in_cells()) cells.push_back(cell.name);
  const Names sweeps{"head_dim", "batch", "steps"};
  const Names passes{"inference", "training", "training_backward"};
  check_names("--cells", selection.cells, cells);
  check_names("--sweep", selection.sweeps, sweeps);
  check_names("--passes", selection.passes, passes);
  const Names wanted_cells = or_all(selection.cells, {"lstm", "gru", "slstm", "elman"});
  const Names wanted_sweeps = or_all(selection.sweeps, sweeps);
  const Names wanted_passes =
      or_all(selection.passes, selection.quick ? Names{"inference", "training_backward"} : passes);
  const Names dtypes =
      or_all(selection.dtypes, cpu ? Names{"float32"} : Names{"bfloat16", "float32"});

  std::vector<Case> cases;
  for (const Point& point : points_of(selection)) {
    if (std::ranges::find(wanted_sweeps, point.sweep) == wanted_sweeps.end()) continue;
    for (const std::string& cell : wanted_cells) {
      // A quick run sweeps the first cell alone over batch and steps.
      if (selection.quick && point.sweep != "head_dim" && cell != wanted_cells.front()) continue;
      for (const std::string& dtype : dtypes)
        for (const std::string& pass : wanted_passes) {
          const ElementChoice element = element_choice(dtype);
          Case one{{point.sweep},    cell, element.dtype, point.shape, pass_from_name(pass),
                   element.precision};
          if (cpu && selection.steps.empty())
            one.shape.steps = shortened_steps(point.shape, find_cell(cell).recurrent_gates,
                                              step_budget(point.sweep == "steps", selection.quick));
          const auto same = std::ranges::find(cases, key_of(one), key_of);
          if (same == cases.end()) {
            cases.push_back(one);
          } else if (same->sweeps.back() != point.sweep) {
            same->sweeps.push_back(point.sweep);
          }
        }
    }
  }
  return cases;
}

}  // namespace flashrnn::bench
