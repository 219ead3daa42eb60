// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <string>

#include "flashrnn/copies.hpp"
#include "flashrnn/error.hpp"
#include "flashrnn/problem.hpp"
#include "flashrnn/training/counter_random.hpp"

namespace flashrnn {

/// A recording of several series at once: [steps, columns, features], in the memory of Space.
template <class Space, class Real = float>
using Series = Kokkos::View<Real***, Kokkos::LayoutRight, Space>;

/// "[steps, columns, features]" of a recording, for messages.
template <class Space, class Real>
std::string shape_text(const Kokkos::View<Real***, Kokkos::LayoutRight, Space>& recording) {
  return "[" + std::to_string(recording.extent(0)) + ", " + std::to_string(recording.extent(1)) +
         ", " + std::to_string(recording.extent(2)) + "]";
}

// Kernels are functors with names: nvcc crashes on extended lambdas of templates that several
// source files instantiate.

/// The kernel of record().
template <class Source, class Real>
struct CopyElement {
  const Source* source;
  Real* target;
  KOKKOS_FUNCTION void operator()(Index i) const { target[i] = static_cast<Real>(source[i]); }
};

/// The kernel of draw_windows(), for one element of `out`.
template <class Space, class Real>
struct DrawElement {
  Series<Space, Real> recording;
  CounterRandom random;
  Kokkos::View<Real*, Space> out;
  Index row;                      ///< values of a step of out
  int starts, columns, features;  ///< steps at which a window may begin

  KOKKOS_FUNCTION void operator()(Index i) const {
    const Index t = i / row, n = i % row / features, feature = i % features;
    const auto counter = 2 * static_cast<std::uint64_t>(n);
    const int first = random.below(counter, starts);
    out(i) = recording(first + t, random.below(counter + 1, columns), feature);
  }
};

/// Enqueues the copy of what a simulation has now to step `step` of a recording: `from` is a View
/// of any rank and floating type in the memory of Space, [columns, features] or other axes in their
/// place, whose elements lie without gaps.
/// @throws InvalidArgument if `from` has gaps or another size, or if there is no such step.
template <class Space, class From, class Real>
void record(const Space& space, const From& from, const Series<Space, Real>& recording, int step) {
  require_contiguous(from);
  const Index row = Index{recording.extent_int(1)} * recording.extent_int(2);
  if (static_cast<Index>(from.size()) != row || step < 0 || step >= recording.extent_int(0))
    throw InvalidArgument("record: expected " + std::to_string(row) + " values for a step below " +
                          std::to_string(recording.extent(0)) + ", found " +
                          std::to_string(from.size()) + " for step " + std::to_string(step));
  using Source = typename From::non_const_value_type;
  Kokkos::parallel_for("record",
                       Kokkos::RangePolicy<Space, Kokkos::IndexType<Index>>(space, 0, row),
                       CopyElement<Source, Real>{from.data(), recording.data() + step * row});
}

/// Enqueues the copy of `batch` random windows of a recording to out [T, B, features], such as the
/// u of a Trainer: window n is T steps of one column. Where it begins is a function of `random`
/// alone (its counters 2·n and 2·n + 1), so that another recording of as many steps and columns,
/// such as that of targets, is drawn alike.
/// @throws InvalidArgument if `out` is not a whole number of steps, or they are more than the
/// recording has.
template <class Space, class Real>
void draw_windows(const Space& space, const Series<Space, Real>& recording,
                  const CounterRandom& random, Index batch, const Kokkos::View<Real*, Space>& out) {
  const auto columns = recording.extent_int(1), features = recording.extent_int(2);
  const Index row = batch * features, size = static_cast<Index>(out.size());
  const int steps = row < 1 ? 0 : static_cast<int>(size / row);
  if (steps < 1 || steps * row != size || steps > recording.extent_int(0) || columns < 1)
    throw InvalidArgument("draw_windows: expected " + std::to_string(batch) + " windows of 1 to " +
                          std::to_string(recording.extent(0)) + " steps of " +
                          std::to_string(features) + " features, found memory for " +
                          std::to_string(size) + " values");
  const int starts = recording.extent_int(0) - steps + 1;
  Kokkos::parallel_for(
      "draw windows", Kokkos::RangePolicy<Space, Kokkos::IndexType<Index>>(space, 0, size),
      DrawElement<Space, Real>{recording, random, out, row, starts, columns, features});
}

}  // namespace flashrnn
