// SPDX-License-Identifier: Apache-2.0
#include "constrint/search.hpp"

#include <algorithm>
#include <numeric>
#include <optional>

#include "constrint/error.hpp"
#include "depth_first.hpp"
#include "optimize.hpp"
#include "root.hpp"

namespace constrint {

namespace detail {

/// Everything of one search: the narrowed problem, and the depth-first search in it.
class SearchState : public Recycled {
 public:
  SearchState(const ModelData& model, Options options)
      : model_(model),
        options_(std::move(options)),
        order_(preferred_order(model)),
        limits_(options_) {}

  Status first() {
    restart();
    if (!feasible_) return infeasible();
    const Status status = solve_parts();
    if (status != Status::satisfiable) return status;
    store();
    return excluded() ? next() : Status::satisfiable;
  }

  Status next() {
    if (values_.empty()) return first();
    const std::vector<std::int64_t> from = values_;
    return joint_ ? step() : resume_after(from);
  }

  Status resume_after(std::span<const std::int64_t> values) {
    if (values.size() != order_.size()) {
      throw InvalidArgument("expected " + std::to_string(order_.size()) + " values, found " +
                            std::to_string(values.size()));
    }
    const std::vector<std::int64_t> from(values.begin(), values.end());
    restart();
    if (!feasible_) return infeasible();
    joint_.emplace(*propagator_, order_, part_, limits_);
    joint_->seek_after(from);
    return step();
  }

  Status optimize() {
    values_.clear();
    joint_.reset();
    return optimize_model(model_, options_, order_, limits_, values_);
  }

  Status rank(std::size_t count, std::span<const std::size_t> distinct) {
    for (const std::size_t v : distinct) {
      if (v >= order_.size()) {
        throw InvalidArgument("expected indices of variables, found " + std::to_string(v));
      }
    }
    values_.clear();
    joint_.reset();
    return rank_solutions(model_, options_, order_, limits_, count, distinct, ranked_);
  }

  [[nodiscard]] std::span<const std::int64_t> solution() const { return values_; }
  [[nodiscard]] const std::vector<std::vector<std::int64_t>>& ranked() const { return ranked_; }
  Options& options() { return options_; }
  void invalidate() {
    values_.clear();
    joint_.reset();
    propagator_.reset();
  }
  void renew_limits() { limits_ = Limits(options_); }
  [[nodiscard]] std::uint64_t nodes() const { return limits_.spent(); }
  [[nodiscard]] std::size_t variables() const { return order_.size(); }

 private:
  void restart() {
    values_.clear();
    joint_.reset();
    if (propagator_) {
      propagator_->undo(root_);
      return;
    }
    propagator_.emplace(model_);
    feasible_ = propagate_root(*propagator_, options_.assumptions);
    if (!feasible_) return;
    propagator_->build_occurrences();
    root_ = propagator_->mark();
    std::int32_t parts = 0;
    part_ = independent_parts(propagator_->circuit(), order_, parts);
    // Counted, then placed.
    RecyclingVector<std::size_t> end(static_cast<std::size_t>(parts) + 1, 0);
    const auto part_of = [this](const OrderedVariable& entry) {
      return static_cast<std::size_t>(part_[static_cast<std::size_t>(entry.variable)]);
    };
    const auto each_unfixed = [this](auto&& visit) {
      for (const OrderedVariable& entry : order_) {
        const auto v = static_cast<std::size_t>(entry.variable);
        if (!propagator_->domain(v).fixed()) visit(entry);
      }
    };
    each_unfixed([&](const OrderedVariable& entry) { ++end[part_of(entry) + 1]; });
    std::partial_sum(end.begin(), end.end(), end.begin());
    by_part_.resize(end.back());
    each_unfixed([&](const OrderedVariable& entry) { by_part_[end[part_of(entry)]++] = entry; });
  }

  // What propagation refutes has no solution, unless it was an exact value that it could not hold.
  [[nodiscard]] Status infeasible() const {
    return propagator_->overflowed() ? Status::limit : Status::unsatisfiable;
  }

  // Independent parts have their first solutions independently of each other.
  Status solve_parts() {
    Status result = Status::satisfiable;
    for (auto first = by_part_.begin(); first != by_part_.end();) {
      const std::int32_t part = part_[static_cast<std::size_t>(first->variable)];
      const auto end = std::find_if(first, by_part_.end(), [&](const OrderedVariable& entry) {
        return part_[static_cast<std::size_t>(entry.variable)] != part;
      });
      DepthFirst search(*propagator_, {first, end}, {}, limits_);
      first = end;
      const Status status = search.next();
      if (status == Status::unsatisfiable) {
        return propagator_->overflowed() ? Status::limit : Status::unsatisfiable;
      }
      if (status == Status::limit) result = Status::limit;
    }
    return result;
  }

  Status step() {
    for (;;) {
      const Status status = joint_->next();
      if (status != Status::satisfiable) {
        values_.clear();
        const bool complete = status == Status::unsatisfiable && !propagator_->overflowed();
        return complete ? Status::unsatisfiable : Status::limit;
      }
      store();
      if (!excluded()) return status;
    }
  }

  void store() {
    values_.resize(order_.size());
    for (std::size_t v = 0; v < values_.size(); ++v) values_[v] = propagator_->domain(v).low;
  }

  [[nodiscard]] bool excluded() const {
    return std::ranges::find(options_.excluded, values_) != options_.excluded.end();
  }

  const ModelData& model_;
  Options options_;
  VariableOrder order_;
  Limits limits_;
  std::optional<Propagator> propagator_;
  bool feasible_ = true;
  Propagator::Mark root_;
  RecyclingVector<std::int32_t> part_;
  VariableOrder by_part_;  // the unfixed variables, part by part
  std::optional<DepthFirst> joint_;
  std::vector<std::int64_t> values_;
  std::vector<std::vector<std::int64_t>> ranked_;  // the best first
};

}  // namespace detail

Search::Search(const Model& model, Options options)
    : state_(std::make_unique<detail::SearchState>(model.data(), std::move(options))) {}
Search::~Search() = default;
Search::Search(Search&&) noexcept = default;
Search& Search::operator=(Search&&) noexcept = default;

Status Search::first() {
  return state_->first();
}
Status Search::next() {
  return state_->next();
}
Status Search::resume_after(std::span<const std::int64_t> values) {
  return state_->resume_after(values);
}
Status Search::optimize() {
  return state_->optimize();
}
Status Search::rank(std::size_t count, std::span<const std::size_t> distinct) {
  return state_->rank(count, distinct);
}
std::span<const std::int64_t> Search::solution() const {
  return state_->solution();
}
const std::vector<std::vector<std::int64_t>>& Search::ranked() const {
  return state_->ranked();
}

void Search::push(Assumption assumption) {
  if (assumption.variable >= state_->variables()) {
    throw InvalidArgument("expected the index of a variable, found " +
                          std::to_string(assumption.variable));
  }
  state_->options().assumptions.push_back(assumption);
  state_->invalidate();
}

void Search::pop() {
  if (state_->options().assumptions.empty()) throw InvalidArgument("expected a pushed assumption");
  state_->options().assumptions.pop_back();
  state_->invalidate();
}

void Search::exclude(std::span<const std::int64_t> values) {
  if (values.size() != state_->variables()) {
    throw InvalidArgument("expected " + std::to_string(state_->variables()) + " values, found " +
                          std::to_string(values.size()));
  }
  state_->options().excluded.emplace_back(values.begin(), values.end());
}

void Search::set_options(Options options) {
  state_->options() = std::move(options);
  state_->invalidate();
  state_->renew_limits();
}

std::uint64_t Search::nodes() const {
  return state_->nodes();
}

}  // namespace constrint
