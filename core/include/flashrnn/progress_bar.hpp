// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <initializer_list>
#include <iosfwd>
#include <string>
#include <utility>

namespace flashrnn::io {

/// Says how far a loop is, on one line that is drawn over while it runs:
///
///     training the LSTM      [############............] 1500/3000  loss 0.0712  21 s
///
/// Where that is not possible, in a file or a pipe, a line is written whenever another tenth of the
/// way is done.
class ProgressBar {
 public:
  /// On stderr, drawn over if that is a terminal. `total` is what `done` of show() ends with.
  /// @throws InvalidArgument for a total below 1.
  ProgressBar(std::string title, long long total);

  /// On another stream, which has to live as long; `in_place`: it is a terminal.
  ProgressBar(std::string title, long long total, std::ostream& stream, bool in_place);

  /// `done` of `total`, with a text such as the loss behind. Cheap enough for every step of a loop:
  /// a terminal is drawn on ten times a second at most, and at the end.
  void show(long long done, const std::string& text = {});

  /// The same with values by their names: "loss 0.0712, accuracy 0.981".
  void show(long long done, std::initializer_list<std::pair<const char*, double>> values);

 private:
  std::string title_;
  long long total_;
  std::ostream* stream_;
  bool in_place_;
  long long tenth_ = 0;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now(), drawn_;
};

}  // namespace flashrnn::io
