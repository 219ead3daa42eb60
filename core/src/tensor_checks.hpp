// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/problem.hpp"
#include "flashrnn/tensors.hpp"

namespace flashrnn {

/// Arguments as an engine takes them: every stride set, everything that can be checked checked.
/// @throws InvalidArgument naming the tensor, what was expected and what was found.
ForwardTensors checked(const Problem& problem, const CellDescription& cell,
                       std::size_t reserve_bytes, std::size_t workspace_bytes,
                       ForwardTensors tensors);
BackwardTensors checked(const Problem& problem, const CellDescription& cell,
                        std::size_t reserve_bytes, std::size_t workspace_bytes,
                        BackwardTensors tensors);

}  // namespace flashrnn
