// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <cstdint>

namespace flashrnn {

/// Random numbers as a pure function of a seed, a stream and a counter. There is no state to carry,
/// so a kernel draws them in any order, the same on every device, and a training that is resumed
/// draws what the interrupted one would have. For data and initial values, not for secrets.
///
/// The numbers of one stream are those of SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast splittable
/// pseudorandom number generators", OOPSLA 2014) that starts from a mixture of seed and stream.
class CounterRandom {
 public:
  CounterRandom(std::uint64_t seed, std::uint64_t stream)
      : key_(mix(mix(seed + golden_ratio) ^ (stream * golden_ratio + 1))) {}

  /// 64 bits.
  KOKKOS_FUNCTION std::uint64_t bits(std::uint64_t counter) const {
    return mix(key_ + (counter + 1) * golden_ratio);
  }
  /// In [0, 1): multiples of 2^-53.
  KOKKOS_FUNCTION double uniform(std::uint64_t counter) const {
    return static_cast<double>(bits(counter) >> 11) * 0x1p-53;
  }
  /// In 0 .. count - 1, for a count above 0. Some numbers come more often than others, by one part
  /// in 2^32 / count.
  KOKKOS_FUNCTION int below(std::uint64_t counter, int count) const {
    return static_cast<int>(((bits(counter) >> 32) * static_cast<std::uint64_t>(count)) >> 32);
  }
  /// Mean 0, variance 1 (Box and Muller), from the uniform numbers 2·counter and 2·counter + 1.
  KOKKOS_FUNCTION double normal(std::uint64_t counter) const {
    constexpr double two_pi = 6.283185307179586;
    const double radius = Kokkos::sqrt(-2 * Kokkos::log(1 - uniform(2 * counter)));
    return radius * Kokkos::cos(two_pi * uniform(2 * counter + 1));
  }

 private:
  static constexpr std::uint64_t golden_ratio = 0x9e3779b97f4a7c15;

  KOKKOS_FUNCTION static std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  std::uint64_t key_;
};

}  // namespace flashrnn
