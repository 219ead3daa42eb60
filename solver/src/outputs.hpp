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
  /// What the registers hold before the first level.
  [[nodiscard]] const std::vector<std::int64_t>& initial() const { return initial_; }
  /// Whether the program computes this variable.
  [[nodiscard]] bool defines(std::size_t variable) const;
  /// The last level whose outputs depend on the variable of `level`, or `level` itself.
  [[nodiscard]] std::size_t last_reader(std::size_t level) const {
    return levels_[level].last_reader;
  }
  /// Calls visit with each variable that gets its value at a level, besides the level's own.
  template <class Visit>
  void for_each_output(std::size_t level, Visit visit) const {
    for (const Store& store : levels_[level].stores) {
      visit(static_cast<std::size_t>(store.variable));
    }
  }
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
    std::size_t last_reader = 0;
    std::vector<Step> steps;
    std::vector<Store> stores;
  };
  void find_readers(const Graph& graph);

  std::vector<Level> levels_;
  std::vector<std::int64_t> pool_;
  std::vector<std::int64_t> initial_;
  std::size_t registers_ = 0;
  bool exact_ = true;
};

}  // namespace constrint::detail
