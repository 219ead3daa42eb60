// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "flashrnn/recurrence/native_cell.hpp"
#include "jit/sources.hpp"

namespace flashrnn::cuda {

/// A cell as a text that kernels are compiled from.
struct CellText {
  std::string type;    ///< "flashrnn::Lstm"
  std::string header;  ///< the name of its header, as kernels include it
};

/// The text of a built-in cell; empty type if there is none of that name.
CellText built_in_cell_text(const std::string& name);

}  // namespace flashrnn::cuda
