// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "check.hpp"

namespace checks {

std::string shown(std::span<const std::int64_t> row) {
  std::string result = "(";
  for (const std::int64_t value : row) {
    result += (result.size() == 1 ? "" : ", ") + std::to_string(value);
  }
  return result + ")";
}

namespace {

std::vector<std::int64_t> rows_of(const constrint::Model& model) {
  const constrint::Space space(model);
  std::vector<std::int64_t> rows(space.count().to_uint64() * space.variable_count());
  space.write(0, rows);
  return rows;
}

std::vector<std::int64_t> flat(const Known& known) {
  std::vector<std::int64_t> rows;
  for (const oracle::Row& row : known.answer.rows) rows.insert(rows.end(), row.begin(), row.end());
  return rows;
}

Finding check_names(const Known& known, const constrint::Model& model, const std::string& which) {
  if (model.variable_count() != known.problem.names.size()) {
    return which + ": has " + std::to_string(model.variable_count()) + " variables, expected " +
           std::to_string(known.problem.names.size());
  }
  for (std::size_t i = 0; i < model.variable_count(); ++i) {
    if (model.variable_name(i) != known.problem.names[i]) {
      return which + ": variable " + std::to_string(i) + " is " +
             std::string(model.variable_name(i)) + ", expected " + known.problem.names[i];
    }
  }
  return std::nullopt;
}

// Near a solution: one value moved, so that both truth values come up.
oracle::Row nearby(const Known& known, oracle::Random& random) {
  oracle::Row row(known.problem.names.size(), 1);
  if (!known.answer.rows.empty()) row = random.pick(known.answer.rows);
  if (random.chance(80)) row[random.below(row.size())] = random.between(-6, 70);
  return row;
}

}  // namespace

Finding check_model(const Known& known, const constrint::Model& model, oracle::Random& random) {
  if (auto finding = check_names(known, model, "parsed model")) return finding;
  for (int i = 0; i < 6; ++i) {
    const oracle::Row row = nearby(known, random);
    try {
      const bool expected = oracle::satisfies(known.problem, row);
      if (model.satisfied_by(row) != expected) {
        return "satisfied_by" + shown(row) + " is not " + (expected ? "true" : "false");
      }
    } catch (const oracle::Overflow&) {  // the oracle does not know either
    }
  }
  const auto expected = flat(known);
  const std::string printed = model.str();
  const constrint::Model again = constrint::Model::parse(printed, "printed");
  if (auto finding = check_names(known, again, "printed and parsed model")) {
    return *finding + "\nprinted form:\n" + printed;
  }
  if (again.str() != printed)
    return "the printed form prints differently:\n" + printed + again.str();
  if (rows_of(again) != expected) return "other solutions after printing and parsing:\n" + printed;
  const constrint::Model by_operators = built(known.problem);
  if (auto finding = check_names(known, by_operators, "model built with operators")) return finding;
  if (rows_of(by_operators) != expected) {
    return "other solutions when built with operators:\n" + by_operators.str();
  }
  // NOLINTNEXTLINE(performance-unnecessary-copy-initialization): the copy is what is tested
  const constrint::Model copy = model;
  if (copy.str() != printed) return "the copy of a model prints differently";
  return std::nullopt;
}

}  // namespace checks
