// SPDX-License-Identifier: Apache-2.0
#include "embedded_tilings.hpp"

namespace flashrnn::cuda {

void use_embedded_tilings() {
  [[maybe_unused]] static const bool told = [] {
    know_tilings(embedded_tilings());
    return true;
  }();
}

}  // namespace flashrnn::cuda
