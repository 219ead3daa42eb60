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
