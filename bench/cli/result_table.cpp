// SPDX-License-Identifier: Apache-2.0
#include "result_table.hpp"

#include <algorithm>
#include <cstdio>

#include "believable_net.hpp"

namespace flashrnn::bench {
namespace {

/// Characters of UTF-8, which is what a terminal's columns hold.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

std::string TextTable::text() const {
  std::vector<std::size_t> widths(rows_.front().size(), 3);
  for (const auto& row : rows_)
    for (std::size_t n = 0; n < row.size(); ++n) widths[n] = std::max(widths[n], width_of(row[n]));
  std::string out;
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    for (std::size_t n = 0; n < rows_[r].size(); ++n)
      out += "| " + rows_[r][n] + std::string(widths[n] - width_of(rows_[r][n]) + 1, ' ');
    out += "|\n";
    if (r > 0) continue;
    for (const std::size_t width : widths) out += '|' + std::string(width + 2, '-');
    out += "|\n";
  }
  return out;
}

std::string short_number(double value) {
  char text[32];
  if (value >= 100 && value < 1e6) {
    std::snprintf(text, sizeof text, "%.0f", value);
  } else {
    std::snprintf(text, sizeof text, "%#.3g", value);
  }
  return text;
}

std::string step_time(const CaseResult& result) {
  const auto steps = static_cast<double>(result.steps);
  return short_number(result.times.median / steps) + " (" +
         short_number(result.times.lower_quartile / steps) + "–" +
         short_number(result.times.upper_quartile / steps) + ')';
}

TextTable run_table(const Results& results) {
  TextTable table({"case", "where", "µs/step (quartiles)", "ms/call", "of bound", "bound by",
                   "peers without projection, µs/step (× ours)"});
  for (const CaseResult& one : results.cases) {
    std::string peers;
    for (const PeerResult& peer : one.peers) {
      const auto net = believable_net(one, peer);
      if (!peers.empty()) peers += "; ";
      peers += peer.name + ' ';
      peers += net ? short_number(*net / static_cast<double>(one.steps)) + " (×" +
                         short_number(*net / one.times.median) + ')'
                   : "net time not believable";
    }
    table.add({one.problem(), one.place(), step_time(one), short_number(one.times.median * 1e-3),
               short_number(100 * one.bound_step_us / one.step_us()) + " %", one.bound_by, peers});
  }
  return table;
}

std::string run_report(const Results& results) {
  std::string out = "Rules of the comparison (docs/benchmarks.md):\n";
  for (const Json& rule : results.rules) out += "- " + rule.get<std::string>() + '\n';
  out += "Devices:\n";
  for (const Json& device : results.devices)
    out += "- " + device.value("title", "") + " (" + device.value("identity", "") + "), model " +
           device.value("model", "") + '\n';
  const Json& before = results.machine.at("before");
  out += "Load averages before the run: " + before.at("load_averages").dump() + " on " +
         before.at("usable_processors").dump() + " processors\n";
  out += '\n' + run_table(results).text();
  if (!results.skipped.empty()) {
    out += "\nLeft out: " + std::to_string(results.skipped.size()) +
           " case(s), the first: " + results.skipped[0].value("case", "") + ": " +
           results.skipped[0].value("reason", "") + '\n';
  }
  return out;
}

}  // namespace flashrnn::bench
