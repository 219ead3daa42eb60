// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "constrint/model.hpp"
#include "names.hpp"
#include "recycler.hpp"

namespace constrint::detail {

/// What a node computes. Numbers come first, truth values (0 or 1) after `equal`.
enum class Op : std::uint8_t {
  constant,       // value
  variable,       // a: index of the variable
  negate,         // -a
  add,            // a + b
  subtract,       // a - b
  multiply,       // a * b
  divide,         // floor(a / b)
  modulo,         // a - b * floor(a / b)
  power,          // a ^ value
  minimum,        // min(a, b)
  maximum,        // max(a, b)
  absolute,       // abs(a)
  equal,          // a == b
  not_equal,      // a != b
  less,           // a < b
  less_equal,     // a <= b
  greater,        // a > b
  greater_equal,  // a >= b
  in_list,        // a is one of pool[b .. b + value)
  in_range,       // pool[b] <= a <= pool[b + 1]
  logical_not,    // not a
  logical_and,    // a and b
  logical_or,     // a or b
  implies,        // a -> b
};

constexpr bool is_condition(Op op) {
  return op >= Op::equal;
}
/// Whether b is a child node.
constexpr bool is_binary(Op op) {
  return (op >= Op::add && op <= Op::modulo) || op == Op::minimum || op == Op::maximum ||
         (op >= Op::equal && op <= Op::greater_equal) || op >= Op::logical_and;
}
constexpr bool is_leaf(Op op) {
  return op <= Op::variable;
}

/// One node of an expression. Children stand before their parents in ModelData::nodes.
struct Node {
  std::int64_t value = 0;
  std::int32_t a = 0;
  std::int32_t b = 0;
  Op op = Op::constant;
};

struct VariableData {
  NameTable::Place name;
  std::int32_t node = 0;
  bool declared = false;  // a statement gives it a domain, so the default domain does not apply
};

struct Statement {
  std::int32_t root = 0;
  std::int32_t first = -1;  // nodes [first, root] hold all that it reads but variables; -1: unknown
  std::int32_t text = -1;   // index into texts, -1 if built in C++
  std::uint32_t line = 0;
  std::uint32_t begin = 0;  // extent in the text
  std::uint32_t end = 0;
};

struct PreferenceData {
  std::int32_t variable = 0;
  Preference preference = Preference::smallest;
};

struct Objective {
  std::int32_t root = 0;
  bool maximize = false;
};

struct Text {
  std::string name;
  RecyclingVector<char> source;  // with zeros behind it, as the lexer needs
  std::size_t size = 0;          // without them
  [[nodiscard]] std::string_view text() const { return {source.data(), size}; }
};

struct ModelData : Recycled {
  RecyclingVector<Node> nodes;
  RecyclingVector<std::int64_t> pool;
  RecyclingVector<VariableData> variables;
  NameTable names;
  RecyclingVector<Statement> statements;
  RecyclingVector<PreferenceData> preferences;
  RecyclingVector<Objective> objectives;
  RecyclingVector<Text> texts;

  [[nodiscard]] std::string_view name(std::size_t variable) const {
    return names.text(variables[variable].name);
  }
  /// Index of the variable of this name, created with the default domain if there is none.
  std::int32_t intern(std::string_view name) {
    const std::uint64_t hash = hash_name(name);
    const std::int32_t known = names.find(name, hash);
    return known >= 0 ? known : add_variable(name, hash);
  }
  /// Index of the variable of this name, or -1.
  [[nodiscard]] std::int32_t find(std::string_view name) const {
    return names.find(name, hash_name(name));
  }

  std::int32_t add_constant(std::int64_t value) { return add_node(Op::constant, 0, 0, value); }
  std::int32_t add_node(Op op, std::int32_t a, std::int32_t b = 0, std::int64_t value = 0) {
    nodes.push_back({value, a, b, op});
    return static_cast<std::int32_t>(nodes.size() - 1);
  }
  /// Adds the node, or a constant where the operands are constants and the result fits in 64 bits.
  std::int32_t add_folded(Op op, std::int32_t a, std::int32_t b) {
    const Op other = nodes[static_cast<std::size_t>(is_binary(op) ? b : a)].op;
    const bool constants = nodes[static_cast<std::size_t>(a)].op == Op::constant &&
                           other == Op::constant && !is_condition(op);
    return constants ? fold(op, a, b) : add_node(op, a, b);
  }
  /// Adds `a in {values}`, sorted and each once.
  std::int32_t add_in_list(std::int32_t a, std::span<const std::int64_t> values);
  /// The same with the values that stand in the pool from `offset` on; ascending: as they are, each
  /// once.
  std::int32_t add_in_pool(std::int32_t a, std::size_t offset, bool ascending) {
    if (!ascending) sort_pool(offset);
    return add_node(Op::in_list, a, static_cast<std::int32_t>(offset),
                    static_cast<std::int64_t>(pool.size() - offset));
  }
  std::int32_t add_in_range(std::int32_t a, std::int64_t low, std::int64_t high);
  /// Adds a statement, and marks a variable as declared where the statement is a domain.
  void add_statement(const Statement& statement);

 private:
  void sort_pool(std::size_t offset);
  std::int32_t add_variable(std::string_view name, std::uint64_t hash);
  std::int32_t fold(Op op, std::int32_t a, std::int32_t b);
};

/// The words that cannot be names.
bool is_reserved(std::string_view word);

/// The language's form of one node's expression.
std::string print_expression(const ModelData& model, std::int32_t root);

}  // namespace constrint::detail
