// SPDX-License-Identifier: Apache-2.0
#include "constrint/space.hpp"

#include <algorithm>
#include <thread>

#include "constrint/error.hpp"
#include "root.hpp"
#include "space_data.hpp"

namespace constrint {

using detail::Cursor;
using detail::SpaceData;

namespace {

// SplitMix64: the same bits for a seed on every platform.
class SplitMix {
 public:
  explicit SplitMix(std::uint64_t seed) : state_(seed) {}
  std::uint64_t operator()() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

std::size_t rows_of(const SpaceData& data, std::size_t values) {
  const std::size_t width = data.base.size();
  if (width == 0) return 0;
  if (values % width != 0) {
    throw InvalidArgument("expected a buffer of a multiple of " + std::to_string(width) +
                          " values, found " + std::to_string(values));
  }
  return values / width;
}

// Writes `count` solutions that are not excluded, from `rank` among those on; they must be there.
void write_range(const SpaceData& data, Cursor& cursor, Uint128 rank, std::int64_t* rows,
                 std::size_t count) {
  const std::size_t width = data.base.size();
  auto excluded = data.excluded.begin();
  for (; excluded != data.excluded.end() && *excluded <= rank; ++excluded) ++rank;
  while (count > 0) {
    std::size_t run = count;
    if (excluded != data.excluded.end() && *excluded - rank < run) {
      run = static_cast<std::size_t>(*excluded - rank);
    }
    if (run > 0) {
      cursor.write(rank, rows, run);
      rows += run * width;
      count -= run;
      rank += run;
    }
    for (; excluded != data.excluded.end() && *excluded == rank; ++excluded) ++rank;
  }
}

// Counts one part. Which order of its variables keeps the states few is hard to foresee, so the
// preferred order and one chosen for few states take turns, with budgets that grow, until one is
// through. The first turn is short, for problems that are easy either way; where it is not enough,
// the chosen order is mostly the better one and gets room to finish.
Status count_part(detail::Propagator& root, const detail::Part& part, detail::Limits& limits,
                  std::size_t memory_bytes, Uint128& count) {
  constexpr std::uint64_t kFirstBudget = 2000;
  constexpr std::uint64_t kSecondBudget = 200000;
  if (part.constraints.empty()) {
    if (!limits.spend()) return Status::limit;
    count = 1;
    for (const detail::OrderedVariable& entry : part.variables) {
      count *= root.domain(static_cast<std::size_t>(entry.variable)).size();
    }
    return Status::satisfiable;
  }
  const detail::Graph preferred(root, part.free, part.definitions, part.constraints);
  if (!preferred.consistent()) return Status::unsatisfiable;
  const detail::Schedule schedule(preferred);
  if (!schedule.possible) {
    const detail::Part solved = detail::solved_order(root, part);
    const detail::Graph other(root, solved.free, solved.definitions, solved.constraints);
    const detail::Schedule other_schedule(other);
    if (!other_schedule.possible || solved.free.empty()) {
      return detail::count_by_search(root, part.variables, limits, count);
    }
    return detail::count_forward(other, other_schedule, limits, memory_bytes, count);
  }
  limits.pause_after(kFirstBudget);
  Status status = detail::count_forward(preferred, schedule, limits, memory_bytes, count);
  if (!limits.paused()) return status;
  const auto order = detail::counting_order(root, part);
  const detail::Graph chosen(root, order, part.definitions, part.constraints);
  const detail::Schedule chosen_schedule(chosen);
  for (std::uint64_t budget = kSecondBudget; limits.paused(); budget *= 4) {
    limits.pause_after(budget);
    if (chosen_schedule.possible) {
      status = detail::count_forward(chosen, chosen_schedule, limits, memory_bytes, count);
      if (!limits.paused()) break;
    }
    limits.pause_after(budget);
    status = detail::count_forward(preferred, schedule, limits, memory_bytes, count);
  }
  limits.pause_after(detail::Limits::kNoPause);
  return status;
}

}  // namespace

CountResult count(const Model& model, const Options& options) {
  CountResult result;
  if (!options.excluded.empty()) {
    // Excluded solutions must be recognised, which takes the diagram.
    const Space space(model, options);
    result.status = space.status();
    result.count = space.count();
    return result;
  }
  detail::Limits limits(options);
  detail::Propagator root(model.data());
  result.status = Status::unsatisfiable;
  if (!detail::propagate_root(root, options.assumptions)) {
    if (root.overflowed()) result.status = Status::limit;
    return result;
  }
  root.build_occurrences();
  Uint128 total = 1;
  bool limit = false;
  for (const detail::Part& part :
       detail::split_parts(root, detail::preferred_order(model.data()))) {
    Uint128 own = 0;
    const Status status = count_part(root, part, limits, options.memory_bytes, own);
    if (status == Status::unsatisfiable) return result;
    // 0 is the answer if a later part has no solution; the first ones beyond 128 bits are not worth
    // looking for it among thousands.
    limit = limit || status == Status::limit || __builtin_mul_overflow(total, own, &total);
    if (limit && !limits.spend()) break;
  }
  result.status = limit ? Status::limit : Status::satisfiable;
  result.count = limit ? Count() : Count(total);
  return result;
}

Space::Space(const Model& model, const Options& options)
    : data_(std::make_unique<SpaceData>(model.data(), options)) {}
Space::Space(std::unique_ptr<SpaceData> data) : data_(std::move(data)) {}
Space::~Space() = default;
Space::Space(Space&&) noexcept = default;
Space& Space::operator=(Space&&) noexcept = default;

Status Space::status() const {
  return data_->status;
}
std::size_t Space::variable_count() const {
  return data_->base.size();
}

Count Space::count() const {
  if (data_->status != Status::satisfiable) return {};
  return data_->total - data_->excluded.size();
}

std::size_t Space::write(Count rank, std::span<std::int64_t> rows) const {
  return write_parallel(rank, rows, 1);
}

std::size_t Space::write_parallel(Count rank, std::span<std::int64_t> rows,
                                  unsigned threads) const {
  const std::size_t width = data_->base.size();
  const std::size_t room = rows_of(*data_, rows.size());
  const Uint128 all = count().value();
  if (rank.value() >= all) return 0;
  const auto number = static_cast<std::size_t>(std::min<Uint128>(room, all - rank.value()));
  threads = static_cast<unsigned>(
      std::clamp<std::size_t>(threads, 1, std::max<std::size_t>(1, number / 1024)));
  const auto share = [&](unsigned t) {
    const auto from = static_cast<std::size_t>(static_cast<Uint128>(number) * t / threads);
    const auto to = static_cast<std::size_t>(static_cast<Uint128>(number) * (t + 1) / threads);
    Cursor cursor(*data_);
    write_range(*data_, cursor, rank.value() + from, rows.data() + from * width, to - from);
  };
  std::vector<std::jthread> pool;
  for (unsigned t = 1; t < threads; ++t) pool.emplace_back(share, t);
  share(0);
  return number;
}

Count Space::for_each(const std::function<bool(std::span<const std::int64_t>)>& visit,
                      Count rank) const {
  constexpr std::size_t kRows = 256;
  const std::size_t width = data_->base.size();
  std::vector<std::int64_t> rows(kRows * width);
  Uint128 calls = 0;
  const Uint128 all = count().value();
  if (rank.value() >= all) return {};
  Cursor cursor(*data_);
  for (;;) {
    const auto written =
        static_cast<std::size_t>(std::min<Uint128>(kRows, all - rank.value() - calls));
    write_range(*data_, cursor, rank.value() + calls, rows.data(), written);
    for (std::size_t r = 0; r < written; ++r) {
      ++calls;
      if (!visit({rows.data() + r * width, width})) return calls;
    }
    if (written < kRows) return calls;
  }
}

void Space::at(Count rank, std::span<std::int64_t> row) const {
  if (row.size() != data_->base.size()) {
    throw InvalidArgument("expected room for " + std::to_string(data_->base.size()) +
                          " values, found " + std::to_string(row.size()));
  }
  if (rank >= count()) {
    throw InvalidArgument("expected a rank below " + count().str() + ", found " + rank.str());
  }
  Cursor cursor(*data_);
  write_range(*data_, cursor, rank.value(), row.data(), 1);
}

Count Space::rank(std::span<const std::int64_t> values) const {
  if (values.size() != data_->base.size()) {
    throw InvalidArgument("expected " + std::to_string(data_->base.size()) + " values, found " +
                          std::to_string(values.size()));
  }
  if (count() == Count()) return {};
  bool present = false;
  const Uint128 rank = Cursor::rank(*data_, values, present);
  return rank - static_cast<Uint128>(std::ranges::lower_bound(data_->excluded, rank) -
                                     data_->excluded.begin());
}

std::vector<std::int64_t> Space::sample(std::size_t samples, std::uint64_t seed) const {
  if (count() == Count()) throw InvalidArgument("expected a space with solutions to sample from");
  const std::size_t width = data_->base.size();
  std::vector<std::int64_t> result(samples * width);
  SplitMix random(seed);
  Cursor cursor(*data_);
  for (std::size_t i = 0; i < samples; ++i) {
    if (data_->excluded.empty()) {
      cursor.draw(random);
      std::ranges::copy(cursor.row(), result.begin() + static_cast<std::ptrdiff_t>(i * width));
    } else {
      const Uint128 rank = detail::uniform_below(count().value(), random);
      write_range(*data_, cursor, rank, result.data() + i * width, 1);
    }
  }
  return result;
}

}  // namespace constrint
