// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "arithmetic.hpp"

namespace constrint::detail {

/// A value, or why there is none.
struct ExactValue {
  Int128 value = 0;
  Exactness exactness = Exactness::exact;
};

/// Evaluates every node of a model for one assignment, children first. A division by zero makes all
/// that contains it undefined; an overflow of 127 bits is passed on unless something undefined is
/// there too.
void evaluate_all(const ModelData& model, std::span<const std::int64_t> values,
                  std::vector<ExactValue>& results);

/// Evaluates one node from the results of its children.
ExactValue evaluate_node(const ModelData& model, const Node& node,
                         std::span<const std::int64_t> values,
                         const std::vector<ExactValue>& results);

}  // namespace constrint::detail
