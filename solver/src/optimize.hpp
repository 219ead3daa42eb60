// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "constrint/options.hpp"
#include "limits.hpp"
#include "order.hpp"

namespace constrint::detail {

/// Branch and bound: the best solution by the objectives in their order, the first in `order` among
/// equals, in `values`. limit: values holds the best found so far, or is empty.
Status optimize_model(const ModelData& model, const Options& options, const VariableOrder& order,
                      Limits& limits, std::vector<std::int64_t>& values);

/// The same search for the best `count` solutions, the best first, in `ranked`: of solutions that
/// agree in the variables `distinct` (none: all of them) only the best. limit: ranked holds the
/// best found so far.
Status rank_solutions(const ModelData& model, const Options& options, const VariableOrder& order,
                      Limits& limits, std::size_t count, std::span<const std::size_t> distinct,
                      std::vector<std::vector<std::int64_t>>& ranked);

}  // namespace constrint::detail
