// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "constrint/options.hpp"
#include "propagator.hpp"

namespace constrint::detail {

/// Compiles the statements of a model into a propagator and narrows all domains by them, before any
/// search. `left_out`: statements to ignore (by index), or empty. False if that shows that there is
/// no solution.
bool propagate_root(Propagator& propagator, std::span<const Assumption> assumptions,
                    const std::vector<bool>& left_out = {});

}  // namespace constrint::detail
