// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flashrnn/problem.hpp"

namespace flashrnn {

/// What a network is made of, whatever data it runs on: `layers` recurrent layers on top of each
/// other, each in one or two directions, and optionally a linear map of the last one's output.
/// Every layer above the first reads the outputs of the one below, both directions side by side.
struct Architecture {
  std::string cell = "lstm";         ///< one of built_in_cells()
  Index input_size = 1;              ///< I
  Index heads = 1;                   ///< H
  Index head_dim = 1;                ///< D; a layer has H·D units a direction
  Index layers = 1;                  ///< L, at most most_layers
  bool bidirectional = false;        ///< a second recurrence per layer, backwards in time
  bool bias = true;                  ///< the recurrences have biases
  std::optional<Index> output_size;  ///< O, rows of the linear head; absent: no head
  bool head_bias = true;             ///< the head has a bias

  static constexpr Index most_layers = 1 << 16;

  Index directions() const { return bidirectional ? 2 : 1; }
  /// Units of one layer in one direction, torch's hidden_size.
  Index hidden_size() const { return heads * head_dim; }
  /// Features that the layer reads: I for the first, directions · hidden_size above.
  Index input_size_of(Index layer) const {
    return layer == 0 ? input_size : directions() * hidden_size();
  }
  /// Features of the network's output: O with a head, else directions · hidden_size.
  Index features() const { return output_size ? *output_size : directions() * hidden_size(); }
};

/// @throws InvalidArgument naming the field: an unknown cell, a size below 1, parameters too many
/// to be counted.
void validate(const Architecture& architecture);

/// One tensor among the parameters of a network.
struct Parameter {
  std::string name;          ///< such as "W_l0", "R_l0", "b_l0", "W_l1_reverse", "head.W", "head.b"
  std::vector<Index> shape;  ///< W [G_x, H, D, I], R [G_R, H, D_out, D_in], b [G_b, H, D],
                             ///< head.W [O, directions · H · D], head.b [O]
  Index offset = 0;          ///< of its first element among all parameters
  Index size = 0;            ///< elements
};

/// Where each parameter lies in one array that holds them all without gaps: layer by layer,
/// direction by direction, W, R, b (if there are biases), then the head. Gradients lie likewise, so
/// that an optimiser works on two plain arrays.
class ParameterLayout {
 public:
  /// @throws InvalidArgument as validate(Architecture).
  explicit ParameterLayout(const Architecture& architecture);

  const std::vector<Parameter>& parameters() const { return parameters_; }
  /// Elements of all parameters together.
  Index size() const { return size_; }
  /// The parameter of that name, or null.
  const Parameter* find(std::string_view name) const;
  /// @throws InvalidArgument that lists the names there are.
  const Parameter& at(std::string_view name) const;

  /// The name of one of a layer's parameters, such as name("W", 1, true) = "W_l1_reverse".
  static std::string name(std::string_view tensor, Index layer, bool reverse);

 private:
  void add(std::string name, std::vector<Index> shape);

  std::vector<Parameter> parameters_;
  Index size_ = 0;
};

}  // namespace flashrnn
