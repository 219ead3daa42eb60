// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/cells/gru.hpp"

#include "instantiate_kernels.hpp"

namespace flashrnn::host {
FLASHRNN_INSTANTIATE_KERNELS(Gru)
}  // namespace flashrnn::host
