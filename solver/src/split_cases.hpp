// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model_data.hpp"

namespace constrint::detail {

/// Rewrites statements with few minima, maxima and magnitudes as one case for each way of choosing
/// their values: where sums cancel, as in max(x - 34, y) >= x, that shows only once it is known
/// which operand counts. The solutions stay the same. False if there is nothing to rewrite.
bool split_cases(ModelData& model);

}  // namespace constrint::detail
