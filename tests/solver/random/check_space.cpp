// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <vector>

#include "check.hpp"
#include "space_data.hpp"

namespace checks {
namespace {

using constrint::Count;
using constrint::Space;
using constrint::Status;
using oracle::Row;

std::string described(Status status) {
  return status == Status::satisfiable     ? "satisfiable"
         : status == Status::unsatisfiable ? "unsatisfiable"
                                           : "limit";
}

class SpaceCheck {
 public:
  SpaceCheck(const Known& known, const Space& space, oracle::Random& random)
      : known_(known), space_(space), random_(random), columns_(known.problem.names.size()) {}

  Finding run() {
    const std::size_t solutions = known_.answer.rows.size();
    const Status expected = solutions == 0 ? Status::unsatisfiable : Status::satisfiable;
    if (space_.status() != expected) {
      return "Space: " + described(space_.status()) + ", expected " + described(expected);
    }
    if (space_.count() != Count(solutions)) {
      return "Space: count " + space_.count().str() + ", expected " + std::to_string(solutions);
    }
    std::vector<std::int64_t> rows((solutions + 2) * columns_, -77);
    const std::size_t written = space_.write(0, rows);
    if (auto finding = same(rows, written, 0, solutions, "write")) return finding;
    if (!std::all_of(rows.end() - static_cast<std::ptrdiff_t>(2 * columns_), rows.end(),
                     [](std::int64_t value) { return value == -77; })) {
      return "write: wrote beyond the last solution";
    }
    std::vector<std::int64_t> parallel(solutions * columns_);
    space_.write_parallel(0, parallel, 3);
    if (auto finding = same(parallel, solutions, 0, solutions, "write_parallel")) return finding;
    if (auto finding = check_rank_of_point()) return finding;
    if (solutions == 0) return std::nullopt;
    for (int i = 0; i < 4; ++i) {
      if (auto finding = check_from(random_.below(solutions))) return finding;
    }
    return check_samples();
  }

 private:
  Finding same(const std::vector<std::int64_t>& rows, std::size_t written, std::size_t first,
               std::size_t expected, const std::string& what) {
    if (written != expected) {
      return what + ": " + std::to_string(written) + " rows, expected " + std::to_string(expected);
    }
    for (std::size_t i = 0; i < written; ++i) {
      const std::span<const std::int64_t> row(rows.data() + i * columns_, columns_);
      if (!std::equal(row.begin(), row.end(), known_.answer.rows[first + i].begin())) {
        return what + ": solution " + std::to_string(first + i) + " is " + shown(row) +
               ", expected " + shown(known_.answer.rows[first + i]);
      }
    }
    return std::nullopt;
  }

  Finding check_from(std::size_t rank) {
    const std::size_t solutions = known_.answer.rows.size();
    Row row(columns_);
    space_.at(rank, row);
    if (row != known_.answer.rows[rank]) {
      return "at(" + std::to_string(rank) + ") is " + shown(row) + ", expected " +
             shown(known_.answer.rows[rank]);
    }
    if (space_.rank(row) != Count(rank)) {
      return "rank" + shown(row) + " is " + space_.rank(row).str() + ", expected " +
             std::to_string(rank);
    }
    const std::size_t room = 1 + random_.below(9);
    std::vector<std::int64_t> rows(room * columns_);
    const std::size_t expected = std::min(room, solutions - rank);
    if (auto finding = same(rows, space_.write(rank, rows), rank, expected, "write from a rank")) {
      return finding;
    }
    std::vector<std::int64_t> visited;
    const Count visits = space_.for_each(
        [&](std::span<const std::int64_t> solution) {
          visited.insert(visited.end(), solution.begin(), solution.end());
          return visited.size() < expected * columns_;
        },
        rank);
    return same(visited, static_cast<std::size_t>(visits.to_uint64()), rank, expected, "for_each");
  }

  // Points that are no solutions have a rank, too: the number of solutions before them.
  Finding check_rank_of_point() {
    Row point(columns_);
    for (std::int64_t& value : point) value = random_.between(-8, 40);
    if (!known_.answer.rows.empty() && random_.chance(50)) {
      point = random_.pick(known_.answer.rows);
      std::int64_t& value = point[random_.below(columns_)];
      if (-1000 < value && value < 1000) value += random_.between(-1, 1);
    }
    const auto order = oracle::preferred_order(known_.problem);
    const auto before =
        std::count_if(known_.answer.rows.begin(), known_.answer.rows.end(), [&](const Row& row) {
          for (const auto& key : order) {
            const std::int64_t a = row[key.variable];
            const std::int64_t b = point[key.variable];
            if (a != b) return (a < b) != key.largest;
          }
          return false;
        });
    const Count found = space_.rank(point);
    if (found == Count(static_cast<std::uint64_t>(before))) return std::nullopt;
    return "rank" + shown(point) + " is " + found.str() + ", expected " + std::to_string(before);
  }

  Finding check_samples() {
    const std::uint64_t seed = random_.below(1000);
    const auto samples = space_.sample(5, seed);
    if (samples.size() != 5 * columns_) return "sample: wrong number of values";
    if (space_.sample(5, seed) != samples) return "sample: not the same for the same seed";
    for (std::size_t i = 0; i < 5; ++i) {
      const Row row(samples.begin() + static_cast<std::ptrdiff_t>(i * columns_),
                    samples.begin() + static_cast<std::ptrdiff_t>((i + 1) * columns_));
      const auto& rows = known_.answer.rows;
      if (std::find(rows.begin(), rows.end(), row) == rows.end()) {
        return "sample: " + shown(row) + " is no solution";
      }
    }
    return std::nullopt;
  }

  const Known& known_;
  const Space& space_;
  oracle::Random& random_;
  std::size_t columns_;
};

}  // namespace

Finding check_space(const Known& known, const constrint::Model& model, oracle::Random& random) {
  const constrint::CountResult counted = constrint::count(model);
  const std::size_t solutions = known.answer.rows.size();
  const Status expected = solutions == 0 ? Status::unsatisfiable : Status::satisfiable;
  if (counted.status != expected) {
    return "count(): " + described(counted.status) + ", expected " + described(expected);
  }
  if (counted.count != Count(solutions)) {
    return "count() is " + counted.count.str() + ", expected " + std::to_string(solutions);
  }
  using Form = constrint::detail::SpaceData::Form;
  const auto diagrams = [&](const constrint::Options& options) {
    using constrint::detail::SpaceData;
    return Space(std::make_unique<SpaceData>(model.data(), options, Form::diagrams));
  };
  // With next to no memory the diagram is built in slices, or refused.
  constrint::Options little;
  little.memory_bytes = 4096;
  const Space sliced = diagrams(little);
  if (sliced.status() != Status::limit) {
    if (auto finding = SpaceCheck(known, sliced, random).run()) return "in 4 KiB: " + *finding;
  }
  if (auto finding = SpaceCheck(known, diagrams({}), random).run()) return "diagrams: " + *finding;
  const Space space(model);
  return SpaceCheck(known, space, random).run();
}

}  // namespace checks
