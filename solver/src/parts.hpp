// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "graph.hpp"

namespace constrint::detail {

/// One independent part of a problem: its variables in preferred order without the defined ones,
/// and its constraints.
struct Part {
  VariableOrder variables;  // all, in preferred order
  VariableOrder free;
  std::vector<Definition> definitions;
  std::vector<std::int32_t> constraints;  // indices into the circuit
};

/// Splits what root propagation left over. Fixed variables are in no part.
std::vector<Part> split_parts(const Propagator& root, const VariableOrder& order);

/// The same part with its variables in another order: those with long domains come after the ones
/// that an equality computes them from, so that they are defined and need no level of their own.
/// For parts that have no usable levels in the preferred order.
Part solved_order(const Propagator& root, const Part& part);

/// An order of the part's free variables that keeps the states between levels few: for counting,
/// where the order of solutions does not matter.
VariableOrder counting_order(const Propagator& root, const Part& part);

}  // namespace constrint::detail
