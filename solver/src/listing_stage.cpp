// SPDX-License-Identifier: Apache-2.0
// One stage: all combinations of its levels' values on all lanes.
#include <algorithm>
#include <array>
#include <bit>
#include <memory>

#include "listing_search.hpp"

namespace constrint::detail {

namespace {

constexpr std::uint64_t kTries = std::uint64_t{1} << 17;  // what takes more is faster as a diagram
constexpr std::size_t kCachedPlaces = 32;  // columns of a gate that are kept for all conditions

}  // namespace

bool ListingSearch::run_stage(std::size_t s, bool last) {
  stage_ = &plan_.stages()[s];
  const std::uint64_t tries = std::uint64_t{lanes_} * stage_->combinations;
  tried_ += tries;
  if (tried_ > kTries) return false;
  if (!limits_.spend(tries)) return stop();
  block_lanes_ = std::min(kBlock, lanes_);
  conditions_.clear();
  kept_.clear();
  cone_.clear();
  // What is the same for all lanes first: what it excludes is not computed.
  for (const bool by_lane : {false, true}) {
    for (std::uint32_t l = stage_->begin; l < stage_->end; ++l) {
      const ListingPlan::Level& level = plan_.levels()[l];
      for (std::uint32_t f = level.filters_begin; f < level.filters_end; ++f) {
        const std::int32_t id = plan_.filters()[f];
        if (reads_lanes(id) == by_lane) conditions_.push_back(prepare_condition(id));
      }
    }
  }
  if (last && !prepare_outputs(s)) return false;
  prepare_cache();
  masks_ = scratch_array<std::uint64_t>(lanes_);
  for (Halves* halves : {&left_, &own_}) {
    halves->low = scratch_array<std::uint32_t>(padded_lanes(block_lanes_));
    halves->high = scratch_array<std::uint32_t>(padded_lanes(block_lanes_));
  }
  tested_ = scratch_column(block_lanes_);
  for (block_ = 0; block_ < lanes_; block_ += kBlock) {
    run_block(std::min(kBlock, lanes_ - block_));
  }
  return true;
}

void ListingSearch::run_block(std::size_t lanes) {
  for (const std::int32_t id : columns_) {
    value_of(id) = {gathered_[static_cast<std::size_t>(id)] + block_, 0};
  }
  for (Cached& entry : cache_) entry.known = false;
  left_.reset(~std::uint64_t{0} >> (64 - stage_->combinations));
  open_ = left_.common;
  for (const Condition& condition : conditions_) {
    if (open_ != 0) apply(condition, lanes);
  }
  std::uint64_t* masks = masks_ + block_;
  const auto common = open_ == 0 ? 0 : left_.common;
  const auto low = static_cast<std::uint32_t>(common);
  if (!left_.has_low) {
    std::fill_n(masks, lanes, std::uint64_t{low});
  } else {
    for (std::size_t i = 0; i < lanes; ++i) masks[i] = low & left_.low[i];
  }
  const std::uint64_t high = common >> 32;
  if (high != 0 && !left_.has_high) {
    for (std::size_t i = 0; i < lanes; ++i) masks[i] |= high << 32;
  } else if (high != 0) {
    for (std::size_t i = 0; i < lanes; ++i) masks[i] |= (high & left_.high[i]) << 32;
  }
  for (const Kept& kept : kept_) keep_output(kept, lanes);
}

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

// Calls f with the combinations of the stage that have the values in work, for all values of some
// of its levels.
template <class F>
void ListingSearch::for_combinations(std::uint64_t levels, F f) {
  std::array<std::uint32_t, ListingPlan::kCombinations> own;
  std::size_t count = 0;
  for (; levels != 0; levels &= levels - 1) {
    own[count++] = static_cast<std::uint32_t>(std::countr_zero(levels));
  }
  std::array<std::uint64_t, ListingPlan::kCombinations + 1> bits;
  bits[0] = ~std::uint64_t{0} >> (64 - stage_->combinations);
  // Level by level, as far as `depth` they have their values.
  std::size_t depth = 0;
  for (std::size_t i = 0; i < count; ++i) taken_[own[i]] = 0;
  for (;;) {
    for (; depth < count; ++depth) {
      const ListingPlan::Level& level = plan_.levels()[own[depth]];
      const std::uint32_t taken = taken_[own[depth]];
      value_of(level.gate) = {nullptr, level.values[taken]};
      bits[depth + 1] = bits[depth] & combinations_with(level, taken);
    }
    f(bits[count]);
    for (; depth > 0; taken_[own[depth]] = 0) {
      const std::uint32_t l = own[--depth];
      if (++taken_[l] < plan_.levels()[l].size) break;
      if (depth == 0) return;
    }
    if (count == 0) return;
  }
}

// The combinations of the stage in which a level has a value.
std::uint64_t ListingSearch::combinations_with(const ListingPlan::Level& level,
                                               std::uint32_t taken) const {
  const std::uint64_t one = ~std::uint64_t{0} >> (64 - level.inner);
  const std::uint32_t period = level.inner * level.size;
  std::uint64_t result = 0;
  for (std::uint32_t first = taken * level.inner; first < stage_->combinations; first += period) {
    result |= one << first;
  }
  return result;
}

void ListingSearch::apply(const Condition& condition, std::size_t lanes) {
  own_.reset(0);
  for_combinations(condition.levels, [&](std::uint64_t bits) {
    if ((bits & open_) == 0) return;
    std::uint32_t c = condition.cone_begin;
    for (; c < condition.lanes_begin; ++c) compute_in_stage(cone_[c], lanes);
    if (holds_for_all(condition.gate)) {
      own_.common |= bits;
      return;
    }
    for (; c < condition.cone_end; ++c) compute_in_stage(cone_[c], lanes);
    test(condition.gate, bits, lanes);
  });
  const std::uint64_t common = own_.common;
  if (!own_.has_low && !own_.has_high) {
    left_.common &= common;
    open_ &= common;
    return;
  }
  std::uint32_t low = static_cast<std::uint32_t>(open_ & common);
  std::uint32_t high = static_cast<std::uint32_t>((open_ & common) >> 32);
  // A half that no lane differs in is restricted for all of them.
  if (own_.has_low) {
    low = restrict_masks(left_.low, !left_.has_low, own_.low, static_cast<std::uint32_t>(common),
                         lanes);
    left_.has_low = true;
  } else {
    left_.common &= common | ~std::uint64_t{0} << 32;
  }
  if (own_.has_high) {
    high = restrict_masks(left_.high, !left_.has_high, own_.high,
                          static_cast<std::uint32_t>(common >> 32), lanes);
    left_.has_high = true;
  } else {
    left_.common &= common | ~std::uint64_t{0} >> 32;
  }
  open_ &= left_.common & (std::uint64_t{high} << 32 | low);
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

// Computed variables whose value the last stage gives need a place for it, by combination of the
// levels that they are computed from.
bool ListingSearch::prepare_outputs(std::size_t s) {
  for (const ListingPlan::Output& output : plan_.outputs()) {
    if (plan_.stage(output.gate) != static_cast<int>(s)) continue;
    const std::size_t places = places_of(output.gate, stage_->begin);
    const std::size_t size = places * lanes_;
    if (size * sizeof(std::int32_t) > memory_bytes_) return false;
    memory_bytes_ -= size * sizeof(std::int32_t);
    Listing::Computed& computed = result_.computed_.emplace_back();
    computed.column = static_cast<std::size_t>(output.variable);
    computed.places = places;
    computed.values = std::make_unique_for_overwrite<std::int32_t[]>(size);
    for (std::uint32_t c = 0; c < stage_->combinations; ++c) {
      for (std::uint32_t l = stage_->begin; l < stage_->end; ++l) {
        const ListingPlan::Level& level = plan_.levels()[l];
        taken_[l] = c / level.inner % level.size;
      }
      computed.place.push_back(static_cast<std::uint32_t>(place_of(output.gate, stage_->begin)));
    }
    kept_.push_back({prepare_condition(output.gate), result_.computed_.size() - 1});
  }
  return true;
}

void ListingSearch::keep_output(const Kept& kept, std::size_t lanes) {
  const Listing::Computed& computed = result_.computed_[kept.computed];
  const Condition& output = kept.output;
  for_combinations(output.levels, [&](std::uint64_t) {
    for (std::uint32_t c = output.cone_begin; c < output.cone_end; ++c) {
      compute_in_stage(cone_[c], lanes);
    }
    const LaneValues& value = value_of(output.gate);
    std::int32_t* to =
        computed.values.get() + block_ * computed.places + place_of(output.gate, stage_->begin);
    for (std::size_t i = 0; i < lanes; ++i, to += computed.places) {
      *to = value.column == nullptr ? value.value : value.column[i];
    }
  });
}

}  // namespace constrint::detail
