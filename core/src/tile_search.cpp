// SPDX-License-Identifier: Apache-2.0
// The one file of the core that uses ConstrINT.
#include "flashrnn/recurrence/tile_search.hpp"

#include <algorithm>
#include <chrono>
#include <constrint/constrint.hpp>
#include <map>
#include <mutex>
#include <numeric>
#include <optional>
#include <span>

#include "flashrnn/error.hpp"
#include "flashrnn/recurrence/known_tilings.hpp"
#include "tiling_memory.hpp"
#include "tiling_text.hpp"

namespace flashrnn {
namespace {

// A search that needs more is a mistake of a text: those of today need tens of nodes.
constexpr std::uint64_t most_nodes = 200'000;
// What listing all tilings may take; if there are more, branch and bound is asked. Tests see to it
// that today's texts stay below.
constexpr std::uint64_t most_combinations = 6000;
constexpr std::uint64_t most_listed = 2000;
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

constrint::Model joined(const TileQuestion& question, const KernelText& kernel) {
  constrint::Model model;
  model.add_text(equalities(question.device->values), question.device->name);
  model.add_text(equalities(question.sizes), "problem");
  model.add_text(kernel.text, kernel.name);
  return model;
}

/// Calls visit with each number of a question, the device's first.
template <class Visit>
void for_each_number(const TileQuestion& question, const Visit& visit) {
  for (const NamedValue& entry : question.device->values) visit(entry);
  for (const NamedValue& entry : question.sizes) visit(entry);
}

/// The model that `joined` makes, parsed once for all questions whose numbers have the same names:
/// the numbers themselves come with the search, as assumptions.
class Prepared {
 public:
  Prepared(const TileQuestion& question, const KernelText& kernel) {
    model_.add_text(kernel.text, kernel.name);
    for_each_number(question, [&](const NamedValue& entry) {
      names_.push_back(entry.name);
      // A domain of its own, because the default one starts at 1.
      places_.push_back(
          model_.find(entry.name)
              ? std::optional(
                    model_.variable(entry.name, -constrint::kDefaultHigh, constrint::kDefaultHigh)
                        .index())
              : std::nullopt);
    });
    for (const std::string& name : kernel.tiling) {
      const auto variable = model_.find(name);
      if (!variable)
        throw InternalError("kernel " + kernel.name + ": tiling names " + name +
                            ", which its text does not");
      tiling_.push_back(variable->index());
    }
    for (std::size_t v = 0; v < model_.variable_count(); ++v) {
      const std::string_view name = model_.variable_name(v);
      if (name.starts_with(time_prefix) && name != cost) times_.push_back(v);
    }
    cost_ = model_.variable(cost).index();
  }

  bool is_for(const TileQuestion& question) const {
    if (names_.size() != question.device->values.size() + question.sizes.size()) return false;
    auto name = names_.begin();
    bool equal = true;
    for_each_number(question,
                    [&](const NamedValue& entry) { equal = entry.name == *name++ && equal; });
    return equal;
  }
  const constrint::Model& model() const { return model_; }
  const std::vector<std::size_t>& tiling() const { return tiling_; }
  std::size_t cost_place() const { return cost_; }

  std::vector<constrint::Assumption> numbers(const TileQuestion& question) const {
    std::vector<constrint::Assumption> out;
    auto place = places_.begin();
    for_each_number(question, [&](const NamedValue& entry) {
      if (*place) out.push_back({**place, entry.value});
      ++place;
    });
    return out;
  }

  TileCandidate candidate(std::span<const std::int64_t> solution) const {
    const auto named = [&](std::size_t v) {
      return NamedValue{std::string(model_.variable_name(v)), solution[v]};
    };
    TileCandidate out;
    for (const std::size_t v : tiling_) out.tiling.push_back(named(v));
    for (const std::size_t v : times_) out.times.push_back(named(v));
    out.step_ps = solution[cost_];
    out.limited_by = limiting_term(out.times);
    return out;
  }

 private:
  std::vector<std::string> names_;
  std::vector<std::optional<std::size_t>> places_;  // by name: none if the text does not read it
  constrint::Model model_;
  std::vector<std::size_t> tiling_, times_;
  std::size_t cost_ = 0;
};

std::shared_ptr<const Prepared> prepare(const TileQuestion& question, const KernelText& kernel) {
  static std::mutex mutex;
  static std::map<std::string, std::vector<std::shared_ptr<const Prepared>>, std::less<>> known;
  const std::lock_guard lock(mutex);
  auto& of_kernel = known[kernel.name];
  for (const auto& prepared : of_kernel)
    if (prepared->is_for(question)) return prepared;
  return of_kernel.emplace_back(std::make_shared<const Prepared>(question, kernel));
}

/// The best candidates by branch and bound.
void search(const Prepared& prepared, constrint::Options options, std::size_t wanted,
            TileChoice& choice) {
  options.nodes = most_nodes;
  constrint::Search bounded(prepared.model(), std::move(options));
  // Solutions that differ in variables that are no tiling variables are one candidate.
  const constrint::Status status = bounded.rank(wanted, prepared.tiling());
  choice.nodes += bounded.nodes();
  if (status == constrint::Status::limit && bounded.ranked().empty())
    throw InternalError("tile search: " + choice.kernel + " for " + choice.device +
                        " was not decided within its limits");
  for (const auto& solution : bounded.ranked())
    choice.candidates.push_back(prepared.candidate(solution));
}

/// The same, from a list of all tilings. False if there are too many for that.
bool list(const Prepared& prepared, constrint::Options options, std::size_t wanted,
          TileChoice& choice) {
  options.nodes = most_combinations;
  const constrint::Space space(prepared.model(), options);
  if (space.status() == constrint::Status::unsatisfiable) return true;
  if (space.status() == constrint::Status::limit || space.count() > most_listed) return false;
  const std::size_t width = space.variable_count();
  const std::size_t count = space.count().to_uint64();
  std::vector<std::int64_t> rows(count * width);
  space.write({}, rows);
  const auto row = [&](std::size_t n) { return std::span(rows).subspan(n * width, width); };
  // They come in the preferred order, which decides between equal costs.
  std::vector<std::size_t> by_cost(count);
  std::iota(by_cost.begin(), by_cost.end(), std::size_t{0});
  std::ranges::stable_sort(by_cost, {},
                           [&](std::size_t n) { return row(n)[prepared.cost_place()]; });
  for (const std::size_t n : by_cost) {
    if (choice.candidates.size() == wanted) break;
    TileCandidate candidate = prepared.candidate(row(n));
    if (std::ranges::find(choice.candidates, candidate.tiling, &TileCandidate::tiling) ==
        choice.candidates.end())
      choice.candidates.push_back(std::move(candidate));
  }
  return true;
}

/// No candidates: there is no tiling.
TileChoice solve(const TileQuestion& question, int candidates) {
  const auto start = std::chrono::steady_clock::now();
  const KernelText& kernel = find_kernel_text(question.kernel);
  TileChoice choice{kernel.name, question.device->name, question.sizes, {}, 0, 0};
  try {
    const auto prepared = prepare(question, kernel);
    constrint::Options options;
    options.assumptions = prepared->numbers(question);
    const auto wanted = static_cast<std::size_t>(candidates);
    if (!kernel.listed || !list(*prepared, options, wanted, choice))
      search(*prepared, options, wanted, choice);
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

TilingMemory& memory() {
  static TilingMemory instance;
  return instance;
}

/// What know_tilings was told.
struct KnownTilings {
  std::mutex mutex;
  std::vector<std::span<const KnownTiling>> all;
};
KnownTilings& known_tilings() {
  static KnownTilings instance;
  return instance;
}

/// Null if nobody knows.
std::shared_ptr<const TileChoice> known_choice(const TileQuestion& question,
                                               const KernelText& kernel, const std::string& key) {
  KnownTilings& known = known_tilings();
  const std::lock_guard lock(known.mutex);
  for (const auto& tilings : known.all) {
    const auto found = std::ranges::lower_bound(tilings, key, {}, &KnownTiling::question);
    if (found == tilings.end() || found->question != key) continue;
    TileChoice choice{kernel.name, question.device->name, question.sizes, {}, 0, 0};
    if (!found->answer.empty()) choice.candidates.push_back(candidate_of(kernel, found->answer));
    return std::make_shared<const TileChoice>(std::move(choice));
  }
  return nullptr;
}

/// The remembered, known or new answer; without candidates if there is no tiling.
std::shared_ptr<const TileChoice> ask(const TileQuestion& question, int candidates) {
  const KernelText& kernel = find_kernel_text(question.kernel);
  const std::string key = key_as_read(question, kernel);
  auto choice = memory().find(key, candidates);
  if (choice == nullptr) {
    if (candidates == 1) choice = known_choice(question, kernel, key);
    if (choice == nullptr) choice = std::make_shared<const TileChoice>(solve(question, candidates));
    memory().remember(key, candidates, choice);
  }
  if (choice->sizes == question.sizes && choice->device == question.device->name) return choice;
  auto own = std::make_shared<TileChoice>(*choice);
  own->sizes = question.sizes;
  own->device = question.device->name;
  return own;
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

std::vector<FoundTiling> found_tilings() {
  return memory().found();
}

void know_tilings(std::span<const KnownTiling> all) {
  KnownTilings& known = known_tilings();
  const std::lock_guard lock(known.mutex);
  known.all.push_back(all);
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
