// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace flashrnn::bench {

/// Says on stderr what runs, i of n, and how long the rest will take: in place on a terminal, in
/// lines elsewhere.
class Progress {
 public:
  /// `weights`: about how long each case takes, in any unit.
  explicit Progress(std::vector<double> weights);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  /// The next case begins.
  void begin(const std::string& what);
  /// A line above the progress.
  void note(const std::string& line);
  [[nodiscard]] double seconds() const;

 private:
  void clear() const;

  std::vector<double> weights_;
  std::size_t next_ = 0;
  double done_ = 0, all_ = 0;
  bool terminal_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace flashrnn::bench
