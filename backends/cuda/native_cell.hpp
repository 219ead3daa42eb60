// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "flashrnn/problem.hpp"
#include "flashrnn/recurrence/native_cell.hpp"
#include "jit/sources.hpp"

namespace flashrnn::cuda {

/// A cell as a text that kernels are compiled from.
struct CellText {
  std::string type;    ///< "flashrnn::Lstm"; empty if there is no text
  std::string header;  ///< the name of its header, as kernels include it
  std::string own;     ///< the header's text, if it is not one of the library's
  std::string reason;  ///< why there is no text
};

/// The text of a built-in cell, or of a user's whose `file` can be read here.
CellText cell_text(const NativeCell& cell);

/// Everything that a program with this cell may include; refers to `text`.
std::vector<Source> sources_with(const CellText& text);

/// The cell with what backward reads for the problem's options.
NativeCell with_options(const NativeCell& cell, const Problem& problem);

}  // namespace flashrnn::cuda
