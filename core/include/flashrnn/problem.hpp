// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flashrnn/layout.hpp"

namespace flashrnn {

/// Element type of every tensor of a problem. Sums are formed in float (float64: double).
enum class DataType { float64, float32, bfloat16, float16 };

/// "float64", "float32", "bfloat16", "float16".
std::string_view name_of(DataType type);
/// Bytes of one element.
std::size_t size_of(DataType type);
/// The inverse of name_of; also accepts f64, f32, bf16, f16.
/// @throws InvalidArgument for any other name; the message lists the known ones.
DataType data_type_from_name(std::string_view name);

/// How accurately matrix products of float32 tensors must be formed; sums are in float either way.
/// The names are those of PyTorch's float32_matmul_precision. Other types are not affected.
enum class MatmulPrecision {
  highest,  ///< like multiply-adds in float32
  high      ///< factors may be rounded to TF32 (11 bits) or to the sum of two bfloat16 (16 bits),
            ///< where that makes tensor cores faster; elsewhere as `highest`
};

/// "highest", "high".
std::string_view name_of(MatmulPrecision precision);
/// The inverse of name_of.
/// @throws InvalidArgument for any other name; the message lists the known ones.
MatmulPrecision matmul_precision_from_name(std::string_view name);

/// What a cell looks like from outside: its name and the lengths of its tensors' channel axes.
struct CellDescription {
  std::string name;
  int states = 1;           ///< S
  int gates = 1;            ///< pre-activations
  int recurrent_gates = 1;  ///< G_R, along R and dR
  int input_gates = 1;      ///< G_x, along x and dx
  int bias_gates = 1;       ///< G_b, along b and db
  int saved = 0;            ///< K: values per unit and step kept for backward besides the states
  bool bounded = false;     ///< whether |h| never exceeds 1 and the initial |h|
};

/// The cells that the library was built with, by name: elman, elman_relu, lstm, gru, slstm.
const std::vector<CellDescription>& built_in_cells();
/// @throws InvalidArgument if there is no such cell; the message lists the known ones.
const CellDescription& find_cell(std::string_view name);

/// One recurrence, independent of where and how it runs.
struct Problem {
  std::string cell = "lstm";
  DataType dtype = DataType::float32;
  Shape shape;

  /// Order of the default strides of x, states, dh and dx. Explicit strides override it.
  SequenceOrder order = SequenceOrder::time_major;

  /// Keep what backward needs. Needs `states` with all S states.
  bool training = false;

  /// Clip h_t to [-v, v] after the pointwise function. The clipped h is the output and enters the
  /// next step; where |h_t| = v, no gradient passes into the pointwise function.
  std::optional<double> forward_clip;

  /// Clip the recurrent gradient, R^T·dg summed over gates, to [-v, v] at every step, before it is
  /// added to the upstream gradient of h_{t-1}.
  std::optional<double> recurrent_gradient_clip;

  /// Drop the recurrent gradient: no gradient flows through R·h_{t-1} into h_{t-1}. dR is still
  /// the gradient of each single step.
  bool cut_recurrent_gradient = false;

  /// Of R·h, R^T·dg and dR (in layers of W too), where dtype is float32.
  MatmulPrecision float32_matmul_precision = MatmulPrecision::highest;
};

/// Checks everything that can be wrong in a problem by itself.
/// @throws InvalidArgument naming the field: unknown cell, a size below 1, a tensor of more than
/// 2^63 - 1 bytes, a clip that is not positive and finite, a precision that does not
/// exist.
void validate(const Problem& problem);
/// The same for a cell that is not built in; problem.cell is ignored.
void validate(const Problem& problem, const CellDescription& cell);

}  // namespace flashrnn
