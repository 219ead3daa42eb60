// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace flashrnn::cuda {

/// Machine code that is part of the library.
struct EmbeddedCubin {
  std::string_view key;  ///< program_key() of what it was compiled from
  std::string_view code;
};

/// What embed_cubins compiled when the library was built; in order of their keys. Empty in a
/// program that was built without (no_embedded_cubins.cpp).
const std::vector<EmbeddedCubin>& embedded_cubins();

}  // namespace flashrnn::cuda
