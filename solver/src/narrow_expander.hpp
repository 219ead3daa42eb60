// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "lanes.hpp"
#include "limits.hpp"
#include "schedule.hpp"

namespace constrint::detail {

/// Expander for schedules whose values are far within 32 bits and whose states fit in one word: a
/// state is its slots packed together, the steps run on vectors, and rows that fail are masked
/// instead of moved. About twice as fast as Expander, which can do everything.
class NarrowExpander {
 public:
  /// Edges of one level as they are found, by state before it: those of state s are
  /// [first[s], first[s + 1]).
  struct RawEdges {
    std::vector<std::uint32_t> first;
    std::vector<std::uint32_t> child;
    std::vector<std::int32_t> value;
    [[nodiscard]] std::size_t bytes() const { return first.size() * 4 + child.size() * 8; }
    [[nodiscard]] std::size_t capacity_bytes() const {
      return (first.capacity() + child.capacity() + value.capacity()) * 4;
    }
  };

  /// Whether it can run this schedule.
  static bool can_run(const Schedule& schedule);

  NarrowExpander(const Graph& graph, const Schedule& schedule, Limits& limits);
  ~NarrowExpander();
  NarrowExpander(const NarrowExpander&) = delete;
  NarrowExpander& operator=(const NarrowExpander&) = delete;

  /// Tries all values of the level's variable on all states (before the first call: the one empty
  /// state) and goes on to the states behind it. False if a limit was reached or there would be
  /// more than max_states.
  bool expand(std::size_t level, std::size_t max_states);
  /// The edges of a level that was expanded; good until the next NarrowExpander of this thread.
  [[nodiscard]] RawEdges& edges(std::size_t level) { return memory_.edges[level]; }
  /// Number of states that the next level begins with.
  [[nodiscard]] std::size_t states() const { return memory_.states.size(); }

 private:
  // Where a slot lies in a packed state.
  struct Field {
    std::int64_t low = 0;
    unsigned shift = 0;
    std::uint64_t mask = 0;
  };
  struct Input {
    std::size_t column = 0;
    Field field;
  };
  // How states of the next level are told apart.
  enum class Identity : std::uint8_t { single, unique, table, hashed };

  static unsigned layout(const ScratchVector<Interval>& ranges, std::vector<Field>& fields);
  void prepare(std::size_t level);
  std::uint16_t column_of(const Operand& operand);
  std::span<const std::int32_t> candidates_of(std::uint64_t state);
  void begin_run(std::size_t number, std::uint64_t state, const std::int32_t* values,
                 std::size_t run);
  bool flush(RawEdges& edges);
  std::uint32_t number_of(std::uint64_t state);
  void grow_hash();
  std::int32_t* column(std::size_t c) { return memory_.columns.data() + c * kColumn; }

  const Graph& graph_;
  const Schedule& schedule_;
  Limits& limits_;

  // The level in work.
  const Candidates* candidates_ = nullptr;
  const Domain* domain_ = nullptr;
  bool largest_ = false;
  struct Kept {
    Field from;
    unsigned shift = 0;
  };
  struct Made {
    std::size_t column = 0;
    unsigned shift = 0;
  };
  std::uint64_t offset_ = 0;
  Identity identity_ = Identity::single;
  std::size_t constants_ = 0;  // columns in use
  std::size_t lanes_ = 0;
  std::unordered_map<std::int64_t, std::vector<std::int64_t>> divisors_;

  // Memory that a thread keeps from problem to problem: fresh pages cost more than small problems.
  struct Memory {
    std::vector<std::uint64_t> states;
    std::vector<std::uint64_t> next;
    std::vector<Field> fields;  // of the states before the level
    std::vector<Field> next_fields;
    std::vector<Input> inputs;
    std::vector<LaneStep> steps;
    std::vector<Kept> kept;            // slots that pass unchanged
    std::vector<Made> made;            // slots from columns
    std::vector<std::int32_t> values;  // of the level's candidates
    std::vector<std::int32_t> columns;
    std::vector<std::int32_t> alive;
    std::vector<std::uint32_t> origin;   // by lane: number of the state
    std::vector<std::uint64_t> carried;  // by state: the part of the next one that passes unchanged
    std::vector<std::uint16_t> survivors;
    std::vector<std::uint32_t> numbers;  // table or hash table: number of a state from 1, 0: none
    std::vector<RawEdges> edges;         // by level
    [[nodiscard]] std::size_t bytes() const;
  };
  static Memory& thread_memory();
  Memory& memory_;
};

}  // namespace constrint::detail
