// SPDX-License-Identifier: Apache-2.0
#include "native_cell.hpp"

namespace flashrnn::cuda {

CellText built_in_cell_text(const std::string& name) {
  if (name == "elman") return {"flashrnn::Elman", "flashrnn/cells/elman.hpp"};
  if (name == "elman_relu") return {"flashrnn::ElmanRelu", "flashrnn/cells/elman.hpp"};
  if (name == "gru") return {"flashrnn::Gru", "flashrnn/cells/gru.hpp"};
  if (name == "lstm") return {"flashrnn::Lstm", "flashrnn/cells/lstm.hpp"};
  if (name == "slstm") return {"flashrnn::Slstm", "flashrnn/cells/slstm.hpp"};
  return {};
}

}  // namespace flashrnn::cuda
