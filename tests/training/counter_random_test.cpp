// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/training/counter_random.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

#include "flashrnn/copies.hpp"
#include "spaces.hpp"

namespace flashrnn::test {
namespace {

/// SplitMix64 as it is published: with a state.
struct SplitMix64 {
  std::uint64_t state;
  std::uint64_t next() {
    std::uint64_t z = (state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
};

TEST(CounterRandom, has_the_numbers_of_splitmix64) {
  // The published test vector shows that the generator above is the right one.
  SplitMix64 published{1234567};
  for (const std::uint64_t expected :
       {6457827717110365317U, 3203168211198807973U, 9817491932198370423U})
    EXPECT_EQ(published.next(), expected);

  for (const std::uint64_t seed : {0ULL, 1ULL, 77ULL, ~0ULL})
    for (const std::uint64_t stream : {0ULL, 1ULL, 1000ULL}) {
      // Seed and stream are mixed by the same function, the first output of a generator.
      SplitMix64 of_seed{seed};
      SplitMix64 of_both{(of_seed.next() ^ (stream * 0x9e3779b97f4a7c15 + 1)) - 0x9e3779b97f4a7c15};
      SplitMix64 expected{of_both.next()};
      const CounterRandom random(seed, stream);
      for (std::uint64_t counter = 0; counter < 20; ++counter)
        EXPECT_EQ(random.bits(counter), expected.next()) << seed << ", " << stream;
    }
}

TEST(CounterRandom, streams_and_seeds_are_apart) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 30; ++seed)
    for (std::uint64_t stream = 0; stream < 30; ++stream)
      for (std::uint64_t counter = 0; counter < 30; ++counter)
        seen.insert(CounterRandom(seed, stream).bits(counter));
  EXPECT_EQ(seen.size(), 30U * 30U * 30U);
}

/// Draws in a kernel. No part of a test, because nvcc takes no kernels of private functions.
template <class Space>
void draw(const CounterRandom& random, const Kokkos::View<std::uint64_t*, Space>& bits,
          const Kokkos::View<double*, Space>& normal) {
  Kokkos::parallel_for(
      "draw", Kokkos::RangePolicy<Space>(0, bits.extent_int(0)), KOKKOS_LAMBDA(const int i) {
        bits(i) = random.bits(static_cast<std::uint64_t>(i));
        normal(i) = random.normal(static_cast<std::uint64_t>(i));
      });
}

TEST(CounterRandom, is_the_same_on_every_device) {
  Spaces::for_each([]<class Space>() {
    const Kokkos::View<std::uint64_t*, Space> bits("bits", 1000);
    const Kokkos::View<double*, Space> normal("normal", 1000);
    const CounterRandom random(5, 6);
    draw<Space>(random, bits, normal);
    const auto host_bits = on_host(bits);
    const auto host_normal = on_host(normal);
    for (std::size_t i = 0; i < host_bits.size(); ++i) {
      ASSERT_EQ(host_bits[i], random.bits(i)) << Space::name();
      // Mathematical functions of devices round differently.
      ASSERT_NEAR(host_normal[i], random.normal(i), 1e-13) << Space::name();
    }
  });
}

/// Bounds are five standard deviations of a mean of that many numbers: one in a million seeds would
/// miss one, and this one does not.
TEST(CounterRandom, has_the_moments_of_its_distributions) {
  constexpr int count = 100'000;
  const CounterRandom random(1, 2);
  double uniform = 0, uniform2 = 0, normal = 0, normal2 = 0, neighbours = 0;
  std::vector<int> hits(7);
  for (std::uint64_t i = 0; i < count; ++i) {
    const double u = random.uniform(i), n = random.normal(i);
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    uniform += u / count;
    uniform2 += u * u / count;
    normal += n / count;
    normal2 += n * n / count;
    neighbours += n * random.normal(i + 1) / count;
    ++hits.at(static_cast<std::size_t>(random.below(i, 7)));
  }
  const double sigma = 1 / std::sqrt(double(count));
  EXPECT_NEAR(uniform, 0.5, 5 * std::sqrt(1.0 / 12) * sigma);
  EXPECT_NEAR(uniform2, 1.0 / 3, 5 * std::sqrt(1.0 / 5 - 1.0 / 9) * sigma);
  EXPECT_NEAR(normal, 0, 5 * sigma);
  EXPECT_NEAR(normal2, 1, 5 * std::sqrt(2.0) * sigma);
  EXPECT_NEAR(neighbours, 0, 5 * sigma);
  for (const int hit : hits) EXPECT_NEAR(hit, count / 7.0, 5 * std::sqrt(count / 7.0));
}

}  // namespace
}  // namespace flashrnn::test
