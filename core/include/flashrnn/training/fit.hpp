// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <string>
#include <utility>

#include "flashrnn/error.hpp"
#include "flashrnn/problem.hpp"
#include "flashrnn/training/counter_random.hpp"
#include "flashrnn/training/learning_rate.hpp"
#include "flashrnn/training/loss.hpp"
#include "flashrnn/training/trainer.hpp"
#include "flashrnn/training/windows.hpp"

namespace flashrnn {

struct FitOptions {
  Index steps = 128;  ///< of a window
  /// Steps at the beginning of every window that do not count in the loss: they fill the network's
  /// memory, which starts from zero.
  Index washout = 0;
  Index batch = 64;          ///< windows of an update
  long long updates = 1000;  ///< in all, those before a checkpoint included
  double first_rate = 5e-3;  ///< of learning, along cosine_decay
  double last_rate = 5e-5;
  double most_norm = 1;    ///< of the gradient, as AdamOptions has it
  std::uint64_t seed = 1;  ///< of the windows; streams of numbers below 2^32 stay the caller's
};

/// Trains a network on recordings, what goes in and what should come out, by the mean squared error
/// over random windows: u [steps, columns, I] and target [steps, columns, features]. Goes on from
/// trainer.updates(), so what was interrupted and loaded from a checkpoint ends with the same bits.
/// Resizes the trainer. `report(done, loss)` is called after every update, of which `done` were
/// made in all: to show progress, or to save a checkpoint. Its loss is that before the update.
/// @throws InvalidArgument if the recordings have other shapes, if nothing of a window counts, and
/// as Trainer::resize and draw_windows.
template <class Space, class Real, class Report>
void fit(Trainer<Space, Real>& trainer, const Series<Space, Real>& u,
         const Series<Space, Real>& target, const FitOptions& options, const Report& report) {
  const Index inputs = trainer.architecture().input_size;
  const Index outputs = trainer.architecture().features();
  if (u.extent(0) != target.extent(0) || u.extent(1) != target.extent(1) ||
      static_cast<Index>(u.extent(2)) != inputs ||
      static_cast<Index>(target.extent(2)) != outputs) {
    throw InvalidArgument("fit: expected recordings [steps, columns, " + std::to_string(inputs) +
                          "] and [steps, columns, " + std::to_string(outputs) + "], found " +
                          shape_text(u) + " and " + shape_text(target));
  }
  if (options.washout < 0 || options.washout >= options.steps)
    throw InvalidArgument("fit: expected a washout of 0 to " + std::to_string(options.steps - 1) +
                          " steps, found " + std::to_string(options.washout));
  const Space& space = trainer.space();
  trainer.resize(options.steps, options.batch);
  const Kokkos::View<Real*, Space> wanted("target", trainer.y().size());
  const std::pair counted(static_cast<Index>(wanted.size()) / options.steps * options.washout,
                          static_cast<Index>(wanted.size()));
  Kokkos::deep_copy(space, trainer.dy(), Real(0));  // stays so where nothing counts
  for (long long n = trainer.updates(); n < options.updates; ++n) {
    const CounterRandom random(options.seed, (1ULL << 32) + static_cast<std::uint64_t>(n));
    draw_windows(space, u, random, options.batch, trainer.u());
    draw_windows(space, target, random, options.batch, wanted);
    trainer.forward();
    const double loss = mean_squared_error(space, Kokkos::subview(trainer.y(), counted),
                                           Kokkos::subview(wanted, counted),
                                           Kokkos::subview(trainer.dy(), counted));
    trainer.backward();
    trainer.update(
        {.learning_rate = cosine_decay(options.first_rate, options.last_rate, n, options.updates),
         .most_norm = options.most_norm});
    report(n + 1, loss);
  }
}

}  // namespace flashrnn
