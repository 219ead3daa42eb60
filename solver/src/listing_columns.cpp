// SPDX-License-Identifier: Apache-2.0
// Single gates on columns of lanes.
#include <algorithm>

#include "listing_search.hpp"

namespace constrint::detail {

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
  if (slot == nullptr) slot = scratch_column(std::max(lanes, block_lanes_));
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
    if (alive_[slot] == nullptr) alive_[slot] = scratch_column(std::max(lanes, block_lanes_));
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
