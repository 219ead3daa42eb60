// SPDX-License-Identifier: Apache-2.0
#include "schedule.hpp"

#include <algorithm>

namespace constrint::detail {

namespace {

constexpr std::uint64_t kListed = 1 << 16;  // longest domain that a level runs through
constexpr std::uint64_t kBounded = 8;       // shorter lists are not worth bounding
constexpr std::uint64_t kDivisors = 40;  // longer domains are replaced by divisors where possible

bool is_comparison(Op op) {
  return op == Op::equal || op == Op::not_equal || op == Op::less_equal || op == Op::less;
}

class Planner {
 public:
  Planner(const Graph& graph, Schedule& schedule) : graph_(graph), schedule_(schedule) {}

  void run() {
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

 private:
  const Gate& gate(std::int32_t id) const { return graph_.gate(id); }
  bool needed(std::int32_t id) const { return needed_[static_cast<std::size_t>(id)] != 0; }

  void add_slots(const ScratchVector<std::int32_t>& state) {
    schedule_.slots.push_back(state.size());
    ScratchVector<Interval>& ranges = schedule_.slot_ranges.emplace_back();
    for (const std::int32_t id : state) {
      // A condition may be known to hold in the end, but does not have to before it is tested.
      ranges.push_back(is_condition(gate(id).op) ? Interval{0, 1} : gate(id).range);
    }
  }

  void require_narrow(std::int64_t low, std::int64_t high) {
    constexpr std::int64_t kNarrow = std::int64_t{1} << 30;
    if (low < -kNarrow || high > kNarrow) schedule_.narrow = false;
  }

  // What the ranges of its operands already make true needs no test. Only numbers are kept to their
  // ranges; that a condition is known to hold or not is what the roots are to see to.
  bool entailed(std::int32_t root) const {
    const Op op = gate(root).op;
    return (is_comparison(op) || op == Op::in_list || op == Op::in_range) &&
           evaluate(graph_.circuit(), gate(root)).low == 1;
  }

  void mark_needed() {
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
  void find_last_use() {
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

  ScratchVector<std::int32_t> plan_level(int level, const ScratchVector<std::int32_t>& state) {
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

  Operand operand(LevelProgram& program, std::int32_t id,
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

  void emit(LevelProgram& program, std::int32_t id, int level,
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
  static void find_live(LevelProgram& program) {
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

  Candidates choose_candidates(LevelProgram& program, int level,
                               const ScratchVector<std::int32_t>& state,
                               const ScratchVector<std::int32_t>& gates) {
    Candidates result;
    const OrderedVariable entry = graph_.variable(static_cast<std::size_t>(level));
    const Domain& domain = graph_.domain(static_cast<std::size_t>(level));
    if (domain.size() > kDivisors && find_divisors(result, entry.variable, level, state)) {
      return result;
    }
    if (domain.size() > kListed) {
      result.kind = find_segments(result, program, entry.variable, level, gates)
                        ? Candidates::Kind::segments
                        : Candidates::Kind::impossible;
      if (result.kind == Candidates::Kind::impossible) schedule_.possible = false;
      return result;
    }
    const auto size = static_cast<std::uint64_t>(domain.size());
    for (std::uint64_t i = 0; i < size; ++i) {
      result.values.push_back(domain.at(entry.largest ? size - 1 - i : i));
    }
    if (size > kBounded) find_bounds(result, program, entry.variable, state, gates);
    return result;
  }

  // Products slot * x with limits: they cut a range out of the values without evaluating anything
  // for the others.
  void find_bounds(Candidates& result, LevelProgram& program, std::int32_t variable,
                   const ScratchVector<std::int32_t>& state,
                   const ScratchVector<std::int32_t>& gates) {
    const auto product = [&](std::int32_t id, Interval range) {
      const Gate& own = gate(id);
      if (own.op != Op::multiply || (own.a == variable) == (own.b == variable)) return;
      const std::int32_t other = own.a == variable ? own.b : own.a;
      const auto slot = std::ranges::find(state, other);
      if (slot == state.end() || gate(other).range.low < 1) return;
      result.bounds.push_back({static_cast<std::int32_t>(slot - state.begin()), range});
      for (Instruction& step : program.code) {
        step.implied = step.implied || (step.kind == Instruction::Kind::filter_range &&
                                        step.a.reg == register_[static_cast<std::size_t>(id)]);
      }
    };
    for (const std::int32_t id : gates) {
      const Gate& own = gate(id);
      if (graph_.needs_range_test(id)) product(id, own.range);
      if (is_root_[static_cast<std::size_t>(id)] != 0 && own.op == Op::less_equal) {
        const Gate& right = gate(own.b);
        if (right.op == Op::constant) product(own.a, {kMinusInfinity, right.value});
      }
    }
  }

  // A % (... * x) == 0 with A known before x: only divisors of A are candidates.
  bool find_divisors(Candidates& result, std::int32_t variable, int level,
                     const ScratchVector<std::int32_t>& state) {
    for (const Graph::Divisibility& pair : graph_.divisibilities()) {
      if (graph_.level(pair.divisor) != level || graph_.level(pair.dividend) >= level) continue;
      const Gate& dividend = gate(pair.dividend);
      if (dividend.range.contains(0)) continue;
      std::int32_t factor = pair.divisor;
      while (factor != variable && gate(factor).op == Op::multiply) {
        factor = gate(factor).b == variable ? variable : gate(factor).a;
      }
      if (factor != variable) continue;
      if (dividend.op == Op::constant) {
        result.number = dividend.value;
      } else {
        const auto slot = std::ranges::find(state, pair.dividend);
        if (slot == state.end()) continue;
        result.slot = static_cast<std::int32_t>(slot - state.begin());
      }
      result.kind = Candidates::Kind::divisors;
      return true;
    }
    return false;
  }

  // Whether x is read only by comparisons of slope * x + rest with something that does not depend
  // on x.
  bool find_segments(Candidates& result, const LevelProgram& program, std::int32_t variable,
                     int level, const ScratchVector<std::int32_t>& gates) {
    if (last_use_[static_cast<std::size_t>(variable)] > level) return false;
    ScratchVector<Int128> slope(graph_.gates().size(), 0);
    slope[static_cast<std::size_t>(variable)] = 1;
    for (const std::int32_t id : gates) {
      const Gate& own = gate(id);
      const Int128 a = slope[static_cast<std::size_t>(own.a)];
      const Int128 b = is_binary(own.op) ? slope[static_cast<std::size_t>(own.b)] : Int128{0};
      if (a == 0 && b == 0) continue;
      Int128& own_slope = slope[static_cast<std::size_t>(id)];
      if (own.op == Op::add) {
        own_slope = a + b;
      } else if (own.op == Op::subtract) {
        own_slope = a - b;
      } else if (own.op == Op::negate) {
        own_slope = -a;
      } else if (own.op == Op::multiply) {
        const Gate& other = gate(a != 0 ? own.b : own.a);
        if ((a != 0 && b != 0) || other.op != Op::constant) return false;
        own_slope = (a != 0 ? a : b) * other.value;
      } else if (!(is_comparison(own.op) || own.op == Op::in_range) || b != 0) {
        if (own.op == Op::less_equal && a == 0 && gate(own.a).op == Op::constant) continue;
        return false;
      }
      if (is_condition(own.op)) continue;
      if (own_slope == 0 || last_use_[static_cast<std::size_t>(id)] > level) return false;
      if (own_slope > (Int128{1} << 62) || own_slope < -(Int128{1} << 62)) return false;
    }
    // The thresholds belong to instructions, which read registers.
    ScratchVector<Int128> by_register(static_cast<std::size_t>(program.registers), 0);
    for (std::size_t g = 0; g < slope.size(); ++g) {
      if (slope[g] != 0 && register_[g] >= 0)
        by_register[static_cast<std::size_t>(register_[g])] = slope[g];
    }
    for (std::size_t i = 0; i < program.code.size(); ++i) {
      const Instruction& step = program.code[i];
      const auto slope_of = [&](const Operand& read) {
        return read.reg < 0 ? Int128{0} : by_register[static_cast<std::size_t>(read.reg)];
      };
      const bool compares = step.kind == Instruction::Kind::filter_range ||
                            is_comparison(step.op) || step.op == Op::in_range;
      if (!compares) continue;
      const Int128 own_slope = slope_of(step.a) != 0 ? slope_of(step.a) : slope_of(step.b);
      if (own_slope != 0) result.thresholds.push_back({static_cast<std::int32_t>(i), own_slope});
    }
    return true;
  }

  const Graph& graph_;
  Schedule& schedule_;
  ScratchVector<std::uint8_t> needed_;
  ScratchVector<std::uint8_t> is_root_;
  ScratchVector<int> last_use_;
  ScratchVector<ScratchVector<std::int32_t>> gates_;  // needed ones by level
  ScratchVector<std::int32_t> register_;              // by gate, in the level in work
};

}  // namespace

Schedule::Schedule(const Graph& graph) {
  possible = graph.exact();
  if (possible) Planner(graph, *this).run();
}

}  // namespace constrint::detail
