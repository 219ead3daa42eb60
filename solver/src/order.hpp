// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "circuit.hpp"
#include "recycler.hpp"

namespace constrint::detail {

/// A variable and the end of its domain that comes first.
struct OrderedVariable {
  std::int32_t variable = 0;
  bool largest = false;
};

using VariableOrder = RecyclingVector<OrderedVariable>;

/// All variables in the order that defines the preferred solution: those with a prefer statement by
/// importance, then the others in order of appearance, smallest first.
VariableOrder preferred_order(const ModelData& model);

/// The part of each variable: variables of one number depend on each other through constraints; the
/// numbers are dense and start in the order of `order`. Fixed variables (not in any scope) are
/// parts of their own.
RecyclingVector<std::int32_t> independent_parts(const Circuit& circuit, const VariableOrder& order,
                                                std::int32_t& parts);

}  // namespace constrint::detail
