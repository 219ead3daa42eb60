// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "space_data.hpp"

namespace constrint::detail {

Cursor::Cursor(const SpaceData& space)
    : space_(space),
      row_(space.base),
      registers_(space.initial_registers),
      node_(space.nodes, 0),
      edge_(space.steps.size(), 0),
      offset_(space.steps.size(), 0) {}

void Cursor::take(std::size_t s, std::size_t edge, std::uint64_t offset) {
  const SpaceData::Step& step = space_.steps[s];
  const SpaceData::PartData& part = space_.parts[step.part];
  const Diagram::Level& level = part.diagram.levels()[step.level];
  edge_[s] = edge;
  offset_[s] = offset;
  std::int64_t value = level.edges.value[edge];
  if (!level.edges.high.empty()) {
    const auto distance =
        static_cast<std::int64_t>(offset * static_cast<std::uint64_t>(level.step));
    value = level.largest ? level.edges.high[edge] - distance : value + distance;
  }
  row_[step.variable] = value;
  if (step.level + 1 < part.diagram.levels().size()) {
    node_[part.first_node + step.level + 1] = level.edges.child[edge];
  }
  if (part.outputs.has_work(step.level)) {
    part.outputs.run(step.level, value, registers_.data() + part.first_register, row_.data());
  } else {
    registers_[part.first_register + step.level] = value;  // the register of a level's variable
  }
}

void Cursor::first_from(std::size_t s) {
  for (; s < space_.tail.cut; ++s) {
    const SpaceData::Step& step = space_.steps[s];
    take(s, space_.level_of(step).edges.first[node_[space_.node_slot(step)]], 0);
  }
  tail_row_ = 0;
}

// The next combination of the steps before `end`.
bool Cursor::advance(std::size_t end) {
  for (std::size_t s = end; s-- > lowest_;) {
    const SpaceData::Step& step = space_.steps[s];
    const Diagram::Level& level = space_.level_of(step);
    if (!level.edges.high.empty() && offset_[s] + 1 < level.size(edge_[s])) {
      take(s, edge_[s], offset_[s] + 1);
    } else if (edge_[s] + 1 < level.edges.first[node_[space_.node_slot(step)] + 1]) {
      take(s, edge_[s] + 1, 0);
    } else {
      continue;
    }
    first_from(s + 1);
    return true;
  }
  return false;
}

Uint128 Cursor::completions(std::size_t s, std::size_t without) const {
  Uint128 result = 1;
  std::vector<bool> seen(space_.parts.size(), false);
  for (; s < space_.steps.size(); ++s) {
    const SpaceData::Step& step = space_.steps[s];
    if (seen[step.part] || step.part == without) continue;
    seen[step.part] = true;
    result *= space_.level_of(step).counts[node_[space_.node_slot(step)]];
  }
  return result;
}

void Cursor::seek(Uint128 rank) {
  done_ = false;
  for (std::size_t s = 0; s < space_.tail.cut; ++s) {
    const SpaceData::Step& step = space_.steps[s];
    const std::vector<Diagram::Level>& levels = space_.parts[step.part].diagram.levels();
    const Diagram::Level& level = levels[step.level];
    const Uint128 others = completions(s, step.part);
    for (std::size_t e = level.edges.first[node_[space_.node_slot(step)]];; ++e) {
      Uint128 each = others;
      if (step.level + 1 < levels.size())
        each *= levels[step.level + 1].counts[level.edges.child[e]];
      const Uint128 here = each * level.size(e);
      if (rank < here) {
        take(s, e, static_cast<std::uint64_t>(rank / each));
        rank %= each;
        break;
      }
      rank -= here;
    }
  }
  tail_row_ = static_cast<std::size_t>(rank);
}

std::size_t Cursor::write_tail(std::int64_t*& rows, std::size_t count) {
  const SpaceData::Tail& tail = space_.tail;
  const std::size_t node =
      tail.part < space_.parts.size() ? node_[space_.parts[tail.part].first_node + tail.level] : 0;
  const std::size_t all = tail.first[node + 1] - tail.first[node];
  const std::size_t some = std::min(count, all - tail_row_);
  const std::size_t width = row_.size() - tail.column;
  const std::int64_t* table = tail.rows.data() + (tail.first[node] + tail_row_) * width;
  const std::int64_t* prefix = row_.data();
  const std::size_t column = tail.column;
  std::int64_t* out = rows;
  for (std::size_t r = 0; r < some; ++r) {
    for (std::size_t i = 0; i < column; ++i) out[i] = prefix[i];
    out += column;
    for (std::size_t i = 0; i < width; ++i) out[i] = table[i];
    out += width;
    table += width;
  }
  rows = out;
  tail_row_ += some;
  if (tail_row_ == all) done_ = !advance(tail.cut);
  return some;
}

std::size_t Cursor::write_last(std::int64_t*& rows, std::size_t count) {
  const std::size_t width = row_.size();
  if (space_.steps.empty()) {
    std::copy(row_.begin(), row_.end(), rows);
    done_ = true;
    return 1;
  }
  const std::size_t s = space_.steps.size() - 1;
  const SpaceData::Step& step = space_.steps[s];
  const SpaceData::PartData& part = space_.parts[step.part];
  const Diagram::Level& level = space_.level_of(step);
  std::size_t written = 0;
  if (level.edges.high.empty() && !part.outputs.has_work(step.level)) {
    // Rows that differ in one column.
    const std::size_t end = level.edges.first[node_[space_.node_slot(step)] + 1];
    std::size_t e = edge_[s];
    for (; e < end && written < count; ++e, ++written) {
      std::memcpy(rows, row_.data(), width * sizeof(std::int64_t));
      rows[step.variable] = level.edges.value[e];
      rows += width;
    }
    if (e < end) {
      take(s, e, 0);
    } else {
      edge_[s] = end - 1;
      done_ = !advance(s + 1);
    }
    return written;
  }
  std::memcpy(rows, row_.data(), width * sizeof(std::int64_t));
  rows += width;
  done_ = !advance(s + 1);
  return 1;
}

std::size_t Cursor::write(std::int64_t* rows, std::size_t count) {
  std::size_t written = 0;
  const bool tail = space_.tail.cut < space_.steps.size();
  while (!done_ && written < count) {
    written += tail ? write_tail(rows, count - written) : write_last(rows, count - written);
  }
  return written;
}

std::vector<std::int64_t> Cursor::tail_rows(const SpaceData& space, std::size_t first_step,
                                            std::size_t part, std::size_t level, std::size_t node) {
  Cursor cursor(space);
  if (part < space.parts.size()) {
    cursor.node_[space.parts[part].first_node + level] = static_cast<std::uint32_t>(node);
  }
  cursor.lowest_ = first_step;
  const Uint128 count = cursor.completions(first_step, space.parts.size());
  cursor.first_from(first_step);
  std::vector<std::int64_t> rows(static_cast<std::size_t>(count) * space.base.size());
  cursor.write(rows.data(), static_cast<std::size_t>(count));
  return rows;
}

Uint128 Cursor::rank(const SpaceData& space, std::span<const std::int64_t> values, bool& present) {
  Cursor cursor(space);
  present = false;
  Uint128 before = 0;
  std::size_t next_step = 0;
  for (const OrderedVariable& entry : space.order) {
    const auto v = static_cast<std::size_t>(entry.variable);
    const auto earlier = [&](std::int64_t value) {
      return entry.largest ? value > values[v] : value < values[v];
    };
    const std::size_t s = space.step_of[v];
    if (s == space.steps.size()) {
      // Fixed, or defined by variables before it: one value for all that is left.
      if (cursor.row_[v] == values[v]) continue;
      return earlier(cursor.row_[v]) ? before + cursor.completions(next_step, space.parts.size())
                                     : before;
    }
    next_step = s + 1;
    const SpaceData::Step& step = space.steps[s];
    const std::vector<Diagram::Level>& levels = space.parts[step.part].diagram.levels();
    const Diagram::Level& level = levels[step.level];
    const Uint128 others = cursor.completions(s, step.part);
    const std::uint32_t node = cursor.node_[space.node_slot(step)];
    bool found = false;
    for (std::size_t e = level.edges.first[node]; e < level.edges.first[node + 1]; ++e) {
      Uint128 each = others;
      if (step.level + 1 < levels.size())
        each *= levels[step.level + 1].counts[level.edges.child[e]];
      const std::int64_t low = level.edges.value[e];
      const std::int64_t high = level.edges.high.empty() ? low : level.edges.high[e];
      if (earlier(level.largest ? low : high)) {
        before += each * level.size(e);
        continue;
      }
      const std::int64_t nearest = level.largest ? high : low;
      if (!earlier(nearest) && nearest != values[v]) break;
      // values[v] lies within the edge; the distance counts what comes before it.
      const auto step_size = static_cast<std::uint64_t>(level.step);
      const std::uint64_t distance =
          entry.largest ? static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(values[v])
                        : static_cast<std::uint64_t>(values[v]) - static_cast<std::uint64_t>(low);
      found = distance % step_size == 0;
      before += each * (found ? distance / step_size : distance / step_size + 1);
      if (found) cursor.take(s, e, distance / step_size);
      break;
    }
    if (!found) return before;
  }
  present = true;
  return before;
}

}  // namespace constrint::detail
