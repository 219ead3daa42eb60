// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/cells/slstm.hpp"

#include "instantiate_kernels.hpp"

namespace flashrnn::host {
FLASHRNN_INSTANTIATE_KERNELS(Slstm)
}  // namespace flashrnn::host
