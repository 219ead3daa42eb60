// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/problem.hpp"
#include "flashrnn/safetensors.hpp"

namespace flashrnn::io {

/// The element type under which a file holds values of a recurrence's data type.
ElementType element_type_of(DataType type);

}  // namespace flashrnn::io
