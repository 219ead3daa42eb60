// SPDX-License-Identifier: Apache-2.0
// Finds the solutions of a small problem stage by stage.
#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>

#include "columns.hpp"
#include "listing.hpp"

namespace constrint::detail {

namespace {

// What is more than this is faster, and smaller, as a diagram.
constexpr std::uint64_t kTries = std::uint64_t{1} << 17;
constexpr std::size_t kLanes = std::size_t{1} << 13;
constexpr std::size_t kBlock = 512;  // lanes that are worked on together

template <class T>
T* scratch_array(std::size_t size) {
  return ScratchAllocator<T>().allocate(size);
}

std::int32_t* scratch_column(std::size_t lanes) {
  return scratch_array<std::int32_t>(padded_lanes(lanes));
}

}  // namespace

class ListingSearch {
 public:
  ListingSearch(const ListingPlan& plan, Listing& result, Limits& limits, std::size_t memory_bytes)
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

  /// False if there would be too many lanes.
  bool run(const std::vector<std::int64_t>& base) {
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

 private:
  struct Kept {
    std::int32_t gate = 0;
    std::size_t computed = 0;
    std::uint64_t known = 0;  // places, for the block in work
  };

  // The stages [begin, end), from one lane on.
  bool run_chain(std::size_t begin, std::size_t end) {
    lanes_ = 1;
    for (std::size_t s = begin; s < end && lanes_ > 0; ++s) {
      const bool last = s + 1 == plan_.stages().size();
      if (!(s == begin ? run_first(s) : run_stage(s, last))) return false;
      if (stopped_) return true;
      if (!last && !expand(s, s == begin)) return false;
    }
    return true;
  }

  bool finish_empty() {
    result_.status_ = stopped_ ? Status::limit : Status::unsatisfiable;
    return true;
  }

  const Gate& gate(std::int32_t id) const { return plan_.gate(id); }
  LaneValues& value_of(std::int32_t id) { return values_[static_cast<std::size_t>(id)]; }

  ColumnStep step_of(std::int32_t id) {
    const Gate& own = gate(id);
    ColumnStep step;
    step.op = own.op;
    step.value = own.value;
    step.a = value_of(own.a);
    if (is_binary(own.op)) step.b = value_of(own.b);
    if (own.op == Op::in_list || own.op == Op::in_range) step.pool = plan_.pool(own);
    return step;
  }

  // Gives a gate its value: one for all lanes, another gate's column, or a column of its own.
  void compute(std::int32_t id, std::int32_t*& slot, std::size_t lanes) {
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

  // The first stage of a chain has one lane for each combination.
  bool run_first(std::size_t s) {
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
  static void fill_level(const ListingPlan::Level& level, std::int32_t* column, std::size_t size) {
    std::int32_t* const end = column + size;
    while (column < end) {
      for (std::uint32_t v = 0; v < level.size; ++v, column += level.inner) {
        std::fill_n(column, level.inner, level.values[v]);
      }
    }
  }

  // Applies the filters of a level; `alive` is what is left. False if nothing is.
  bool sift(const ListingPlan::Level& level, std::uint32_t l, const std::int32_t*& alive,
            std::size_t lanes) {
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

  bool stop() {
    stopped_ = true;
    return true;
  }

  bool run_stage(std::size_t s, bool last) {
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
  void prepare_cache() {
    cache_.clear();
    for (std::uint32_t l = stage_->begin; l < active_end_; ++l) {
      const ListingPlan::Level& level = plan_.levels()[l];
      const std::uint64_t before = (std::uint64_t{1} << stage_->begin) - 1;
      const std::uint64_t all = ((std::uint64_t{2} << l) - 1) & ~before;
      for (std::uint32_t g = level.gates_begin; g < level.gates_end; ++g) {
        const std::int32_t id = plan_.gates()[g];
        const std::uint64_t levels = plan_.levels_of(id);
        std::int32_t& first = cached_[static_cast<std::size_t>(id)];
        first = -1;
        if ((levels & before) == 0 || (levels & all) == all) continue;
        first = static_cast<std::int32_t>(cache_.size());
        cache_.resize(cache_.size() + places_of(id, stage_->begin));
      }
    }
  }

  // The combinations of the levels from `begin` on that a gate reads, and the number of the one in
  // work.
  std::size_t places_of(std::int32_t id, std::uint32_t begin) const {
    std::size_t result = 1;
    for (std::uint64_t levels = plan_.levels_of(id) >> begin << begin; levels != 0;
         levels &= levels - 1) {
      result *= plan_.levels()[static_cast<std::size_t>(std::countr_zero(levels))].size;
    }
    return result;
  }
  std::size_t place_of(std::int32_t id, std::uint32_t begin) const {
    std::size_t result = 0;
    for (std::uint64_t levels = plan_.levels_of(id) >> begin << begin; levels != 0;
         levels &= levels - 1) {
      const auto l = static_cast<std::size_t>(std::countr_zero(levels));
      result = result * plan_.levels()[l].size + taken_[l];
    }
    return result;
  }

  void compute_in_stage(std::int32_t id, std::size_t lanes) {
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
  void visit(std::uint32_t l, const std::int32_t* alive, std::uint32_t combination,
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

  void mark(const std::int32_t* alive, std::uint32_t first, std::uint32_t count,
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
  bool prepare_outputs(std::size_t s) {
    for (const ListingPlan::Output& output : plan_.outputs()) {
      if (plan_.stage(output.gate) != static_cast<int>(s)) continue;
      active_end_ = std::max(active_end_, static_cast<std::uint32_t>(plan_.level(output.gate)) + 1);
      const std::size_t places = places_of(output.gate, stage_->begin);
      const std::size_t size = places * lanes_;
      if (size * sizeof(std::int32_t) > memory_bytes_) return false;
      memory_bytes_ -= size * sizeof(std::int32_t);
      Listing::Computed& computed = result_.computed_.emplace_back();
      computed.column = static_cast<std::size_t>(output.variable);
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

  void keep_output(Kept& kept, std::size_t lanes) {
    const std::size_t place = place_of(kept.gate, stage_->begin);
    if ((kept.known >> place & 1) != 0) return;
    kept.known |= std::uint64_t{1} << place;
    std::int32_t* to = result_.computed_[kept.computed].values.get() + place * lanes_ + block_;
    const LaneValues& value = value_of(kept.gate);
    if (value.column == nullptr) {
      std::fill_n(to, lanes, value.value);
    } else {
      std::copy_n(value.column, lanes, to);
    }
  }

  // The lanes of the next stage: what is left of this one's lanes with its combinations.
  bool expand(std::size_t s, bool first) {
    const std::size_t before = lanes_;
    const std::size_t most =
        first ? before : std::min(kLanes, before * plan_.stages()[s].combinations);
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

  void extend_rows(std::size_t s, bool first) {
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
  void extend_columns(std::size_t s) {
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

  std::uint32_t first_gate(std::uint32_t l) const {
    return l < plan_.levels().size() ? plan_.levels()[l].gates_begin
                                     : static_cast<std::uint32_t>(plan_.gates().size());
  }

  // Writes the computed variables that stages [begin, end) give into the rows.
  void store_outputs(std::size_t begin, std::size_t end) {
    for (const ListingPlan::Output& output : plan_.outputs()) {
      const int stage = plan_.stage(output.gate);
      const bool own = stage < 0
                           ? begin == 0
                           : stage >= static_cast<int>(begin) && stage < static_cast<int>(end);
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
  void drop_dead_ends() {
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
      const std::size_t places =
          1 + *std::max_element(computed.place.begin(), computed.place.end());
      for (std::size_t p = 0; p < places; ++p) {
        for (std::size_t i = 0; i < kept; ++i) {
          computed.values[p * kept + i] = computed.values[p * before + from[i]];
        }
      }
    }
    lanes_ = kept;
  }

  void finish() {
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

  struct Cached {
    LaneValues value;
    std::int32_t* slot = nullptr;
    bool known = false;  // for the block in work
  };

  const ListingPlan& plan_;
  Listing& result_;
  Limits& limits_;
  std::size_t memory_bytes_;
  ScratchVector<LaneValues> values_;             // by gate, in the lanes in work
  ScratchVector<const std::int32_t*> gathered_;  // by gate: its column for all lanes
  ScratchVector<std::int32_t*> slots_;           // by gate: a column of kBlock lanes
  ScratchVector<std::int32_t*> alive_;           // two for each level
  ScratchVector<std::int32_t> cached_;           // by gate: its first place in cache_, or -1
  ScratchVector<Cached> cache_;
  ScratchVector<std::uint32_t> taken_;   // by level: the place of its value in work
  ScratchVector<std::int32_t> columns_;  // gates that have a column for all lanes
  ScratchVector<std::uint8_t> wanted_;
  ScratchVector<Kept> kept_;
  Listing::Rows rows_;              // by lane
  std::uint64_t* masks_ = nullptr;  // by lane: combinations that are left
  std::uint32_t* low_ = nullptr;    // halves of the masks of a block
  std::uint32_t* high_ = nullptr;
  std::uint32_t* origin_ = nullptr;       // by lane: the lane of the stage before
  std::uint32_t* combination_ = nullptr;  // by lane
  const std::int32_t* first_alive_ = nullptr;
  const ListingPlan::Stage* stage_ = nullptr;
  std::size_t lanes_ = 1;
  std::size_t block_ = 0;
  std::uint64_t common_ = 0;  // combinations that are left for all lanes of a block
  std::uint64_t tried_ = 0;
  std::uint32_t active_end_ = 0;
  bool marked_ = false;  // whether low_ and high_ are set
  bool stopped_ = false;
};

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
