// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "constrint/options.hpp"
#include "limits.hpp"
#include "order.hpp"
#include "propagator.hpp"

namespace constrint::detail {

/// Depth-first search over variables in a fixed order: the solutions come in lexicographic order.
/// It starts with light propagation, which is fastest where few assignments fail, and turns to full
/// propagation after many failures.
class DepthFirst {
 public:
  /// order: the variables to be fixed. part: where given (by variable), a dead end jumps back to
  /// the latest decision of its own part. The propagator must stand at the root and have
  /// occurrences built.
  DepthFirst(Propagator& propagator, std::span<const OrderedVariable> order,
             std::span<const std::int32_t> part, Limits& limits);

  /// The first or next solution: satisfiable leaves the propagator there, all variables of the
  /// order fixed.
  Status next();
  /// Stands where the solutions after `values` (by variable) begin, so that next() gives the first
  /// of them.
  void seek_after(std::span<const std::int64_t> values);
  /// Propagates fully from now on.
  void set_strong() { light_ = false; }

 private:
  struct Frame {
    std::size_t place = 0;  // in the order
    Propagator::Mark mark;
    Domain rest;  // values not tried yet
    bool fresh = true;
    std::uint64_t solutions = 0;  // found before this frame
  };

  bool descend(std::size_t place);
  bool try_piece(Frame& frame);
  void skip_refuted(Frame& frame);
  void pop_dead_end();

  Propagator& propagator_;
  std::span<const OrderedVariable> order_;
  std::span<const std::int32_t> part_;
  Limits& limits_;
  RecyclingVector<Frame> stack_;
  bool light_ = true;
  bool started_ = false;
  std::uint64_t failures_ = 0;
  std::uint64_t solutions_ = 0;
};

}  // namespace constrint::detail
