// SPDX-License-Identifier: Apache-2.0
// What the last stages leave becomes a listing.
#include <algorithm>
#include <utility>

#include "listing_search.hpp"
#include "put_rows.hpp"

namespace constrint::detail {

// Writes the computed variables that stages [begin, end) give into the rows.
void ListingSearch::store_outputs(std::size_t begin, std::size_t end) {
  for (const ListingPlan::Output& output : plan_.outputs()) {
    const int stage = plan_.stage(output.gate);
    const bool own =
        stage < 0 ? begin == 0 : stage >= static_cast<int>(begin) && stage < static_cast<int>(end);
    if (!own) continue;
    const std::int32_t* from = gathered_[static_cast<std::size_t>(output.gate)];
    const std::int32_t value = value_of(output.gate).value;
    std::int64_t* column = rows_ + output.variable;
    for (std::size_t i = 0; i < lanes_; ++i) {
      column[i * result_.stride_] = from == nullptr ? value : from[i];
    }
  }
}

// The rows are beginnings; those that nothing completes would only be passed over, again and again.
void ListingSearch::take_beginnings() {
  std::uint32_t* const from = scratch_array<std::uint32_t>(lanes_);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < lanes_; ++i) {
    from[kept] = static_cast<std::uint32_t>(i);
    kept += masks_[i] != 0 ? 1 : 0;
  }
  result_.beginnings_ = Listing::Rows(kept * result_.stride_);
  copy_rows(rows_, from, result_.beginnings_.data(), kept, result_.stride_);
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

void ListingSearch::finish() {
  Listing& out = result_;
  const ListingPlan::Stage& stage = plan_.stages().back();
  take_beginnings();
  out.rank_beginnings(masks_, lanes_);
  out.status_ = out.inner_ == 0 ? Status::unsatisfiable : Status::satisfiable;
  if (out.inner_ == 0) return;
  out.endings_.assign(stage.combinations * out.stride_, 0);
  out.first_chunk_ = out.stride_ / kRowChunk;
  for (std::uint32_t l = stage.begin; l < stage.end; ++l) {
    const ListingPlan::Level& level = plan_.levels()[l];
    const auto column = static_cast<std::size_t>(level.variable);
    out.first_chunk_ = std::min(out.first_chunk_, column / kRowChunk);
    std::int32_t values[ListingPlan::kCombinations];
    fill_level(level, values, stage.combinations);
    for (std::uint32_t c = 0; c < stage.combinations; ++c) {
      out.endings_[c * out.stride_ + column] = values[c];
    }
  }
  out.make_table();
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
