// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>

#include "layers_support.hpp"

namespace flashrnn::test {

/// A state_dict as it stands in a file.
struct HostTensor {
  TensorShape shape;
  std::vector<double> values;
};
using Tensors = std::map<std::string, HostTensor>;

/// Small integers, exact in every floating type.
inline HostTensor counted(const TensorShape& shape) {
  HostTensor tensor{shape, std::vector<double>(static_cast<std::size_t>(element_count(shape)))};
  for (std::size_t n = 0; n < tensor.values.size(); ++n)
    tensor.values[n] = static_cast<double>(n % 17) - 8;
  return tensor;
}

/// The four tensors of a layer in one direction; `suffix` such as "_l0_reverse".
inline void add_recurrence(Tensors& tensors, const std::string& prefix, Index gates, Index inputs,
                           Index hidden, const std::string& suffix) {
  tensors[prefix + "weight_ih" + suffix] = counted({gates * hidden, inputs});
  tensors[prefix + "weight_hh" + suffix] = counted({gates * hidden, hidden});
  tensors[prefix + "bias_ih" + suffix] = counted({gates * hidden});
  tensors[prefix + "bias_hh" + suffix] = counted({gates * hidden});
}
inline void add_head(Tensors& tensors, const std::string& name, Index outputs, Index inputs) {
  tensors[name + ".weight"] = counted({outputs, inputs});
  tensors[name + ".bias"] = counted({outputs});
}

/// One LSTM layer of 3 units over 2 features.
inline Tensors lstm_tensors(const std::string& prefix = "") {
  Tensors tensors;
  add_recurrence(tensors, prefix, 4, 2, 3, "_l0");
  return tensors;
}

inline SafetensorsFile file_of(const Tensors& tensors, ElementType type = ElementType::F64) {
  SafetensorsWriter writer;
  for (const auto& [name, tensor] : tensors)
    writer.add<double>(name, type, tensor.shape, tensor.values);
  return SafetensorsFile::parse(writer.serialize(), "model.safetensors");
}

}  // namespace flashrnn::test
