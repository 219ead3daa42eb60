// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace flashrnn::bench {

/// What `flashrnn compare` was asked for.
struct CompareOptions {
  std::vector<std::string> files;
  std::string html, picture;  ///< empty: none
  double fail_above = 0;      ///< 0: no gate
  bool any_device = false;
};

/// Prints the comparison and writes what was asked for; false if the gate finds a regression.
/// @throws InvalidArgument for files that are wrong or cannot be compared.
[[nodiscard]] bool compare_files(const CompareOptions& options);

}  // namespace flashrnn::bench
