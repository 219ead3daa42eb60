// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/model.hpp"

#include <algorithm>

#include "flashrnn/error.hpp"
#include "layers/state_dict.hpp"

namespace flashrnn {
namespace {

/// The cell of a module whose weight_hh has `gates` gates of each unit.
const CellDescription& choose_cell(const StateDict& dict, const ModelOptions& options,
                                   const TensorShape& weight_hh) {
  const std::string where = dict.file().label() + ": tensor '" +
                            dict.recurrent("weight_hh", 0, false) + "' has shape " +
                            shape_text(weight_hh) + "; ";
  const Index gates = weight_hh[0] % weight_hh[1] == 0 ? weight_hh[0] / weight_hh[1] : 0;
  if (options.cell) {
    const CellDescription& cell = find_cell(*options.cell);
    if (gates != cell.recurrent_gates)
      throw InvalidArgument(where + "expected [" + std::to_string(cell.recurrent_gates) +
                            " · hidden, hidden] for the cell " + cell.name);
    return cell;
  }
  switch (gates) {
    case 4:
      return find_cell("lstm");
    case 3:
      return find_cell("gru");
    case 1:
      return find_cell("elman");
    default:
      throw InvalidArgument(where +
                            "expected [gates · hidden, hidden] with 4 gates (LSTM), 3 (GRU) or 1 "
                            "(RNN)");
  }
}

Architecture recurrent_architecture(const StateDict& dict, const ModelOptions& options) {
  // A projected LSTM's weight_hh has other columns than hidden: name the cause, not the symptom.
  const std::string projection = dict.recurrent("weight_hr", 0, false);
  if (dict.has(projection))
    throw InvalidArgument(dict.file().label() + ": tensor '" + projection +
                          "': LSTM with proj_size is not supported; expected a module without it");
  const TensorShape& weight_hh =
      dict.matrix_shape(dict.recurrent("weight_hh", 0, false), "[gates · hidden, hidden]");
  Architecture a;
  a.cell = choose_cell(dict, options, weight_hh).name;
  a.head_dim = weight_hh[1];
  a.input_size =
      dict.matrix_shape(dict.recurrent("weight_ih", 0, false), "[gates · hidden, input]")[1];
  a.bias = dict.has_biases();
  a.layers = 1;
  while (dict.has_layer(a.layers, false) || dict.has_layer(a.layers, true)) ++a.layers;
  for (Index layer = 0; layer < a.layers; ++layer)
    a.bidirectional = a.bidirectional || dict.has_layer(layer, true);
  return a;
}

/// Puts tensors where the layout has them.
class Assembly {
 public:
  Assembly(const StateDict& dict, const Architecture& architecture)
      : dict_(dict), architecture_(architecture), layout_(architecture) {
    parameters_.resize(static_cast<std::size_t>(layout_.size()));
  }

  void recurrence(Index layer, bool reverse) {
    const Index hidden = architecture_.hidden_size();
    const CellDescription& cell = find_cell(architecture_.cell);
    const Index rows = cell.recurrent_gates * hidden;
    place(ParameterLayout::name("W", layer, reverse),
          dict_.take(dict_.recurrent("weight_ih", layer, reverse),
                     {rows, architecture_.input_size_of(layer)}));
    std::vector<double> R =
        dict_.take(dict_.recurrent("weight_hh", layer, reverse), {rows, hidden});
    // torch's r, z, n to g, r, z: gate g is torch's n before its reset gate.
    const bool gru = cell.name == "gru";
    if (gru) std::rotate(R.begin(), R.begin() + 2 * hidden * hidden, R.end());
    place(ParameterLayout::name("R", layer, reverse), R);
    if (!architecture_.bias) return;
    std::vector<double> b = dict_.take(dict_.recurrent("bias_ih", layer, reverse), {rows});
    const std::vector<double> b_hh = dict_.take(dict_.recurrent("bias_hh", layer, reverse), {rows});
    // Both biases of a gate are added to the same sum, except GRU's b_hn, which the reset gate
    // scales: it becomes the bias of gate g, ahead of r, z, n.
    const auto summed = static_cast<std::size_t>(gru ? 2 * hidden : rows);
    for (std::size_t n = 0; n < summed; ++n) b[n] += b_hh[n];
    if (gru) b.insert(b.begin(), b_hh.begin() + 2 * hidden, b_hh.end());
    place(ParameterLayout::name("b", layer, reverse), b);
  }

  void head(const std::string& name) {
    const Index outputs = *architecture_.output_size;
    place("head.W", dict_.take(name + ".weight", {outputs, architecture_.directions() *
                                                               architecture_.hidden_size()}));
    if (architecture_.head_bias) place("head.b", dict_.take(name + ".bias", {outputs}));
  }

  std::vector<double> parameters() && { return std::move(parameters_); }

 private:
  void place(const std::string& name, const std::vector<double>& values) {
    const Parameter& parameter = layout_.at(name);
    if (static_cast<Index>(values.size()) != parameter.size)
      throw InternalError("read_model: " + name + " has " + std::to_string(parameter.size) +
                          " elements, the file's tensors " + std::to_string(values.size()));
    std::copy(values.begin(), values.end(), parameters_.begin() + parameter.offset);
  }

  const StateDict& dict_;
  const Architecture& architecture_;
  ParameterLayout layout_;
  std::vector<double> parameters_;
};

}  // namespace

Model read_model(const SafetensorsFile& file, const ModelOptions& options) {
  StateDict dict(file, options.prefix);
  Model model;
  Architecture& a = model.architecture;
  a = recurrent_architecture(dict, options);
  dict.name_recurrent_tensors(a);
  const std::string head = options.head ? *options.head : dict.find_head();
  if (!head.empty()) {
    a.output_size = dict.matrix_shape(head + ".weight", "[O, directions · hidden]")[0];
    a.head_bias = dict.has(head + ".bias");
  }
  Assembly assembly(dict, a);
  for (Index layer = 0; layer < a.layers; ++layer)
    for (Index d = 0; d < a.directions(); ++d) assembly.recurrence(layer, d == 1);
  if (!head.empty()) assembly.head(head);
  model.parameters = std::move(assembly).parameters();
  return model;
}

Model read_model(const std::filesystem::path& path, const ModelOptions& options) {
  return read_model(SafetensorsFile::read(path), options);
}

}  // namespace flashrnn
