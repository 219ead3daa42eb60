// SPDX-License-Identifier: Apache-2.0
// One stage of few lanes: each of its combinations on each of them is a lane of its own, so that
// vectors are full.
#include <algorithm>
#include <array>

#include "listing_search.hpp"

namespace constrint::detail {

namespace {

constexpr std::size_t kMostDense = 4096;  // lanes of a stage that is not the first

constexpr std::array<std::uint32_t, 32> make_bits() {
  std::array<std::uint32_t, 32> bits{};
  for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = std::uint32_t{1} << i;
  return bits;
}

constexpr std::array<std::uint32_t, 32> kBits = make_bits();

// Bit i: whether lane i is alive, of at most 32.
std::uint32_t pack(const std::int32_t* alive, std::size_t lanes) {
  std::uint32_t mask = 0;
  for (std::size_t i = 0; i < lanes; ++i) mask |= static_cast<std::uint32_t>(alive[i]) & kBits[i];
  return mask;
}

}  // namespace

// Whether trying all at once costs less than condition by condition, where a step has its price
// however few the lanes are (estimates, in instructions).
bool ListingSearch::is_dense(std::size_t s, bool last) const {
  constexpr double kStep = 60;
  constexpr double kLane = 0.5;
  const ListingPlan::Stage& stage = plan_.stages()[s];
  const std::size_t lanes = lanes_ * stage.combinations;
  if (lanes > kMostDense) return false;
  double steps = 0;
  double by_condition = 0;
  const auto add = [&](std::int32_t id) {
    steps += 1;
    by_condition += static_cast<double>(places_of(id, stage.begin)) *
                    (kStep + kLane * static_cast<double>(lanes_));
  };
  for (std::uint32_t g = first_gate(stage.begin); g < first_gate(stage.end); ++g) {
    add(plan_.gates()[g]);
  }
  for (std::uint32_t l = stage.begin; l < stage.end; ++l) {
    const ListingPlan::Level& level = plan_.levels()[l];
    steps += 1;
    for (std::uint32_t f = level.filters_begin; f < level.filters_end; ++f) {
      add(plan_.filters()[f]);
    }
  }
  if (steps * (kStep + kLane * static_cast<double>(lanes)) >= by_condition) return false;
  // The last stage's computed variables are kept by the combinations of the levels they read.
  return !last || std::ranges::none_of(plan_.outputs(), [&](const ListingPlan::Output& output) {
    return plan_.stage(output.gate) == static_cast<int>(s);
  });
}

bool ListingSearch::run_dense(std::size_t s, bool last) {
  const ListingPlan::Stage& stage = plan_.stages()[s];
  const std::size_t combinations = stage.combinations;
  const std::size_t lanes = lanes_ * combinations;
  tried_ += lanes;
  if (!limits_.spend(lanes)) return stop();
  for (const std::int32_t id : columns_) {
    const std::int32_t* from = gathered_[static_cast<std::size_t>(id)];
    std::int32_t* column = scratch_column(lanes);
    for (std::size_t i = 0; i < lanes_; ++i) {
      std::fill_n(column + i * combinations, combinations, from[i]);
    }
    std::fill(column + lanes, column + padded_lanes(lanes), from[0]);
    value_of(id) = {column, 0};
  }
  const std::int32_t* alive = nullptr;
  for (std::uint32_t l = stage.begin; l < stage.end; ++l) {
    const ListingPlan::Level& level = plan_.levels()[l];
    std::int32_t* column = scratch_column(lanes);
    fill_level(level, column, lanes);
    std::fill(column + lanes, column + padded_lanes(lanes), level.values[0]);
    value_of(level.gate) = {column, 0};
    for (std::uint32_t g = level.gates_begin; g < level.gates_end; ++g) {
      std::int32_t* slot = nullptr;
      compute(plan_.gates()[g], slot, lanes);
    }
    // The columns that sift() keeps are shorter where a stage has run already.
    alive_[2 * std::size_t{l}] = alive_[2 * std::size_t{l} + 1] = nullptr;
    if (!sift(level, l, alive, lanes)) {
      lanes_ = 0;
      return true;
    }
  }
  dense_alive_ = alive;
  if (last) make_masks(stage.combinations);
  return true;
}

void ListingSearch::make_masks(std::uint32_t combinations) {
  masks_ = scratch_array<std::uint64_t>(lanes_);
  if (dense_alive_ == nullptr) {
    std::fill_n(masks_, lanes_, ~std::uint64_t{0} >> (64 - combinations));
    return;
  }
  const std::int32_t* alive = dense_alive_;
  const std::uint32_t low = std::min<std::uint32_t>(combinations, 32);
  for (std::size_t i = 0; i < lanes_; ++i, alive += combinations) {
    masks_[i] = pack(alive, low) | std::uint64_t{pack(alive + low, combinations - low)} << 32;
  }
}

}  // namespace constrint::detail
