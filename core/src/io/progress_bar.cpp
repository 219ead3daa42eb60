// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/progress_bar.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <utility>

#include "flashrnn/error.hpp"

namespace flashrnn::io {

ProgressBar::ProgressBar(std::string title, long long total)
    : ProgressBar(std::move(title), total, std::cerr, ::isatty(STDERR_FILENO) == 1) {}

ProgressBar::ProgressBar(std::string title, long long total, std::ostream& stream, bool in_place)
    : title_(std::move(title)), total_(total), stream_(&stream), in_place_(in_place) {
  if (total < 1)
    throw InvalidArgument("progress: expected a total of at least 1, found " +
                          std::to_string(total));
  constexpr std::size_t title_width = 22;  // so that bars below each other line up
  if (title_.size() < title_width) title_.resize(title_width, ' ');
}

void ProgressBar::show(long long done, const std::string& text) {
  const auto now = std::chrono::steady_clock::now();
  const long long tenth = 10 * done / total_;
  if (in_place_) {
    if (done < total_ && now - drawn_ < std::chrono::milliseconds(100)) return;
  } else if (tenth == tenth_) {
    return;
  }
  drawn_ = now;
  tenth_ = tenth;
  constexpr long long width = 24;
  const auto filled = static_cast<std::size_t>(std::clamp(width * done / total_, 0LL, width));
  const double seconds = std::chrono::duration<double>(now - started_).count();
  std::string line = title_ + " [" + std::string(filled, '#') +
                     std::string(static_cast<std::size_t>(width) - filled, '.') + "] " +
                     std::to_string(done) + "/" + std::to_string(total_) + "  " + text + "  " +
                     std::to_string(std::lround(seconds)) + " s";
  // In place: the rest of a longer line before is erased.
  if (in_place_) line = "\r" + line + "\033[K";
  if (!in_place_ || done == total_) line += '\n';
  *stream_ << line << std::flush;
}

void ProgressBar::show(long long done,
                       std::initializer_list<std::pair<const char*, double>> values) {
  std::string text;
  for (const auto& [name, value] : values) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.6g", value);
    text += (text.empty() ? "" : ", ") + std::string(name) + " " + digits;
  }
  show(done, text);
}

}  // namespace flashrnn::io
