// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "check.hpp"

namespace checks {
namespace {

using constrint::Options;
using constrint::Search;
using constrint::Status;
using oracle::Row;

constexpr std::size_t most_enumerated = 3000;

Finding expect(const std::string& what, Status status, std::span<const std::int64_t> solution,
               const Row* expected) {
  if (expected == nullptr) {
    if (status == Status::unsatisfiable && solution.empty()) return std::nullopt;
    return what + ": expected no solution, found " +
           (status == Status::limit ? "a limit" : shown(solution));
  }
  if (status == Status::satisfiable &&
      std::equal(solution.begin(), solution.end(), expected->begin(), expected->end())) {
    return std::nullopt;
  }
  return what + ": expected " + shown(*expected) + ", found " +
         (status == Status::limit           ? "a limit"
          : status == Status::unsatisfiable ? "none"
                                            : shown(solution));
}

// Every solution of `search` from its start, against `rows`.
Finding enumerates(Search& search, const std::vector<Row>& rows, const std::string& what) {
  const std::size_t shown_rows = std::min(rows.size(), most_enumerated);
  for (std::size_t i = 0; i < shown_rows; ++i) {
    const Status status = search.next();
    if (auto finding =
            expect(what + ", solution " + std::to_string(i), status, search.solution(), &rows[i])) {
      return finding;
    }
  }
  if (shown_rows < rows.size()) return std::nullopt;
  const Status status = search.next();
  return expect(what + ", after the last", status, search.solution(), nullptr);
}

class SearchCheck {
 public:
  SearchCheck(const Known& known, const constrint::Model& model, oracle::Random& random)
      : known_(known), model_(model), random_(random), rows_(known.answer.rows) {}

  Finding run() {
    Search search(model_);
    const Status status = search.first();
    if (auto finding = expect("first", status, search.solution(), row(0))) return finding;
    Search all(model_);
    if (auto finding = enumerates(all, rows_, "next")) return finding;
    if (auto finding = check_optimum()) return finding;
    if (auto finding = check_rank()) return finding;
    if (auto finding = check_resume()) return finding;
    if (auto finding = check_exclusion()) return finding;
    if (auto finding = check_assumptions()) return finding;
    return check_limits();
  }

 private:
  const Row* row(std::size_t i) const { return i < rows_.size() ? &rows_[i] : nullptr; }

  Finding check_optimum() {
    Search search(model_);
    const Status status = search.optimize();
    if (known_.answer.best)
      return expect("optimize", status, search.solution(), row(*known_.answer.best));
    // No objective: the first. An objective that is nowhere defined: no solution is the best.
    const Row* best = model_.has_objective() ? nullptr : row(0);
    return expect("optimize", status, search.solution(), best);
  }

  // rank() against optimize() asked again and again, which leaves out what came before.
  Finding check_rank() {
    constexpr std::size_t most_asked = 40;
    std::vector<std::size_t> distinct;
    for (std::size_t v = 0; v < model_.variable_count(); ++v) {
      if (random_.chance(50)) distinct.push_back(v);
    }
    const std::size_t count = random_.below(5);
    std::vector<std::vector<std::int64_t>> expected;
    Search one_by_one(model_);
    for (std::size_t n = 0; n < most_asked && expected.size() < count; ++n) {
      if (one_by_one.optimize() != Status::satisfiable) break;
      const std::vector<std::int64_t> found(one_by_one.solution().begin(),
                                            one_by_one.solution().end());
      const bool known = !distinct.empty() && std::ranges::any_of(expected, [&](const auto& other) {
        return std::ranges::all_of(distinct, [&](std::size_t v) { return other[v] == found[v]; });
      });
      if (!known) expected.push_back(found);
      one_by_one.exclude(found);
      if (n + 1 == most_asked && expected.size() < count) return std::nullopt;
    }
    Search search(model_);
    const Status status = search.rank(count, distinct);
    if (status == Status::limit) return "rank: a limit";
    if (search.ranked() == expected) return std::nullopt;
    for (std::size_t n = 0; n < expected.size() && n < search.ranked().size(); ++n) {
      if (search.ranked()[n] == expected[n]) continue;
      return "rank: expected " + shown(expected[n]) + ", found " + shown(search.ranked()[n]);
    }
    return "rank: expected " + std::to_string(expected.size()) + " solutions, found " +
           std::to_string(search.ranked().size());
  }

  Finding check_resume() {
    if (rows_.empty()) return std::nullopt;
    const std::size_t at = random_.below(rows_.size());
    Search search(model_);
    Status status = search.resume_after(rows_[at]);
    if (auto finding =
            expect("resume_after" + shown(rows_[at]), status, search.solution(), row(at + 1))) {
      return finding;
    }
    if (at + 1 < rows_.size()) {
      status = search.next();
      if (auto finding = expect("next after resume", status, search.solution(), row(at + 2)))
        return finding;
    }
    // A point that need not be a solution.
    Row point = rows_[at];
    for (std::int64_t& value : point) {
      if (random_.chance(40) && -1000 < value && value < 1000) value += random_.between(-2, 2);
    }
    const auto order = oracle::preferred_order(known_.problem);
    const auto after = std::find_if(rows_.begin(), rows_.end(), [&](const Row& candidate) {
      for (const auto& key : order) {
        const std::int64_t a = candidate[key.variable];
        const std::int64_t b = point[key.variable];
        if (a != b) return (a > b) != key.largest;
      }
      return false;
    });
    status = search.resume_after(point);
    return expect("resume_after point " + shown(point), status, search.solution(),
                  after == rows_.end() ? nullptr : &*after);
  }

  Finding check_exclusion() {
    if (rows_.empty() || rows_.size() > 400) return std::nullopt;
    std::vector<Row> left = rows_;
    Options options;
    for (int i = 0; i < 3 && !left.empty(); ++i) {
      const std::size_t at = random_.chance(40) ? 0 : random_.below(left.size());
      options.excluded.push_back(left[at]);
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(at));
    }
    Search by_option(model_, options);
    if (auto finding = enumerates(by_option, left, "next with Options::excluded")) return finding;
    Search by_call(model_);
    for (const Row& excluded : options.excluded) by_call.exclude(excluded);
    if (auto finding = enumerates(by_call, left, "next after exclude()")) return finding;
    Search midway(model_);
    if (midway.next() != Status::satisfiable) return "next: no first solution";
    if (rows_.size() < 3) return std::nullopt;
    midway.exclude(rows_[1]);
    const Status status = midway.next();
    return expect("next after excluding the next solution", status, midway.solution(), row(2));
  }

  Finding check_assumptions() {
    const std::size_t variable = random_.below(known_.problem.names.size());
    std::int64_t value = random_.between(-3, 12);
    if (!rows_.empty() && random_.chance(75)) value = random_.pick(rows_)[variable];
    std::vector<Row> left;
    std::copy_if(rows_.begin(), rows_.end(), std::back_inserter(left),
                 [&](const Row& candidate) { return candidate[variable] == value; });
    Options options;
    options.assumptions = {{variable, value}};
    Search by_option(model_, options);
    if (auto finding = enumerates(by_option, left, "next with Options::assumptions"))
      return finding;
    const constrint::CountResult counted = constrint::count(model_, options);
    if (counted.status == Status::limit || counted.count != constrint::Count(left.size())) {
      return "count() with " + known_.problem.names[variable] + " = " + std::to_string(value) +
             " is " + counted.count.str() + ", expected " + std::to_string(left.size());
    }
    Search search(model_);
    search.push({variable, value});
    if (auto finding = enumerates(search, left, "next after push()")) return finding;
    search.pop();
    const Status status = search.first();
    return expect("first after pop()", status, search.solution(), row(0));
  }

  // A small budget may end in `limit`, but never in a wrong answer.
  Finding check_limits() {
    Options options;
    options.nodes = random_.below(4);
    Search search(model_, options);
    const Status status = search.first();
    if (status == Status::limit) return std::nullopt;
    return expect("first with a limit of nodes", status, search.solution(), row(0));
  }

  const Known& known_;
  const constrint::Model& model_;
  oracle::Random& random_;
  const std::vector<Row>& rows_;
};

}  // namespace

Finding check_search(const Known& known, const constrint::Model& model, oracle::Random& random) {
  return SearchCheck(known, model, random).run();
}

}  // namespace checks
