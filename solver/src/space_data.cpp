// SPDX-License-Identifier: Apache-2.0
#include "space_data.hpp"

#include <algorithm>
#include <optional>

#include "root.hpp"

namespace constrint::detail {

namespace {

constexpr std::size_t kTailValues = 1 << 14;  // of all tables of the tail, at most
constexpr std::uint64_t kFewValues = 4096;
constexpr std::size_t kTables = 1 << 10;

// All solutions of a diagram as rows of some of their variables' values.
class RowCollector {
 public:
  RowCollector(const Diagram& diagram, const OutputProgram& outputs, const VariableOrder& columns,
               std::size_t variables)
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
  const VariableOrder& columns_;
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

SpaceData::SpaceData(const ModelData& model, const Options& options, Form form) {
  Limits limits(options);
  base.resize(model.variables.size(), 0);
  Propagator root(model);
  if (!propagate_root(root, options.assumptions)) {
    status = root.overflowed() ? Status::limit : Status::unsatisfiable;
    return;
  }
  order = preferred_order(model);
  for (std::size_t v = 0; v < base.size(); ++v) {
    if (root.domain(v).fixed()) base[v] = root.domain(v).low;
  }
  if (form == Form::fastest) {
    listing = Listing::build(root, order, base, limits, options.memory_bytes);
  }
  if (listing) {
    status = listing->status();
    if (status == Status::satisfiable) total = listing->count();
  } else {
    build_diagrams(root, limits, options.memory_bytes);
  }
  if (status == Status::satisfiable) exclude(options.excluded);
}

void SpaceData::exclude(const std::vector<std::vector<std::int64_t>>& rows) {
  for (const std::vector<std::int64_t>& values : rows) {
    bool present = false;
    const Uint128 rank = Cursor::rank(*this, values, present);
    if (present) excluded.push_back(rank);
  }
  std::ranges::sort(excluded);
  excluded.erase(std::unique(excluded.begin(), excluded.end()), excluded.end());
  if (excluded.size() == total) status = Status::unsatisfiable;
}

void SpaceData::build_diagrams(Propagator& root, Limits& limits, std::size_t memory_bytes) {
  defined.assign(order.size(), 0);
  total = 1;
  std::size_t used = 0;
  root.build_occurrences();
  for (Part& part : split_parts(root, order)) {
    // The status is limit already.
    if (used >= memory_bytes || !total_fits || !limits.spend()) return;
    const std::size_t room = memory_bytes - used;
    if (part.constraints.empty() && part.free.size() == 1) {
      const Domain& domain = root.domain(static_cast<std::size_t>(part.free[0].variable));
      if (domain.size() <= kFewValues) {
        if (!limits.spend(static_cast<std::uint64_t>(domain.size()))) {
          status = Status::limit;
          return;
        }
        add_part(part, Diagram(part.free[0], domain), OutputProgram(1));
        used += parts.back().diagram.bytes();
        continue;
      }
    }
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
    add_part(part, std::move(diagram), std::move(outputs));
  }
  place_steps();
  status = total_fits ? Status::satisfiable : Status::limit;
  if (total_fits) plan_tail();
}

void SpaceData::add_part(const Part& part, Diagram diagram, OutputProgram outputs) {
  if (__builtin_mul_overflow(total, diagram.count(), &total)) total_fits = false;
  for (const Definition& definition : part.definitions) {
    defined[static_cast<std::size_t>(definition.variable)] = 1;
  }
  has_outputs = has_outputs || !part.definitions.empty();
  const std::size_t first_register = initial_registers.size();
  initial_registers.insert(initial_registers.end(), outputs.initial().begin(),
                           outputs.initial().end());
  parts.push_back({std::move(diagram), std::move(outputs), first_register, nodes});
  nodes += part.free.size();
}

void SpaceData::place_steps() {
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::vector<Step> free(order.size(), {kNone, 0, 0});  // by variable
  std::size_t count = 0;
  for (std::size_t p = 0; p < parts.size(); ++p) {
    const std::vector<Diagram::Level>& levels = parts[p].diagram.levels();
    count += levels.size();
    for (std::size_t l = 0; l < levels.size(); ++l) {
      const auto v = static_cast<std::size_t>(levels[l].variable);
      free[v] = {p, l, v};
    }
  }
  step_of.assign(order.size(), count);
  steps.reserve(count);
  for (const OrderedVariable& entry : order) {
    const auto v = static_cast<std::size_t>(entry.variable);
    if (free[v].part == kNone) continue;
    step_of[v] = steps.size();
    steps.push_back(free[v]);
  }
}

void SpaceData::plan_tail() {
  // What a row of a table costs while tables are made, and a group of rows written from one, beside
  // writing a row (measured).
  constexpr double kTableRow = 8;
  constexpr double kGroup = 12;
  double least = static_cast<double>(total) * kGroup;
  tail.cut = steps.size();
  const std::size_t width = base.size();
  // By column: the first step whose tail may hold it. Fixed columns belong to any, and so do
  // defined variables, which are computed once the rest of a row is there.
  std::vector<std::size_t> given(width, steps.size());
  std::vector<std::vector<std::size_t>> step_of_level(parts.size());
  for (std::size_t s = 0; s < steps.size(); ++s) {
    step_of_level[steps[s].part].push_back(s);
    given[steps[s].variable] = s;
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
    // Tables must be small beside what is written from them.
    const std::size_t stride = width - column / RowWriter::kChunk * RowWriter::kChunk + 3;
    if (tables > kTables || rows * stride > kTailValues) break;
    // A group has the rows of a table, of average length.
    const double cost = static_cast<double>(rows) * kTableRow +
                        static_cast<double>(total) * static_cast<double>(tables) /
                            static_cast<double>(rows) * kGroup;
    bool covered = cost < least && RowWriter::can_write(width, column);
    for (std::size_t v = 0; v < column && covered; ++v) {
      covered = given[v] < c || given[v] == steps.size();
    }
    if (!covered) continue;
    least = cost;
    tail.cut = c;
    tail.column = column;
    tail.tables = static_cast<std::size_t>(tables);
    tail.values = static_cast<std::size_t>(rows) * stride;
    tail.open = std::move(open);
  }
}

}  // namespace constrint::detail
