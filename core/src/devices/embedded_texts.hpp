// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace flashrnn {

/// A text file that was built into the library.
struct EmbeddedText {
  std::string_view name;  ///< of the file, without folder and ending
  std::string_view text;
};

/// hardware_models/*.constrint.
std::span<const EmbeddedText> embedded_device_models();
/// The kernels' tiling constraints: tiling/*.constrint of the core and of every backend.
std::span<const EmbeddedText> embedded_kernel_texts();

}  // namespace flashrnn
