// SPDX-License-Identifier: Apache-2.0
// One stage: all combinations of its levels' values on all lanes.
#include <algorithm>
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
  // Behind the last level that has anything to do, all combinations are as good.
  active_end_ = stage_->begin;
  for (std::uint32_t l = stage_->begin; l < stage_->end; ++l) {
    const ListingPlan::Level& level = plan_.levels()[l];
    if (level.filters_begin < level.filters_end) active_end_ = l + 1;
  }
  if (last && !prepare_outputs(s)) return false;
  prepare_cache();
  const bool wide = stage_->combinations > 32;
  masks_ = scratch_array<std::uint64_t>(lanes_);
  low_ = scratch_array<std::uint32_t>(kBlock);
  high_ = wide ? scratch_array<std::uint32_t>(kBlock) : nullptr;
  for (block_ = 0; block_ < lanes_; block_ += kBlock) {
    const std::size_t lanes = std::min(kBlock, lanes_ - block_);
    for (const std::int32_t id : columns_) {
      value_of(id) = {gathered_[static_cast<std::size_t>(id)] + block_, 0};
    }
    common_ = 0;
    marked_ = false;
    visit(stage_->begin, nullptr, 0, lanes);
    for (Cached& entry : cache_) entry.known = false;
    for (Kept& kept : kept_) kept.known = 0;
    std::uint64_t* masks = masks_ + block_;
    if (!marked_) {
      std::fill_n(masks, lanes, common_);
    } else {
      for (std::size_t i = 0; i < lanes; ++i) masks[i] = common_ | low_[i];
      for (std::size_t i = 0; wide && i < lanes; ++i) masks[i] |= std::uint64_t{high_[i]} << 32;
    }
  }
  return true;
}

// A gate that does not read all levels of the stage up to its own is computed once for each
// combination of those that it reads.
void ListingSearch::prepare_cache() {
  cache_.clear();
  for (std::uint32_t l = stage_->begin; l < active_end_; ++l) {
    const ListingPlan::Level& level = plan_.levels()[l];
    const std::uint64_t all = (std::uint64_t{2} << l) - (std::uint64_t{1} << stage_->begin);
    for (std::uint32_t g = level.gates_begin; g < level.gates_end; ++g) {
      const std::int32_t id = plan_.gates()[g];
      const std::uint64_t levels = plan_.levels_of(id);
      std::int32_t& first = cached_[static_cast<std::size_t>(id)];
      first = -1;
      if ((levels & all) == all) continue;
      first = static_cast<std::int32_t>(cache_.size());
      cache_.resize(cache_.size() + places_of(id, stage_->begin));
    }
  }
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
      if (entry.slot == nullptr) entry.slot = scratch_column(kBlock);
      std::copy_n(entry.value.column, padded_lanes(lanes), entry.slot);
      entry.value.column = entry.slot;
    }
    entry.known = true;
  }
  value_of(id) = entry.value;
}

// All combinations of the stage's levels from l on, depth first.
// NOLINTNEXTLINE(misc-no-recursion): as deep as a stage has levels
void ListingSearch::visit(std::uint32_t l, const std::int32_t* alive, std::uint32_t combination,
                          std::size_t lanes) {
  if (l >= active_end_) {
    const ListingPlan::Level* level = l < stage_->end ? &plan_.levels()[l] : nullptr;
    mark(alive, combination, level == nullptr ? 1 : level->inner * level->size, lanes);
    return;
  }
  const ListingPlan::Level& level = plan_.levels()[l];
  for (std::uint32_t v = 0; v < level.size; ++v, combination += level.inner) {
    taken_[l] = v;
    value_of(level.gate) = {nullptr, level.values[v]};
    for (std::uint32_t g = level.gates_begin; g < level.gates_end; ++g) {
      compute_in_stage(plan_.gates()[g], lanes);
    }
    const std::int32_t* left = alive;
    if (!sift(level, l, left, lanes)) continue;
    for (Kept& kept : kept_) {
      if (plan_.level(kept.gate) == static_cast<int>(l)) keep_output(kept, lanes);
    }
    visit(l + 1, left, combination, lanes);
  }
}

void ListingSearch::mark(const std::int32_t* alive, std::uint32_t first, std::uint32_t count,
                         std::size_t lanes) {
  const std::uint64_t bits = (count == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1)
                             << first;
  if (alive == nullptr) {
    common_ |= bits;
    return;
  }
  if (!marked_) {
    std::fill_n(low_, padded_lanes(lanes), 0U);
    if (high_ != nullptr) std::fill_n(high_, padded_lanes(lanes), 0U);
    marked_ = true;
  }
  const auto low = static_cast<std::uint32_t>(bits);
  const auto high = static_cast<std::uint32_t>(bits >> 32);
  if (low != 0) mark_column(low_, alive, low, lanes);
  if (high != 0) mark_column(high_, alive, high, lanes);
}

// Computed variables whose value the last stage gives need a place for it, by combination of the
// levels that they are computed from.
bool ListingSearch::prepare_outputs(std::size_t s) {
  for (const ListingPlan::Output& output : plan_.outputs()) {
    if (plan_.stage(output.gate) != static_cast<int>(s)) continue;
    active_end_ = std::max(active_end_, static_cast<std::uint32_t>(plan_.level(output.gate)) + 1);
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
    kept_.push_back({output.gate, result_.computed_.size() - 1, 0});
  }
  return true;
}

void ListingSearch::keep_output(Kept& kept, std::size_t lanes) {
  const std::size_t place = place_of(kept.gate, stage_->begin);
  if ((kept.known >> place & 1) != 0) return;
  kept.known |= std::uint64_t{1} << place;
  const Listing::Computed& computed = result_.computed_[kept.computed];
  std::int32_t* to = computed.values.get() + block_ * computed.places + place;
  const LaneValues& value = value_of(kept.gate);
  for (std::size_t i = 0; i < lanes; ++i, to += computed.places) {
    *to = value.column == nullptr ? value.value : value.column[i];
  }
}

// Gives a gate its value: one for all lanes, another gate's column, or a column of its own.
void ListingSearch::compute(std::int32_t id, std::int32_t*& slot, std::size_t lanes) {
  const ColumnStep step = step_of(id);
  LaneValues& value = value_of(id);
  const bool binary = is_binary(step.op);
  if (step.a.column == nullptr && (!binary || step.b.column == nullptr)) {
    value = {nullptr, compute_value(step)};
    return;
  }
  if (binary && (step.a.column == nullptr || step.b.column == nullptr)) {
    const LaneValues& same = step.a.column == nullptr ? step.a : step.b;
    const LaneValues& other = step.a.column == nullptr ? step.b : step.a;
    if (step.op == Op::logical_and || step.op == Op::logical_or) {
      const bool decides = (same.value != 0) == (step.op == Op::logical_or);
      value = decides ? same : other;
      return;
    }
    if (step.op == Op::multiply && (same.value == 0 || same.value == 1)) {
      value = same.value == 0 ? same : other;
      return;
    }
  }
  if (slot == nullptr) slot = scratch_column(std::max(lanes, kBlock));
  compute_column(step, slot, lanes);
  value = {slot, 0};
}

// Applies the filters of a level; `alive` is what is left. False if nothing is.
bool ListingSearch::sift(const ListingPlan::Level& level, std::uint32_t l,
                         const std::int32_t*& alive, std::size_t lanes) {
  std::size_t slot = 2 * std::size_t{l};
  for (std::uint32_t f = level.filters_begin; f < level.filters_end; ++f) {
    const std::int32_t id = plan_.filters()[f];
    ColumnStep step;
    if (ListingPlan::is_comparison(gate(id).op)) {
      step = step_of(id);
      if (step.a.column == nullptr && step.b.column == nullptr) {
        if (compute_value(step) == 0) return false;
        continue;
      }
    } else {
      step.op = Op::not_equal;
      step.a = value_of(id);
      if (step.a.column == nullptr) {
        if (step.a.value == 0) return false;
        continue;
      }
    }
    // The column that was read may not be written.
    if (alive == alive_[slot]) slot ^= 1;
    if (alive_[slot] == nullptr) alive_[slot] = scratch_column(std::max(lanes, kBlock));
    const bool any = filter_column(step, alive, alive_[slot], lanes);
    alive = alive_[slot];
    if (!any) return false;
  }
  return true;
}

ColumnStep ListingSearch::step_of(std::int32_t id) {
  const Gate& own = gate(id);
  ColumnStep step;
  step.op = own.op;
  step.value = own.value;
  step.a = value_of(own.a);
  if (is_binary(own.op)) step.b = value_of(own.b);
  if (own.op == Op::in_list || own.op == Op::in_range) step.pool = plan_.pool(own);
  return step;
}

}  // namespace constrint::detail
