// SPDX-License-Identifier: Apache-2.0
// The plan's second half: levels are put into stages, and gates into the order of levels.
#include <algorithm>
#include <bit>

#include "listing_plan.hpp"

namespace constrint::detail {

namespace {

constexpr std::uint32_t kFirstStage = 512;  // combinations that the first stage goes up to

}  // namespace

// Where the levels can be cut so that no condition reads both sides; of several places the one that
// leaves both sides small. 0: nowhere.
std::uint32_t ListingPlan::choose_cut() const {
  std::uint64_t crossed = 0;  // bit c: something reads levels before and from c on
  const auto cross = [&](std::uint64_t levels) {
    if (levels == 0) return;
    const std::uint64_t from_second = ~std::uint64_t{0} << 1 << std::countr_zero(levels);
    crossed |= from_second & ~(~std::uint64_t{0} << 1 << (std::bit_width(levels) - 1));
  };
  for (const std::int32_t id : filters_) cross(levels_of(id));
  for (const Output& output : outputs_) cross(levels_of(output.gate));
  double after = 1;
  for (const Level& level : levels_) after *= level.size;
  double before = 1;
  double least = after;
  std::uint32_t best = 0;
  for (std::uint32_t c = 1; c < levels_.size(); ++c) {
    before *= levels_[c - 1].size;
    after /= levels_[c - 1].size;
    if ((crossed >> c & 1) != 0 || before + after >= least) continue;
    least = before + after;
    best = c;
  }
  return best;
}

// The stages of levels [begin, end). Without masks, what the last stage leaves is expanded as well.
bool ListingPlan::add_chain(std::uint32_t begin, std::uint32_t end, bool masks) {
  const std::size_t before = stages_.size();
  std::uint32_t last = end;
  std::uint64_t combinations = 1;
  while (masks && last > begin && combinations * levels_[last - 1].size <= kCombinations) {
    combinations *= levels_[--last].size;
  }
  std::uint32_t first = begin;
  std::uint64_t lanes = 1;
  while (first < last && (first == begin || lanes * levels_[first].size <= kFirstStage)) {
    lanes *= levels_[first++].size;
  }
  // From the last one backward, then put in order.
  if (masks) stages_.push_back({last, end, static_cast<std::uint32_t>(combinations)});
  while (last > first) {
    Stage stage{last, last, 1};
    while (stage.begin > first &&
           stage.combinations * levels_[stage.begin - 1].size <= kCombinations) {
      stage.combinations *= levels_[--stage.begin].size;
    }
    if (stage.begin == stage.end) return false;
    stages_.push_back(stage);
    last = stage.begin;
  }
  stages_.push_back({begin, first, static_cast<std::uint32_t>(lanes)});
  std::reverse(stages_.begin() + static_cast<std::ptrdiff_t>(before), stages_.end());
  return true;
}

bool ListingPlan::make_stages() {
  const auto count = static_cast<std::uint32_t>(levels_.size());
  stages_.reserve(count);
  const std::uint32_t cut = choose_cut();
  if (cut > 0) {
    if (!add_chain(0, cut, false)) return false;
    second_chain_ = stages_.size();
  }
  if (!add_chain(cut, count, true)) return false;
  stage_of_level_.resize(count);
  for (std::size_t s = 0; s < stages_.size(); ++s) {
    std::uint32_t inner = 1;
    for (std::uint32_t l = stages_[s].end; l-- > stages_[s].begin;) {
      levels_[l].inner = inner;
      inner *= levels_[l].size;
      stage_of_level_[l] = static_cast<int>(s);
    }
  }
  return true;
}

// A % (x * y) == 0 holds only if A % x == 0, which can be tested a stage before y is known.
void ListingPlan::add_partial_divisors() {
  for (std::size_t f = 0; f < filters_.size() && possible_; ++f) {
    const std::int32_t id = filters_[f];
    const Gate own = gate(id);
    if (own.op != Op::equal) continue;
    const bool left = gate(own.a).op == Op::modulo;
    const Gate remainder = gate(left ? own.a : own.b);
    const std::int32_t zero = left ? own.b : own.a;
    if (remainder.op != Op::modulo || gate(zero).op != Op::constant || gate(zero).value != 0 ||
        gate(remainder.b).op != Op::multiply) {
      continue;
    }
    const Gate product = gate(remainder.b);
    for (const std::int32_t factor : {product.a, product.b}) {
      if (gate(factor).op == Op::constant) continue;
      if (std::max(stage(factor), stage(remainder.a)) >= stage(id)) continue;
      // Appended, so its own factors have their turn.
      add_filter(intern(Op::equal, intern(Op::modulo, remainder.a, factor, 0), zero, 0));
    }
  }
}

// The gates that filters and outputs need, by level, operands first.
void ListingPlan::order_gates() {
  const std::size_t size = circuit_.gates.size();
  needed_.assign(size, 0);
  const auto need = [&](std::int32_t id) { needed_[static_cast<std::size_t>(id)] = 1; };
  for (const std::int32_t id : filters_) {
    const Gate& own = gate(id);
    if (is_comparison(own.op)) {
      need(own.a);
      need(own.b);
    } else {
      need(id);
    }
  }
  for (const Output& output : outputs_) need(output.gate);
  for (std::size_t g = size; g-- > 0;) {
    const Gate& own = circuit_.gates[g];
    if (needed_[g] == 0 || is_leaf(own.op)) continue;
    need(own.a);
    if (is_binary(own.op)) need(own.b);
  }
  const auto by_level = [&](auto&& each, ScratchVector<std::int32_t>& into, auto begin, auto end) {
    each([&](std::int32_t id) { ++(levels_[at_level(id)].*end); });
    std::uint32_t sum = 0;
    for (Level& level : levels_) {
      level.*begin = sum;
      sum += level.*end;
      level.*end = level.*begin;
    }
    into.resize(sum);
    each([&](std::int32_t id) { into[(levels_[at_level(id)].*end)++] = id; });
  };
  by_level(
      [&](auto&& visit) {
        for (std::size_t g = 0; g < size; ++g) {
          if (needed_[g] != 0 && !is_leaf(circuit_.gates[g].op)) {
            visit(static_cast<std::int32_t>(g));
          }
        }
      },
      ordered_gates_, &Level::gates_begin, &Level::gates_end);
  by_level(
      [&](auto&& visit) {
        for (const std::int32_t id : filters_) visit(id);
      },
      ordered_filters_, &Level::filters_begin, &Level::filters_end);
}

void ListingPlan::find_last_stages() {
  last_stage_.assign(circuit_.gates.size(), -1);
  const auto read = [&](std::int32_t id, int stage) {
    int& last = last_stage_[static_cast<std::size_t>(id)];
    last = std::max(last, stage);
  };
  const auto read_operands = [&](std::int32_t id) {
    const Gate& own = gate(id);
    read(own.a, stage(id));
    if (is_binary(own.op)) read(own.b, stage(id));
  };
  for (const std::int32_t id : ordered_gates_) read_operands(id);
  for (const std::int32_t id : filters_) {
    if (is_comparison(gate(id).op)) {
      read_operands(id);
    } else {
      read(id, stage(id));
    }
  }
  for (const Output& output : outputs_) read(output.gate, static_cast<int>(stages_.size()));
}

}  // namespace constrint::detail
