// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>

namespace example {

/// One line on stderr that is drawn over while a loop runs; where stderr is no terminal, a line
/// every tenth of the way.
class ProgressBar {
 public:
  ProgressBar(std::string title, long long total)
      : title_(std::move(title)), total_(total), terminal_(isatty(fileno(stderr)) != 0) {}

  /// `done` of `total`, with a text such as the loss behind.
  void show(long long done, const std::string& text) {
    const auto now = std::chrono::steady_clock::now();
    const long long tenth = 10 * done / total_;
    if (terminal_) {
      if (done < total_ && now - drawn_ < std::chrono::milliseconds(100)) return;
    } else if (tenth == tenth_) {
      return;
    }
    drawn_ = now;
    tenth_ = tenth;
    const int filled = static_cast<int>(width * done / total_);
    const double seconds = std::chrono::duration<double>(now - started_).count();
    std::fprintf(stderr, "%s%-22s [%s%s] %lld/%lld  %s  %.0f s%s", terminal_ ? "\r" : "",
                 title_.c_str(), std::string(static_cast<std::size_t>(filled), '#').c_str(),
                 std::string(static_cast<std::size_t>(width - filled), '.').c_str(), done, total_,
                 text.c_str(), seconds,
                 terminal_ ? (done == total_ ? "\033[K\n" : "\033[K") : "\n");
  }

 private:
  static constexpr long long width = 24;

  std::string title_;
  long long total_;
  bool terminal_;
  long long tenth_ = 0;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now(), drawn_;
};

}  // namespace example
