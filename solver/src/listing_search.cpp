// SPDX-License-Identifier: Apache-2.0
// From stage to stage: which lanes are left, what is known of them, and what the last ones leave.
#include "listing_search.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

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
      values_(plan.size()),
      gathered_(plan.size(), nullptr),
      slots_(plan.size(), nullptr),
      alive_(2 * plan.levels().size() + 2, nullptr),
      cached_(plan.size(), -1),
      taken_(plan.levels().size(), 0),
      wanted_(plan.size(), 0) {
  for (std::size_t g = 0; g < plan.size(); ++g) {
    const Gate& gate = plan.gate(static_cast<std::int32_t>(g));
    if (gate.op == Op::constant) values_[g].value = static_cast<std::int32_t>(gate.value);
  }
}

bool ListingSearch::run(const std::vector<std::int64_t>& base) {
  Listing& out = result_;
  out.width_ = base.size();
  out.stride_ = (base.size() + Listing::kChunk - 1) / Listing::kChunk * Listing::kChunk;
  rows_ = Listing::Rows(out.stride_);
  std::ranges::fill(std::ranges::copy(base, rows_.data()).out, rows_.data() + out.stride_, 0);
  const std::size_t second = plan_.second_chain();
  if (second == 0) {
    out.outer_rows_ = Listing::Rows(out.stride_);
    std::fill_n(out.outer_rows_.data(), out.stride_, 0);
  } else {
    if (!run_chain(0, second)) return false;
    if (stopped_ || lanes_ == 0) return finish_empty();
    out.outer_ = lanes_;
    store_outputs(0, second);
    out.outer_rows_ = std::move(rows_);
    rows_ = Listing::Rows(out.stride_);
    std::fill_n(rows_.data(), out.stride_, 0);
    columns_.clear();
  }
  if (!run_chain(second, plan_.stages().size())) return false;
  if (stopped_ || lanes_ == 0) return finish_empty();
  store_outputs(second, plan_.stages().size() - 1);
  finish();
  return !out.has_short_groups();
}

// The stages [begin, end), from one lane on.
bool ListingSearch::run_chain(std::size_t begin, std::size_t end) {
  lanes_ = 1;
  for (std::size_t s = begin; s < end && lanes_ > 0; ++s) {
    const bool last = s + 1 == plan_.stages().size();
    if (!(s == begin ? run_first(s) : run_stage(s, last))) return false;
    if (stopped_) return true;
    if (!last && !expand(s, s == begin)) return false;
  }
  return true;
}

// The first stage of a chain has one lane for each combination.
bool ListingSearch::run_first(std::size_t s) {
  const ListingPlan::Stage& stage = plan_.stages()[s];
  lanes_ = stage.combinations;
  if (!limits_.spend(lanes_)) return stop();
  const std::size_t lanes = lanes_;
  const std::int32_t* alive = nullptr;
  for (std::uint32_t l = stage.begin; l < stage.end; ++l) {
    const ListingPlan::Level& level = plan_.levels()[l];
    std::int32_t* column = scratch_column(lanes);
    fill_level(level, column, lanes);
    std::fill(column + lanes, column + padded_lanes(lanes), level.values[0]);
    value_of(level.gate) = {column, 0};
    for (std::uint32_t g = level.gates_begin; g < level.gates_end; ++g) {
      const std::int32_t id = plan_.gates()[g];
      std::int32_t* slot = scratch_column(lanes);
      compute(id, slot, lanes);
    }
    if (!sift(level, l, alive, lanes)) {
      lanes_ = 0;
      return true;
    }
  }
  first_alive_ = alive;
  return true;
}

// A level's values by combination of its stage.
void ListingSearch::fill_level(const ListingPlan::Level& level, std::int32_t* column,
                               std::size_t size) {
  std::int32_t* const end = column + size;
  while (column < end) {
    for (std::uint32_t v = 0; v < level.size; ++v, column += level.inner) {
      std::fill_n(column, level.inner, level.values[v]);
    }
  }
}

// The lanes of the next stage: what is left of this one's lanes with its combinations.
bool ListingSearch::expand(std::size_t s, bool first) {
  const std::size_t before = lanes_;
  const std::size_t most =
      first ? before : std::min(kMostLanes, before * plan_.stages()[s].combinations);
  origin_ = scratch_array<std::uint32_t>(most);
  combination_ = scratch_array<std::uint32_t>(most);
  std::size_t at = 0;
  if (first) {
    for (std::size_t i = 0; i < before; ++i) {
      combination_[at] = static_cast<std::uint32_t>(i);
      at += first_alive_ == nullptr || first_alive_[i] != 0 ? 1 : 0;
    }
    std::fill_n(origin_, at, 0U);
  } else {
    for (std::size_t i = 0; i < before; ++i) {
      for (std::uint64_t mask = masks_[i]; mask != 0; mask &= mask - 1) {
        if (at == most) return false;
        origin_[at] = static_cast<std::uint32_t>(i);
        combination_[at++] = static_cast<std::uint32_t>(std::countr_zero(mask));
      }
    }
  }
  lanes_ = at;
  if (lanes_ * result_.stride_ * 16 > memory_bytes_) return false;
  if (lanes_ == 0) return true;
  extend_rows(s, first);
  extend_columns(s);
  return true;
}

void ListingSearch::extend_rows(std::size_t s, bool first) {
  const std::size_t stride = result_.stride_;
  const Listing::Rows before = std::move(rows_);
  rows_ = Listing::Rows(lanes_ * stride);
  for (std::size_t i = 0; i < lanes_; ++i) {
    const std::int64_t* from = before.data() + origin_[i] * stride;
    std::int64_t* to = rows_.data() + i * stride;
    for (std::size_t c = 0; c < stride; c += Listing::kChunk) {
      std::memcpy(to + c, from + c, Listing::kChunk * sizeof(std::int64_t));
    }
  }
  const ListingPlan::Stage& stage = plan_.stages()[s];
  for (std::uint32_t l = stage.begin; l < stage.end; ++l) {
    const ListingPlan::Level& level = plan_.levels()[l];
    std::int32_t values[ListingPlan::kCombinations];
    const std::int32_t* from = values;
    if (first) {
      from = value_of(level.gate).column;
    } else {
      fill_level(level, values, stage.combinations);
    }
    std::int64_t* column = rows_.data() + level.variable;
    std::int32_t* own = scratch_column(lanes_);
    for (std::size_t i = 0; i < lanes_; ++i) {
      own[i] = from[combination_[i]];
      column[i * stride] = own[i];
    }
    std::fill(own + lanes_, own + padded_lanes(lanes_), level.values[0]);
    gathered_[static_cast<std::size_t>(level.gate)] = own;
    value_of(level.gate) = {own, 0};
  }
}

// What later stages read: columns of earlier stages are gathered, those of this one computed
// anew.
void ListingSearch::extend_columns(std::size_t s) {
  const int own = static_cast<int>(s);
  std::ranges::fill(wanted_, std::uint8_t{0});
  const ListingPlan::Stage& stage = plan_.stages()[s];
  const std::uint32_t begin = first_gate(stage.begin);
  const std::uint32_t end = first_gate(stage.end);
  for (std::uint32_t g = end; g-- > begin;) {
    const std::int32_t id = plan_.gates()[g];
    auto& wanted = wanted_[static_cast<std::size_t>(id)];
    if (plan_.last_stage(id) > own) wanted = 1;
    if (wanted == 0) continue;
    wanted_[static_cast<std::size_t>(gate(id).a)] = 1;
    if (is_binary(gate(id).op)) wanted_[static_cast<std::size_t>(gate(id).b)] = 1;
  }
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
  for (std::uint32_t g = begin; g < end; ++g) {
    const std::int32_t id = plan_.gates()[g];
    if (wanted_[static_cast<std::size_t>(id)] == 0) continue;
    std::int32_t* slot = scratch_column(lanes_);
    compute(id, slot, lanes_);
    // Null where one value is all; or another gate's column, kept under this name as well.
    gathered_[static_cast<std::size_t>(id)] = value_of(id).column;
    if (plan_.last_stage(id) > own && value_of(id).column != nullptr) columns_.push_back(id);
  }
}

// Writes the computed variables that stages [begin, end) give into the rows.
void ListingSearch::store_outputs(std::size_t begin, std::size_t end) {
  for (const ListingPlan::Output& output : plan_.outputs()) {
    const int stage = plan_.stage(output.gate);
    const bool own =
        stage < 0 ? begin == 0 : stage >= static_cast<int>(begin) && stage < static_cast<int>(end);
    if (!own) continue;
    const std::int32_t* from = gathered_[static_cast<std::size_t>(output.gate)];
    const std::int32_t value = value_of(output.gate).value;
    std::int64_t* column = rows_.data() + output.variable;
    for (std::size_t i = 0; i < lanes_; ++i) {
      column[i * result_.stride_] = from == nullptr ? value : from[i];
    }
  }
}

// Beginnings that nothing completes would only be passed over, again and again.
void ListingSearch::drop_dead_ends() {
  const std::size_t before = lanes_;
  const std::size_t stride = result_.stride_;
  std::size_t kept = 0;
  std::uint32_t* const from = scratch_array<std::uint32_t>(before);
  for (std::size_t i = 0; i < before; ++i) {
    from[kept] = static_cast<std::uint32_t>(i);
    kept += masks_[i] != 0 ? 1 : 0;
  }
  if (kept == before) return;
  for (std::size_t i = 0; i < kept; ++i) {
    masks_[i] = masks_[from[i]];
    std::copy_n(rows_.data() + from[i] * stride, stride, rows_.data() + i * stride);
  }
  for (Listing::Computed& computed : result_.computed_) {
    const std::size_t places = 1 + *std::max_element(computed.place.begin(), computed.place.end());
    for (std::size_t p = 0; p < places; ++p) {
      for (std::size_t i = 0; i < kept; ++i) {
        computed.values[p * kept + i] = computed.values[p * before + from[i]];
      }
    }
  }
  lanes_ = kept;
}

void ListingSearch::finish() {
  Listing& out = result_;
  const ListingPlan::Stage& stage = plan_.stages().back();
  drop_dead_ends();
  out.rank_beginnings(masks_, lanes_);
  out.status_ = out.inner_ == 0 ? Status::unsatisfiable : Status::satisfiable;
  if (out.inner_ == 0) return;
  out.beginnings_ = std::move(rows_);
  out.endings_.assign(stage.combinations * out.stride_, 0);
  out.first_chunk_ = out.stride_ / Listing::kChunk;
  for (std::uint32_t l = stage.begin; l < stage.end; ++l) {
    const ListingPlan::Level& level = plan_.levels()[l];
    const auto column = static_cast<std::size_t>(level.variable);
    out.first_chunk_ = std::min(out.first_chunk_, column / Listing::kChunk);
    std::int32_t values[ListingPlan::kCombinations];
    fill_level(level, values, stage.combinations);
    for (std::uint32_t c = 0; c < stage.combinations; ++c) {
      out.endings_[c * out.stride_ + column] = values[c];
    }
  }
  // Variables of the inner chain's other stages are in the beginnings, and so in the table.
  for (std::uint32_t l = plan_.stages()[plan_.second_chain()].begin;
       out.outer_ > 1 && l < stage.begin; ++l) {
    const auto column = static_cast<std::size_t>(plan_.levels()[l].variable);
    out.first_chunk_ = std::min(out.first_chunk_, column / Listing::kChunk);
  }
  for (const ListingPlan::Output& output : plan_.outputs()) {
    if (out.outer_ == 1) break;
    out.first_chunk_ =
        std::min(out.first_chunk_, static_cast<std::size_t>(output.variable) / Listing::kChunk);
  }
  out.make_table();
}

std::optional<Listing> Listing::build(const Propagator& root,
                                      const std::vector<OrderedVariable>& order,
                                      const std::vector<std::int64_t>& base, Limits& limits,
                                      std::size_t memory_bytes) {
  const Scratch::Scope scope;
  const ListingPlan plan(root, order);
  if (!plan.possible()) return std::nullopt;
  Listing result;
  ListingSearch search(plan, result, limits, memory_bytes);
  if (!search.run(base)) return std::nullopt;
  return result;
}

}  // namespace constrint::detail
