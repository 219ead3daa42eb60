// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/training/series_statistics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "file_fixture.hpp"
#include "flashrnn/training/counter_random.hpp"
#include "spaces.hpp"

namespace flashrnn::test {
namespace {

constexpr double double_epsilon = std::numeric_limits<double>::epsilon();

/// Values of a function of (step, column, feature).
template <class Space, class Real, class Value>
Series<Space, Real> series_of(int steps, int columns, int features, const Value& value) {
  Series<Space, Real> out("recording", steps, columns, features);
  std::vector<Real> values;
  for (int t = 0; t < steps; ++t)
    for (int n = 0; n < columns; ++n)
      for (int k = 0; k < features; ++k) values.push_back(static_cast<Real>(value(t, n, k)));
  copy_to(out, values);
  return out;
}

double noise(int t, int n, int k) {
  return CounterRandom(4, static_cast<std::uint64_t>(n + 100 * k))
      .normal(static_cast<std::uint64_t>(t));
}

/// A random process that remembers: each value is 0.8 times the one before plus noise, around 3.
std::vector<std::vector<double>> remembering(int steps, int columns) {
  std::vector<std::vector<double>> x(static_cast<std::size_t>(steps));
  for (std::size_t t = 0; t < x.size(); ++t)
    for (int n = 0; n < columns; ++n) {
      const double before = t == 0 ? 0 : x[t - 1][static_cast<std::size_t>(n)] - 3;
      x[t].push_back(3 + 0.8 * before + 0.6 * noise(static_cast<int>(t), n, 0));
    }
  return x;
}

TEST(series_statistics, are_those_of_plain_loops) {
  Spaces::for_each([]<class Space>() {
    constexpr int steps = 40, columns = 7, first = 4, lags = 9;
    const auto x = remembering(steps, columns);
    const auto of = series_of<Space, double>(steps, columns, 2, [&](int t, int n, int k) {
      return k == 1 ? x[std::size_t(t)][std::size_t(n)] : 1e6;
    });
    const SeriesStatistics found = statistics_of(
        Space(), of, {.feature = 1, .first = first, .lags = lags, .low = 2, .high = 5, .bins = 6});

    double mean = 0, variance = 0;
    std::vector<double> histogram(6);
    constexpr double count = (steps - first) * columns;
    for (std::size_t t = first; t < steps; ++t)
      for (const double value : x[t]) {
        mean += value / count;
        const int bin = value < 2 ? 0 : value >= 5 ? 5 : static_cast<int>((value - 2) * 2);
        histogram[std::size_t(bin)] += 1 / count;
      }
    for (std::size_t t = first; t < steps; ++t)
      for (const double value : x[t]) variance += (value - mean) * (value - mean) / count;
    // Sums of `count` numbers of about the size of the largest, in another order.
    EXPECT_NEAR(found.mean, mean, 2 * count * double_epsilon * mean);
    EXPECT_NEAR(found.variance, variance, 4 * count * double_epsilon * variance);
    ASSERT_EQ(found.histogram.size(), 6U);
    for (std::size_t i = 0; i < 6; ++i)
      EXPECT_NEAR(found.histogram[i], histogram[i], count * double_epsilon)
          << Space::name() << ", bin " << i;
    EXPECT_GT(histogram[0], 0);
    EXPECT_GT(histogram[5], 0);
    ASSERT_EQ(found.autocorrelation.size(), lags + 1U);
    EXPECT_EQ(found.autocorrelation[0], 1);
    for (std::size_t lag = 1; lag <= lags; ++lag) {
      double sum = 0;
      for (std::size_t t = first; t + lag < steps; ++t)
        for (std::size_t n = 0; n < columns; ++n) sum += (x[t][n] - mean) * (x[t + lag][n] - mean);
      const double expected = sum / double((steps - first - lag) * columns) / variance;
      EXPECT_NEAR(found.autocorrelation[lag], expected, 8 * count * double_epsilon)
          << "lag " << lag;
    }
  });
}

TEST(series_statistics, know_a_process_of_known_memory) {
  using Space = Kokkos::DefaultExecutionSpace;
  constexpr int steps = 1000, columns = 200;
  const auto x = remembering(steps, columns);
  const auto of = series_of<Space, float>(
      steps, columns, 1, [&](int t, int n, int) { return x[std::size_t(t)][std::size_t(n)]; });
  const auto found = statistics_of(Space(), of, {.first = 100, .lags = 4});
  // Variance 0.6² / (1 - 0.8²) = 1 and correlation 0.8^lag. 180,000 values of a memory of about 10
  // steps are some 18,000 independent ones: 0.04 is five standard errors of the mean,
  // sqrt(9/180000) = 0.007, and more of the others.
  EXPECT_NEAR(found.mean, 3, 0.04);
  EXPECT_NEAR(found.variance, 1, 0.06);
  for (int lag = 0; lag <= 4; ++lag)
    EXPECT_NEAR(found.autocorrelation[std::size_t(lag)], std::pow(0.8, lag), 0.04) << lag;
}

TEST(series_statistics, count_what_lies_beyond_and_are_1_for_a_constant) {
  Spaces::for_each([]<class Space>() {
    const auto values = series_of<Space, float>(4, 1, 1, [](int t, int, int) {
      return t == 0 ? -1e30 : t == 1 ? 1e30 : 0.5 * t;
    });
    const auto found = statistics_of(Space(), values, {.low = 0, .high = 4, .bins = 4});
    EXPECT_EQ(found.histogram, (std::vector<double>{0.25, 0.5, 0, 0.25}));

    const auto still = series_of<Space, float>(5, 2, 1, [](int, int, int) { return 2; });
    const auto same = statistics_of(Space(), still, {.lags = 3});
    EXPECT_EQ(same.mean, 2);
    EXPECT_EQ(same.variance, 0);
    EXPECT_EQ(same.autocorrelation, (std::vector<double>(4, 1)));
  });
}

TEST(series_statistics, have_errors_by_step) {
  Spaces::for_each([]<class Space>() {
    const auto truth = series_of<Space, float>(3, 4, 2, [](int, int, int) { return 1; });
    const auto forecast = series_of<Space, float>(
        3, 4, 2, [](int t, int n, int k) { return 1 + (n == 0 && k == 1 ? 2 * t : 0); });
    // One of eight values is off by 0, 2 and 4.
    const std::vector<double> errors = errors_by_step(Space(), forecast, truth);
    ASSERT_EQ(errors.size(), 3U);
    EXPECT_EQ(errors[0], 0);
    EXPECT_DOUBLE_EQ(errors[1], std::sqrt(4.0 / 8));
    EXPECT_DOUBLE_EQ(errors[2], std::sqrt(16.0 / 8));
  });
}

SeriesStatistics with_histogram(const std::vector<double>& shares) {
  SeriesStatistics out;
  out.histogram = shares;
  return out;
}

SeriesStatistics with_autocorrelation(const std::vector<double>& by_lag) {
  SeriesStatistics out;
  out.autocorrelation = by_lag;
  return out;
}

TEST(series_statistics, have_distances) {
  const auto a = with_histogram({0.5, 0.5}), b = with_histogram({0.125, 0.875});
  EXPECT_EQ(histogram_distance(with_histogram({1, 0}), with_histogram({0, 1})), 1);
  EXPECT_EQ(histogram_distance(with_histogram({1, 0}), with_histogram({1, 0})), 0);
  EXPECT_DOUBLE_EQ(histogram_distance(a, b), std::sqrt(1 - 0.25 - std::sqrt(0.4375)));
  EXPECT_DOUBLE_EQ(autocorrelation_distance(with_autocorrelation({1, 2, 3, 4}),
                                            with_autocorrelation({1, 2, 5, 0})),
                   std::sqrt(20.0 / 4));
}

TEST(series_statistics, refuse_what_has_none) {
  using Space = Kokkos::DefaultExecutionSpace;
  const Series<Space> of("of", 5, 2, 3), other("other", 5, 3, 2), none("none", 5, 0, 3);
  const auto taken = [&](const Series<Space>& from, const StatisticsOptions& options) {
    return message_of<InvalidArgument>([&] { (void)statistics_of(Space(), from, options); });
  };
  EXPECT_EQ(taken(of, {.feature = 3}),
            "statistics_of: expected feature 3 and more than 0 steps from step 0 on, found 3 "
            "features and 5 steps of 2 columns");
  EXPECT_NO_THROW((void)statistics_of(Space(), of, {.first = 2, .lags = 2}));
  EXPECT_NE(taken(of, {.first = 2, .lags = 3}), "");
  EXPECT_NE(taken(of, {.feature = -1}), "");
  EXPECT_NE(taken(of, {.first = -1}), "");
  EXPECT_NE(taken(of, {.lags = -1}), "");
  EXPECT_NE(taken(none, {}), "");
  EXPECT_EQ(taken(of, {.bins = 0}),
            "statistics_of: expected bins of positive width, found 0 from -4.000000 to 4.000000");
  EXPECT_NE(taken(of, {.low = 1, .high = 1}), "");
  EXPECT_EQ(message_of<InvalidArgument>([&] { (void)errors_by_step(Space(), of, other); }),
            "errors_by_step: expected recordings of one shape, found [5, 2, 3] and "
            "[5, 3, 2]");
  EXPECT_NE(message_of<InvalidArgument>([&] { (void)errors_by_step(Space(), none, none); }), "");
  const SeriesStatistics one = with_histogram({1}), two = with_histogram({0.5, 0.5});
  EXPECT_EQ(message_of<InvalidArgument>([&] { (void)histogram_distance(one, two); }),
            "histogram_distance: expected as many bins of both, found 1 and 2");
  EXPECT_EQ(message_of<InvalidArgument>([&] { (void)autocorrelation_distance(one, two); }),
            "autocorrelation_distance: expected as many lags of both, found 0 and 0");
}

}  // namespace
}  // namespace flashrnn::test
