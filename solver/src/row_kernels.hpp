// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <utility>

namespace constrint::detail {

// A family of functions for one kind of job, each for numbers that are known to the compiler:
// Kernels::run<kernel>(job) is always inlined, Kernels::of(job) says which of Kernels::kCount fits.

template <class Kernels, std::size_t kernel>
void put_plainly(const typename Kernels::Job& job) {
  Kernels::template run<kernel>(job);
}

template <class Kernels, std::size_t... I>
constexpr auto plain_kernels(std::index_sequence<I...>) {
  return std::array{&put_plainly<Kernels, I>...};
}

#if defined(__x86_64__) && defined(__GNUC__)
// A chunk is one register of AVX2, which not every processor has.
template <class Kernels, std::size_t kernel>
[[gnu::target("avx2,bmi")]] void put_with_avx2(const typename Kernels::Job& job) {
  Kernels::template run<kernel>(job);
}

template <class Kernels, std::size_t... I>
constexpr auto avx2_kernels(std::index_sequence<I...>) {
  return std::array{&put_with_avx2<Kernels, I>...};
}
#endif

template <class Kernels>
void run_kernel(const typename Kernels::Job& job) {
  using All = std::make_index_sequence<Kernels::kCount>;
#if defined(__x86_64__) && defined(__GNUC__)
  static constexpr auto kWithAvx2 = avx2_kernels<Kernels>(All{});
  static const bool has_avx2 =
      __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("bmi") != 0;
  if (has_avx2) return kWithAvx2[Kernels::of(job)](job);
#endif
  static constexpr auto kPlain = plain_kernels<Kernels>(All{});
  kPlain[Kernels::of(job)](job);
}

}  // namespace constrint::detail
