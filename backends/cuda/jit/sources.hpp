// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace flashrnn::cuda {

/// A file that kernels are made of: the name by which others include it, and its text. All belong
/// to someone else.
struct Source {
  std::string_view name;
  std::string_view text;
  std::string_view digest = {};  ///< stands for the text where it counts; empty: the text does
};

/// The kernels' and the cells' files, as they were when the library was built.
const std::vector<Source>& embedded_sources();

/// `program` with every include of one of `sources` replaced by its text, once each, and `#line`
/// directives so that messages and profilers name the file and line that a person would open. An
/// include is looked for beside the including file first, then by its full name; one that is found
/// nowhere is left to the compiler, which will name it.
std::string join_sources(std::string_view program, const std::vector<Source>& sources);

/// A program that is still in its parts.
struct Program {
  std::string lines;                ///< that name the tile and instantiate the kernel
  std::vector<Source> sources;      ///< what they may include
  std::string kernel;               ///< its name, which says in a profiler what runs
  std::string arrange_kernel = {};  ///< of one that puts R in order for it; empty: none

  std::string text() const { return join_sources(lines, sources); }
};

}  // namespace flashrnn::cuda
