// SPDX-License-Identifier: Apache-2.0
#include "model_data.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#include "arithmetic.hpp"
#include "names.hpp"

namespace constrint::detail {

namespace {

std::uint32_t tag_of(std::uint64_t hash) {
  return static_cast<std::uint32_t>(hash >> 32);
}

}  // namespace

std::int32_t ModelData::find(std::string_view text) const {
  if (name_table.empty()) return -1;
  const std::size_t mask = name_table.size() - 1;
  const std::uint64_t hash = hash_name(text);
  for (std::size_t slot = hash & mask;; slot = (slot + 1) & mask) {
    const NameEntry& entry = name_table[slot];
    if (entry.index < 0) return -1;
    if (entry.tag == tag_of(hash) && name(static_cast<std::size_t>(entry.index)) == text) {
      return entry.index;
    }
  }
}

void ModelData::reserve_names(std::size_t count) {
  constexpr std::size_t kLeast = 32;
  const std::size_t size = std::bit_ceil(std::max(kLeast, 2 * count + 2));
  if (size <= name_table.size()) return;
  name_table.assign(size, NameEntry());
  for (std::size_t i = 0; i < variables.size(); ++i) {
    const std::uint64_t hash = hash_name(name(i));
    std::size_t slot = hash & (size - 1);
    while (name_table[slot].index >= 0) slot = (slot + 1) & (size - 1);
    name_table[slot] = {tag_of(hash), static_cast<std::int32_t>(i)};
  }
}

std::int32_t ModelData::intern(std::string_view text) {
  if (variables.size() * 2 >= name_table.size()) reserve_names(2 * variables.size());
  const std::size_t mask = name_table.size() - 1;
  const std::uint64_t hash = hash_name(text);
  std::size_t slot = hash & mask;
  for (; name_table[slot].index >= 0; slot = (slot + 1) & mask) {
    const NameEntry& entry = name_table[slot];
    if (entry.tag != tag_of(hash)) continue;
    const std::string_view other = name(static_cast<std::size_t>(entry.index));
    if (other.size() == text.size() && same_name(other.data(), text.data(), text.size())) {
      return entry.index;
    }
  }
  const auto index = static_cast<std::int32_t>(variables.size());
  name_table[slot] = {tag_of(hash), index};
  VariableData data;
  data.name_offset = static_cast<std::uint32_t>(names.size());
  data.name_size = static_cast<std::uint32_t>(text.size());
  names.insert(names.end(), text.begin(), text.end());
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
  return add_in_pool(a, offset);
}

std::int32_t ModelData::add_in_pool(std::int32_t a, std::size_t offset) {
  const auto begin = pool.begin() + static_cast<std::ptrdiff_t>(offset);
  const auto ascending = [](std::int64_t x, std::int64_t y) { return x >= y; };
  if (std::adjacent_find(begin, pool.end(), ascending) != pool.end()) {
    std::sort(begin, pool.end());
    pool.erase(std::unique(begin, pool.end()), pool.end());
  }
  return add_node(Op::in_list, a, static_cast<std::int32_t>(offset),
                  static_cast<std::int64_t>(pool.size() - offset));
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
