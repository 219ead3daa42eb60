// SPDX-License-Identifier: Apache-2.0
#include "schedule.hpp"

#include <algorithm>
#include <utility>

#include "schedule_planner.hpp"

namespace constrint::detail {

void Planner::run() {
  mark_needed();
  if (!schedule_.possible) return;
  find_last_use();
  gates_.resize(graph_.levels());
  for (std::size_t g = graph_.model().variables.size(); g < graph_.gates().size(); ++g) {
    const auto id = static_cast<std::int32_t>(g);
    const int level = graph_.level(id);
    if (needed_[g] != 0 && level >= 0 && level < static_cast<int>(gates_.size()) &&
        gate(id).op != Op::constant) {
      gates_[static_cast<std::size_t>(level)].push_back(id);
    }
  }
  ScratchVector<std::int32_t> state;  // gates in the slots
  const auto levels = static_cast<int>(graph_.levels());
  for (int l = 0; l < levels; ++l) {
    add_slots(state);
    state = plan_level(l, state);
    require_narrow(graph_.domain(static_cast<std::size_t>(l)).low,
                   graph_.domain(static_cast<std::size_t>(l)).high);
  }
  add_slots(state);
}

void Planner::add_slots(const ScratchVector<std::int32_t>& state) {
  schedule_.slots.push_back(state.size());
  ScratchVector<Interval>& ranges = schedule_.slot_ranges.emplace_back();
  for (const std::int32_t id : state) {
    // A condition may be known to hold in the end, but does not have to before it is tested.
    ranges.push_back(is_condition(gate(id).op) ? Interval{0, 1} : gate(id).range);
  }
}

void Planner::require_narrow(std::int64_t low, std::int64_t high) {
  constexpr std::int64_t kNarrow = std::int64_t{1} << 30;
  if (low < -kNarrow || high > kNarrow) schedule_.narrow = false;
}

// What the ranges of its operands already make true needs no test. Only numbers are kept to their
// ranges; that a condition is known to hold or not is what the roots are to see to.
bool Planner::entailed(std::int32_t root) const {
  const Op op = gate(root).op;
  return (is_comparison(op) || op == Op::in_list || op == Op::in_range) &&
         evaluate(graph_.circuit(), gate(root)).low == 1;
}

void Planner::mark_needed() {
  const std::size_t size = graph_.gates().size();
  needed_.assign(size, 0);
  is_root_.assign(size, 0);
  std::vector<std::uint8_t> cone(size, 0);  // what the roots are computed from
  for (const std::int32_t root : graph_.roots()) {
    cone[static_cast<std::size_t>(root)] = is_root_[static_cast<std::size_t>(root)] = 1;
    needed_[static_cast<std::size_t>(root)] = entailed(root) ? 0 : 1;
  }
  for (std::size_t g = size; g-- > graph_.model().variables.size();) {
    const Gate& own = graph_.gates()[g];
    if (cone[g] == 0 || own.op == Op::constant) continue;
    // A range that is tested may be what made a root superfluous.
    if (graph_.needs_range_test(static_cast<std::int32_t>(g))) needed_[g] = 1;
    const auto mark = [&](std::int32_t operand) {
      cone[static_cast<std::size_t>(operand)] = 1;
      needed_[static_cast<std::size_t>(operand)] |= needed_[g];
    };
    mark(own.a);
    if (is_binary(own.op)) mark(own.b);
    if (needed_[g] == 0) continue;
    for (const std::int32_t operand : {own.a, is_binary(own.op) ? own.b : own.a}) {
      if (gate(operand).op == Op::constant) {
        require_narrow(gate(operand).value, gate(operand).value);
      }
    }
    // Computed before any test of itself, so what counts is the range that its operands allow.
    Circuit const& circuit = graph_.circuit();
    const Interval range = evaluate(circuit, own);
    if (range.low == kMinusInfinity || range.high == kInfinity) schedule_.possible = false;
    require_narrow(range.low, range.high);
  }
}

// The last level at which each gate is read.
void Planner::find_last_use() {
  last_use_.assign(graph_.gates().size(), -1);
  for (std::size_t g = graph_.model().variables.size(); g < graph_.gates().size(); ++g) {
    const Gate& own = graph_.gates()[g];
    if (needed_[g] == 0 || own.op == Op::constant) continue;
    const int level = graph_.level(static_cast<std::int32_t>(g));
    const auto use = [&](std::int32_t id) {
      int& last = last_use_[static_cast<std::size_t>(id)];
      last = std::max(last, level);
    };
    use(own.a);
    if (is_binary(own.op)) use(own.b);
  }
}

ScratchVector<std::int32_t> Planner::plan_level(int level,
                                                const ScratchVector<std::int32_t>& state) {
  LevelProgram program;
  register_.assign(graph_.gates().size(), -1);
  const std::int32_t variable = graph_.variable(static_cast<std::size_t>(level)).variable;
  program.variable = 0;
  program.registers = 1;
  register_[static_cast<std::size_t>(variable)] = 0;
  const ScratchVector<std::int32_t>& gates = gates_[static_cast<std::size_t>(level)];
  for (const std::int32_t id : gates) emit(program, id, level, state);
  ScratchVector<std::int32_t> next;
  const auto keep = [&](std::int32_t id) {
    if (last_use_[static_cast<std::size_t>(id)] <= level) return;
    const std::int32_t reg = register_[static_cast<std::size_t>(id)];
    LevelProgram::Output output;
    output.reg = reg;
    if (reg < 0) {
      output.slot = static_cast<std::int32_t>(std::ranges::find(state, id) - state.begin());
    }
    program.outputs.push_back(output);
    next.push_back(id);
  };
  for (const std::int32_t id : state) keep(id);
  keep(variable);
  for (const std::int32_t id : gates) keep(id);
  find_live(program);
  schedule_.candidates.push_back(choose_candidates(program, level, state, gates));
  schedule_.levels.push_back(std::move(program));
  return next;
}

Operand Planner::operand(LevelProgram& program, std::int32_t id,
                         const ScratchVector<std::int32_t>& state) {
  Operand result;
  if (gate(id).op == Op::constant) {
    result.constant = gate(id).value;
    return result;
  }
  std::int32_t& reg = register_[static_cast<std::size_t>(id)];
  if (reg < 0) {
    reg = program.registers++;
    const auto found = std::ranges::find(state, id);
    // What reads no variable and yet is no constant (at the ends of 64 bits) has no place.
    if (found == state.end()) schedule_.possible = false;
    program.inputs.push_back(
        {reg, static_cast<std::int32_t>(found - state.begin()), program.code.size()});
  }
  result.reg = reg;
  return result;
}

void Planner::emit(LevelProgram& program, std::int32_t id, int level,
                   const ScratchVector<std::int32_t>& state) {
  const Gate& own = gate(id);
  const bool root = is_root_[static_cast<std::size_t>(id)] != 0;
  Instruction step;
  step.op = own.op;
  step.value = own.value;
  step.a = operand(program, own.a, state);
  if (is_binary(own.op)) {
    step.b = operand(program, own.b, state);
    step.divisor_nonzero = !gate(own.b).range.contains(0);
  } else if (own.op == Op::in_list || own.op == Op::in_range) {
    step.pool = graph_.model().pool.data() + own.b;
  }
  if (root && is_comparison(own.op) && last_use_[static_cast<std::size_t>(id)] < 0) {
    step.kind = Instruction::Kind::filter;
    program.code.push_back(std::move(step));
    return;
  }
  step.target = program.registers++;
  register_[static_cast<std::size_t>(id)] = step.target;
  program.code.push_back(step);
  static_cast<void>(level);
  if (root) {
    Instruction filter;
    filter.kind = Instruction::Kind::filter;
    filter.op = Op::not_equal;
    filter.a.reg = step.target;
    program.code.push_back(std::move(filter));
  } else if (graph_.needs_range_test(id)) {
    Instruction filter;
    filter.kind = Instruction::Kind::filter_range;
    filter.a.reg = step.target;
    filter.range = own.range;
    program.code.push_back(std::move(filter));
  }
}

// Which registers each filter has to keep: those read later or handed on.
void Planner::find_live(LevelProgram& program) {
  ScratchVector<std::uint8_t> live(static_cast<std::size_t>(program.registers), 0);
  for (const LevelProgram::Output& output : program.outputs) {
    if (output.reg >= 0) live[static_cast<std::size_t>(output.reg)] = 1;
  }
  auto input = program.inputs.rbegin();
  for (std::size_t i = program.code.size(); i-- > 0;) {
    Instruction& step = program.code[i];
    if (step.kind != Instruction::Kind::compute) {
      // What is an input from later on is taken then.
      for (; input != program.inputs.rend() && input->first > i; ++input) {
        live[static_cast<std::size_t>(input->reg)] = 0;
      }
      for (std::int32_t r = 1; r < program.registers; ++r) {
        if (live[static_cast<std::size_t>(r)] != 0) step.live.push_back(r);
      }
    } else {
      live[static_cast<std::size_t>(step.target)] = 0;
    }
    for (const Operand& read : {step.a, step.b}) {
      if (read.reg >= 0) live[static_cast<std::size_t>(read.reg)] = 1;
    }
  }
}

Schedule::Schedule(const Graph& graph) {
  possible = graph.exact();
  if (possible) Planner(graph, *this).run();
}

}  // namespace constrint::detail
