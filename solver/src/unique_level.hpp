// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "diagram.hpp"

namespace constrint::detail {

/// A level of a reduced diagram that grows node by node: nodes with the same edges are one node.
class UniqueLevel {
 public:
  static constexpr std::uint32_t kDead = ~std::uint32_t{0};  // a node without completions

  explicit UniqueLevel(Diagram::Level& level) : level_(level) { level_.edges.first.assign(1, 0); }

  /// Adds an edge of the node in work; `below`: completions of its child.
  bool add(std::int64_t value, const std::int64_t* high, std::uint32_t child, Uint128 below) {
    EdgeList& edges = level_.edges;
    edges.value.push_back(value);
    edges.child.push_back(child);
    if (high != nullptr) edges.high.push_back(*high);
    hash_ = (hash_ ^ static_cast<std::uint64_t>(value)) * 0x9E3779B97F4A7C15ULL;
    hash_ = (hash_ ^ (hash_ >> 29) ^ child) * 0xD6E8FEB86659FD93ULL;
    const Uint128 size = level_.size(edges.child.size() - 1);
    return !__builtin_mul_overflow(below, size, &below) &&
           !__builtin_add_overflow(total_, below, &total_);
  }

  /// The number of the node in work, which then is finished; kDead if it has no edges.
  std::uint32_t finish() {
    EdgeList& edges = level_.edges;
    const std::uint32_t first = edges.first.back();
    const auto end = static_cast<std::uint32_t>(edges.child.size());
    const std::uint64_t tag = hash_ >> 32;
    const Uint128 total = total_;
    hash_ = kSeed;
    total_ = 0;
    if (first == end) return kDead;
    if (level_.counts.size() * 2 >= buckets_.size()) grow();
    const std::size_t mask = buckets_.size() - 1;
    std::size_t slot = tag & mask;
    for (; buckets_[slot] != 0; slot = (slot + 1) & mask) {
      if ((buckets_[slot] >> 32) != tag) continue;
      const auto other = static_cast<std::uint32_t>(buckets_[slot]) - 1;
      if (!same(edges.first[other], edges.first[other + 1], first, end)) continue;
      edges.value.resize(first);
      edges.child.resize(first);
      if (!edges.high.empty()) edges.high.resize(first);
      return other;
    }
    level_.counts.push_back(total);
    edges.first.push_back(end);
    buckets_[slot] = (tag << 32) | level_.counts.size();
    return static_cast<std::uint32_t>(level_.counts.size() - 1);
  }

  [[nodiscard]] std::size_t bytes() const {
    return level_.edges.bytes() + level_.counts.size() * 16 + buckets_.size() * 8;
  }

 private:
  static constexpr std::uint64_t kSeed = 0x243F6A8885A308D3ULL;

  [[nodiscard]] bool same(std::uint32_t begin, std::uint32_t end, std::uint32_t other_begin,
                          std::uint32_t other_end) const {
    if (end - begin != other_end - other_begin) return false;
    const auto equal = [&](const auto& column) {
      return std::equal(column.begin() + begin, column.begin() + end, column.begin() + other_begin);
    };
    const EdgeList& edges = level_.edges;
    return equal(edges.value) && equal(edges.child) && (edges.high.empty() || equal(edges.high));
  }

  void grow() {
    std::vector<std::uint64_t> larger(std::max<std::size_t>(64, buckets_.size() * 2), 0);
    for (const std::uint64_t entry : buckets_) {
      if (entry == 0) continue;
      std::size_t slot = (entry >> 32) & (larger.size() - 1);
      while (larger[slot] != 0) slot = (slot + 1) & (larger.size() - 1);
      larger[slot] = entry;
    }
    buckets_ = std::move(larger);
  }

  Diagram::Level& level_;
  std::vector<std::uint64_t> buckets_;  // upper half: hash; lower half: number + 1
  std::uint64_t hash_ = kSeed;
  Uint128 total_ = 0;
};

}  // namespace constrint::detail
