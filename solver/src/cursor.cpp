// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "space_data.hpp"
#include "write_rows.hpp"

namespace constrint::detail {

Cursor::Cursor(const SpaceData& space)
    : space_(space),
      row_(space.base),
      registers_(space.initial_registers),
      node_(space.nodes, 0),
      seen_(space.parts.size(), 0) {}

void Cursor::take(std::size_t s, std::size_t edge, std::uint64_t offset) {
  const SpaceData::Step& step = space_.steps[s];
  const SpaceData::PartData& part = space_.parts[step.part];
  const Diagram::Level& level = part.diagram.levels()[step.level];
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

Uint128 Cursor::completions(std::size_t s, std::size_t without) {
  Uint128 result = 1;
  std::ranges::fill(seen_, std::uint8_t{0});
  for (; s < space_.steps.size(); ++s) {
    const SpaceData::Step& step = space_.steps[s];
    if (seen_[step.part] != 0 || step.part == without) continue;
    seen_[step.part] = 1;
    result *= space_.level_of(step).counts[node_[space_.node_slot(step)]];
  }
  return result;
}

void Cursor::write(Uint128 rank, std::int64_t* rows, std::size_t count) {
  if (space_.listing) {
    space_.listing->write(static_cast<std::uint64_t>(rank), rows, count);
  } else if (count > 0) {
    write_some(0, rank, count, rows);
  }
}

std::int64_t* Cursor::write_some(std::size_t s, Uint128 skip, std::size_t count,
                                 std::int64_t* out) {
  if (s == space_.steps.size()) return std::ranges::copy(row_, out).out;
  const SpaceData::Step& step = space_.steps[s];
  const std::vector<Diagram::Level>& levels = space_.parts[step.part].diagram.levels();
  const Diagram::Level& level = levels[step.level];
  const std::uint32_t node = node_[space_.node_slot(step)];
  const Uint128 others = completions(s, step.part);
  if (skip == 0 && others * level.counts[node] <= count) {
    out = write_all(s, out);
    flush_tail(out);
    return out;
  }
  for (std::size_t e = level.edges.first[node]; count > 0; ++e) {
    Uint128 each = others;
    if (step.level + 1 < levels.size()) each *= levels[step.level + 1].counts[level.edges.child[e]];
    const Uint128 here = each * level.size(e);
    if (skip >= here) {
      skip -= here;
      continue;
    }
    auto offset = static_cast<std::uint64_t>(skip / each);
    skip %= each;
    for (; offset < level.size(e) && count > 0; ++offset) {
      take(s, e, offset);
      const auto some = static_cast<std::size_t>(std::min<Uint128>(count, each - skip));
      out = write_some(s + 1, skip, some, out);
      count -= some;
      skip = 0;
    }
  }
  return out;
}

std::int64_t* Cursor::write_all(std::size_t s, std::int64_t* out) {
  if (s == space_.tail.cut && !building_) return write_tail(out);
  if (s + 1 >= space_.steps.size()) return write_last(out);
  const SpaceData::Step& step = space_.steps[s];
  const Diagram::Level& level = space_.level_of(step);
  const std::uint32_t node = node_[space_.node_slot(step)];
  const bool before_tail = s + 1 == space_.tail.cut && !building_;
  for (std::size_t e = level.edges.first[node]; e < level.edges.first[node + 1]; ++e) {
    const auto values = static_cast<std::uint64_t>(level.size(e));
    for (std::uint64_t offset = 0; offset < values; ++offset) {
      take(s, e, offset);
      out = before_tail ? write_tail(out) : write_all(s + 1, out);
    }
  }
  return out;
}

std::int64_t* Cursor::write_tail(std::int64_t* out) {
  const SpaceData::Tail& tail = space_.tail;
  std::size_t table = 0;
  for (const SpaceData::Tail::Open& open : tail.open) table = table * open.nodes + node_[open.slot];
  if (tables_.empty() || tables_[table].rows == 0) build_table(table);
  const std::size_t rows = tables_[table].rows;
  writer_->add(out, row_.data(), table_rows_.data() + tables_[table].first, rows);
  out += rows * row_.size();
  if (writer_->full()) flush_tail(out);
  return out;
}

void Cursor::flush_tail(std::int64_t* end) {
  if (!writer_) return;
  std::int64_t* const begin = writer_->begin();
  if (begin == nullptr) return;
  writer_->flush();
  if (!space_.has_outputs) return;
  const auto rows = static_cast<std::size_t>(end - begin) / row_.size();
  for (const SpaceData::PartData& part : space_.parts) {
    part.outputs.fill_columns(begin, row_.size(), rows);
  }
}

void Cursor::build_table(std::size_t table) {
  const SpaceData::Tail& tail = space_.tail;
  const std::size_t width = row_.size();
  if (!writer_) {
    tables_.resize(tail.tables);
    table_rows_.reserve(tail.values);  // so that tables stay where they are
    writer_.emplace(width, tail.column);
  }
  const auto rows = static_cast<std::size_t>(completions(tail.cut, space_.parts.size()));
  building_rows_.resize(rows * width);
  building_ = true;
  write_all(tail.cut, building_rows_.data());
  building_ = false;
  tables_[table] = {table_rows_.size(), rows};
  const std::size_t stride = writer_->stride();
  table_rows_.resize(table_rows_.size() + rows * stride, 0);
  std::int64_t* to =
      table_rows_.data() + tables_[table].first + (tail.column - writer_->table_column());
  const std::int64_t* from = building_rows_.data() + tail.column;
  for (std::size_t r = 0; r < rows; ++r, from += width, to += stride) {
    for (std::size_t c = 0; c < width - tail.column; ++c) to[c] = from[c];
  }
}

// The last step, or none: rows that differ in one column, and what is computed from it.
std::int64_t* Cursor::write_last(std::int64_t* out) {
  const std::size_t width = row_.size();
  if (space_.steps.empty()) return std::ranges::copy(row_, out).out;
  const std::size_t s = space_.steps.size() - 1;
  const SpaceData::Step& step = space_.steps[s];
  const Diagram::Level& level = space_.level_of(step);
  const std::uint32_t node = node_[space_.node_slot(step)];
  const std::size_t begin = level.edges.first[node];
  const std::size_t end = level.edges.first[node + 1];
  const std::int64_t* row = row_.data();
  if (level.edges.high.empty() && !space_.parts[step.part].outputs.has_work(step.level)) {
    for (std::size_t e = begin; e < end; ++e) {
      for (std::size_t i = 0; i < width; ++i) out[i] = row[i];
      out[step.variable] = level.edges.value[e];
      out += width;
    }
    return out;
  }
  for (std::size_t e = begin; e < end; ++e) {
    const auto values = static_cast<std::uint64_t>(level.size(e));
    for (std::uint64_t offset = 0; offset < values; ++offset) {
      take(s, e, offset);
      for (std::size_t i = 0; i < width; ++i) out[i] = row[i];
      out += width;
    }
  }
  return out;
}

Uint128 Cursor::rank(const SpaceData& space, std::span<const std::int64_t> values, bool& present) {
  if (space.listing) return space.listing->rank(space.order, values, present);
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
