// SPDX-License-Identifier: Apache-2.0
#include "model_runner.hpp"

#include <algorithm>
#include <iostream>
#include <string_view>
#include <vector>

#include "flashrnn/error.hpp"
#include "flashrnn/progress_bar.hpp"
#include "io/file.hpp"

namespace flashrnn::cli {
namespace {

/// Copies `count` steps of all sequences between a whole and a piece of it that begins at `begin`.
struct StepRange {
  Index whole_steps, begin, count, batch, features;
  SequenceOrder order;

  template <class Copy>
  void for_each_row(Copy&& copy) const {
    for (Index b = 0; b < batch; ++b) {
      for (Index t = 0; t < count; ++t) {
        const bool time_major = order == SequenceOrder::time_major;
        const Index whole = time_major ? (begin + t) * batch + b : b * whole_steps + begin + t;
        const Index piece = time_major ? t * batch + b : b * count + t;
        copy(whole * features, piece * features);
      }
    }
  }
};

template <class Space>
Prediction run_in_pieces(Predictor<Space>& predictor, const Sequences& sequences) {
  const Architecture& architecture = predictor.architecture();
  io::ProgressBar progress("flashrnn: steps", sequences.steps);
  // About a hundred pieces, but none so short that starting it takes longer than running it.
  constexpr Index shortest = 256;
  const Index longest = std::max(shortest, (sequences.steps + 99) / 100);
  const Index features = architecture.features();
  Prediction result;
  result.output.resize(static_cast<std::size_t>(sequences.steps * sequences.batch * features));
  result.final_states = sequences.initial_states;
  for (Index begin = 0; begin < sequences.steps; begin += longest) {
    const Index count = std::min(longest, sequences.steps - begin);
    StepRange range{sequences.steps,         begin,          count, sequences.batch,
                    architecture.input_size, sequences.order};
    Sequences piece{count, sequences.batch, sequences.order, {}, std::move(result.final_states)};
    piece.u.resize(static_cast<std::size_t>(count * sequences.batch * range.features));
    range.for_each_row([&](Index whole, Index part) {
      std::copy_n(sequences.u.begin() + whole, range.features, piece.u.begin() + part);
    });
    Prediction done = predictor.predict(piece);
    range.features = features;
    range.for_each_row([&](Index whole, Index part) {
      std::copy_n(done.output.begin() + part, features, result.output.begin() + whole);
    });
    result.final_states = std::move(done.final_states);
    progress.show(begin + count);
  }
  return result;
}

template <class Space>
Prediction run_in(const Model& model, const Sequences& sequences, const RunnerOptions& options) {
  Predictor<Space> predictor(Space(), model, options.dtype, PlanOptions{options.backend});
  if (!options.progress) return predictor.predict(sequences);
  if (!model.architecture.bidirectional) return run_in_pieces(predictor, sequences);
  std::cerr << "flashrnn: " << sequences.steps << " steps, both directions at once ...\n";
  return predictor.predict(sequences);
}

}  // namespace

void check_backend(const std::string& backend) {
#ifdef KOKKOS_ENABLE_CUDA
  const std::vector<std::string> backends{"reference", "kokkos", "cuda", "auto"};
#else
  const std::vector<std::string> backends{"reference", "kokkos", "auto"};
#endif
  if (std::find(backends.begin(), backends.end(), backend) != backends.end()) return;
  std::string known;
  for (const std::string& one : backends) known += (known.empty() ? "" : ", ") + one;
  throw InvalidArgument("--backend: " + io::quote_name(backend) +
                        " is not built into this program; it has: " + known);
}

Prediction run_model(const Model& model, const Sequences& sequences, const RunnerOptions& options) {
  return options.backend == "reference"
             ? run_in<Kokkos::DefaultHostExecutionSpace>(model, sequences, options)
             : run_in<Kokkos::DefaultExecutionSpace>(model, sequences, options);
}

}  // namespace flashrnn::cli
