// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "schedule.hpp"

namespace constrint::detail {

/// Makes the programs of a schedule, level by level.
class Planner {
 public:
  Planner(const Graph& graph, Schedule& schedule) : graph_(graph), schedule_(schedule) {}

  void run();

 private:
  static bool is_comparison(Op op) {
    return op == Op::equal || op == Op::not_equal || op == Op::less_equal || op == Op::less;
  }
  const Gate& gate(std::int32_t id) const { return graph_.gate(id); }
  bool needed(std::int32_t id) const { return needed_[static_cast<std::size_t>(id)] != 0; }
  void add_slots(const ScratchVector<std::int32_t>& state);
  void require_narrow(std::int64_t low, std::int64_t high);
  bool entailed(std::int32_t root) const;
  void mark_needed();
  void find_last_use();
  ScratchVector<std::int32_t> plan_level(int level, const ScratchVector<std::int32_t>& state);
  Operand operand(LevelProgram& program, std::int32_t id, const ScratchVector<std::int32_t>& state);
  void emit(LevelProgram& program, std::int32_t id, int level,
            const ScratchVector<std::int32_t>& state);
  static void find_live(LevelProgram& program);
  Candidates choose_candidates(LevelProgram& program, int level,
                               const ScratchVector<std::int32_t>& state,
                               const ScratchVector<std::int32_t>& gates);
  void find_bounds(Candidates& result, LevelProgram& program, std::int32_t variable,
                   const ScratchVector<std::int32_t>& state,
                   const ScratchVector<std::int32_t>& gates);
  bool find_divisors(Candidates& result, std::int32_t variable, int level,
                     const ScratchVector<std::int32_t>& state);
  bool find_segments(Candidates& result, const LevelProgram& program, std::int32_t variable,
                     int level, const ScratchVector<std::int32_t>& gates);

  const Graph& graph_;
  Schedule& schedule_;
  ScratchVector<std::uint8_t> needed_;
  ScratchVector<std::uint8_t> is_root_;
  ScratchVector<int> last_use_;
  ScratchVector<ScratchVector<std::int32_t>> gates_;  // needed ones by level
  ScratchVector<std::int32_t> register_;              // by gate, in the level in work
};

}  // namespace constrint::detail
