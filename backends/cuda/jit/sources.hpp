// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace flashrnn::cuda {

/// A file that kernels are made of: the name by which others include it, and its text. Both belong
/// to someone else.
struct Source {
  std::string_view name;
  std::string_view text;
};

/// The kernels' and the cells' files, as they were when the library was built.
const std::vector<Source>& embedded_sources();

/// `program` with every include of one of `sources` replaced by its text, once each, and `#line`
/// directives so that messages and profilers name the file and line that a person would open. An
/// include is looked for beside the including file first, then by its full name; one that is found
/// nowhere is left to the compiler, which will name it.
std::string join_sources(std::string_view program, const std::vector<Source>& sources);

}  // namespace flashrnn::cuda
