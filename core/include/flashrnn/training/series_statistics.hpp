// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "flashrnn/copies.hpp"
#include "flashrnn/error.hpp"
#include "flashrnn/training/windows.hpp"

namespace flashrnn {

// What a network that runs freely is judged by, where a loss says little: how fast it leaves the
// true course and, as a chaotic or random system cannot be followed for long, whether what it goes
// through is like what the system goes through. Each function waits for its result.

// Kernels are functors with names: nvcc crashes on extended lambdas of templates that several
// source files instantiate.

/// The kernel of errors_by_step(), for a column of step t.
template <class Space, class Real>
struct SquaredErrorsOfColumn {
  Series<Space, Real> y, target;
  int t, features;
  KOKKOS_FUNCTION void operator()(int column, double& total) const {
    for (int k = 0; k < features; ++k) {
      const double apart =
          static_cast<double>(y(t, column, k)) - static_cast<double>(target(t, column, k));
      total += apart * apart;
    }
  }
};

// The kernels of statistics_of(), for a step of a column.
template <class Space, class Real>
struct SumOfFeature {
  Series<Space, Real> recording;
  int feature;
  KOKKOS_FUNCTION void operator()(int t, int n, double& sum) const {
    sum += static_cast<double>(recording(t, n, feature));
  }
};
template <class Space, class Real>
struct Autocovariance {
  Series<Space, Real> recording;
  int feature, lag;
  double mean;
  KOKKOS_FUNCTION void operator()(int t, int n, double& sum) const {
    sum += (static_cast<double>(recording(t, n, feature)) - mean) *
           (static_cast<double>(recording(t + lag, n, feature)) - mean);
  }
};
template <class Space, class Real>
struct CountInBins {
  Series<Space, Real> recording;
  Kokkos::View<unsigned long long*, Space> numbers;  ///< [bins]
  int feature, bins;
  double low, per_width;
  KOKKOS_FUNCTION void operator()(int t, int n) const {
    const double bin = (static_cast<double>(recording(t, n, feature)) - low) * per_width;
    // Bounded before it becomes an integer, which has no room for every value.
    Kokkos::atomic_inc(&numbers(static_cast<int>(Kokkos::fmax(0, Kokkos::fmin(bin, bins - 1.0)))));
  }
};

/// Root mean square of y - target at each step, over all columns and features, [steps].
/// @throws InvalidArgument if the recordings differ in shape or have no values.
template <class Space, class Real>
std::vector<double> errors_by_step(const Space& space, const Series<Space, Real>& y,
                                   const Series<Space, Real>& target) {
  const int columns = y.extent_int(1), features = y.extent_int(2);
  if (y.size() == 0 || y.layout() != target.layout())
    throw InvalidArgument("errors_by_step: expected recordings of one shape, found " +
                          shape_text(y) + " and " + shape_text(target));
  std::vector<double> errors;
  for (int t = 0; t < y.extent_int(0); ++t) {
    double sum = 0;
    Kokkos::parallel_reduce("errors by step", Kokkos::RangePolicy<Space>(space, 0, columns),
                            SquaredErrorsOfColumn<Space, Real>{y, target, t, features}, sum);
    errors.push_back(std::sqrt(sum / columns / features));
  }
  return errors;
}

/// How statistics are taken.
struct StatisticsOptions {
  int feature = 0;
  int first = 0;              ///< step from which on it counts: after a transient
  int lags = 0;               ///< the longest of the autocorrelation, in steps
  double low = -4, high = 4;  ///< of the histogram
  int bins = 80;
};

/// Of one feature of a recording; all columns and steps count alike.
struct SeriesStatistics {
  double mean = 0;
  double variance = 0;
  std::vector<double> autocorrelation;  ///< by lag, from 0 (which is 1) to the longest
  std::vector<double> histogram;        ///< shares; the bins at the ends have what lies beyond, too
};

/// The autocorrelation at a lag is the mean over all pairs of that lag, (x(t) - mean)·(x(t + lag) -
/// mean), divided by the variance.
/// @throws InvalidArgument if the recording has no such feature or not more steps than the longest
/// lag from `first` on, or if there are no bins of positive width.
template <class Space, class Real>
SeriesStatistics statistics_of(const Space& space, const Series<Space, Real>& recording,
                               const StatisticsOptions& options = {}) {
  const int feature = options.feature, first = options.first, bins = options.bins;
  const int end = recording.extent_int(0), columns = recording.extent_int(1);
  if (feature < 0 || feature >= recording.extent_int(2) || first < 0 || options.lags < 0 ||
      first + options.lags >= end || columns < 1)
    throw InvalidArgument(
        "statistics_of: expected feature " + std::to_string(feature) + " and more than " +
        std::to_string(options.lags) + " steps from step " + std::to_string(first) + " on, found " +
        std::to_string(recording.extent(2)) + " features and " + std::to_string(end) +
        " steps of " + std::to_string(columns) + " columns");
  if (bins < 1 || !(options.high > options.low))
    throw InvalidArgument("statistics_of: expected bins of positive width, found " +
                          std::to_string(bins) + " from " + std::to_string(options.low) + " to " +
                          std::to_string(options.high));
  const auto policy = [&](int steps) {
    return Kokkos::MDRangePolicy<Space, Kokkos::Rank<2>>(space, {first, 0}, {steps, columns});
  };
  const double per_step = columns, count = per_step * (end - first);
  SeriesStatistics out;
  Kokkos::parallel_reduce("mean", policy(end), SumOfFeature<Space, Real>{recording, feature},
                          out.mean);
  const double mean = out.mean /= count;
  for (int lag = 0; lag <= options.lags; ++lag) {
    double covariance = 0;
    Kokkos::parallel_reduce("autocovariance", policy(end - lag),
                            Autocovariance<Space, Real>{recording, feature, lag, mean}, covariance);
    covariance /= per_step * (end - lag - first);
    if (lag == 0) out.variance = covariance;
    out.autocorrelation.push_back(out.variance > 0 ? covariance / out.variance : 1);
  }
  const double low = options.low, per_width = bins / (options.high - options.low);
  using Number = unsigned long long;
  const Kokkos::View<Number*, Space> numbers("histogram", bins);
  space.fence();
  Kokkos::parallel_for("histogram", policy(end),
                       CountInBins<Space, Real>{recording, numbers, feature, bins, low, per_width});
  space.fence();
  for (const Number number : on_host(numbers))
    out.histogram.push_back(static_cast<double>(number) / count);
  return out;
}

// Distances of two sets of statistics that were taken alike.
// @throws InvalidArgument if they were not.

/// Hellinger's distance of the histograms: 0 if they are equal, 1 if they have no bin in common.
inline double histogram_distance(const SeriesStatistics& a, const SeriesStatistics& b) {
  if (a.histogram.size() != b.histogram.size())
    throw InvalidArgument("histogram_distance: expected as many bins of both, found " +
                          std::to_string(a.histogram.size()) + " and " +
                          std::to_string(b.histogram.size()));
  double overlap = 0;
  for (std::size_t i = 0; i < a.histogram.size(); ++i)
    overlap += std::sqrt(a.histogram[i] * b.histogram[i]);
  return std::sqrt(std::max(0.0, 1 - overlap));  // rounding may make it a little more than 1
}

/// Root mean square of the difference of the autocorrelations, over all lags.
inline double autocorrelation_distance(const SeriesStatistics& a, const SeriesStatistics& b) {
  const std::size_t lags = a.autocorrelation.size();
  if (lags == 0 || b.autocorrelation.size() != lags)
    throw InvalidArgument("autocorrelation_distance: expected as many lags of both, found " +
                          std::to_string(lags) + " and " +
                          std::to_string(b.autocorrelation.size()));
  double sum = 0;
  for (std::size_t i = 0; i < lags; ++i)
    sum += std::pow(a.autocorrelation[i] - b.autocorrelation[i], 2);
  return std::sqrt(sum / static_cast<double>(lags));
}

}  // namespace flashrnn
