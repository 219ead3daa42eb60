// SPDX-License-Identifier: Apache-2.0
// The command line of ConstrINT.
#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>

#include "arguments.hpp"
#include "output.hpp"

namespace constrint::cli {
namespace {

constexpr int kAnswered = 0;
constexpr int kLimit = 1;
constexpr int kBadInput = 2;

class Stopwatch {
 public:
  [[nodiscard]] double elapsed() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  [[nodiscard]] std::string seconds() const {
    char text[32];
    std::snprintf(text, sizeof text, "%.9g", elapsed());
    return text;
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

int exit_status(Status status) {
  return status == Status::limit ? kLimit : kAnswered;
}

std::string read(const std::string& file) {
  if (file == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  std::ifstream stream(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (!stream) throw UsageError("cannot read " + file);
  return text;
}

Model load(const Arguments& arguments) {
  Model model;
  for (const std::string& file : arguments.files) {
    model.add_text(read(file), file == "-" ? "standard input" : file);
  }
  return model;
}

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

// The statements of a conflict, if there is time to find them.
std::string conflict_of(const Model& model, const Arguments& arguments) {
  Options options = arguments.options;
  options.seconds = std::min(options.seconds, 10.0);
  const Explanation explanation = explain(model, options);
  std::string result;
  for (const std::size_t s : explanation.statements) {
    const StatementInfo info = model.statement(s);
    if (arguments.json) {
      if (!result.empty()) result += ',';
      result += "{\"line\":" + std::to_string(info.line) + ",\"text\":" + quoted(info.text) +
                ",\"file\":" + quoted(info.text_name) + "}";
    } else {
      result +=
          std::string(info.text_name) + ":" + std::to_string(info.line) + ": " + info.text + "\n";
    }
  }
  return result;
}

// Writes all solutions (or the first `limit`): from a diagram where there is one, otherwise by
// search.
Status list(const Model& model, const Arguments& arguments, std::uint64_t limit,
            SolutionWriter& writer) {
  const Stopwatch watch;
  Options options = arguments.options;
  if (limit == 0) return Search(model, options).first();
  if (limit > 64) {
    const Space space(model, options);
    if (space.status() != Status::limit) {
      space.for_each([&](std::span<const std::int64_t> row) {
        writer.write(row);
        return writer.written() < limit;
      });
      return space.status();
    }
    // Both share the time that was given.
    options.seconds -= watch.elapsed();
  }
  Search search(model, options);
  Status status = search.first();
  for (; status == Status::satisfiable; status = search.next()) {
    writer.write(search.solution());
    if (writer.written() == limit) return Status::satisfiable;
  }
  return status == Status::unsatisfiable && writer.written() > 0 ? Status::satisfiable : status;
}

int solve(const Model& model, const Arguments& arguments, const Stopwatch& watch) {
  SolutionWriter writer(model, arguments.json);
  Status status = Status::limit;
  if (arguments.json) print("{\"solutions\":[");
  if (arguments.all || arguments.first_given) {
    status = list(model, arguments, arguments.all ? ~std::uint64_t{0} : arguments.first, writer);
  } else {
    Search search(model, arguments.options);
    status = model.has_objective() ? search.optimize() : search.first();
    if (!search.solution().empty() || status == Status::satisfiable)
      writer.write(search.solution());
  }
  writer.flush();
  const std::string seconds = watch.seconds();
  const std::string conflict =
      status == Status::unsatisfiable ? conflict_of(model, arguments) : std::string();
  if (arguments.json) {
    print("],\"status\":" + quoted(name_of(status)) + ",\"conflict\":[" + conflict +
          "],\"seconds\":" + seconds + "}\n");
  } else if (status != Status::satisfiable) {
    print(std::string(name_of(status)) + "\n" + conflict);
  }
  return exit_status(status);
}

int count_solutions(const Model& model, const Arguments& arguments, const Stopwatch& watch) {
  const CountResult result = count(model, arguments.options);
  if (arguments.json) {
    constexpr std::uint64_t kExactDouble = std::uint64_t{1} << 53;
    const bool large = result.count > Count(kExactDouble);
    const std::string digits = result.count.str();
    print("{\"status\":" + quoted(name_of(result.status)));
    if (result.status != Status::limit) print(",\"count\":" + (large ? quoted(digits) : digits));
    print(",\"seconds\":" + watch.seconds() + "}\n");
  } else {
    print(result.status == Status::limit ? "limit\n" : result.count.str() + "\n");
  }
  return exit_status(result.status);
}

int sample(const Model& model, const Arguments& arguments, const Stopwatch& watch) {
  const Space space(model, arguments.options);
  SolutionWriter writer(model, arguments.json);
  if (arguments.json) print("{\"solutions\":[");
  if (space.status() == Status::satisfiable && model.variable_count() > 0) {
    const std::size_t width = model.variable_count();
    const std::vector<std::int64_t> rows = space.sample(arguments.samples, arguments.seed);
    for (std::size_t at = 0; at < rows.size(); at += width) writer.write({rows.data() + at, width});
  }
  writer.flush();
  if (arguments.json) {
    print("],\"status\":" + quoted(name_of(space.status())) +
          ",\"conflict\":[],\"seconds\":" + watch.seconds() + "}\n");
  } else if (space.status() != Status::satisfiable) {
    print(std::string(name_of(space.status())) + "\n");
  }
  return exit_status(space.status());
}

std::string describe(const ReducedDomain& domain, bool json) {
  std::string values;
  for (const std::int64_t value : domain.values) {
    if (!values.empty()) values += json ? "," : ", ";
    values += std::to_string(value);
  }
  const std::string low = std::to_string(domain.low);
  const std::string high = std::to_string(domain.high);
  const std::string modulus = std::to_string(domain.modulus);
  if (json) {
    std::string result = "{\"low\":" + low + ",\"high\":" + high + ",\"modulus\":" + modulus;
    if (!values.empty()) result += ",\"values\":[" + values + "]";
    return result + "}";
  }
  if (!values.empty()) return "in [" + values + "]";
  return "in " + low + ".." + high + (domain.modulus > 1 ? " in steps of " + modulus : "");
}

int propagate_domains(const Model& model, const Arguments& arguments, const Stopwatch& watch) {
  const Propagation result = propagate(model, arguments.options);
  std::string text;
  for (std::size_t v = 0; v < result.domains.size(); ++v) {
    const std::string name(model.variable_name(v));
    if (arguments.json) {
      text += (v > 0 ? "," : "") + quoted(name) + ":" + describe(result.domains[v], true);
    } else {
      text += name + " " + describe(result.domains[v], false) + "\n";
    }
  }
  // Undecided is what propagation may leave, and not a limit that was reached.
  const std::string status =
      result.status == Status::limit ? "undecided" : std::string(name_of(result.status));
  if (arguments.json) {
    print("{\"status\":" + quoted(status) + ",\"domains\":{" + text +
          "},\"seconds\":" + watch.seconds() + "}\n");
  } else {
    print(text + (result.status == Status::unsatisfiable ? "unsatisfiable\n" : ""));
  }
  return kAnswered;
}

int check(const Model& model, const Arguments& arguments) {
  const std::string variables = std::to_string(model.variable_count());
  const std::string statements = std::to_string(model.statement_count());
  print(arguments.json ? "{\"status\":\"ok\",\"variables\":" + variables +
                             ",\"statements\":" + statements + "}\n"
                       : "ok: " + variables + " variables, " + statements + " statements\n");
  return kAnswered;
}

int run(const Arguments& arguments) {
  const Stopwatch watch;
  const Model model = load(arguments);
  if (arguments.command == "solve") return solve(model, arguments, watch);
  if (arguments.command == "count") return count_solutions(model, arguments, watch);
  if (arguments.command == "sample") return sample(model, arguments, watch);
  if (arguments.command == "propagate") return propagate_domains(model, arguments, watch);
  return check(model, arguments);
}

int report(const Arguments& arguments, const std::string& message, const std::string& position) {
  std::fprintf(stderr, "constrint: %s\n", message.c_str());
  if (arguments.json) {
    print("{\"status\":\"error\",\"message\":" + quoted(message) + position + "}\n");
  }
  return kBadInput;
}

}  // namespace
}  // namespace constrint::cli

int main(int argc, char** argv) {
  // NOLINTNEXTLINE(google-build-using-namespace): the program is all about these two
  using namespace constrint;
  using namespace constrint::cli;  // NOLINT(google-build-using-namespace)
  Arguments arguments;
  try {
    arguments = parse_arguments(argc, argv);
    if (arguments.help) {
      print(kUsage);
      return kAnswered;
    }
    return run(arguments);
  } catch (const ParseError& error) {
    return report(arguments, error.what(),
                  ",\"line\":" + std::to_string(error.line()) +
                      ",\"column\":" + std::to_string(error.column()));
  } catch (const UsageError& error) {
    const int status = report(arguments, error.what(), "");
    if (arguments.files.empty()) std::fputs(kUsage, stderr);
    return status;
  } catch (const Error& error) {
    return report(arguments, error.what(), "");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "constrint: %s\n", error.what());
    return kLimit;
  }
}
