// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "constrint/options.hpp"

namespace constrint::detail {

/// Watches the limits of one search.
class Limits {
 public:
  explicit Limits(const Options& options) : nodes_(options.nodes), stop_(options.stop) {
    if (options.seconds < 1e9) {
      timed_ = true;
      const auto span = std::chrono::duration<double>(options.seconds > 0 ? options.seconds : 0);
      end_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(span);
    }
  }

  /// Counts `nodes` more assignments; false if a limit is reached.
  bool spend(std::uint64_t nodes = 1) {
    spent_ += nodes;
    if (spent_ > nodes_) return false;
    if (spent_ > pause_) {
      paused_ = true;
      return false;
    }
    if (spent_ < next_check_) return true;
    next_check_ = spent_ + 256;
    return !stop_.stop_requested() && !(timed_ && Clock::now() >= end_);
  }
  /// Lets spend() fail after `nodes` more as well, until lifted by kNoPause.
  void pause_after(std::uint64_t nodes) {
    pause_ = nodes == kNoPause ? kNoPause : spent_ + nodes;
    paused_ = false;
  }
  /// Whether it was the pause and no limit that made spend() fail.
  [[nodiscard]] bool paused() const { return paused_; }
  static constexpr std::uint64_t kNoPause = ~std::uint64_t{0};
  [[nodiscard]] std::uint64_t spent() const { return spent_; }

 private:
  using Clock = std::chrono::steady_clock;
  std::uint64_t nodes_;
  std::stop_token stop_;
  Clock::time_point end_;
  bool timed_ = false;
  std::uint64_t spent_ = 0;
  std::uint64_t pause_ = kNoPause;
  bool paused_ = false;
  std::uint64_t next_check_ = 0;
};

}  // namespace constrint::detail
