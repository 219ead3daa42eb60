// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
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

/// The same text piece by piece. A plan of embedded kernels needs no more than its key, and memory
/// that nothing has touched yet would take several times as long as reading. A piece is valid until
/// `take` returns.
using TakePiece = std::function<void(std::string_view piece)>;
void join_sources(std::string_view program, const std::vector<Source>& sources,
                  const TakePiece& take);

/// A program that is still in its parts.
struct Program {
  std::string lines;                ///< that name the tile and instantiate the kernel
  std::vector<Source> sources;      ///< what they may include
  std::string kernel;               ///< its name, which says in a profiler what runs
  std::string arrange_kernel = {};  ///< of one that puts R in order for it; empty: none

  std::string text() const { return join_sources(lines, sources); }
};

}  // namespace flashrnn::cuda
