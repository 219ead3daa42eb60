// SPDX-License-Identifier: Apache-2.0
// The values of an expression, from the points of its variables' domains.
#include <algorithm>

#include "arithmetic.hpp"
#include "propagator.hpp"

namespace constrint::detail {

namespace {

constexpr std::uint64_t kPoints = 4096;  // most points that are tried for one image

struct Value {
  Int128 value = 0;
  Exactness exactness = Exactness::exact;
};

}  // namespace

void Propagator::collect_cone(std::int32_t id, RecyclingVector<std::int32_t>& variables,
                              RecyclingVector<std::int32_t>& gates) const {
  RecyclingVector<std::int32_t> open{id};
  while (!open.empty()) {
    const std::int32_t at = open.back();
    open.pop_back();
    RecyclingVector<std::int32_t>& seen = is_variable(at) ? variables : gates;
    if (std::ranges::find(seen, at) != seen.end()) continue;
    seen.push_back(at);
    if (is_variable(at) || is_leaf(gate(at).op)) continue;
    open.push_back(gate(at).a);
    if (is_binary(gate(at).op)) open.push_back(gate(at).b);
  }
  std::ranges::sort(gates);  // children stand before their parents
}

bool Propagator::take_image(std::int32_t expression, std::int32_t variable) {
  RecyclingVector<std::int32_t> variables;
  RecyclingVector<std::int32_t> gates;
  collect_cone(expression, variables, gates);
  if (std::ranges::find(variables, variable) != variables.end()) return true;
  Uint128 points = 1;
  for (const std::int32_t v : variables) {
    points *= domains_[static_cast<std::size_t>(v)].size();
    if (points > kPoints) return true;
  }
  for (const std::int32_t g : gates) {
    if (is_condition(gate(g).op)) return true;
  }
  RecyclingVector<std::int64_t> image;
  RecyclingVector<Value> of_gates(gates.size());
  RecyclingVector<std::int64_t> of_variables(variables.size());
  const auto value_of = [&](std::int32_t id) -> Value {
    const auto& ids = is_variable(id) ? variables : gates;
    const auto place = static_cast<std::size_t>(std::ranges::find(ids, id) - ids.begin());
    return is_variable(id) ? Value{of_variables[place]} : of_gates[place];
  };
  for (std::uint64_t point = 0; point < static_cast<std::uint64_t>(points); ++point) {
    std::uint64_t rest = point;
    for (std::size_t i = 0; i < variables.size(); ++i) {
      const Domain& domain = domains_[static_cast<std::size_t>(variables[i])];
      const auto size = static_cast<std::uint64_t>(domain.size());
      of_variables[i] = domain.at(rest % size);
      rest /= size;
    }
    for (std::size_t i = 0; i < gates.size(); ++i) {
      const Gate& own = gate(gates[i]);
      Value& result = of_gates[i];
      result = {own.value};
      if (own.op == Op::constant) continue;
      const Value a = value_of(own.a);
      const Value b = is_binary(own.op) ? value_of(own.b) : Value{};
      result = {0, std::max(a.exactness, b.exactness)};
      if (result.exactness != Exactness::exact) continue;
      if (own.op == Op::power) {
        if (!power_exact(a.value, own.value, result.value)) result.exactness = Exactness::overflow;
      } else {
        result.exactness = apply_exact(own.op, a.value, b.value, result.value);
      }
    }
    const Value result = value_of(expression);
    if (result.exactness == Exactness::overflow) return true;
    // Where the expression has no value, or one that no variable has, the statement is false.
    if (result.exactness == Exactness::undefined) continue;
    if (saturate(result.value) == result.value) {
      image.push_back(static_cast<std::int64_t>(result.value));
    }
  }
  std::ranges::sort(image);
  image.erase(std::unique(image.begin(), image.end()), image.end());
  Domain domain = domains_[static_cast<std::size_t>(variable)];
  domain.restrict_to_list(image, arena_);
  return commit(variable, domain);
}

}  // namespace constrint::detail
