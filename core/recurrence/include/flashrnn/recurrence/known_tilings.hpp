// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flashrnn {

/// An answer of the tile search that was found when the library was built, for a device's model and
/// a problem. A search takes up to some milliseconds, which a plan of kernels that are part of the
/// library would spend on little else.
struct KnownTiling {
  /// The kernel, and the numbers of device and problem that its text reads: another length of the
  /// sequence, or another device with the same numbers, is the same question.
  std::string_view question;
  /// The best tiling with its times, as text; empty: there is none.
  std::string_view answer;
};

/// The same, owned.
struct FoundTiling {
  std::string question, answer;
};

/// The best answers to all questions of this process so far, in order of the questions.
std::vector<FoundTiling> found_tilings();

/// From now on, questions among `all` are not searched for where one candidate is asked for.
/// @param all in order of the questions; of the same texts of kernels; must outlive the process's
/// last question.
void know_tilings(std::span<const KnownTiling> all);

}  // namespace flashrnn
