// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <string>

#include "flashrnn/layer.hpp"
#include "flashrnn/network.hpp"

namespace flashrnn {

/// @throws InvalidArgument if `size` is below 1.
void require_positive(const char* name, Index size);

/// The product of positive `sizes`.
/// @throws InvalidArgument naming `tensor` if it is so large that sums of the bytes of several such
/// tensors could not be counted.
Index checked_product(const std::string& tensor, std::initializer_list<Index> sizes);

/// One recurrence of a network, as a layer of its own.
LayerProblem layer_problem(const NetworkProblem& problem, Index layer, Direction direction);

}  // namespace flashrnn
