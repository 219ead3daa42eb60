// SPDX-License-Identifier: Apache-2.0
// The program `flashrnn`. Exit status: 0 done, 1 the answer is no (compare --fail-above), 2 bad
// input or a machine that cannot do it (one message on stderr says what), 3 a fault of the program
// itself.
#include <cstdio>
#include <exception>
#include <iostream>
#include <new>

#include "commands.hpp"
#include "flashrnn/error.hpp"

namespace {

using flashrnn::cli::ExitStatus;

ExitStatus report(ExitStatus status, const std::string& message) {
  std::cerr << "flashrnn: " << message << '\n';
  return status;
}

ExitStatus execute(const flashrnn::cli::Command& command) {
  try {
    const ExitStatus status = command.execute();
    std::cout.flush();
    return std::cout ? status
                     : report(ExitStatus::bad_input, "cannot write to the standard output");
  } catch (const flashrnn::InternalError& error) {
    return report(ExitStatus::own_fault,
                  std::string("internal error, please report it: ") + error.what());
  } catch (const flashrnn::Error& error) {
    return report(ExitStatus::bad_input, error.what());
  } catch (const std::bad_alloc&) {
    return report(ExitStatus::bad_input, "not enough memory for tensors of this size");
  } catch (const std::exception& error) {
    return report(ExitStatus::own_fault,
                  std::string("unexpected error, please report it: ") + error.what());
  }
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): only building the options can throw, a fault of ours
int main(int argc, char** argv) {
  CLI::App app("Recurrent networks on tensors and time series in files");
  app.name("flashrnn");
  app.require_subcommand(1);
  const flashrnn::cli::Command commands[] = {
      flashrnn::cli::add_run_command(app),     flashrnn::cli::add_predict_command(app),
      flashrnn::cli::add_devices_command(app), flashrnn::cli::add_plan_command(app),
      flashrnn::cli::add_bench_command(app),   flashrnn::cli::add_compare_command(app)};
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);  // prints the help that was asked for
  } catch (const CLI::ParseError& error) {
    return static_cast<int>(
        report(ExitStatus::bad_input, std::string(error.what()) + " (see flashrnn --help)"));
  }
  for (const flashrnn::cli::Command& command : commands) {
    if (command.options->parsed()) return static_cast<int>(execute(command));
  }
  return static_cast<int>(report(ExitStatus::own_fault, "no command ran"));
}
