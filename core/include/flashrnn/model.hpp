// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "flashrnn/architecture.hpp"
#include "flashrnn/safetensors.hpp"

namespace flashrnn {

/// A network with its parameters, in host memory.
struct Model {
  Architecture architecture;
  /// All parameters, as ParameterLayout(architecture) places them.
  std::vector<double> parameters;
};

/// What a file of weights does not say of itself. Nothing needs to be given where the file is
/// clear.
struct ModelOptions {
  /// The cell. Absent: from the number of gates in weight_hh_l0 [gates · hidden, hidden]: 4 lstm,
  /// 3 gru, 1 elman (tanh). torch.nn.RNN with nonlinearity="relu" looks the same as with tanh in a
  /// file and has to be given as "elman_relu".
  std::optional<std::string> cell;
  /// What stands before weight_ih_l0, such as "rnn." or "". Absent: the only one in the file.
  std::optional<std::string> prefix;
  /// The name of the linear head, such as "head" for head.weight and head.bias; "" for none. If it
  /// is given, other modules' tensors are ignored. Absent: the only module besides the recurrent
  /// one, if there is one.
  std::optional<std::string> head;
};

/// A model from a PyTorch state_dict of torch.nn.LSTM, GRU or RNN, optionally with a
/// torch.nn.Linear on top:
///
///     {prefix}weight_ih_l{k}[_reverse]   [gates · hidden, input]    input: I, then
///     directions·hidden {prefix}weight_hh_l{k}[_reverse]   [gates · hidden, hidden]
///     {prefix}bias_ih_l{k}[_reverse]     [gates · hidden]           all biases or none
///     {prefix}bias_hh_l{k}[_reverse]     [gates · hidden]
///     {head}.weight                      [O, directions · hidden]
///     {head}.bias                        [O]                        optional
///
/// Both biases are added up, except that GRU keeps b_hn apart (flashrnn/cells/gru.hpp). Gates have
/// torch's order, which is ours: i, f, g, o for LSTM; r, z, n for GRU, whose R is ordered n, r, z.
/// Tensors may be F64, F32, F16 or BF16. Tensors whose last name starts neither with "weight" nor
/// with "bias" are not parameters and are ignored.
///
/// @throws InvalidArgument, naming the file, the tensor and the expected and found shape: a tensor
/// is missing, is not known (misnamed, or of something that is not supported, such as proj_size),
/// has a wrong shape or type, holds a NaN or an infinity; or the file leaves open which tensors are
/// meant.
Model read_model(const SafetensorsFile& file, const ModelOptions& options = {});

/// The same from a file's name.
/// @throws EnvironmentError if the file cannot be read.
Model read_model(const std::filesystem::path& path, const ModelOptions& options = {});

}  // namespace flashrnn
