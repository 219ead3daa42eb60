// SPDX-License-Identifier: Apache-2.0
#include "narrow_expander.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "arithmetic.hpp"
#include "factorisation.hpp"

namespace constrint::detail {

namespace {

constexpr std::size_t kKeptBytes = std::size_t{1} << 20;  // more is given back after a problem

std::size_t place_of(std::uint64_t state, std::size_t size) {
  return (state * 0x9E3779B97F4A7C15ULL >> 32) & (size - 1);
}

}  // namespace

std::size_t NarrowExpander::Memory::bytes() const {
  std::size_t total =
      (states.capacity() + next.capacity() + carried.capacity()) * 8 + numbers.capacity() * 4;
  for (const RawEdges& level : edges) total += level.capacity_bytes();
  return total;
}

NarrowExpander::Memory& NarrowExpander::thread_memory() {
  static thread_local Memory memory;
  return memory;
}

NarrowExpander::NarrowExpander(const Graph& graph, const Schedule& schedule, Limits& limits)
    : graph_(graph), schedule_(schedule), limits_(limits), memory_(thread_memory()) {
  std::size_t columns = 1;
  for (const LevelProgram& program : schedule.levels) {
    columns =
        std::max(columns, static_cast<std::size_t>(program.registers) + 2 * program.code.size());
  }
  Memory& own = memory_;
  if (own.columns.size() < columns * kColumn) own.columns.resize(columns * kColumn);
  own.alive.resize(kColumn);
  own.origin.resize(kColumn);
  own.survivors.resize(kLanes + 1);
  own.states.assign(1, 0);
  if (own.edges.size() < graph.levels()) own.edges.resize(graph.levels());
}

NarrowExpander::~NarrowExpander() {
  if (memory_.bytes() > kKeptBytes) memory_ = {};
}

std::span<const std::int32_t> NarrowExpander::candidates_of(std::uint64_t state) {
  const auto slot_value = [&](std::int32_t slot) {
    const Field& field = memory_.fields[static_cast<std::size_t>(slot)];
    return field.low + static_cast<std::int64_t>((state >> field.shift) & field.mask);
  };
  if (candidates_->kind == Candidates::Kind::divisors) {
    const std::int64_t number =
        candidates_->slot < 0 ? candidates_->number : slot_value(candidates_->slot);
    const auto [entry, fresh] = divisors_.try_emplace(number);
    if (fresh) entry->second = divisors_within(number, *domain_, largest_);
    const std::vector<std::int64_t>& list = entry->second;
    memory_.values.resize(list.size() + kLaneChunk);
    for (std::size_t i = 0; i < list.size(); ++i) {
      memory_.values[i] = static_cast<std::int32_t>(list[i]);
    }
    return {memory_.values.data(), list.size()};
  }
  const std::span<const std::int32_t> values(memory_.values.data(), candidates_->values.size());
  if (candidates_->bounds.empty()) return values;
  Interval range;
  for (const Candidates::Bound& bound : candidates_->bounds) {
    const std::int64_t slot = slot_value(bound.slot);
    if (bound.range.low != kMinusInfinity) {
      range.low = std::max(range.low, ceil_divide(bound.range.low, slot));
    }
    if (bound.range.high != kInfinity) {
      range.high = std::min(range.high, floor_divide(bound.range.high, slot));
    }
  }
  if (range.empty()) return {};
  const auto outside = [&](std::int64_t v) { return largest_ ? v > range.high : v < range.low; };
  const auto inside = [&](std::int64_t v) { return largest_ ? v >= range.low : v <= range.high; };
  const auto first = std::partition_point(values.begin(), values.end(), outside);
  const auto last = std::partition_point(first, values.end(), inside);
  return {first, last};
}

// Lanes are written in whole chunks: what is too much is overwritten by the next run.
void NarrowExpander::begin_run(std::size_t number, std::uint64_t state, const std::int32_t* values,
                               std::size_t run) {
  Memory& own = memory_;
  std::int32_t* variable = column(0) + lanes_;
  std::uint32_t* origin = own.origin.data() + lanes_;
  for (std::size_t i = 0; i < run; i += kLaneChunk) {
    std::memcpy(variable + i, values + i, kLaneChunk * sizeof(std::int32_t));
    std::fill_n(origin + i, kLaneChunk, static_cast<std::uint32_t>(number));
  }
  for (const Input& input : own.inputs) {
    const auto value = static_cast<std::int32_t>(
        input.field.low +
        static_cast<std::int64_t>((state >> input.field.shift) & input.field.mask));
    std::int32_t* target = column(input.column) + lanes_;
    for (std::size_t i = 0; i < run; i += kLaneChunk) std::fill_n(target + i, kLaneChunk, value);
  }
  lanes_ += run;
}

bool NarrowExpander::expand(std::size_t level, std::size_t max_states) {
  prepare(level);
  Memory& own = memory_;
  RawEdges& edges = own.edges[level];
  edges.child.clear();
  edges.value.clear();
  const std::size_t states = own.states.size();
  edges.first.assign(states + 1, 0);
  own.carried.resize(states);
  lanes_ = 0;
  for (std::size_t s = 0; s < states; ++s) {
    const std::uint64_t state = own.states[s];
    std::uint64_t carried = offset_;
    for (const Kept& slot : own.kept) {
      carried += ((state >> slot.from.shift) & slot.from.mask) << slot.shift;
    }
    own.carried[s] = carried;
    const std::span<const std::int32_t> values = candidates_of(state);
    for (std::size_t v = 0; v < values.size();) {
      const std::size_t run = std::min(values.size() - v, kLanes - lanes_);
      begin_run(s, state, values.data() + v, run);
      v += run;
      if (lanes_ == kLanes && !flush(edges)) return false;
    }
    if (own.next.size() > max_states) return false;
  }
  if (!flush(edges) || own.next.size() > max_states) return false;
  for (std::size_t s = 0; s < states; ++s) edges.first[s + 1] += edges.first[s];
  std::swap(own.states, own.next);
  return true;
}

bool NarrowExpander::flush(RawEdges& edges) {
  if (lanes_ == 0) return true;
  if (!limits_.spend(lanes_)) return false;
  Memory& own = memory_;
  run_lanes(own.steps.data(), own.steps.size(), own.columns.data(), own.alive.data(), lanes_);
  std::uint16_t* survivors = own.survivors.data();
  const std::int32_t* alive = own.alive.data();
  std::size_t kept = 0;
  for (std::size_t i = 0; i < lanes_; ++i) {
    survivors[kept] = static_cast<std::uint16_t>(i);
    kept += static_cast<std::size_t>(alive[i] & 1);
  }
  lanes_ = 0;
  const std::size_t before = edges.value.size();
  edges.value.resize(before + kept);
  edges.child.resize(before + kept);
  std::int32_t* value = edges.value.data() + before;
  std::uint32_t* child = edges.child.data() + before;
  std::uint32_t* counts = edges.first.data() + 1;
  const std::uint32_t* origin = own.origin.data();
  const std::int32_t* variable = column(0);
  for (std::size_t i = 0; i < kept; ++i) {
    const std::size_t lane = survivors[i];
    value[i] = variable[lane];
    ++counts[origin[lane]];
  }
  if (identity_ == Identity::single) {
    if (kept > 0) own.next.assign(1, 0);
    return true;  // every child is 0
  }
  // The states behind, slot by slot.
  std::uint64_t packed[kLanes];
  for (std::size_t i = 0; i < kept; ++i) packed[i] = own.carried[origin[survivors[i]]];
  for (const Made& slot : own.made) {
    const std::int32_t* from = column(slot.column);
    const unsigned shift = slot.shift;
    for (std::size_t i = 0; i < kept; ++i) {
      packed[i] += static_cast<std::uint64_t>(std::int64_t{from[survivors[i]]}) << shift;
    }
  }
  if (identity_ == Identity::unique) {
    for (std::size_t i = 0; i < kept; ++i)
      child[i] = static_cast<std::uint32_t>(own.next.size() + i);
    own.next.insert(own.next.end(), packed, packed + kept);
    return true;
  }
  for (std::size_t i = 0; i < kept; ++i) child[i] = number_of(packed[i]);
  return true;
}

std::uint32_t NarrowExpander::number_of(std::uint64_t state) {
  Memory& own = memory_;
  const auto fresh = static_cast<std::uint32_t>(own.next.size());
  std::size_t at = state;
  if (identity_ == Identity::table) {
    if (own.numbers[at] != 0) return own.numbers[at] - 1;
  } else {
    if (own.next.size() * 2 >= own.numbers.size()) grow_hash();
    const std::size_t mask = own.numbers.size() - 1;
    at = place_of(state, own.numbers.size());
    for (; own.numbers[at] != 0; at = (at + 1) & mask) {
      if (own.next[own.numbers[at] - 1] == state) return own.numbers[at] - 1;
    }
  }
  own.numbers[at] = fresh + 1;
  own.next.push_back(state);
  return fresh;
}

void NarrowExpander::grow_hash() {
  Memory& own = memory_;
  const std::size_t size = own.numbers.size() * 4;
  own.numbers.assign(size, 0);
  for (std::size_t n = 0; n < own.next.size(); ++n) {
    std::size_t at = place_of(own.next[n], size);
    while (own.numbers[at] != 0) at = (at + 1) & (size - 1);
    own.numbers[at] = static_cast<std::uint32_t>(n + 1);
  }
}

}  // namespace constrint::detail
