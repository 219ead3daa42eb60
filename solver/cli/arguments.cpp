// SPDX-License-Identifier: Apache-2.0
#include "arguments.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace constrint::cli {

const char* const kUsage =
    R"(usage: constrint COMMAND FILE... [options]

Several files are read as one problem; - is the standard input.

commands:
  solve      the first solution in the preferred order, or the best by the objectives
  count      the exact number of solutions
  sample     solutions drawn uniformly
  propagate  the domains after propagation, without search
  check      whether the text is well formed

options:
  --all          solve: all solutions in the preferred order (objectives are not regarded)
  --first N      solve: the first N of them
  -n N           sample: how many (default 1)
  --seed S       sample: seed of the random numbers (default 0)
  --json         machine-readable output
  --seconds T    give up after T seconds
  --nodes N      give up after N assignments
  --memory M     working memory for counting, --all and sample in MiB (default 48)

exit status: 0 answered (unsatisfiable is an answer), 1 limit reached, 2 bad input
)";

namespace {

template <class Number>
Number number(std::string_view option, std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw UsageError("expected a number after " + std::string(option) + ", found '" +
                     std::string(text) + "'");
  }
  return value;
}

}  // namespace

Arguments parse_arguments(int argc, char** argv) {
  constexpr std::string_view kCommands[] = {"solve", "count", "sample", "propagate", "check"};
  Arguments result;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const auto value = [&]() -> std::string_view {
      if (i + 1 >= argc) throw UsageError("expected a value after " + std::string(argument));
      return argv[++i];
    };
    if (argument == "--help" || argument == "-h") {
      result.help = true;
    } else if (argument == "--json") {
      result.json = true;
    } else if (argument == "--all") {
      result.all = true;
    } else if (argument == "--first") {
      result.first = number<std::uint64_t>(argument, value());
      result.first_given = true;
    } else if (argument == "-n") {
      result.samples = number<std::uint64_t>(argument, value());
    } else if (argument == "--seed") {
      result.seed = number<std::uint64_t>(argument, value());
    } else if (argument == "--seconds") {
      result.options.seconds = number<double>(argument, value());
    } else if (argument == "--nodes") {
      result.options.nodes = number<std::uint64_t>(argument, value());
    } else if (argument == "--memory") {
      result.options.memory_bytes = number<std::size_t>(argument, value()) << 20;
    } else if (argument.size() > 1 && argument[0] == '-') {
      throw UsageError("unknown option " + std::string(argument));
    } else if (result.command.empty()) {
      result.command = argument;
    } else {
      result.files.emplace_back(argument);
    }
  }
  if (result.help) return result;
  if (result.command.empty()) throw UsageError("expected a command");
  if (std::ranges::find(kCommands, result.command) == std::end(kCommands)) {
    throw UsageError("expected solve, count, sample, propagate or check, found '" + result.command +
                     "'");
  }
  if (result.files.empty()) throw UsageError("expected a file after " + result.command);
  return result;
}

}  // namespace constrint::cli
