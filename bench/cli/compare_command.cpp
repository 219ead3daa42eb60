// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "commands.hpp"
#include "compare.hpp"

namespace flashrnn::cli {

Command add_compare_command(CLI::App& app) {
  auto options = std::make_shared<bench::CompareOptions>();
  CLI::App* command = app.add_subcommand(
      "compare",
      "Shows files of flashrnn bench side by side, writes a report with charts, and tells whether "
      "a new file is slower than an old one");
  command->add_option("files", options->files, "JSON files of flashrnn bench --out")->required();
  command->add_option("--html", options->html, "write a self-contained report");
  command->add_option("--picture", options->picture,
                      "write the first chart (step time against head size) as an SVG file");
  command
      ->add_option("--fail-above", options->fail_above,
                   "two files, BASE and NEW: exit status 1 if the median of a case of NEW is more "
                   "than this many times BASE's, beyond the noise")
      ->check(CLI::Range(1.0, 1e6));
  command->add_flag("--any-device", options->any_device,
                    "let --fail-above compare files of different devices");
  return {command,
          [options] { return bench::compare_files(*options) ? ExitStatus::done : ExitStatus::no; }};
}

}  // namespace flashrnn::cli
