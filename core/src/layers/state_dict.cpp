// SPDX-License-Identifier: Apache-2.0
#include "layers/state_dict.hpp"

#include <algorithm>

#include "flashrnn/error.hpp"

namespace flashrnn {
namespace {

constexpr std::string_view recurrent_tensors[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};

std::string_view last_name(std::string_view name) {
  return name.substr(name.rfind('.') + 1);  // npos + 1 is 0
}
/// "rnn." of "rnn.weight_ih_l0"; "" where there is no dot.
std::string_view module_of(std::string_view name) {
  return name.substr(0, name.size() - last_name(name).size());
}
bool is_parameter(std::string_view name) {
  return last_name(name).starts_with("weight") || last_name(name).starts_with("bias");
}

std::string quoted_list(const std::vector<std::string>& names) {
  constexpr std::size_t longest_list = 20;
  std::string list;
  for (std::size_t n = 0; n < names.size() && n < longest_list; ++n)
    list += (n == 0 ? "'" : ", '") + names[n] + "'";
  return list + (names.size() > longest_list ? ", ..." : "");
}

/// What stands in front of weight_ih_l0.
std::string find_prefix(const SafetensorsFile& file, const std::optional<std::string>& given) {
  constexpr std::string_view first = "weight_ih_l0";
  std::vector<std::string> found;
  for (const TensorView& tensor : file.tensors())
    if (last_name(tensor.name) == first) found.emplace_back(module_of(tensor.name));
  if (given) {
    if (std::find(found.begin(), found.end(), *given) != found.end()) return *given;
    const std::string list = found.empty() ? "none" : quoted_list(found);
    throw InvalidArgument(file.label() + ": tensor '" + *given + std::string(first) +
                          "' is missing; prefixes of recurrent modules in the file: " + list);
  }
  if (found.empty()) {
    const TensorView& missing = file.at(first);  // throws, with the names that there are
    throw InternalError("find_prefix: unexpected tensor " + missing.name);
  }
  if (found.size() > 1)
    throw InvalidArgument(file.label() + ": expected one recurrent module, found several; choose " +
                          "one of the prefixes " + quoted_list(found));
  return found.front();
}

}  // namespace

StateDict::StateDict(const SafetensorsFile& file, const std::optional<std::string>& prefix)
    : file_(&file), prefix_(find_prefix(file, prefix)) {}

std::string StateDict::recurrent(std::string_view tensor, Index layer, bool reverse) const {
  return prefix_ + std::string(tensor) + "_l" + std::to_string(layer) + (reverse ? "_reverse" : "");
}

bool StateDict::has_layer(Index layer, bool reverse) const {
  return std::any_of(
      std::begin(recurrent_tensors), std::end(recurrent_tensors),
      [&](std::string_view tensor) { return has(recurrent(tensor, layer, reverse)); });
}

bool StateDict::has_biases() const {
  return std::any_of(file_->tensors().begin(), file_->tensors().end(), [&](const TensorView& each) {
    return is_recurrent(each.name) && last_name(each.name).starts_with("bias");
  });
}

void StateDict::name_recurrent_tensors(const Architecture& architecture) {
  for (Index layer = 0; layer < architecture.layers; ++layer)
    for (Index d = 0; d < architecture.directions(); ++d)
      for (const std::string_view tensor : recurrent_tensors)
        if (architecture.bias || !tensor.starts_with("bias"))
          known_.insert(file_->at(recurrent(tensor, layer, d == 1)).name);
  for (const TensorView& tensor : file_->tensors())
    if (is_recurrent(tensor.name) && !known_.contains(tensor.name)) unknown(tensor);
}

std::string StateDict::find_head() const {
  std::set<std::string> modules;
  for (const TensorView& tensor : file_->tensors()) {
    if (known_.contains(tensor.name) || !is_parameter(tensor.name)) continue;
    const std::string_view module = module_of(tensor.name);
    const std::string_view own = last_name(tensor.name);
    if (module.empty() || (own != "weight" && own != "bias")) unknown(tensor);
    modules.emplace(module.substr(0, module.size() - 1));
  }
  if (modules.size() > 1)
    throw InvalidArgument(file_->label() + ": expected one linear head besides the recurrent " +
                          "layers, found parameters of several modules: " +
                          quoted_list({modules.begin(), modules.end()}) +
                          "; name the head to ignore the others");
  return modules.empty() ? "" : *modules.begin();
}

void StateDict::unknown(const TensorView& tensor) const {
  throw InvalidArgument(
      file_->label() + ": tensor '" + tensor.name + "' of shape " + shape_text(tensor.shape) +
      " is not known: expected the names of torch.nn.LSTM, GRU or RNN with layers numbered from 0 "
      "without a gap, and weight and bias of one linear head");
}

const TensorShape& StateDict::matrix_shape(const std::string& name,
                                           const std::string& expected) const {
  const TensorView& tensor = file_->at(name);
  if (tensor.shape.size() != 2 || tensor.shape[0] == 0 || tensor.shape[1] == 0)
    throw InvalidArgument(file_->label() + ": tensor '" + name + "': expected shape " + expected +
                          ", found " + shape_text(tensor.shape));
  return tensor.shape;
}

std::vector<double> StateDict::take(const std::string& name,
                                    std::initializer_list<Index> shape) const {
  const TensorView& tensor = file_->at(name, TensorShape(shape.begin(), shape.end()));
  constexpr ElementType floating[] = {ElementType::F64, ElementType::F32, ElementType::F16,
                                      ElementType::BF16};
  if (std::find(std::begin(floating), std::end(floating), tensor.type) == std::end(floating))
    throw InvalidArgument(file_->label() + ": tensor '" + name +
                          "': expected type F64, F32, F16 or BF16, found " +
                          std::string(element_type_name(tensor.type)));
  file_->require_finite(tensor);
  return to_vector<double>(tensor);
}

/// Whether a name looks like one of this recurrent module's, right or wrong.
bool StateDict::is_recurrent(std::string_view name) const {
  if (module_of(name) != prefix_) return false;
  const std::string_view own = last_name(name);
  return own.starts_with("weight_") || own.starts_with("bias_");
}

}  // namespace flashrnn
