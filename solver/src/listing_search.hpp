// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
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

/// Finds the solutions of a small problem, stage by stage.
class ListingSearch {
 public:
  ListingSearch(const ListingPlan& plan, Listing& result, Limits& limits, std::size_t memory_bytes);

  /// False if there would be too many lanes.
  bool run(const std::vector<std::int64_t>& base);

 private:
  static constexpr std::size_t kBlock = 512;  // lanes that are worked on together

  struct Kept {
    std::int32_t gate = 0;
    std::size_t computed = 0;
    std::uint64_t known = 0;  // places, for the block in work
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

  void visit(std::uint32_t l, const std::int32_t* alive, std::uint32_t combination,
             std::size_t lanes);

  void mark(const std::int32_t* alive, std::uint32_t first, std::uint32_t count, std::size_t lanes);

  bool prepare_outputs(std::size_t s);

  void keep_output(Kept& kept, std::size_t lanes);

  bool expand(std::size_t s, bool dense);

  void find_wanted(std::size_t s);

  void extend_rows(std::size_t s, bool dense);

  void extend_columns(std::size_t s);

  std::uint32_t first_gate(std::uint32_t l) const {
    return l < plan_.levels().size() ? plan_.levels()[l].gates_begin
                                     : static_cast<std::uint32_t>(plan_.gates().size());
  }

  void store_outputs(std::size_t begin, std::size_t end);

  void take_beginnings();

  void finish();

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
  std::int64_t* rows_ = nullptr;    // by lane
  std::uint64_t* masks_ = nullptr;  // by lane: combinations that are left
  std::uint32_t* low_ = nullptr;    // halves of the masks of a block
  std::uint32_t* high_ = nullptr;
  std::uint32_t* origin_ = nullptr;            // by lane: the lane of the stage before
  std::uint32_t* combination_ = nullptr;       // by lane
  const std::int32_t* dense_alive_ = nullptr;  // by lane and combination; null: all
  const ListingPlan::Stage* stage_ = nullptr;
  std::size_t lanes_ = 1;
  std::size_t block_ = 0;
  std::uint64_t common_ = 0;  // combinations that are left for all lanes of a block
  std::uint64_t tried_ = 0;
  std::uint32_t active_end_ = 0;
  bool marked_ = false;  // whether low_ and high_ are set
  bool stopped_ = false;
};

}  // namespace constrint::detail
