// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "results.hpp"

namespace flashrnn::bench {

/// Lines of a table in columns, `|` between them: for terminals, and Markdown too.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> head) { rows_.push_back(std::move(head)); }
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] std::string text() const;
  [[nodiscard]] const std::vector<std::vector<std::string>>& rows() const { return rows_; }

 private:
  std::vector<std::vector<std::string>> rows_;  ///< the first one is the head
};

/// Three significant digits.
[[nodiscard]] std::string short_number(double value);
/// "12.3 (12.1–12.6)": microseconds per step, median and quartiles.
[[nodiscard]] std::string step_time(const CaseResult& result);

/// One run: rules, devices, and a row per case with its peers.
[[nodiscard]] std::string run_report(const Results& results);

/// The rows of run_report: problem, place, step time, fraction of the bound, and of every peer its
/// step time without projection and how many times ours that is.
[[nodiscard]] TextTable run_table(const Results& results);

}  // namespace flashrnn::bench
