// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "flashrnn/architecture.hpp"
#include "flashrnn/safetensors.hpp"

namespace flashrnn {

/// The tensors of a PyTorch state_dict that a model is made of: finds what stands in front of the
/// recurrent tensors' names and in front of the head's, and hands tensors out checked.
class StateDict {
 public:
  /// @throws InvalidArgument if the recurrent module cannot be told.
  StateDict(const SafetensorsFile& file, const std::optional<std::string>& prefix);

  const SafetensorsFile& file() const { return *file_; }

  /// Name of a recurrent tensor, such as recurrent("weight_ih", 1, true) =
  /// "rnn.weight_ih_l1_reverse".
  std::string recurrent(std::string_view tensor, Index layer, bool reverse) const;
  bool has(const std::string& name) const { return file_->find(name) != nullptr; }
  /// Whether any recurrent tensor of that layer and direction is there.
  bool has_layer(Index layer, bool reverse) const;
  /// Whether any recurrent module's bias is there.
  bool has_biases() const;

  /// Names all tensors of the recurrent module, once its sizes are known.
  /// @throws InvalidArgument if one is missing, or if the module has others besides.
  void name_recurrent_tensors(const Architecture& architecture);

  /// The linear head's module, such as "head"; empty if there is none.
  /// @throws InvalidArgument if a parameter besides the recurrent ones cannot be a head's, or if
  /// several modules could be the head.
  std::string find_head() const;

  /// The shape of a tensor with two axes, of which none is 0. `expected` describes it in a message.
  /// @throws InvalidArgument if it is missing or otherwise shaped.
  const TensorShape& matrix_shape(const std::string& name, const std::string& expected) const;

  /// A tensor's values.
  /// @throws InvalidArgument if it is missing or has another shape, is not of a floating type, or
  /// holds a NaN or an infinity.
  std::vector<double> take(const std::string& name, std::initializer_list<Index> shape) const;

 private:
  bool is_recurrent(std::string_view name) const;
  [[noreturn]] void unknown(const TensorView& tensor) const;

  const SafetensorsFile* file_;
  std::string prefix_;
  std::set<std::string, std::less<>> known_;  // the recurrent module's
};

}  // namespace flashrnn
