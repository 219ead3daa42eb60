// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "graph.hpp"

namespace constrint::detail {

/// Computes the defined variables of a part from its free ones, level by level, for one solution at
/// a time.
class OutputProgram {
 public:
  explicit OutputProgram(const Graph& graph);
  /// For a part without defined variables.
  explicit OutputProgram(std::size_t levels);

  /// Whether a level gives values to variables besides its own.
  [[nodiscard]] bool has_work(std::size_t level) const {
    return !levels_[level].steps.empty() || !levels_[level].stores.empty();
  }
  [[nodiscard]] std::size_t registers() const { return registers_; }
  /// Level `level` has taken `value`: updates registers, and writes the variables known now into
  /// the row.
  void run(std::size_t level, std::int64_t value, std::int64_t* registers, std::int64_t* row) const;
  /// Computes the defined variables of whole rows, row-major, whose other values are there.
  void fill_columns(std::int64_t* rows, std::size_t width, std::size_t count) const;
  /// What the registers hold before the first level.
  [[nodiscard]] const std::vector<std::int64_t>& initial() const { return initial_; }
  /// Whether the program computes this variable.
  [[nodiscard]] bool defines(std::size_t variable) const;
  /// False if a value may leave 64 bits.
  [[nodiscard]] bool exact() const { return exact_; }

 private:
  struct Step {
    Op op = Op::constant;
    std::int32_t target = 0;
    std::int32_t a = 0;
    std::int32_t b = 0;
    std::int64_t value = 0;
    std::int32_t pool = 0;
  };
  struct Store {
    std::int32_t variable = 0;
    std::int32_t reg = 0;
  };
  struct Level {
    std::int32_t reg = 0;  // of its variable
    std::int32_t variable = 0;
    std::vector<Step> steps;
    std::vector<Store> stores;
  };
  void apply(const Step& step, const std::int64_t* a, const std::int64_t* b, std::int64_t* target,
             std::size_t count) const;

  std::vector<Level> levels_;
  std::vector<std::int64_t> pool_;
  std::vector<std::int64_t> initial_;
  std::size_t registers_ = 0;
  bool exact_ = true;
};

}  // namespace constrint::detail
