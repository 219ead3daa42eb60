// SPDX-License-Identifier: Apache-2.0
#include "space_data.hpp"

#include <algorithm>
#include <optional>

#include "root.hpp"

namespace constrint::detail {

namespace {

constexpr std::size_t kTailValues = 1 << 13;  // of all tables of the tail, at most
constexpr std::size_t kTables = 1 << 10;

// All solutions of a diagram as rows of some of their variables' values.
class RowCollector {
 public:
  RowCollector(const Diagram& diagram, const OutputProgram& outputs,
               const std::vector<OrderedVariable>& columns, std::size_t variables)
      : levels_(diagram.levels()),
        outputs_(outputs),
        columns_(columns),
        row_(variables, 0),
        registers_(outputs.initial()) {
    rows_.reserve(static_cast<std::size_t>(diagram.count()) * columns.size());
  }

  std::vector<std::int64_t> run() {
    visit(0, 0);
    return std::move(rows_);
  }

 private:
  // NOLINTNEXTLINE(misc-no-recursion): as deep as there are variables with levels
  void visit(std::size_t l, std::uint32_t node) {
    const Diagram::Level& level = levels_[l];
    for (std::size_t e = level.edges.first[node]; e < level.edges.first[node + 1]; ++e) {
      const auto values = static_cast<std::uint64_t>(level.size(e));
      for (std::uint64_t i = 0; i < values; ++i) {
        const std::int64_t value = level.edges.value[e] + static_cast<std::int64_t>(i) * level.step;
        row_[static_cast<std::size_t>(level.variable)] = value;
        outputs_.run(l, value, registers_.data(), row_.data());
        if (l + 1 < levels_.size()) {
          visit(l + 1, level.edges.child[e]);
          continue;
        }
        for (const OrderedVariable& column : columns_) {
          rows_.push_back(row_[static_cast<std::size_t>(column.variable)]);
        }
      }
    }
  }

  const std::vector<Diagram::Level>& levels_;
  const OutputProgram& outputs_;
  const std::vector<OrderedVariable>& columns_;
  std::vector<std::int64_t> row_;
  std::vector<std::int64_t> registers_;
  std::vector<std::int64_t> rows_;
};

// The diagram of a part that has no usable levels in the preferred order: its solutions are found
// in an order that has, and sorted. Nothing if there is no such order.
std::optional<Diagram> diagram_by_solved_order(const Propagator& root, const Part& part,
                                               Limits& limits, std::size_t room) {
  const Part solved = solved_order(root, part);
  if (solved.free.empty()) return std::nullopt;
  const Graph graph(root, solved.free, solved.definitions, solved.constraints);
  const Schedule schedule(graph);
  const OutputProgram outputs(graph);
  if (!graph.consistent() || !schedule.possible || !outputs.exact()) return std::nullopt;
  Diagram diagram(graph, schedule, limits, room);
  if (diagram.status() != Status::satisfiable) return diagram;
  room -= std::min(room, diagram.bytes());
  if (Diagram::bytes_from_rows(part.free.size(), diagram.count()) > room) {
    return Diagram(Status::limit);
  }
  return Diagram(part.free, RowCollector(diagram, outputs, part.free, root.variable_count()).run(),
                 room);
}

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
    // The status is limit already.
    if (used >= options.memory_bytes || !total_fits || !limits.spend()) return;
    const std::size_t room = options.memory_bytes - used;
    const Graph graph(root, part.free, part.definitions, part.constraints);
    const Schedule schedule(graph);
    OutputProgram outputs(graph);
    const bool wide = graph.consistent() && (!schedule.possible || !outputs.exact());
    if (wide && !outputs.exact()) {
      part.free = part.variables;
      part.definitions.clear();
      outputs = OutputProgram(part.free.size());
    }
    std::optional<Diagram> solved;
    if (wide) solved = diagram_by_solved_order(root, part, limits, room);
    if (wide && !solved && !part.definitions.empty()) {
      part.free = part.variables;
      part.definitions.clear();
      outputs = OutputProgram(part.free.size());
    }
    Diagram diagram = solved ? std::move(*solved)
                      : wide ? Diagram(root, part.free, limits, room)
                             : Diagram(graph, schedule, limits, room);
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
  plan_tail();
  for (const std::vector<std::int64_t>& values : options.excluded) {
    bool present = false;
    const Uint128 rank = Cursor::rank(*this, values, present);
    if (present) excluded.push_back(rank);
  }
  std::ranges::sort(excluded);
  excluded.erase(std::unique(excluded.begin(), excluded.end()), excluded.end());
  if (excluded.size() == total) status = Status::unsatisfiable;
}

void SpaceData::plan_tail() {
  tail.cut = steps.size();
  const std::size_t width = base.size();
  // Tables must be small beside what is written from them.
  const auto allowed = static_cast<std::size_t>(
      std::min<Uint128>(kTailValues, std::min<Uint128>(total, kTailValues) * width / 8));
  // By column: the first step whose tail may hold it. Fixed columns belong to any.
  std::vector<std::size_t> given(width, steps.size());
  std::vector<std::vector<std::size_t>> step_of_level(parts.size());
  for (std::size_t s = 0; s < steps.size(); ++s) step_of_level[steps[s].part].push_back(s);
  // A cut between a variable and an output that is computed from it would leave the output open.
  std::vector<std::uint8_t> split(steps.size() + 1, 0);
  for (std::size_t s = 0; s < steps.size(); ++s) {
    const Step& step = steps[s];
    const OutputProgram& outputs = parts[step.part].outputs;
    given[step.variable] = s;
    outputs.for_each_output(step.level, [&](std::size_t variable) { given[variable] = s; });
    const std::size_t reader = step_of_level[step.part][outputs.last_reader(step.level)];
    for (std::size_t c = s + 1; c <= reader; ++c) split[c] = 1;
  }
  for (std::size_t c = steps.size(); c-- > 0;) {
    // Rows of all tables together: of each part the sum over the nodes that it may stand on.
    Uint128 rows = 1;
    Uint128 tables = 1;
    std::vector<Tail::Open> open;
    for (std::size_t p = 0; p < parts.size(); ++p) {
      const auto level = static_cast<std::size_t>(std::ranges::lower_bound(step_of_level[p], c) -
                                                  step_of_level[p].begin());
      if (level == step_of_level[p].size()) continue;
      const std::vector<Uint128>& counts = parts[p].diagram.levels()[level].counts;
      Uint128 sum = 0;
      for (const Uint128 count : counts) sum += std::min<Uint128>(count, kTailValues + 1);
      rows = std::min<Uint128>(rows * std::min<Uint128>(sum, kTailValues + 1), kTailValues + 1);
      tables = std::min<Uint128>(tables * counts.size(), kTables + 1);
      if (level > 0) open.push_back({parts[p].first_node + level, counts.size()});
    }
    std::size_t column = width;
    while (column > 0 && given[column - 1] >= c) --column;
    const std::size_t stride = (width - column + 3) / 4 * 4;
    if (tables > kTables || rows * stride > allowed) break;
    bool covered = split[c] == 0;
    for (std::size_t v = 0; v < column && covered; ++v) {
      covered = given[v] < c || given[v] == steps.size();
    }
    if (!covered) continue;
    tail.cut = c;
    tail.column = column;
    tail.stride = stride;
    tail.tables = static_cast<std::size_t>(tables);
    tail.values = static_cast<std::size_t>(rows) * stride;
    tail.open = std::move(open);
  }
}

}  // namespace constrint::detail
