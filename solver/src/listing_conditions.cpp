// SPDX-License-Identifier: Apache-2.0
// What a stage tests: the gates that each condition is computed from, and where it holds.
#include <algorithm>
#include <bit>

#include "listing_search.hpp"

namespace constrint::detail {

namespace {

constexpr std::size_t kCachedPlaces = 32;  // columns of a gate that are kept for all conditions

}  // namespace

// The levels of the stage that a condition or an output reads, and the gates of the stage that it
// is computed from.
ListingSearch::Condition ListingSearch::prepare_condition(std::int32_t id) {
  Condition result;
  result.gate = id;
  const std::uint64_t levels = plan_.levels_of(id);
  result.levels = levels >> stage_->begin << stage_->begin;
  result.cone_begin = static_cast<std::uint32_t>(cone_.size());
  std::ranges::fill(wanted_, std::uint8_t{0});
  const auto want = [&](const Gate& own) {
    wanted_[static_cast<std::size_t>(own.a)] = 1;
    if (is_binary(own.op)) wanted_[static_cast<std::size_t>(own.b)] = 1;
  };
  // A comparison is made where it is tested.
  if (ListingPlan::is_comparison(gate(id).op)) {
    want(gate(id));
  } else {
    wanted_[static_cast<std::size_t>(id)] = 1;
  }
  const std::uint32_t begin = first_gate(stage_->begin);
  const std::uint32_t end = first_gate(stage_->end);
  for (std::uint32_t g = end; g-- > begin;) {
    const std::int32_t own = plan_.gates()[g];
    if (wanted_[static_cast<std::size_t>(own)] != 0) want(gate(own));
  }
  // What is one value for all lanes may decide the condition, and costs next to nothing.
  for (const bool by_lane : {false, true}) {
    if (by_lane) result.lanes_begin = static_cast<std::uint32_t>(cone_.size());
    for (std::uint32_t g = begin; g < end; ++g) {
      const std::int32_t own = plan_.gates()[g];
      if (wanted_[static_cast<std::size_t>(own)] != 0 && reads_lanes(own) == by_lane) {
        cone_.push_back(own);
      }
    }
  }
  result.cone_end = static_cast<std::uint32_t>(cone_.size());
  return result;
}

// A gate that reads fewer levels than a condition, or that several conditions read, is computed
// once for each combination of its levels.
void ListingSearch::prepare_cache() {
  cache_.clear();
  for (std::uint32_t g = first_gate(stage_->begin); g < first_gate(stage_->end); ++g) {
    cached_[static_cast<std::size_t>(plan_.gates()[g])] = kNotSeen;
  }
  const auto see = [&](const Condition& condition) {
    for (std::uint32_t c = condition.cone_begin; c < condition.cone_end; ++c) {
      const std::int32_t id = cone_[c];
      std::int32_t& first = cached_[static_cast<std::size_t>(id)];
      if (first >= 0) continue;
      const bool again = first == kNotCached;
      first = kNotCached;
      const std::uint64_t levels = plan_.levels_of(id) >> stage_->begin << stage_->begin;
      if (levels == condition.levels && !again) continue;
      const std::size_t places = places_of(id, stage_->begin);
      if (places > kCachedPlaces) continue;
      first = static_cast<std::int32_t>(cache_.size());
      cache_.resize(cache_.size() + places);
    }
  };
  for (const Condition& condition : conditions_) see(condition);
  for (const Kept& kept : kept_) see(kept.output);
}

// The combinations of the stage in which a level has a value.
std::uint64_t ListingSearch::combinations_with(const ListingPlan::Level& level,
                                               std::uint32_t taken) const {
  // Those of the level's first period, and the same again and again.
  std::uint64_t result = ~std::uint64_t{0} >> (64 - level.inner) << (taken * level.inner);
  for (std::uint32_t period = level.inner * level.size; period < stage_->combinations;
       period *= 2) {
    result |= result << period;
  }
  result &= ~std::uint64_t{0} >> (64 - stage_->combinations);
  return result;
}

// Whether a condition holds by what is known for all lanes: one side of an `or`.
bool ListingSearch::holds_for_all(std::int32_t id) {
  while (gate(id).op == Op::logical_or) {
    const Gate& own = gate(id);
    const bool first = !reads_lanes(own.a);
    if (!first && reads_lanes(own.b)) return false;
    if (value_of(first ? own.a : own.b).value != 0) return true;
    id = first ? own.b : own.a;
  }
  return false;
}

// Marks the combinations `bits` in own_ where a condition holds.
void ListingSearch::test(std::int32_t id, std::uint64_t bits, std::size_t lanes) {
  ColumnStep step;
  if (ListingPlan::is_comparison(gate(id).op)) {
    step = step_of(id);
  } else {
    step.op = Op::not_equal;
    step.a = value_of(id);
  }
  if (step.a.column == nullptr && step.b.column == nullptr) {
    if (compute_value(step) != 0) own_.common |= bits;
    return;
  }
  const auto low = static_cast<std::uint32_t>(bits);
  const auto high = static_cast<std::uint32_t>(bits >> 32);
  if (low != 0 && high != 0) {
    filter_column(step, nullptr, tested_, lanes);
    mark_column(own_.low, !own_.has_low, tested_, low, lanes);
    mark_column(own_.high, !own_.has_high, tested_, high, lanes);
  } else if (low != 0) {
    mark_where(step, own_.low, !own_.has_low, low, lanes);
  } else {
    mark_where(step, own_.high, !own_.has_high, high, lanes);
  }
  own_.has_low = own_.has_low || low != 0;
  own_.has_high = own_.has_high || high != 0;
}

// The combinations of the levels from `begin` on that a gate reads, and the number of the one in
// work.
std::size_t ListingSearch::places_of(std::int32_t id, std::uint32_t begin) const {
  std::size_t result = 1;
  for (std::uint64_t levels = plan_.levels_of(id) >> begin << begin; levels != 0;
       levels &= levels - 1) {
    result *= plan_.levels()[static_cast<std::size_t>(std::countr_zero(levels))].size;
  }
  return result;
}

std::size_t ListingSearch::place_of(std::int32_t id, std::uint32_t begin) const {
  std::size_t result = 0;
  for (std::uint64_t levels = plan_.levels_of(id) >> begin << begin; levels != 0;
       levels &= levels - 1) {
    const auto l = static_cast<std::size_t>(std::countr_zero(levels));
    result = result * plan_.levels()[l].size + taken_[l];
  }
  return result;
}

void ListingSearch::compute_in_stage(std::int32_t id, std::size_t lanes) {
  const auto at = static_cast<std::size_t>(id);
  if (cached_[at] < 0) return compute(id, slots_[at], lanes);
  Cached& entry = cache_[static_cast<std::size_t>(cached_[at]) + place_of(id, stage_->begin)];
  if (!entry.known) {
    compute(id, entry.slot, lanes);
    entry.value = value_of(id);
    // Another gate's column may be written again before this one is.
    if (entry.value.column != nullptr && entry.value.column != entry.slot) {
      if (entry.slot == nullptr) entry.slot = scratch_column(block_lanes_);
      std::copy_n(entry.value.column, padded_lanes(lanes), entry.slot);
      entry.value.column = entry.slot;
    }
    entry.known = true;
  }
  value_of(id) = entry.value;
}

}  // namespace constrint::detail
