// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "constrint/options.hpp"
#include "limits.hpp"
#include "order.hpp"

namespace constrint::detail {

/// Branch and bound: the best solution by the objectives in their order, the first in `order` among
/// equals, in `values`. limit: values holds the best found so far, or is empty.
Status optimize_model(const ModelData& model, const Options& options, const VariableOrder& order,
                      Limits& limits, std::vector<std::int64_t>& values);

}  // namespace constrint::detail
