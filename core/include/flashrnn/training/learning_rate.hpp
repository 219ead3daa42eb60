// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>

namespace flashrnn {

/// A learning rate that falls from `first` to `last` along half a cosine (I. Loshchilov, F. Hutter,
/// ICLR 2017, without restarts), for the update after `done` of `total`. A function of the count
/// alone, so a training that is resumed goes on with the rates it would have had. From `total` on
/// it is `last`.
inline double cosine_decay(double first, double last, long long done, long long total) {
  constexpr double pi = 3.141592653589793;
  const double part =
      done >= total ? 1 : static_cast<double>(std::max(0LL, done)) / static_cast<double>(total);
  return last + (first - last) * 0.5 * (1 + std::cos(pi * part));
}

}  // namespace flashrnn
