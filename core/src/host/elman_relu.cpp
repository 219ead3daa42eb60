// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/cells/elman.hpp"

#include "instantiate_kernels.hpp"

namespace flashrnn::host {
FLASHRNN_INSTANTIATE_KERNELS(ElmanRelu)
}  // namespace flashrnn::host
