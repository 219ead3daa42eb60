// SPDX-License-Identifier: Apache-2.0
// From stage to stage: which lanes are left, what is known of them, and what the last ones leave.
#include "listing_search.hpp"

#include <algorithm>
#include <bit>
#include <memory>
#include <utility>

#include "put_rows.hpp"

namespace constrint::detail {

namespace {

constexpr std::size_t kMostLanes = std::size_t{1} << 13;  // more is smaller as a diagram

}  // namespace

ListingSearch::ListingSearch(const ListingPlan& plan, Listing& result, Limits& limits,
                             std::size_t memory_bytes)
    : plan_(plan),
      result_(result),
      limits_(limits),
      memory_bytes_(memory_bytes),
      values_(zeroed_array<LaneValues>(plan.size())),
      gathered_(zeroed_array<const std::int32_t*>(plan.size())),
      slots_(zeroed_array<std::int32_t*>(plan.size())),
      alive_(zeroed_array<std::int32_t*>(2 * plan.levels().size() + 2)),
      cached_(scratch_array<std::int32_t>(plan.size())),
      taken_(zeroed_array<std::uint32_t>(plan.levels().size())),
      level_values_(zeroed_array<const std::int32_t*>(plan.levels().size())),
      wanted_(scratch_array<std::uint8_t>(plan.size()), plan.size()) {
  conditions_.reserve(16);
  cone_.reserve(64);
  for (std::size_t g = 0; g < plan.size(); ++g) {
    const Gate& gate = plan.gate(static_cast<std::int32_t>(g));
    if (gate.op == Op::constant) values_[g].value = static_cast<std::int32_t>(gate.value);
  }
}

bool ListingSearch::run(const std::vector<std::int64_t>& base) {
  Listing& out = result_;
  out.width_ = base.size();
  out.stride_ = (base.size() + kRowChunk - 1) / kRowChunk * kRowChunk;
  // A row of zeros, which the rows of a second chain begin with.
  std::int64_t* const zeros = scratch_array<std::int64_t>(out.stride_);
  std::fill_n(zeros, out.stride_, 0);
  std::int64_t* const first = scratch_array<std::int64_t>(out.stride_);
  std::ranges::fill(std::ranges::copy(base, first).out, first + out.stride_, 0);
  rows_ = first;
  const std::size_t second = plan_.second_chain();
  if (second == 0) {
    out.outer_rows_ = Listing::Rows(out.stride_);
    std::copy_n(zeros, out.stride_, out.outer_rows_.data());
  } else {
    if (!run_chain(0, second)) return false;
    if (stopped_ || lanes_ == 0) return finish_empty();
    out.outer_ = lanes_;
    out.outer_rows_ = Listing::Rows(lanes_ * out.stride_);
    put_rows(out.outer_rows_.data(), nullptr, lanes_);
    store_outputs(0, second, {out.outer_rows_.data(), nullptr, lanes_});
    rows_ = zeros;
    expanded_ = nullptr;
    columns_.clear();
  }
  if (!run_chain(second, plan_.stages().size())) return false;
  if (stopped_ || lanes_ == 0) return finish_empty();
  finish(second);
  return true;
}

// The stages [begin, end), from one lane on.
bool ListingSearch::run_chain(std::size_t begin, std::size_t end) {
  lanes_ = 1;
  for (std::size_t s = begin; s < end && lanes_ > 0; ++s) {
    const bool last = s + 1 == plan_.stages().size();
    const bool dense = s == begin || is_dense(s, last);
    if (!(dense ? run_dense(s, last) : run_stage(s, last))) return false;
    if (stopped_) return true;
    if (!last && lanes_ > 0 && !expand(s, dense)) return false;
  }
  return true;
}

// A level's values by combination of its stage, once and then again and again.
void ListingSearch::fill_level(const ListingPlan::Level& level, std::int32_t* column,
                               std::size_t size) {
  std::size_t filled = 0;
  if (level.inner == 1) {
    filled = std::min<std::size_t>(level.size, size);
    std::copy_n(level.values, filled, column);
  } else {
    for (std::uint32_t v = 0; v < level.size; ++v, filled += level.inner) {
      std::fill_n(column + filled, level.inner, level.values[v]);
    }
  }
  while (filled < size) {
    const std::size_t more = std::min(filled, size - filled);
    std::copy_n(column, more, column + filled);
    filled += more;
  }
}

// The lanes of the next stage: what is left of this one's lanes with its combinations. dense: of
// all of them together.
bool ListingSearch::expand(std::size_t s, bool dense) {
  const std::size_t before = lanes_;
  const std::size_t combinations = plan_.stages()[s].combinations;
  if (expanded_ != nullptr) {
    std::int64_t* const rows = scratch_array<std::int64_t>(before * result_.stride_);
    put_rows(rows, nullptr, before);
    rows_ = rows;
  }
  const std::size_t most =
      dense ? before * combinations : std::min(kMostLanes, before * combinations);
  origin_ = scratch_array<std::uint32_t>(most);
  combination_ = scratch_array<std::uint32_t>(most);
  std::size_t at = 0;
  for (std::size_t i = 0; i < before; ++i) {
    if (dense) {
      const std::int32_t* alive =
          dense_alive_ == nullptr ? nullptr : dense_alive_ + i * combinations;
      for (std::size_t c = 0; c < combinations; ++c) {
        origin_[at] = static_cast<std::uint32_t>(i);
        combination_[at] = static_cast<std::uint32_t>(c);
        at += alive == nullptr || alive[c] != 0 ? 1 : 0;
      }
      continue;
    }
    for (std::uint64_t mask = masks_[i]; mask != 0; mask &= mask - 1) {
      if (at == most) return false;
      origin_[at] = static_cast<std::uint32_t>(i);
      combination_[at++] = static_cast<std::uint32_t>(std::countr_zero(mask));
    }
  }
  lanes_ = at;
  if (lanes_ * result_.stride_ * 16 > memory_bytes_) return false;
  if (lanes_ == 0) return true;
  find_wanted(s);
  extend_levels(s, dense);
  extend_columns(s);
  return true;
}

// What is needed of the stage's gates, and for them: what later stages read.
void ListingSearch::find_wanted(std::size_t s) {
  const int own = static_cast<int>(s);
  std::ranges::fill(wanted_, std::uint8_t{0});
  const ListingPlan::Stage& stage = plan_.stages()[s];
  const std::uint32_t begin = first_gate(stage.begin);
  for (std::uint32_t g = first_gate(stage.end); g-- > begin;) {
    const std::int32_t id = plan_.gates()[g];
    auto& wanted = wanted_[static_cast<std::size_t>(id)];
    if (plan_.last_stage(id) > own) wanted = 1;
    if (wanted == 0) continue;
    wanted_[static_cast<std::size_t>(gate(id).a)] = 1;
    if (is_binary(gate(id).op)) wanted_[static_cast<std::size_t>(gate(id).b)] = 1;
  }
}

// The values of the stage's levels: for rows, which are made when they are needed, and as columns
// where those are read.
void ListingSearch::extend_levels(std::size_t s, bool dense) {
  expanded_ = &plan_.stages()[s];
  for (std::uint32_t l = expanded_->begin; l < expanded_->end; ++l) {
    const ListingPlan::Level& level = plan_.levels()[l];
    if (dense) {
      level_values_[l] = value_of(level.gate).column;
    } else {
      std::int32_t* const values = scratch_array<std::int32_t>(expanded_->combinations);
      fill_level(level, values, expanded_->combinations);
      level_values_[l] = values;
    }
    const auto id = static_cast<std::size_t>(level.gate);
    if (wanted_[id] == 0 && plan_.last_stage(level.gate) <= static_cast<int>(s)) continue;
    const std::int32_t* const from = level_values_[l];
    std::int32_t* own = scratch_column(lanes_);
    for (std::size_t i = 0; i < lanes_; ++i) own[i] = from[combination_[i]];
    std::fill(own + lanes_, own + padded_lanes(lanes_), level.values[0]);
    gathered_[id] = own;
    value_of(level.gate) = {own, 0};
  }
}

// Makes the rows of `count` lanes: those at `lanes`, or all of them. rows_ are those of the lanes
// before the stage that was expanded last.
void ListingSearch::put_rows(std::int64_t* rows, const std::uint32_t* lanes,
                             std::size_t count) const {
  const std::size_t stride = result_.stride_;
  if (expanded_ == nullptr) {  // there is one lane
    if (count > 0) std::copy_n(rows_, stride, rows);
    return;
  }
  const std::uint32_t* places = origin_;
  const std::uint32_t* combinations = combination_;
  if (lanes != nullptr) {
    auto* const own_places = scratch_array<std::uint32_t>(count);
    auto* const own_combinations = scratch_array<std::uint32_t>(count);
    for (std::size_t i = 0; i < count; ++i) {
      own_places[i] = origin_[lanes[i]];
      own_combinations[i] = combination_[lanes[i]];
    }
    places = own_places;
    combinations = own_combinations;
  }
  copy_rows(rows_, places, rows, count, stride);
  for (std::uint32_t l = expanded_->begin; l < expanded_->end; ++l) {
    const std::int32_t* const from = level_values_[l];
    std::int64_t* const column = rows + plan_.levels()[l].variable;
    for (std::size_t i = 0; i < count; ++i) column[i * stride] = from[combinations[i]];
  }
}

// What later stages read: columns of earlier stages are gathered, those of this one computed
// anew.
void ListingSearch::extend_columns(std::size_t s) {
  const int own = static_cast<int>(s);
  const ListingPlan::Stage& stage = plan_.stages()[s];
  // Columns of the stages before, as far as they are still read.
  std::size_t kept = 0;
  for (const std::int32_t id : columns_) {
    const auto at = static_cast<std::size_t>(id);
    if (plan_.last_stage(id) <= own && wanted_[at] == 0) continue;
    std::int32_t* to = scratch_column(lanes_);
    const std::int32_t* from = gathered_[at];
    for (std::size_t i = 0; i < lanes_; ++i) to[i] = from[origin_[i]];
    std::fill(to + lanes_, to + padded_lanes(lanes_), to[0]);
    gathered_[at] = to;
    value_of(id) = {to, 0};
    if (plan_.last_stage(id) > own) columns_[kept++] = id;
  }
  columns_.resize(kept);
  for (std::uint32_t l = stage.begin; l < stage.end; ++l) {
    const std::int32_t id = plan_.levels()[l].gate;
    if (plan_.last_stage(id) > own) columns_.push_back(id);
  }
  for (std::uint32_t g = first_gate(stage.begin); g < first_gate(stage.end); ++g) {
    const std::int32_t id = plan_.gates()[g];
    if (wanted_[static_cast<std::size_t>(id)] == 0) continue;
    std::int32_t* slot = scratch_column(lanes_);
    compute(id, slot, lanes_);
    // Null where one value is all; or another gate's column, kept under this name as well.
    gathered_[static_cast<std::size_t>(id)] = value_of(id).column;
    if (plan_.last_stage(id) > own && value_of(id).column != nullptr) columns_.push_back(id);
  }
}

}  // namespace constrint::detail
