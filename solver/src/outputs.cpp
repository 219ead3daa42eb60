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
    levels_[l].variable = graph.variable(l).variable;
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
}

OutputProgram::OutputProgram(std::size_t levels)
    : levels_(levels), initial_(levels, 0), registers_(levels) {
  for (std::size_t l = 0; l < levels; ++l) {
    levels_[l].reg = static_cast<std::int32_t>(l);
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

namespace {

template <class F>
void each(const std::int64_t* a, const std::int64_t* b, std::int64_t* target, std::size_t count,
          F f) {
  for (std::size_t i = 0; i < count; ++i) target[i] = f(a[i], b[i]);
}

}  // namespace

void OutputProgram::apply(const Step& step, const std::int64_t* a, const std::int64_t* b,
                          std::int64_t* target, std::size_t count) const {
  using I = std::int64_t;
  const I* pool = pool_.data() + step.pool;
  switch (step.op) {
    case Op::add:
      return each(a, b, target, count, [](I x, I y) { return x + y; });
    case Op::multiply:
      return each(a, b, target, count, [](I x, I y) { return x * y; });
    case Op::divide:
      return each(a, b, target, count, [](I x, I y) { return floor_divide(x, y); });
    case Op::modulo:
      return each(a, b, target, count, [](I x, I y) { return floor_modulo(x, y); });
    case Op::in_range:
      return each(a, b, target, count, [=](I x, I) { return I{x >= pool[0] && x <= pool[1]}; });
    case Op::in_list:
      return each(a, b, target, count,
                  [&](I x, I) { return I{std::binary_search(pool, pool + step.value, x)}; });
    default:
      return each(a, b, target, count, [&](I x, I y) {
        Int128 wide = 0;
        if (step.op == Op::power) {
          power_exact(x, step.value, wide);
        } else {
          apply_exact(step.op, x, y, wide);
        }
        return static_cast<I>(wide);
      });
  }
}

void OutputProgram::run(std::size_t l, std::int64_t value, std::int64_t* registers,
                        std::int64_t* row) const {
  const Level& level = levels_[l];
  registers[level.reg] = value;
  for (const Step& step : level.steps) {
    apply(step, registers + step.a, registers + step.b, registers + step.target, 1);
  }
  for (const Store& store : level.stores) row[store.variable] = registers[store.reg];
}

void OutputProgram::fill_columns(std::int64_t* rows, std::size_t width, std::size_t count) const {
  constexpr std::size_t kBlock = 64;
  if (std::ranges::none_of(levels_, [](const Level& level) { return !level.stores.empty(); })) {
    return;
  }
  std::vector<std::int64_t> registers(registers_ * kBlock);
  const auto column = [&](std::int32_t reg) {
    return registers.data() + static_cast<std::size_t>(reg) * kBlock;
  };
  for (std::size_t r = 0; r < initial_.size(); ++r) {
    std::fill_n(column(static_cast<std::int32_t>(r)), kBlock, initial_[r]);
  }
  // Most variables are read by nothing that is computed.
  std::vector<std::uint8_t> read(registers_, 0);
  for (const Level& level : levels_) {
    for (const Step& step : level.steps) {
      read[static_cast<std::size_t>(step.a)] = read[static_cast<std::size_t>(step.b)] = 1;
    }
    for (const Store& store : level.stores) read[static_cast<std::size_t>(store.reg)] = 1;
  }
  for (std::size_t begin = 0; begin < count; begin += kBlock) {
    const std::size_t block = std::min(kBlock, count - begin);
    std::int64_t* const out = rows + begin * width;
    for (const Level& level : levels_) {
      std::int64_t* target = column(level.reg);
      const bool is_read = read[static_cast<std::size_t>(level.reg)] != 0;
      for (std::size_t i = 0; is_read && i < block; ++i) {
        target[i] = out[i * width + static_cast<std::size_t>(level.variable)];
      }
      for (const Step& step : level.steps) {
        apply(step, column(step.a), column(step.b), column(step.target), block);
      }
      for (const Store& store : level.stores) {
        const std::int64_t* from = column(store.reg);
        for (std::size_t i = 0; i < block; ++i) {
          out[i * width + static_cast<std::size_t>(store.variable)] = from[i];
        }
      }
    }
  }
}

}  // namespace constrint::detail
