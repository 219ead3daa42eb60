// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "commands.hpp"
#include "device_memory.hpp"
#include "flashrnn/error.hpp"
#include "settings.hpp"

namespace flashrnn::cli {
namespace {

struct BenchOptions {
  bench::Settings settings;
  CLI::Option* repetitions = nullptr;
  CLI::Option* least_seconds = nullptr;
  CLI::Option* time_limit = nullptr;
  bool list = false;
  bool largest_fused = false;
  bool json = false;
  bool no_peers = false;
};

void bench(BenchOptions options) {
  if (options.largest_fused) {
    bench::print_largest_fused(options.json);
    return;
  }
  if (options.json) throw InvalidArgument("--json goes with --largest-fused; results go to --out");
  bench::Settings& settings = options.settings;
  settings.peers = !options.no_peers;
  for (const std::string& dtype : settings.selection.dtypes) (void)bench::element_choice(dtype);
  if (settings.selection.quick) {
    if (options.repetitions->count() == 0) settings.timing.repetitions = 5;
    if (options.least_seconds->count() == 0) settings.timing.least_seconds = 0.02;
    if (options.time_limit->count() == 0) settings.time_limit = 100;
    settings.timing.most_seconds = 2;
  }
  const KokkosScope kokkos;
  if (options.list) {
    bench::list_cases(settings);
  } else {
    bench::run_benchmarks(settings);
  }
}

}  // namespace

Command add_bench_command(CLI::App& app) {
  auto options = std::make_shared<BenchOptions>();
  bench::Settings& settings = options->settings;
  bench::Selection& selection = settings.selection;
  CLI::App* command = app.add_subcommand(
      "bench",
      "Times the recurrence on every device and backend of this build, beside other libraries: the "
      "sweeps over head size, batch and steps of the FlashRNN paper. Progress on stderr, a table "
      "on "
      "stdout, everything in the file of --out");
  const auto list = [command](const char* name, auto& into, const char* help) {
    return command->add_option(name, into, help)->delimiter(',')->allow_extra_args(false);
  };
  command->add_option("--out", settings.out,
                      "JSON file of results for flashrnn compare, up to date after every case");
  command->add_flag(
      "--quick", selection.quick,
      "a few points of each sweep, all threads, inference and training_backward, short "
      "repetitions; no new case starts after 100 s");
  list("--cells", selection.cells, "lstm, gru, slstm, elman (default: these), elman_relu");
  list("--sweep", selection.sweeps, "head_dim, batch, steps (default: all)");
  list("--passes", selection.passes, "inference, training, training_backward");
  list(
      "--dtype", selection.dtypes,
      "f64, f32, f32_high (float32 whose matrix products may use TF32 or sums of two bfloat16, the "
      "peers' TF32), bf16, f16 (default: f32 on CPUs, bf16 and f32 on GPUs)");
  list("--backend", settings.backends, "kokkos, cuda (default: all that a space has)");
  list("--spaces", settings.spaces, "Cuda, HIP, OpenMP, Serial (default: all of this build)");
  list("--heads-dims", selection.heads_dims,
       "head_dim x heads, such as 64x12,768x1, in place of those of the sweeps");
  list("--batches", selection.batches, "batches of the sweep; the first one is the other sweeps'")
      ->check(CLI::PositiveNumber);
  list("--steps", selection.steps, "steps of the sweep; the first one is the other sweeps'")
      ->check(CLI::PositiveNumber);
  options->repetitions =
      command->add_option("--repetitions", settings.timing.repetitions, "of every case (quick: 5)")
          ->check(CLI::Range(1, 10000))
          ->capture_default_str();
  options->least_seconds = command
                               ->add_option("--least-seconds", settings.timing.least_seconds,
                                            "of a repetition (quick: 0.02)")
                               ->check(CLI::Range(0.0, 3600.0))
                               ->capture_default_str();
  options->time_limit =
      command
          ->add_option("--time-limit", settings.time_limit,
                       "seconds after which no new case starts; 0: none (quick: 100)")
          ->check(CLI::Range(0.0, 1e9))
          ->capture_default_str();
  command->add_flag("--cpu-time", settings.timing.cpu_time,
                    "take the processor time of the process instead of wall-clock time: for one "
                    "thread on a machine that other programs use");
  command->add_flag("--no-peers", options->no_peers, "ours alone");
  command->add_flag("--tune", settings.tune,
                    "take the tiling that measuring finds fastest instead of the model's");
  command->add_flag("--list", options->list, "list the cases, run nothing");
  command->add_flag("--largest-fused", options->largest_fused,
                    "instead: the largest head that runs in one kernel for the whole sequence, for "
                    "every device model");
  command->add_flag("--json", options->json, "print JSON (with --largest-fused)");
  return {command, [options] {
            bench(*options);
            return ExitStatus::done;
          }};
}

}  // namespace flashrnn::cli
