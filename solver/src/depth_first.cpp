// SPDX-License-Identifier: Apache-2.0
#include "depth_first.hpp"

#include <algorithm>

namespace constrint::detail {

namespace {

constexpr std::uint64_t kLightFailures = 200;  // then full propagation
constexpr std::uint64_t kSingly = 64;          // intervals up to this size are tried value by value

// A frame of which a part was skipped: finding nothing in the rest of it does not make it a dead
// end.
constexpr std::uint64_t kSkipped = ~std::uint64_t{0};

// Takes the first values off `rest`: one, or the nearer half of a long interval.
Domain take_piece(Domain& rest, bool largest, bool single) {
  Domain piece = rest;
  const std::int64_t end = largest ? rest.high : rest.low;
  if (single || rest.is_list() || rest.size() <= kSingly) {
    piece = Domain{end, end, 1, nullptr, 0};
    if (rest.low == rest.high) {
      rest.clear();
    } else if (largest) {
      rest.restrict_to(rest.low, rest.high - 1);
    } else {
      rest.restrict_to(rest.low + 1, rest.high);
    }
    return piece;
  }
  const auto half = static_cast<std::int64_t>((static_cast<Int128>(rest.low) + rest.high) >> 1);
  Domain other = rest;
  piece.restrict_to(rest.low, half);
  other.restrict_to(half + 1, rest.high);
  if (largest) std::swap(piece, other);
  rest = other;
  return piece;
}

}  // namespace

DepthFirst::DepthFirst(Propagator& propagator, std::span<const OrderedVariable> order,
                       std::span<const std::int32_t> part, Limits& limits)
    : propagator_(propagator), order_(order), part_(part), limits_(limits) {
  stack_.reserve(order.size() + 8);
}

bool DepthFirst::descend(std::size_t place) {
  while (place < order_.size()) {
    const Domain& domain = propagator_.domain(static_cast<std::size_t>(order_[place].variable));
    if (!domain.fixed()) {
      stack_.push_back({place, propagator_.mark(), domain, true, solutions_});
      return true;
    }
    ++place;
  }
  return false;
}

bool DepthFirst::try_piece(Frame& frame) {
  const OrderedVariable entry = order_[frame.place];
  const Domain piece = take_piece(frame.rest, entry.largest, frame.fresh);
  frame.fresh = false;
  propagator_.set_domain(entry.variable, piece);
  if (propagator_.propagate_from(entry.variable, light_ && piece.fixed())) return true;
  if (++failures_ > kLightFailures) light_ = false;
  skip_refuted(frame);
  return false;
}

// What refutes a value often refutes all behind or before some value.
void DepthFirst::skip_refuted(Frame& frame) {
  if (!light_ || frame.rest.low == frame.rest.high || frame.rest.empty()) return;
  const std::int32_t variable = order_[frame.place].variable;
  propagator_.undo(frame.mark);
  if (!propagator_.narrow_by_failed(variable, frame.rest)) return frame.rest.clear();
  // End by end: lists of what is narrowed go when it is undone.
  const Domain& left = propagator_.domain(static_cast<std::size_t>(variable));
  frame.rest.restrict_to(left.low, left.high);
}

void DepthFirst::pop_dead_end() {
  const Frame& frame = stack_.back();
  const bool dead = frame.solutions == solutions_ && !part_.empty();
  const std::int32_t variable = order_[frame.place].variable;
  stack_.pop_back();
  if (!dead) return;
  // No other choice of another part can help this one.
  const std::int32_t own = part_[static_cast<std::size_t>(variable)];
  while (!stack_.empty() &&
         part_[static_cast<std::size_t>(order_[stack_.back().place].variable)] != own) {
    stack_.pop_back();
  }
}

Status DepthFirst::next() {
  if (!started_) {
    started_ = true;
    if (!descend(0)) {
      ++solutions_;
      return Status::satisfiable;
    }
  }
  while (!stack_.empty()) {
    Frame& frame = stack_.back();
    propagator_.undo(frame.mark);
    if (frame.rest.empty()) {
      pop_dead_end();
      continue;
    }
    if (!limits_.spend()) return Status::limit;
    if (!try_piece(frame)) continue;
    if (!descend(frame.place)) {
      ++solutions_;
      return Status::satisfiable;
    }
  }
  return Status::unsatisfiable;
}

void DepthFirst::seek_after(std::span<const std::int64_t> values) {
  started_ = true;
  if (!stack_.empty()) propagator_.undo(stack_.front().mark);
  stack_.clear();
  std::size_t place = 0;
  while (descend(place)) {
    Frame& frame = stack_.back();
    frame.solutions = kSkipped;
    const OrderedVariable entry = order_[frame.place];
    const std::int64_t value = values[static_cast<std::size_t>(entry.variable)];
    // Variables fixed by propagation to another value than asked for decide the comparison on their
    // own.
    for (std::size_t p = place; p < frame.place; ++p) {
      const auto v = static_cast<std::size_t>(order_[p].variable);
      const std::int64_t fixed = propagator_.domain(v).low;
      if (fixed == values[v]) continue;
      const bool before = order_[p].largest ? fixed > values[v] : fixed < values[v];
      if (before) frame.rest.clear();
      return;
    }
    place = frame.place;
    const bool possible = frame.rest.contains(value);
    const Domain all = frame.rest;
    frame.fresh = false;
    if (entry.largest) {
      frame.rest.restrict_to(all.low, value == kMinusInfinity ? value : value - 1);
      if (value == kMinusInfinity) frame.rest.clear();
    } else {
      frame.rest.restrict_to(value == kInfinity ? value : value + 1, all.high);
      if (value == kInfinity) frame.rest.clear();
    }
    if (!possible) return;
    propagator_.assign(entry.variable, value);
    if (!propagator_.propagate_from(entry.variable, light_)) return;
  }
  // Fixed variables after the last decision: the solution here comes after `values` only if one of
  // them does.
  for (; place < order_.size(); ++place) {
    const auto v = static_cast<std::size_t>(order_[place].variable);
    const std::int64_t fixed = propagator_.domain(v).low;
    if (fixed == values[v]) continue;
    const bool after = order_[place].largest ? fixed < values[v] : fixed > values[v];
    if (after && !stack_.empty()) {
      // Take the last decision again, from its own value on.
      Frame& frame = stack_.back();
      propagator_.undo(frame.mark);
      frame.rest = propagator_.domain(static_cast<std::size_t>(order_[frame.place].variable));
      const std::int64_t value = values[static_cast<std::size_t>(order_[frame.place].variable)];
      if (order_[frame.place].largest) {
        frame.rest.restrict_to(frame.rest.low, value);
      } else {
        frame.rest.restrict_to(value, frame.rest.high);
      }
    } else if (after) {
      started_ = false;
    }
    return;
  }
}

}  // namespace constrint::detail
