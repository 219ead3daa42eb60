// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace flashrnn::cli {

/// A subcommand and what it does once its options are parsed.
struct Command {
  CLI::App* options = nullptr;
  std::function<void()> execute;
};

/// `flashrnn run`: a recurrence on the tensors of a file.
Command add_run_command(CLI::App& app);

/// `flashrnn predict`: a trained model on a sequence.
Command add_predict_command(CLI::App& app);

/// `flashrnn devices`: the models in use on this machine, and all that there are.
Command add_devices_command(CLI::App& app);

/// `flashrnn plan`: which tiling a device would get, why, and what it predicts.
Command add_plan_command(CLI::App& app);

}  // namespace flashrnn::cli
