// SPDX-License-Identifier: Apache-2.0
// Constraints that are not statements of a model: objectives, and what is left of a constraint once
// more is known.
#include "circuit.hpp"

namespace constrint::detail {

std::int32_t Compiler::add_objective(std::int32_t root) {
  Constraint constraint;
  constraint.begin = static_cast<std::int32_t>(circuit_.gates.size());
  const std::size_t scope = circuit_.scope.size();
  guards_.clear();
  squares_.clear();
  begin_scope();
  const std::int32_t value = gate_of(build(root));
  constraint.root = gate_of(add_guards(constant(1)));
  constraint.end = static_cast<std::int32_t>(circuit_.gates.size());
  circuit_.scope.resize(scope);
  collect_scope(constraint);
  circuit_.constraints.push_back(constraint);
  return value;
}

bool Compiler::recompile(Constraint& constraint) {
  RecyclingVector<Gate>& gates = circuit_.gates;
  const auto begin = static_cast<std::int32_t>(gates.size());
  const std::int32_t old_begin = constraint.begin;
  const auto length = static_cast<std::size_t>(constraint.end - old_begin);
  make_room(length);
  constraint.scope_begin = static_cast<std::int32_t>(circuit_.scope.size());
  begin_scope();
  const auto moved = [&](std::int32_t id) -> Operand {
    if (id < old_begin) return {id, gates[static_cast<std::size_t>(id)].range};
    return operand_[static_cast<std::size_t>(id - old_begin)];
  };
  for (std::int32_t g = old_begin; g < constraint.end; ++g) {
    const Gate old = gates[static_cast<std::size_t>(g)];
    Operand& target = operand_[static_cast<std::size_t>(g - old_begin)];
    if (old.op == Op::constant) {
      target = constant(old.value);
    } else {
      const bool binary = is_binary(old.op);
      const Operand a = moved(old.a);
      const Operand b = binary ? moved(old.b) : Operand();
      target = gate(old.op, a, b, binary ? 0 : old.b, old.value);
    }
  }
  const Operand top = moved(constraint.root);
  constraint.root = gate_of(top);
  constraint.begin = begin;
  constraint.end = static_cast<std::int32_t>(gates.size());
  constraint.scope_end = static_cast<std::int32_t>(circuit_.scope.size());
  return top.range.low != 1;
}

void Compiler::collect_scope(Constraint& constraint) {
  constraint.scope_begin = static_cast<std::int32_t>(circuit_.scope.size());
  begin_scope();
  read(constraint.root);
  for (std::int32_t g = constraint.begin; g < constraint.end; ++g) {
    const Gate& gate = circuit_.gates[static_cast<std::size_t>(g)];
    if (gate.op == Op::constant) continue;
    read(gate.a);
    if (is_binary(gate.op)) read(gate.b);
  }
  constraint.scope_end = static_cast<std::int32_t>(circuit_.scope.size());
}

}  // namespace constrint::detail
