// SPDX-License-Identifier: Apache-2.0
#include "space_data.hpp"

#include <algorithm>

#include "root.hpp"

namespace constrint::detail {

namespace {

constexpr std::size_t kTailValues = 1 << 13;  // size of all tables of the tail, at most
constexpr std::size_t kTailSteps = 16;

}  // namespace

SpaceData::SpaceData(const ModelData& model, const Options& options) {
  Limits limits(options);
  base.resize(model.variables.size(), 0);
  Propagator root(model);
  if (!propagate_root(root, options.assumptions)) {
    status = root.overflowed() ? Status::limit : Status::unsatisfiable;
    return;
  }
  order = preferred_order(model);
  defined.assign(order.size(), 0);
  for (std::size_t v = 0; v < base.size(); ++v) {
    if (root.domain(v).fixed()) base[v] = root.domain(v).low;
  }
  total = 1;
  std::size_t used = 0;
  std::vector<std::size_t> part_of(order.size(), 0);
  std::vector<std::size_t> level_of_variable(order.size(), 0);
  std::vector<bool> free(order.size(), false);
  root.build_occurrences();
  for (Part& part : split_parts(root, order)) {
    if (used >= options.memory_bytes) {
      status = Status::limit;
      return;
    }
    const std::size_t room = options.memory_bytes - used;
    const Graph graph(root, part.free, part.definitions, part.constraints);
    const Schedule schedule(graph);
    OutputProgram outputs(graph);
    const bool wide = graph.consistent() && (!schedule.possible || !outputs.exact());
    if (wide) {
      part.free = part.variables;
      part.definitions.clear();
      outputs = OutputProgram(part.free.size());
    }
    Diagram diagram =
        wide ? Diagram(root, part.free, limits, room) : Diagram(graph, schedule, limits, room);
    if (diagram.status() != Status::satisfiable) {
      status = diagram.status();
      return;
    }
    used += diagram.bytes();
    if (__builtin_mul_overflow(total, diagram.count(), &total)) total_fits = false;
    for (std::size_t l = 0; l < part.free.size(); ++l) {
      const auto v = static_cast<std::size_t>(part.free[l].variable);
      part_of[v] = parts.size();
      level_of_variable[v] = l;
      free[v] = true;
    }
    for (const Definition& definition : part.definitions) {
      defined[static_cast<std::size_t>(definition.variable)] = 1;
    }
    const std::size_t first_register = initial_registers.size();
    initial_registers.insert(initial_registers.end(), outputs.initial().begin(),
                             outputs.initial().end());
    parts.push_back({std::move(diagram), std::move(outputs), first_register, nodes});
    nodes += part.free.size();
  }
  step_of.assign(order.size(), static_cast<std::size_t>(std::ranges::count(free, true)));
  for (const OrderedVariable& entry : order) {
    const auto v = static_cast<std::size_t>(entry.variable);
    if (free[v]) step_of[v] = steps.size();
    if (free[v]) steps.push_back({part_of[v], level_of_variable[v], v});
  }
  status = total_fits ? Status::satisfiable : Status::limit;
  if (!total_fits) return;
  build_tail();
  for (const std::vector<std::int64_t>& values : options.excluded) {
    bool present = false;
    const Uint128 rank = Cursor::rank(*this, values, present);
    if (present) excluded.push_back(rank);
  }
  std::ranges::sort(excluded);
  excluded.erase(std::unique(excluded.begin(), excluded.end()), excluded.end());
  if (excluded.size() == total) status = Status::unsatisfiable;
}

void SpaceData::build_tail() {
  tail.cut = steps.size();
  tail.part = parts.size();
  // Tables must be small beside what is written from them.
  const auto allowed = static_cast<std::size_t>(
      std::min<Uint128>(kTailValues, std::min<Uint128>(total, kTailValues) * base.size() / 16));
  // Steps join the tail from the end on, while it reads one open part at most and its tables stay
  // small.
  std::vector<std::size_t> open(parts.size(), 0);  // steps of each part in the tail
  std::vector<bool> in_tail(base.size(), false);
  for (std::size_t c = steps.size(); c-- > 0 && steps.size() - c <= kTailSteps;) {
    const Step& step = steps[c];
    if (parts[step.part].outputs.has_work(step.level)) break;
    ++open[step.part];
    in_tail[step.variable] = true;
    std::size_t open_part = parts.size();
    std::size_t open_level = 0;
    bool single = true;
    Uint128 rows = 1;
    Uint128 open_rows = 1;
    for (std::size_t p = 0; p < parts.size(); ++p) {
      if (open[p] == 0) continue;
      const std::vector<Diagram::Level>& levels = parts[p].diagram.levels();
      if (open[p] == levels.size()) {
        rows *= std::min<Uint128>(parts[p].diagram.count(), kTailValues + 1);
      } else {
        single = single && open_part == parts.size();
        open_part = p;
        open_level = levels.size() - open[p];
        open_rows = 0;
        for (const Uint128 count : levels[open_level].counts) {
          open_rows += std::min<Uint128>(count, kTailValues + 1);
        }
      }
      rows = std::min<Uint128>(rows, kTailValues + 1);
    }
    std::size_t column = base.size();
    // Columns of the tables: those of the tail and fixed ones among them, up to the end of the row.
    while (column > 0 && defined[column - 1] == 0 &&
           (in_tail[column - 1] || step_of[column - 1] == steps.size())) {
      --column;
    }
    bool covered = true;
    for (std::size_t v = 0; v < column; ++v) covered = covered && !in_tail[v];
    const std::size_t width = base.size() - column;
    if (rows * open_rows * width > allowed) break;
    if (!single || !covered) continue;
    tail.cut = c;
    tail.part = open_part;
    tail.level = open_level;
    tail.column = column;
  }
  if (tail.cut == steps.size()) return;
  // The tables are written by a cursor without tail that starts on each node.
  const std::size_t cut = tail.cut;
  const std::size_t width = base.size() - tail.column;
  const std::size_t open_nodes =
      tail.part < parts.size() ? parts[tail.part].diagram.levels()[tail.level].counts.size() : 1;
  Tail built = tail;
  tail.cut = steps.size();
  for (std::size_t node = 0; node < open_nodes; ++node) {
    built.first.push_back(built.rows.size() / width);
    std::vector<std::int64_t> rows = Cursor::tail_rows(*this, cut, built.part, built.level, node);
    for (std::size_t r = 0; r * base.size() < rows.size(); ++r) {
      const auto row = rows.begin() + static_cast<std::ptrdiff_t>(r * base.size());
      built.rows.insert(built.rows.end(), row + static_cast<std::ptrdiff_t>(tail.column),
                        row + static_cast<std::ptrdiff_t>(base.size()));
    }
  }
  built.first.push_back(built.rows.size() / width);
  tail = std::move(built);
}

}  // namespace constrint::detail
