// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <utility>

#include "flashrnn/types.hpp"

namespace flashrnn {

/// body.template operator()<i>() for i = 0 ... count - 1. For loops over arrays that live in
/// registers, which have no run-time index.
template <int count, class Body>
KOKKOS_FORCEINLINE_FUNCTION void unrolled(const Body& body) {
  [&]<int... i>(std::integer_sequence<int, i...>) {
    (body.template operator()<i>(), ...);
  }
  (std::make_integer_sequence<int, count>{});
}

/// Four neighbouring values of a tile, read at once.
template <class Real>
struct alignas(4 * sizeof(Real)) Four {
  Real value[4];
};

/// The lower (index 0) or upper (1) of two 16-bit elements of a word, as float.
template <int index>
KOKKOS_FORCEINLINE_FUNCTION float widened(std::uint32_t pair, const bfloat16*) {
  return Kokkos::bit_cast<float>(index == 0 ? pair << 16 : pair & 0xffff0000u);
}
template <int index>
KOKKOS_FORCEINLINE_FUNCTION float widened(std::uint32_t pair, const float16*) {
  float16 element;
  element.bits = static_cast<unsigned short>(index == 0 ? pair : pair >> 16);
  // Kokkos' own half, which is a float on the host, converts in one instruction on devices.
  KOKKOS_IF_ON_DEVICE((return Kokkos::Experimental::cast_from_half<float>(
                                  Kokkos::bit_cast<Kokkos::Experimental::half_t>(element));))
  KOKKOS_IF_ON_HOST((return element;))
}

/// Lets the compiler assume nothing of the value of `word`; no instruction.
KOKKOS_FORCEINLINE_FUNCTION void hide(std::uint32_t& word) {
#if defined(__HIP_DEVICE_COMPILE__)
  asm volatile("" : "+v"(word));
#else
  asm volatile("" : "+r"(word));
#endif
}

/// `count` factors of R in the registers of one thread: in accumulation precision, or two 16-bit
/// elements to a word, which takes half the registers and an instruction per element and use.
template <class Storage, int count, bool packed>
struct ResidentFactors {
  AccumulateType<Storage> value[count];

  template <int i>
  KOKKOS_FORCEINLINE_FUNCTION void set(Storage factor) {
    value[i] = static_cast<AccumulateType<Storage>>(factor);
  }
  template <int i>
  KOKKOS_FORCEINLINE_FUNCTION AccumulateType<Storage> get() const {
    return value[i];
  }
  KOKKOS_FORCEINLINE_FUNCTION void keep_packed() {}
};

template <class Storage, int count>
struct ResidentFactors<Storage, count, true> {
  std::uint32_t pairs[(count + 1) / 2];

  /// Factors are set in order.
  template <int i>
  KOKKOS_FORCEINLINE_FUNCTION void set(Storage factor) {
    if constexpr (i % 2 == 0) {
      pairs[i / 2] = factor.bits;
    } else {
      pairs[i / 2] |= static_cast<std::uint32_t>(factor.bits) << 16;
    }
  }
  template <int i>
  KOKKOS_FORCEINLINE_FUNCTION float get() const {
    return widened<i % 2>(pairs[i / 2], static_cast<const Storage*>(nullptr));
  }
  /// Makes the words unknown to the compiler, once per step. It would widen all factors before the
  /// loop over steps otherwise, and run out of registers.
  KOKKOS_FORCEINLINE_FUNCTION void keep_packed() {
    for (std::uint32_t& pair : pairs) hide(pair);
  }
};

/// `value` of lane `lane` of the calling thread's group of `width` neighbouring threads. All
/// threads of a warp call it together. (Kokkos' nested parallel_reduce does the same with a mask
/// per group, after which NVIDIA's warps run group by group.)
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Real value_of_lane(Real value, [[maybe_unused]] int lane,
                                               [[maybe_unused]] int width) {
  KOKKOS_IF_ON_DEVICE((return Kokkos::shfl(value, lane, width);))
  KOKKOS_IF_ON_HOST((return value;))
}

/// Adds `sums` [pairs, terms] over a group of `lanes` threads; afterwards the first `terms`
/// elements of lane l are the sums of pair l % pairs, the same bits in all lanes of a pair.
template <int pairs, int terms, int lanes, int distance = pairs / 2, class Real, int count>
KOKKOS_FORCEINLINE_FUNCTION void add_lanes(int lane, Real (&sums)[count]) {
  if constexpr (distance > 0) {
    // Neighbours at this distance want different halves of the pairs: each keeps its half.
    constexpr int half = distance * terms;
    const bool upper = (lane & distance) != 0;
    unrolled<half>([&]<int i>() {
      const Real keep = upper ? sums[half + i] : sums[i];
      const Real give = upper ? sums[i] : sums[half + i];
      sums[i] = keep + value_of_lane(give, lane ^ distance, lanes);
    });
    add_lanes<pairs, terms, lanes, distance / 2>(lane, sums);
  } else {
    // What is left differs between lanes of the same pair only: all of them want the sum.
    for (int other = pairs; other < lanes; other *= 2)
      for (int i = 0; i < terms; ++i) sums[i] += value_of_lane(sums[i], lane ^ other, lanes);
  }
}

}  // namespace flashrnn
