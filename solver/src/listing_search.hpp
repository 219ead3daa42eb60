// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "columns.hpp"
#include "listing.hpp"

namespace constrint::detail {

inline std::int32_t* scratch_column(std::size_t lanes) {
  return ScratchAllocator<std::int32_t>().allocate(padded_lanes(lanes));
}

template <class T>
T* scratch_array(std::size_t size) {
  return ScratchAllocator<T>().allocate(size);
}

/// An array of numbers or pointers, all 0.
template <class T>
T* zeroed_array(std::size_t size) {
  T* const result = scratch_array<T>(size);
  std::memset(static_cast<void*>(result), 0, size * sizeof(T));  // NOLINT: T may be a pointer
  return result;
}

/// Finds the solutions of a small problem, stage by stage.
class ListingSearch {
 public:
  ListingSearch(const ListingPlan& plan, Listing& result, Limits& limits, std::size_t memory_bytes);

  /// False if there would be too many lanes.
  bool run(const std::vector<std::int64_t>& base);

 private:
  static constexpr std::size_t kBlock = 2048;  // lanes that are worked on together

  // A condition that is tested in a stage, or a variable that is computed there.
  struct Condition {
    std::int32_t gate = 0;
    std::uint64_t levels = 0;       // of the stage that it reads, as bits
    std::uint32_t cone_begin = 0;   // in cone_: the gates of the stage it is computed from
    std::uint32_t lanes_begin = 0;  // from here on those that differ between lanes
    std::uint32_t cone_end = 0;
  };
  struct Kept {
    Condition output;
    std::size_t computed = 0;
  };
  // Combinations that hold: for all lanes, or as halves of masks by lane.
  struct Halves {
    std::uint64_t common = 0;
    std::uint32_t* low = nullptr;
    std::uint32_t* high = nullptr;
    bool has_low = false;
    bool has_high = false;
    void reset(std::uint64_t all) {
      common = all;
      has_low = has_high = false;
    }
  };

  bool run_chain(std::size_t begin, std::size_t end);

  bool finish_empty() {
    result_.status_ = stopped_ ? Status::limit : Status::unsatisfiable;
    return true;
  }

  const Gate& gate(std::int32_t id) const { return plan_.gate(id); }
  LaneValues& value_of(std::int32_t id) { return values_[static_cast<std::size_t>(id)]; }

  ColumnStep step_of(std::int32_t id);

  void compute(std::int32_t id, std::int32_t*& slot, std::size_t lanes);

  bool is_dense(std::size_t s, bool last) const;

  bool run_dense(std::size_t s, bool last);

  void make_masks(std::uint32_t combinations);

  static void fill_level(const ListingPlan::Level& level, std::int32_t* column, std::size_t size);

  bool sift(const ListingPlan::Level& level, std::uint32_t l, const std::int32_t*& alive,
            std::size_t lanes);

  bool stop() {
    stopped_ = true;
    return true;
  }

  bool run_stage(std::size_t s, bool last);

  void prepare_cache();

  std::size_t places_of(std::int32_t id, std::uint32_t begin) const;
  std::size_t place_of(std::int32_t id, std::uint32_t begin) const;

  void compute_in_stage(std::int32_t id, std::size_t lanes);

  Condition prepare_condition(std::int32_t id);

  void run_block(std::size_t lanes);

  template <class F>
  void for_combinations(std::uint64_t levels, F f);
  std::uint64_t combinations_with(const ListingPlan::Level& level, std::uint32_t taken) const;

  void apply(const Condition& condition, std::size_t lanes);

  bool reads_lanes(std::int32_t id) const {
    const std::uint64_t levels = plan_.levels_of(id);
    return levels >> stage_->begin << stage_->begin != levels;
  }
  bool holds_for_all(std::int32_t id);

  void test(std::int32_t id, std::uint64_t bits, std::size_t lanes);

  bool prepare_outputs(std::size_t s);

  void keep_output(const Kept& kept, std::size_t lanes);

  bool expand(std::size_t s, bool dense);

  void find_wanted(std::size_t s);

  void extend_levels(std::size_t s, bool dense);

  void put_rows(std::int64_t* rows, const std::uint32_t* lanes, std::size_t count) const;

  void extend_columns(std::size_t s);

  std::uint32_t first_gate(std::uint32_t l) const {
    return l < plan_.levels().size() ? plan_.levels()[l].gates_begin
                                     : static_cast<std::uint32_t>(plan_.gates().size());
  }

  // Rows of some lanes (null: of all).
  struct LaneRows {
    std::int64_t* rows;
    const std::uint32_t* lanes;
    std::size_t count;
  };
  void store_outputs(std::size_t begin, std::size_t end, const LaneRows& to);

  void take_beginnings(std::size_t first_stage);

  void finish(std::size_t first_stage);

  struct Cached {
    LaneValues value;
    std::int32_t* slot = nullptr;
    bool known = false;  // for the block in work
  };

  const ListingPlan& plan_;
  Listing& result_;
  Limits& limits_;
  std::size_t memory_bytes_;
  LaneValues* values_;             // by gate, in the lanes in work
  const std::int32_t** gathered_;  // by gate: its column for all lanes
  std::int32_t** slots_;           // by gate: a column of kBlock lanes
  std::int32_t** alive_;           // two for each level
  static constexpr std::int32_t kNotCached = -1;
  static constexpr std::int32_t kNotSeen = -2;
  std::int32_t* cached_;  // by gate of the stage in work: its first place in cache_, or not there
  ScratchVector<Cached> cache_;
  std::uint32_t* taken_;                 // by level: the place of its value in work
  const std::int32_t** level_values_;    // by level and combination of expanded_
  ScratchVector<std::int32_t> columns_;  // gates that have a column for all lanes
  std::span<std::uint8_t> wanted_;
  ScratchVector<Condition> conditions_;
  ScratchVector<Kept> kept_;
  ScratchVector<std::int32_t> cone_;
  const std::int64_t* rows_ = nullptr;            // by lane
  const ListingPlan::Stage* expanded_ = nullptr;  // whose levels are not in rows_ yet
  std::uint64_t* masks_ = nullptr;                // by lane: combinations that are left
  Halves left_;                      // by lane of a block: combinations that all conditions leave
  Halves own_;                       // the same of the condition in work
  std::int32_t* tested_ = nullptr;   // by lane of a block: whether a comparison holds
  std::uint64_t open_ = 0;           // combinations that may be left for some lane of a block
  std::uint32_t* origin_ = nullptr;  // by lane: the lane of the stage before
  std::uint32_t* combination_ = nullptr;       // by lane
  const std::int32_t* dense_alive_ = nullptr;  // by lane and combination; null: all
  const ListingPlan::Stage* stage_ = nullptr;
  std::size_t lanes_ = 1;
  std::size_t block_ = 0;
  std::size_t block_lanes_ = 0;  // most lanes of a block of the stage in work
  std::uint64_t tried_ = 0;
  bool stopped_ = false;
};

}  // namespace constrint::detail
