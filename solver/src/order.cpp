// SPDX-License-Identifier: Apache-2.0
#include "order.hpp"

namespace constrint::detail {

VariableOrder preferred_order(const ModelData& model) {
  const std::size_t variables = model.variables.size();
  VariableOrder order;
  order.reserve(variables);
  RecyclingVector<std::uint8_t> placed(variables, 0);
  for (const PreferenceData& entry : model.preferences) {
    const auto at = static_cast<std::size_t>(entry.variable);
    if (placed[at] != 0) continue;
    placed[at] = 1;
    order.push_back({entry.variable, entry.preference == Preference::largest});
  }
  for (std::size_t v = 0; v < variables; ++v) {
    if (placed[v] == 0) order.push_back({static_cast<std::int32_t>(v), false});
  }
  return order;
}

RecyclingVector<std::int32_t> independent_parts(const Circuit& circuit, const VariableOrder& order,
                                                std::int32_t& parts) {
  const std::size_t variables = order.size();
  RecyclingVector<std::int32_t> parent(variables);
  for (std::size_t v = 0; v < variables; ++v) parent[v] = static_cast<std::int32_t>(v);
  const auto find = [&parent](std::int32_t v) {
    while (parent[static_cast<std::size_t>(v)] != v) {
      auto& up = parent[static_cast<std::size_t>(v)];
      up = parent[static_cast<std::size_t>(up)];
      v = up;
    }
    return v;
  };
  for (const Constraint& constraint : circuit.constraints) {
    if (!constraint.active || constraint.scope_begin == constraint.scope_end) continue;
    const std::int32_t root = find(circuit.scope[static_cast<std::size_t>(constraint.scope_begin)]);
    for (std::int32_t s = constraint.scope_begin + 1; s < constraint.scope_end; ++s) {
      parent[static_cast<std::size_t>(find(circuit.scope[static_cast<std::size_t>(s)]))] = root;
    }
  }
  RecyclingVector<std::int32_t> number(variables, -1);
  RecyclingVector<std::int32_t> part(variables);
  parts = 0;
  for (const OrderedVariable& entry : order) {
    const auto root = static_cast<std::size_t>(find(entry.variable));
    if (number[root] < 0) number[root] = parts++;
    part[static_cast<std::size_t>(entry.variable)] = number[root];
  }
  return part;
}

}  // namespace constrint::detail
