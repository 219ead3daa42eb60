// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "flashrnn/copies.hpp"
#include "flashrnn/error.hpp"
#include "flashrnn/training/windows.hpp"

namespace flashrnn {

/// Between quantities in units of their own and what a network learns well from, of mean 0 and
/// deviation 1: (value - mean) / deviation, with a mean and a standard deviation for each feature.
/// For what goes into a network and, the other way, for what comes out of it. Real, of the
/// arithmetic, is float or double.
template <class Space, class Real = float>
class Scaling {
 public:
  /// Means and deviations, [features] each.
  struct Moments {
    std::vector<double> mean, deviation;
  };

  /// By known moments, such as those that a file holds beside the parameters. Waits.
  /// @throws InvalidArgument for none, for different numbers of them, or if a deviation is not a
  /// positive number.
  explicit Scaling(const Moments& moments)
      : moments_(moments), factors_("scaling", 2, moments.mean.size()) {
    const auto& [mean, deviation] = moments_;
    if (mean.empty() || deviation.size() != mean.size())
      throw InvalidArgument("scaling: expected a mean and a deviation for each feature, found " +
                            std::to_string(mean.size()) + " and " +
                            std::to_string(deviation.size()));
    for (const double one : deviation)
      if (!(one > 0) || !std::isfinite(one))
        throw InvalidArgument("scaling: expected deviations above 0, found " + std::to_string(one));
    std::vector<Real> factors;
    for (const auto* const values : {&mean, &deviation})
      for (const double value : *values) factors.push_back(static_cast<Real>(value));
    copy_to(factors_, factors);
  }

  /// By the moments of a recording.
  /// @throws as moments_of.
  Scaling(const Space& space, const Series<Space, Real>& recording)
      : Scaling(moments_of(space, recording)) {}

  /// Of each feature over all steps and columns of a recording, summed in double precision. A
  /// feature that is the same everywhere gets the deviation 1. Waits.
  /// @throws InvalidArgument for a recording of no values.
  static Moments moments_of(const Space& space, const Series<Space, Real>& recording) {
    if (recording.size() == 0)
      throw InvalidArgument("scaling: expected a recording, found one of no values");
    space.fence("flashrnn::Scaling");
    const Kokkos::MDRangePolicy<Space, Kokkos::Rank<2>> all(
        space, {0, 0}, {recording.extent_int(0), recording.extent_int(1)});
    const auto count = static_cast<double>(recording.extent(0) * recording.extent(1));
    Moments out;
    for (int k = 0; k < recording.extent_int(2); ++k) {
      // Relative to the first value: a constant feature has sums of exactly 0 then, and one that
      // varies little around a large mean loses no digits.
      Real first = 0;
      Kokkos::deep_copy(first, Kokkos::subview(recording, 0, 0, k));
      const auto start = static_cast<double>(first);
      double total = 0, squares = 0;
      Kokkos::parallel_reduce("mean", all, Sum{recording, k, start}, total);
      const double mean = total / count;
      Kokkos::parallel_reduce("deviation", all, SumOfSquares{recording, k, start, mean}, squares);
      out.mean.push_back(start + mean);
      out.deviation.push_back(squares > 0 ? std::sqrt(squares / count) : 1);
    }
    return out;
  }

  // Functors of kernels are public: nvcc takes no private ones, and no extended lambdas of
  // templates that several source files instantiate.
  struct Sum {
    Series<Space, Real> recording;
    int feature;
    double start;
    KOKKOS_FUNCTION void operator()(int t, int column, double& sum) const {
      sum += static_cast<double>(recording(t, column, feature)) - start;
    }
  };
  struct SumOfSquares {
    Series<Space, Real> recording;
    int feature;
    double start, mean;
    KOKKOS_FUNCTION void operator()(int t, int column, double& sum) const {
      const double apart = static_cast<double>(recording(t, column, feature)) - start - mean;
      sum += apart * apart;
    }
  };
  template <bool forth, class Source, class Target>
  struct ScaleRow {
    const Source* source;
    Target* target;
    Kokkos::View<const Real**, Kokkos::LayoutRight, Space> factors;
    std::size_t features;
    KOKKOS_FUNCTION void operator()(std::size_t row) const {
      for (std::size_t k = 0; k < features; ++k) {
        const std::size_t i = row * features + k;
        const Real value = static_cast<Real>(source[i]), mean = factors(0, k);
        target[i] = static_cast<Target>(forth ? (value - mean) / factors(1, k)
                                              : mean + factors(1, k) * value);
      }
    }
  };

  const Moments& moments() const { return moments_; }

  /// Enqueues to = (from - mean) / deviation on `space`. Both are Views of any rank and floating
  /// type in the memory of Space whose elements lie without gaps, the feature as the fastest index:
  /// u or y of a network, a Series, or a variable of a simulation, which is one feature. They may
  /// be the same memory.
  /// @throws InvalidArgument if they have gaps, differ in size or are not whole rows of features.
  template <class From, class To>
  void normalise(const Space& space, const From& from, const To& to) const {
    scale<true>("normalise", space, from, to);
  }

  /// Enqueues to = mean + deviation · from, likewise.
  template <class From, class To>
  void restore(const Space& space, const From& from, const To& to) const {
    scale<false>("restore", space, from, to);
  }

 private:
  template <bool forth, class From, class To>
  void scale(const char* name, const Space& space, const From& from, const To& to) const {
    require_contiguous(from);
    require_contiguous(to);
    const std::size_t features = moments_.mean.size(), rows = to.size() / features;
    if (from.size() != to.size() || rows * features != to.size())
      throw InvalidArgument(std::string(name) + ": expected arrays of one size, a multiple of " +
                            std::to_string(features) + " features, found " +
                            std::to_string(from.size()) + " and " + std::to_string(to.size()));
    using Value = typename To::non_const_value_type;
    using Source = typename From::non_const_value_type;
    // By rows and not by elements: one feature, the usual number, costs no division then.
    Kokkos::parallel_for(
        name, Kokkos::RangePolicy<Space, Kokkos::IndexType<std::size_t>>(space, 0, rows),
        ScaleRow<forth, Source, Value>{from.data(), to.data(), factors_, features});
  }

  Moments moments_;
  Kokkos::View<Real**, Kokkos::LayoutRight, Space> factors_;  ///< [mean or deviation, feature]
};

/// Scales a recording to mean 0 and deviation 1, in place, and returns the Scaling that does so.
/// @throws as Scaling.
template <class Space, class Real>
Scaling<Space, Real> normalise(const Space& space, const Series<Space, Real>& recording) {
  Scaling<Space, Real> scaling(space, recording);
  scaling.normalise(space, recording, recording);
  return scaling;
}

}  // namespace flashrnn
