// SPDX-License-Identifier: Apache-2.0
#include "exact.hpp"

#include <algorithm>

namespace constrint::detail {

ExactValue evaluate_node(const ModelData& model, const Node& node,
                         std::span<const std::int64_t> values,
                         const std::vector<ExactValue>& results) {
  if (node.op == Op::constant) return {node.value, Exactness::exact};
  if (node.op == Op::variable) {
    return {values[static_cast<std::size_t>(node.a)], Exactness::exact};
  }
  ExactValue left = results[static_cast<std::size_t>(node.a)];
  const ExactValue right =
      is_binary(node.op) ? results[static_cast<std::size_t>(node.b)] : ExactValue{};
  left.exactness = std::max(left.exactness, right.exactness);
  if (left.exactness != Exactness::exact) return left;
  ExactValue result;
  const std::int64_t* pool = model.pool.data() + node.b;
  switch (node.op) {
    case Op::power:
      if (!power_exact(left.value, node.value, result.value)) {
        result.exactness = Exactness::overflow;
      }
      break;
    case Op::in_list: {
      const auto found = std::lower_bound(pool, pool + node.value, left.value);
      result.value = found != pool + node.value && *found == left.value;
      break;
    }
    case Op::in_range:
      result.value = pool[0] <= left.value && left.value <= pool[1];
      break;
    default:
      result.exactness = apply_exact(node.op, left.value, right.value, result.value);
  }
  return result;
}

void evaluate_all(const ModelData& model, std::span<const std::int64_t> values,
                  std::vector<ExactValue>& results) {
  results.resize(model.nodes.size());
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    results[i] = evaluate_node(model, model.nodes[i], values, results);
  }
}

}  // namespace constrint::detail
