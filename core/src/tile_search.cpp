// SPDX-License-Identifier: Apache-2.0
// The one file of the core that uses ConstrINT.
#include "flashrnn/recurrence/tile_search.hpp"

#include <algorithm>
#include <chrono>
#include <constrint/constrint.hpp>
#include <limits>
#include <map>
#include <mutex>

#include "flashrnn/error.hpp"

namespace flashrnn {
namespace {

// A search that needs more is a mistake of a text: those of today need tens of nodes.
constexpr std::uint64_t most_nodes = 200'000;
// Solutions looked at per candidate that is wanted.
constexpr std::size_t most_duplicates = 8;
constexpr std::string_view time_prefix = "TIME_";
constexpr std::string_view cost = "TIME_STEP";

std::string equalities(const std::vector<NamedValue>& values) {
  std::string out;
  for (const NamedValue& entry : values) {
    out += entry.name;
    out += " in [";  // gives the domain; `== 0` would meet the default one, which starts at 1
    out += std::to_string(entry.value);
    out += "];\n";
  }
  return out;
}

std::string conflict(const constrint::Model& model) {
  constrint::Options options;
  options.nodes = most_nodes;
  std::string out;
  for (const std::size_t index : constrint::explain(model, options).statements) {
    const constrint::StatementInfo statement = model.statement(index);
    out += "\n  " + std::string(statement.text_name) + ':' + std::to_string(statement.line) + ": " +
           statement.text;
  }
  return out;
}

TileCandidate read_candidate(const constrint::Model& model, const KernelText& kernel,
                             std::span<const std::int64_t> solution) {
  TileCandidate out;
  for (const std::string& name : kernel.tiling) {
    const auto variable = model.find(name);
    if (!variable)
      throw InternalError("kernel " + kernel.name + ": tiling names " + name +
                          ", which its text does not");
    out.tiling.push_back({name, solution[variable->index()]});
  }
  std::int64_t largest = -1;
  for (std::size_t v = 0; v < model.variable_count(); ++v) {
    const std::string_view name = model.variable_name(v);
    if (!name.starts_with(time_prefix)) continue;
    if (name == cost) {
      out.step_ps = solution[v];
      continue;
    }
    out.times.push_back({std::string(name), solution[v]});
    if (solution[v] > largest) {
      largest = solution[v];
      out.limited_by = name.substr(time_prefix.size());
    }
  }
  std::ranges::transform(out.limited_by, out.limited_by.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

constrint::Model joined(const TileQuestion& question, const KernelText& kernel) {
  constrint::Model model;
  model.add_text(equalities(question.device->values), question.device->name);
  model.add_text(equalities(question.sizes), "problem");
  model.add_text(kernel.text, kernel.name);
  return model;
}

/// No candidates: there is no tiling.
TileChoice solve(const TileQuestion& question, int candidates) {
  const auto start = std::chrono::steady_clock::now();
  const KernelText& kernel = find_kernel_text(question.kernel);
  TileChoice choice{kernel.name, question.device->name, question.sizes, {}, 0};
  try {
    const constrint::Model model = joined(question, kernel);
    constrint::Options options;
    options.nodes = most_nodes;
    const auto wanted = static_cast<std::size_t>(candidates);
    const std::size_t most_tries = most_duplicates * wanted;
    for (std::size_t n = 0; n < most_tries && choice.candidates.size() < wanted; ++n) {
      constrint::Search search(model, options);
      const constrint::Status status = search.optimize();
      if (status == constrint::Status::unsatisfiable) break;
      if (status == constrint::Status::limit && search.solution().empty()) {
        if (n > 0) break;
        throw InternalError("tile search: " + kernel.name + " for " + choice.device +
                            " was not decided within its limits");
      }
      // Solutions may differ in variables that are no tiling variables: those are one candidate.
      TileCandidate candidate = read_candidate(model, kernel, search.solution());
      if (std::ranges::find(choice.candidates, candidate.tiling, &TileCandidate::tiling) ==
          choice.candidates.end())
        choice.candidates.push_back(std::move(candidate));
      options.excluded.emplace_back(search.solution().begin(), search.solution().end());
    }
  } catch (const constrint::Error& error) {
    throw InternalError(std::string("tile search: ") + error.what());
  }
  choice.solve_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return choice;
}

/// Why there is no tiling. Takes milliseconds, and is only asked for when a plan fails.
std::string refusal(const TileQuestion& question) {
  const KernelText& kernel = find_kernel_text(question.kernel);
  return "no tiling of the kernel " + kernel.name + " fits the device " + question.device->name +
         "; these cannot hold together:" + conflict(joined(question, kernel));
}

/// Answers of this process. A choice with fewer candidates than asked for is replaced, unless there
/// are no more.
class Memory {
 public:
  std::shared_ptr<const TileChoice> find(const std::string& key, int candidates) {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(key);
    if (found == known_.end() || found->second.asked < candidates) return nullptr;
    return found->second.choice;
  }
  void remember(const std::string& key, int candidates, std::shared_ptr<const TileChoice> choice) {
    const std::lock_guard lock(mutex_);
    Entry& entry = known_[key];
    if (entry.asked < candidates) entry = {candidates, std::move(choice)};
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    known_.clear();
  }

 private:
  struct Entry {
    int asked = 0;
    std::shared_ptr<const TileChoice> choice;
  };
  std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> known_;
};

Memory& memory() {
  static Memory instance;
  return instance;
}

}  // namespace

std::string key_of(const TileQuestion& question) {
  std::string key = question.kernel;
  const auto add = [&](const std::vector<NamedValue>& values) {
    for (const NamedValue& entry : values) {
      key += ' ';
      key += entry.name;
      key += '=';
      key += std::to_string(entry.value);
    }
  };
  key += '@';
  key += question.device->name;
  add(question.device->values);
  key += '@';
  add(question.sizes);
  return key;
}

namespace {

/// The remembered or new answer; without candidates if there is no tiling.
std::shared_ptr<const TileChoice> ask(const TileQuestion& question, int candidates) {
  const std::string key = key_of(question);
  if (auto known = memory().find(key, candidates)) return known;
  auto choice = std::make_shared<const TileChoice>(solve(question, candidates));
  memory().remember(key, candidates, choice);
  return choice;
}

}  // namespace

std::shared_ptr<const TileChoice> find_tilings(const TileQuestion& question, int candidates) {
  return ask(question, candidates);
}

std::shared_ptr<const TileChoice> search_tiling(const TileQuestion& question, int candidates) {
  auto choice = ask(question, candidates);
  if (choice->candidates.empty()) throw InvalidArgument(refusal(question));
  return choice;
}

std::shared_ptr<const TileChoice> search_fixed(TileQuestion question, const FixedTiling& fixed) {
  if (!fixed.kernel.empty() && fixed.kernel != question.kernel)
    throw InternalError("tile search: the tiling of " + fixed.kernel + " is fixed, and " +
                        question.kernel + " is asked for");
  question.sizes.insert(question.sizes.end(), fixed.values.begin(), fixed.values.end());
  return search_tiling(question);
}

void forget_tilings() {
  memory().clear();
}

std::vector<std::shared_ptr<const TileChoice>> search_kernels(
    const std::shared_ptr<const DeviceModel>& device, std::string_view backend,
    const std::vector<NamedValue>& sizes, int candidates) {
  std::vector<std::shared_ptr<const TileChoice>> choices;
  std::vector<TileQuestion> refused;
  for (const KernelText& kernel : kernel_texts()) {
    if ((!backend.empty() && kernel.backend != backend) || kernel.device != device->kind())
      continue;
    TileQuestion question{device, kernel.name, sizes};
    auto choice = ask(question, candidates);
    if (choice->candidates.empty()) {
      refused.push_back(std::move(question));
    } else {
      choices.push_back(std::move(choice));
    }
  }
  if (choices.empty()) {
    std::string text;
    for (const TileQuestion& question : refused)
      text += (text.empty() ? "" : "\n") + refusal(question);
    throw InvalidArgument(refused.empty() ? "the backend " + std::string(backend) +
                                                " has no kernel for the device " + device->name
                                          : text);
  }
  std::ranges::stable_sort(choices, {}, [](const auto& choice) { return choice->best().step_ps; });
  return choices;
}

}  // namespace flashrnn
