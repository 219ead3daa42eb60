// SPDX-License-Identifier: Apache-2.0
#include "model_data.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "arithmetic.hpp"

namespace constrint::detail {

namespace {

// Names are often long and differ in the middle, so every byte counts; sixteen at a time.
std::uint64_t hash_name(std::string_view name) {
  constexpr std::uint64_t kFirst = 0x9E3779B97F4A7C15ULL;
  constexpr std::uint64_t kSecond = 0xD6E8FEB86659FD93ULL;
  const auto load = [](const char* at) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    return word;
  };
  // Both halves of the product of 64 bits by 64 bits.
  const auto mix = [](std::uint64_t a, std::uint64_t b) {
    const Uint128 product = static_cast<Uint128>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  };
  const char* at = name.data();
  const std::size_t size = name.size();
  std::uint64_t hash = size * kFirst;
  if (size >= 8) {
    for (std::size_t left = size; left > 16; left -= 16, at += 16) {
      hash = mix(hash ^ load(at) ^ kFirst, load(at + 8) ^ kSecond);
    }
    // The last words overlap what was hashed: no harm.
    const char* const end = name.data() + size;
    return mix(hash ^ load(size >= 16 ? end - 16 : name.data()) ^ kFirst, load(end - 8) ^ kSecond);
  }
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < size; ++i) word = (word << 8) | static_cast<unsigned char>(at[i]);
  return mix(hash ^ kFirst, word ^ kSecond);
}

}  // namespace

std::int32_t ModelData::find(std::string_view text) const {
  if (name_table.empty()) return -1;
  const std::size_t mask = name_table.size() - 1;
  for (std::size_t slot = hash_name(text) & mask;; slot = (slot + 1) & mask) {
    const std::int32_t index = name_table[slot];
    if (index < 0) return -1;
    if (name(static_cast<std::size_t>(index)) == text) return index;
  }
}

void ModelData::grow_table() {
  const std::size_t size = std::max<std::size_t>(128, name_table.size() * 2);
  name_table.assign(size, -1);
  for (std::size_t i = 0; i < variables.size(); ++i) {
    std::size_t slot = hash_name(name(i)) & (size - 1);
    while (name_table[slot] >= 0) slot = (slot + 1) & (size - 1);
    name_table[slot] = static_cast<std::int32_t>(i);
  }
}

std::int32_t ModelData::intern(std::string_view text) {
  if (variables.size() * 2 >= name_table.size()) grow_table();
  const std::size_t mask = name_table.size() - 1;
  std::size_t slot = hash_name(text) & mask;
  for (; name_table[slot] >= 0; slot = (slot + 1) & mask) {
    const std::int32_t index = name_table[slot];
    if (name(static_cast<std::size_t>(index)) == text) return index;
  }
  const auto index = static_cast<std::int32_t>(variables.size());
  name_table[slot] = index;
  VariableData data;
  data.name_offset = static_cast<std::uint32_t>(names.size());
  data.name_size = static_cast<std::uint32_t>(text.size());
  names.append(text);
  data.node = add_node(Op::variable, index);
  variables.push_back(data);
  return index;
}

std::int32_t ModelData::add_folded(Op op, std::int32_t a, std::int32_t b) {
  const Node& left = nodes[static_cast<std::size_t>(a)];
  const Node& right = nodes[static_cast<std::size_t>(is_binary(op) ? b : a)];
  if (left.op == Op::constant && right.op == Op::constant && !is_condition(op)) {
    Int128 result = 0;
    if (apply_exact(op, left.value, right.value, result) == Exactness::exact &&
        result >= std::numeric_limits<std::int64_t>::min() &&
        result <= std::numeric_limits<std::int64_t>::max()) {
      return add_constant(static_cast<std::int64_t>(result));
    }
  }
  return add_node(op, a, b);
}

std::int32_t ModelData::add_in_list(std::int32_t a, std::span<const std::int64_t> values) {
  const std::size_t offset = pool.size();
  pool.insert(pool.end(), values.begin(), values.end());
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

void ModelData::add_statement(Statement statement) {
  const Node& root = nodes[static_cast<std::size_t>(statement.root)];
  if (root.op == Op::in_list || root.op == Op::in_range) {
    const Node& left = nodes[static_cast<std::size_t>(root.a)];
    if (left.op == Op::variable) variables[static_cast<std::size_t>(left.a)].declared = true;
  }
  statements.push_back(statement);
}

}  // namespace constrint::detail
