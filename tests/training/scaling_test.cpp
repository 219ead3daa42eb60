// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/training/scaling.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "file_fixture.hpp"
#include "spaces.hpp"

namespace flashrnn::test {
namespace {

constexpr int scaling_steps = 7, scaling_columns = 4, scaling_features = 3;

/// Features of very different sizes; the last is the same everywhere and not a short binary number.
double scaling_value(int row, int feature) {
  const double wave = std::sin(1.7 * row) + 0.1 * row;
  return feature == 0 ? 1000 + wave : feature == 1 ? 1e-3 * wave * wave : 0.1;
}

template <class Real>
std::vector<Real> scaling_values() {
  std::vector<Real> out;
  for (int row = 0; row < scaling_steps * scaling_columns; ++row)
    for (int feature = 0; feature < scaling_features; ++feature)
      out.push_back(static_cast<Real>(scaling_value(row, feature)));
  return out;
}

template <class Space, class Real>
Series<Space, Real> scaling_recording() {
  Series<Space, Real> out("recording", scaling_steps, scaling_columns, scaling_features);
  copy_to(out, scaling_values<Real>());
  return out;
}

template <class Space, class Real>
void expect_moments() {
  const std::vector<Real> all = scaling_values<Real>();
  const Scaling<Space, Real> scaling(Space(), scaling_recording<Space, Real>());
  ASSERT_EQ(scaling.moments().mean.size(), std::size_t(scaling_features));
  for (int k = 0; k < scaling_features; ++k) {
    constexpr int count = scaling_steps * scaling_columns;
    double mean = 0, square = 0;
    for (auto i = std::size_t(k); i < all.size(); i += scaling_features)
      mean += double(all[i]) / count;
    for (auto i = std::size_t(k); i < all.size(); i += scaling_features)
      square += std::pow(double(all[i]) - mean, 2) / count;
    // Both ways round a sum of `count` numbers in double precision.
    const double unit = 2 * count * std::numeric_limits<double>::epsilon();
    const double found = scaling.moments().mean[std::size_t(k)];
    EXPECT_NEAR(found, mean, unit * std::abs(mean)) << Space::name() << ", feature " << k;
    if (k == 2) continue;
    EXPECT_NEAR(scaling.moments().deviation[std::size_t(k)], std::sqrt(square),
                unit * (std::sqrt(square) + std::abs(mean)))
        << Space::name() << ", feature " << k;
  }
  EXPECT_EQ(scaling.moments().mean[2], double(static_cast<Real>(0.1)));
  EXPECT_EQ(scaling.moments().deviation[2], 1);
}

TEST(Scaling, has_the_mean_and_the_deviation_of_every_feature) {
  Spaces::for_each([]<class Space>() {
    expect_moments<Space, float>();
    expect_moments<Space, double>();
  });
}

template <class Space, class Real>
void expect_mean_0_and_deviation_1() {
  const Series<Space, Real> series = scaling_recording<Space, Real>();
  const Scaling<Space, Real> scaling = normalise(Space(), series);
  const auto [mean, deviation] = Scaling<Space, Real>::moments_of(Space(), series);
  const std::vector<Real> normal = on_host(series);
  const std::vector<Real> before = scaling_values<Real>();
  for (std::size_t k = 0; k < scaling_features; ++k) {
    // A value, its mean and its deviation are rounded to Real, relative to the largest of them.
    const double unit = 4 * double(std::numeric_limits<Real>::epsilon()) *
                        (1 + std::abs(scaling.moments().mean[k]) / scaling.moments().deviation[k]);
    EXPECT_NEAR(mean[k], 0, unit) << Space::name();
    if (k < 2) {
      EXPECT_NEAR(deviation[k], 1, unit) << Space::name();
    }
  }
  scaling.restore(Space(), series, series);
  const std::vector<Real> after = on_host(series);
  for (std::size_t i = 0; i < after.size(); ++i) {
    // The difference is rounded relative to the value and the mean.
    const double size =
        std::abs(double(before[i])) + std::abs(scaling.moments().mean[i % scaling_features]);
    EXPECT_NEAR(double(after[i]), double(before[i]),
                4 * double(std::numeric_limits<Real>::epsilon()) * size)
        << Space::name() << ", value " << i;
    EXPECT_NE(normal[i], before[i]) << Space::name() << ", value " << i;
  }
}

TEST(Scaling, normalises_and_restores_in_place) {
  Spaces::for_each([]<class Space>() {
    expect_mean_0_and_deviation_1<Space, float>();
    expect_mean_0_and_deviation_1<Space, double>();
  });
}

TEST(Scaling, goes_between_arrays_of_other_shapes_and_types) {
  Spaces::for_each([]<class Space>() {
    const Scaling<Space> scaling({.mean = {10, -1}, .deviation = {4, 0.5}});
    const Kokkos::View<double**, Kokkos::LayoutRight, Space> of_simulation("x", 3, 2),
        back("y", 3, 2);
    const Kokkos::View<float*, Space> of_network("u", 6);
    const std::vector<double> x = {10, -1, 18, 0, 8, -1.25};
    copy_to(of_simulation, x);
    scaling.normalise(Space(), of_simulation, of_network);
    EXPECT_EQ(on_host(of_network), (std::vector<float>{0, 0, 2, 2, -0.5F, -0.5F}));
    scaling.restore(Space(), of_network, back);
    EXPECT_EQ(on_host(back), x);
    const Kokkos::View<const float*, Space> read_only = of_network;
    scaling.restore(Space(), read_only, of_network);
    EXPECT_EQ(on_host(of_network), (std::vector<float>{10, -1, 18, 0, 8, -1.25F}));
    // Rows of a larger array, as the variables of a simulation that a network is to read.
    scaling.normalise(Space(), Kokkos::subview(of_simulation, 1, Kokkos::ALL),
                      Kokkos::subview(of_network, std::pair(4, 6)));
    EXPECT_EQ(on_host(of_network), (std::vector<float>{10, -1, 18, 0, 2, 2}));
  });
}

TEST(Scaling, refuses_what_it_cannot_scale) {
  using Space = Kokkos::DefaultExecutionSpace;
  const auto made = [](const std::vector<double>& mean, const std::vector<double>& deviation) {
    return message_of<InvalidArgument>(
        [&] { (void)Scaling<Space>({.mean = mean, .deviation = deviation}); });
  };
  EXPECT_EQ(made({1, 2}, {1}),
            "scaling: expected a mean and a deviation for each feature, found 2 and 1");
  EXPECT_NE(made({}, {}), "");
  EXPECT_EQ(made({1}, {0}), "scaling: expected deviations above 0, found 0.000000");
  EXPECT_NE(made({1}, {std::numeric_limits<double>::quiet_NaN()}), "");
  EXPECT_NE(made({1}, {std::numeric_limits<double>::infinity()}), "");
  EXPECT_EQ(message_of<InvalidArgument>(
                [] { (void)Scaling<Space>(Space(), Series<Space>("none", 3, 0, 1)); }),
            "scaling: expected a recording, found one of no values");

  const Scaling<Space> scaling({.mean = {0, 0}, .deviation = {1, 1}});
  const Kokkos::View<float**, Kokkos::LayoutRight, Space> four("four", 2, 2), six("six", 3, 2);
  const Kokkos::View<float*, Space> three("three", 3);
  const auto scaled = [&](const auto& from, const auto& to) {
    return message_of<InvalidArgument>([&] { scaling.normalise(Space(), from, to); });
  };
  EXPECT_EQ(scaled(four, six),
            "normalise: expected arrays of one size, a multiple of 2 features, found 4 and 6");
  EXPECT_NE(scaled(three, three), "");
  EXPECT_NE(scaled(Kokkos::subview(six, std::pair(0, 2), 1), three), "");
}

}  // namespace
}  // namespace flashrnn::test
