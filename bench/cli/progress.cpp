// SPDX-License-Identifier: Apache-2.0
#include "progress.hpp"

#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <iostream>

namespace flashrnn::bench {
namespace {

std::string duration(double seconds) {
  char text[32];
  const auto whole = std::lround(seconds);
  if (whole < 60) {
    std::snprintf(text, sizeof text, "%ld s", whole);
  } else {
    std::snprintf(text, sizeof text, "%ld min %02ld s", whole / 60, whole % 60);
  }
  return text;
}

}  // namespace

Progress::Progress(std::vector<double> weights)
    : weights_(std::move(weights)), terminal_(::isatty(STDERR_FILENO) == 1) {
  for (const double weight : weights_) all_ += weight;
}

Progress::~Progress() {
  clear();
}

void Progress::clear() const {
  if (terminal_) std::cerr << "\r\033[K" << std::flush;
}

double Progress::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
}

void Progress::begin(const std::string& what) {
  std::string rest;
  if (done_ > 0) rest = ", about " + duration(seconds() / done_ * (all_ - done_)) + " left";
  clear();
  std::cerr << "flashrnn bench: " << next_ + 1 << " of " << weights_.size() << ": " << what << rest
            << (terminal_ ? "" : "\n") << std::flush;
  done_ += weights_[next_++];
}

void Progress::note(const std::string& line) {
  clear();
  std::cerr << "flashrnn bench: " << line << '\n';
}

}  // namespace flashrnn::bench
