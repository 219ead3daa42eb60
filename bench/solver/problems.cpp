// SPDX-License-Identifier: Apache-2.0
#include "problems.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "problem_files.hpp"

namespace bench_solver {
namespace {

std::string contents(const std::filesystem::path& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error(path.string() + " cannot be read");
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

void add_expected(const std::filesystem::path& path, NamedProblem& problem) {
  if (!std::filesystem::exists(path)) return;
  const auto expected = nlohmann::json::parse(contents(path));
  if (const auto entry = expected.find(problem.name); entry != expected.end()) {
    problem.solutions = entry->get<std::uint64_t>();
  }
  if (const auto entry = expected.find(problem.name + ".first"); entry != expected.end()) {
    for (const auto& [name, value] : entry->items()) {
      problem.first.emplace_back(name, value.get<std::int64_t>());
    }
  }
}

}  // namespace

std::vector<NamedProblem> all_problems() {
  std::vector<NamedProblem> problems;
  for (const ProblemFile& file : problem_files) {
    const std::filesystem::path path = file.path;
    NamedProblem problem;
    problem.name = path.stem().string();
    problem.text = contents(path);
    problem.read = oracle::parse(problem.text);
    problem.loops = *file.loops;
    add_expected(path.parent_path() / "expected.json", problem);
    problems.push_back(std::move(problem));
  }
  std::sort(problems.begin(), problems.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return problems;
}

const NamedProblem& problem_named(const std::vector<NamedProblem>& problems,
                                  const std::string& name) {
  for (const NamedProblem& problem : problems) {
    if (problem.name == name) return problem;
  }
  throw std::out_of_range("no problem " + name);
}

}  // namespace bench_solver
