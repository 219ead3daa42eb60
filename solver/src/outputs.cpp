// SPDX-License-Identifier: Apache-2.0
#include "outputs.hpp"

#include <algorithm>

#include "arithmetic.hpp"

namespace constrint::detail {

OutputProgram::OutputProgram(const Graph& graph) : levels_(graph.levels()) {
  // Without a free variable there is no level to store at; a search does for such parts.
  exact_ = !levels_.empty();
  if (!exact_) return;
  std::vector<std::uint8_t> needed(graph.gates().size(), 0);
  for (const Graph::Output& output : graph.outputs())
    needed[static_cast<std::size_t>(output.gate)] = 1;
  for (std::size_t g = graph.gates().size(); g-- > graph.model().variables.size();) {
    const Gate& gate = graph.gates()[g];
    if (needed[g] == 0 || gate.op == Op::constant) continue;
    needed[static_cast<std::size_t>(gate.a)] = 1;
    if (is_binary(gate.op)) needed[static_cast<std::size_t>(gate.b)] = 1;
    const Interval range = evaluate(graph.circuit(), gate);
    // A gate of constants alone is left only where its value leaves 64 bits.
    const bool constant = graph.level(static_cast<std::int32_t>(g)) < 0;
    exact_ = exact_ && !constant && range.low != kMinusInfinity && range.high != kInfinity;
  }
  if (!exact_) return;
  std::vector<std::int32_t> reg(graph.gates().size(), -1);
  for (std::size_t l = 0; l < graph.levels(); ++l) {
    levels_[l].reg = static_cast<std::int32_t>(registers_++);
    reg[static_cast<std::size_t>(graph.variable(l).variable)] = levels_[l].reg;
  }
  initial_.resize(registers_);
  for (std::size_t g = 0; g < graph.gates().size(); ++g) {
    const Gate& gate = graph.gates()[g];
    if (needed[g] == 0 || gate.op == Op::variable) continue;
    reg[g] = static_cast<std::int32_t>(registers_++);
    initial_.push_back(gate.op == Op::constant ? gate.value : 0);
    if (gate.op == Op::constant) continue;
    Step step;
    step.op = gate.op;
    step.target = reg[g];
    step.a = reg[static_cast<std::size_t>(gate.a)];
    if (is_binary(gate.op)) step.b = reg[static_cast<std::size_t>(gate.b)];
    step.value = gate.value;
    if (gate.op == Op::in_list || gate.op == Op::in_range) {
      step.pool = static_cast<std::int32_t>(pool_.size());
      const std::int64_t* pool = graph.model().pool.data() + gate.b;
      pool_.insert(pool_.end(), pool, pool + (gate.op == Op::in_list ? gate.value : 2));
    }
    levels_[static_cast<std::size_t>(graph.level(static_cast<std::int32_t>(g)))].steps.push_back(
        step);
  }
  for (const Graph::Output& output : graph.outputs()) {
    const int level = std::max(0, graph.level(output.gate));
    levels_[static_cast<std::size_t>(level)].stores.push_back(
        {output.variable, reg[static_cast<std::size_t>(output.gate)]});
  }
  find_readers(graph);
}

OutputProgram::OutputProgram(std::size_t levels)
    : levels_(levels), initial_(levels, 0), registers_(levels) {
  for (std::size_t l = 0; l < levels; ++l) {
    levels_[l].reg = static_cast<std::int32_t>(l);
    levels_[l].last_reader = l;
  }
}

void OutputProgram::find_readers(const Graph& graph) {
  std::vector<std::size_t> reader(graph.gates().size(), 0);
  for (const Graph::Output& output : graph.outputs()) {
    std::size_t& own = reader[static_cast<std::size_t>(output.gate)];
    own = std::max(own, static_cast<std::size_t>(std::max(0, graph.level(output.gate))));
  }
  for (std::size_t g = reader.size(); g-- > graph.model().variables.size();) {
    const Gate& gate = graph.gates()[g];
    if (gate.op == Op::constant || reader[g] == 0) continue;
    const auto pass = [&](std::int32_t operand) {
      std::size_t& own = reader[static_cast<std::size_t>(operand)];
      own = std::max(own, reader[g]);
    };
    pass(gate.a);
    if (is_binary(gate.op)) pass(gate.b);
  }
  for (std::size_t l = 0; l < levels_.size(); ++l) {
    levels_[l].last_reader =
        std::max(l, reader[static_cast<std::size_t>(graph.variable(l).variable)]);
  }
}

bool OutputProgram::defines(std::size_t variable) const {
  for (const Level& level : levels_) {
    for (const Store& store : level.stores) {
      if (static_cast<std::size_t>(store.variable) == variable) return true;
    }
  }
  return false;
}

void OutputProgram::run(std::size_t l, std::int64_t value, std::int64_t* registers,
                        std::int64_t* row) const {
  const Level& level = levels_[l];
  registers[level.reg] = value;
  for (const Step& step : level.steps) {
    const std::int64_t a = registers[step.a];
    const std::int64_t b = registers[step.b];
    std::int64_t& target = registers[step.target];
    switch (step.op) {
      case Op::add:
        target = a + b;
        break;
      case Op::multiply:
        target = a * b;
        break;
      case Op::divide:
        target = floor_divide(a, b);
        break;
      case Op::modulo:
        target = floor_modulo(a, b);
        break;
      case Op::in_range:
        target = a >= pool_[static_cast<std::size_t>(step.pool)] &&
                 a <= pool_[static_cast<std::size_t>(step.pool) + 1];
        break;
      case Op::in_list: {
        const auto begin = pool_.begin() + step.pool;
        target = std::binary_search(begin, begin + step.value, a);
        break;
      }
      default: {
        Int128 wide = 0;
        if (step.op == Op::power) {
          power_exact(a, step.value, wide);
        } else {
          apply_exact(step.op, a, b, wide);
        }
        target = static_cast<std::int64_t>(wide);
      }
    }
  }
  for (const Store& store : level.stores) row[store.variable] = registers[store.reg];
}

}  // namespace constrint::detail
