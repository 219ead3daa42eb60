// SPDX-License-Identifier: Apache-2.0
// For programs that carry no machine code: the one that makes it, tests, and libraries built
// without (FLASHRNN_CUDA_EMBEDDED_ARCHITECTURES).
#include "embedded_cubins.hpp"
#include "tiling/embedded_tilings.hpp"

namespace flashrnn::cuda {

const std::vector<EmbeddedCubin>& embedded_cubins() {
  static const std::vector<EmbeddedCubin> none;
  return none;
}

const std::vector<KnownTiling>& embedded_tilings() {
  static const std::vector<KnownTiling> none;
  return none;
}

}  // namespace flashrnn::cuda
