// SPDX-License-Identifier: Apache-2.0
// What the last stages leave becomes a listing.
#include <algorithm>
#include <utility>

#include "listing_search.hpp"
#include "put_rows.hpp"

namespace constrint::detail {

// Writes the computed variables that stages [begin, end) give into rows.
void ListingSearch::store_outputs(std::size_t begin, std::size_t end, const LaneRows& to) {
  for (const ListingPlan::Output& output : plan_.outputs()) {
    const int stage = plan_.stage(output.gate);
    const bool own =
        stage < 0 ? begin == 0 : stage >= static_cast<int>(begin) && stage < static_cast<int>(end);
    if (!own) continue;
    const std::int32_t* from = gathered_[static_cast<std::size_t>(output.gate)];
    const std::int32_t value = value_of(output.gate).value;
    std::int64_t* column = to.rows + output.variable;
    for (std::size_t i = 0; i < to.count; ++i) {
      const std::size_t lane = to.lanes == nullptr ? i : to.lanes[i];
      column[i * result_.stride_] = from == nullptr ? value : from[lane];
    }
  }
}

// Those that nothing completes would only be passed over, again and again.
void ListingSearch::take_beginnings(std::size_t first_stage) {
  std::uint32_t* const from = scratch_array<std::uint32_t>(lanes_);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < lanes_; ++i) {
    from[kept] = static_cast<std::uint32_t>(i);
    kept += masks_[i] != 0 ? 1 : 0;
  }
  result_.beginnings_ = Listing::Rows(kept * result_.stride_);
  const std::uint32_t* const lanes = kept == lanes_ ? nullptr : from;
  put_rows(result_.beginnings_.data(), lanes, kept);
  store_outputs(first_stage, plan_.stages().size() - 1, {result_.beginnings_.data(), lanes, kept});
  if (kept == lanes_) return;
  for (std::size_t i = 0; i < kept; ++i) masks_[i] = masks_[from[i]];
  for (Listing::Computed& computed : result_.computed_) {
    std::int32_t* const values = computed.values.get();
    for (std::size_t i = 0; i < kept; ++i) {
      std::copy_n(values + from[i] * computed.places, computed.places,
                  values + i * computed.places);
    }
  }
  lanes_ = kept;
}

void ListingSearch::finish(std::size_t first_stage) {
  Listing& out = result_;
  const ListingPlan::Stage& stage = plan_.stages().back();
  take_beginnings(first_stage);
  out.rank_beginnings(masks_, lanes_);
  out.status_ = out.inner_ == 0 ? Status::unsatisfiable : Status::satisfiable;
  if (out.inner_ == 0) return;
  out.first_chunk_ = out.stride_ / kRowChunk - 1;  // where no level has a column
  for (std::uint32_t l = stage.begin; l < stage.end; ++l) {
    const auto column = static_cast<std::size_t>(plan_.levels()[l].variable);
    out.first_chunk_ = std::min(out.first_chunk_, column / kRowChunk);
  }
  // Rows with computed values are put together from whole endings.
  if (!out.computed_.empty()) out.first_chunk_ = 0;
  const std::size_t values = stage.combinations * out.width_;
  out.endings_ = Listing::Rows(values + kReadBehind);
  std::fill_n(out.endings_.data(), values + kReadBehind, 0);
  for (std::uint32_t l = stage.begin; l < stage.end; ++l) {
    const ListingPlan::Level& level = plan_.levels()[l];
    std::int32_t own[ListingPlan::kCombinations];
    fill_level(level, own, stage.combinations);
    std::int64_t* to = out.endings_.data() + level.variable;
    for (std::uint32_t c = 0; c < stage.combinations; ++c, to += out.width_) *to = own[c];
  }
  out.choose_form();
}

std::optional<Listing> Listing::build(const Propagator& root, const VariableOrder& order,
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
