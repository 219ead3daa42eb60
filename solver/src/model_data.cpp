// SPDX-License-Identifier: Apache-2.0
#include "model_data.hpp"

#include <algorithm>
#include <limits>

#include "arithmetic.hpp"

namespace constrint::detail {

std::int32_t ModelData::add_variable(std::string_view text, std::uint64_t hash) {
  const auto index = static_cast<std::int32_t>(variables.size());
  VariableData data;
  data.name = names.add(text, hash, index);
  data.node = add_node(Op::variable, index);
  variables.push_back(data);
  return index;
}

std::int32_t ModelData::fold(Op op, std::int32_t a, std::int32_t b) {
  const Node& left = nodes[static_cast<std::size_t>(a)];
  const Node& right = nodes[static_cast<std::size_t>(is_binary(op) ? b : a)];
  Int128 result = 0;
  if (apply_exact(op, left.value, right.value, result) == Exactness::exact &&
      result >= std::numeric_limits<std::int64_t>::min() &&
      result <= std::numeric_limits<std::int64_t>::max()) {
    return add_constant(static_cast<std::int64_t>(result));
  }
  return add_node(op, a, b);
}

std::int32_t ModelData::add_in_list(std::int32_t a, std::span<const std::int64_t> values) {
  const std::size_t offset = pool.size();
  pool.insert(pool.end(), values.begin(), values.end());
  return add_in_pool(a, offset, false);
}

void ModelData::sort_pool(std::size_t offset) {
  const auto begin = pool.begin() + static_cast<std::ptrdiff_t>(offset);
  std::sort(begin, pool.end());
  pool.erase(std::unique(begin, pool.end()), pool.end());
}

std::int32_t ModelData::add_in_range(std::int32_t a, std::int64_t low, std::int64_t high) {
  const auto offset = static_cast<std::int32_t>(pool.size());
  pool.push_back(low);
  pool.push_back(high);
  return add_node(Op::in_range, a, offset);
}

void ModelData::add_statement(const Statement& statement) {
  const Node& root = nodes[static_cast<std::size_t>(statement.root)];
  if (root.op == Op::in_list || root.op == Op::in_range) {
    const Node& left = nodes[static_cast<std::size_t>(root.a)];
    if (left.op == Op::variable) variables[static_cast<std::size_t>(left.a)].declared = true;
  }
  statements.push_back(statement);
}

}  // namespace constrint::detail
