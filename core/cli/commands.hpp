// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace flashrnn::cli {

/// How the program ends: done; the answer to a question such as `compare --fail-above` is no; bad
/// input or a machine that cannot do it; a fault of the program itself.
enum class ExitStatus { done = 0, no = 1, bad_input = 2, own_fault = 3 };

/// A subcommand and what it does once its options are parsed.
struct Command {
  CLI::App* options = nullptr;
  std::function<ExitStatus()> execute;
};

/// `flashrnn run`: a recurrence on the tensors of a file.
Command add_run_command(CLI::App& app);

/// `flashrnn predict`: a trained model on a sequence.
Command add_predict_command(CLI::App& app);

/// `flashrnn devices`: the models in use on this machine, and all that there are.
Command add_devices_command(CLI::App& app);

/// `flashrnn plan`: which tiling a device would get, why, and what it predicts.
Command add_plan_command(CLI::App& app);

/// `flashrnn bench`: times the recurrence beside other libraries. Defined in bench/cli.
Command add_bench_command(CLI::App& app);

/// `flashrnn compare`: files of `flashrnn bench` side by side. Defined in bench/cli.
Command add_compare_command(CLI::App& app);

}  // namespace flashrnn::cli
