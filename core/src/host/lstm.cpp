// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/cells/lstm.hpp"

#include "instantiate_kernels.hpp"

namespace flashrnn::host {
FLASHRNN_INSTANTIATE_KERNELS(Lstm)
}  // namespace flashrnn::host
