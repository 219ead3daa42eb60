// SPDX-License-Identifier: Apache-2.0
#include "compare.hpp"

#include <iostream>

#include "charts.hpp"
#include "comparison.hpp"
#include "flashrnn/error.hpp"
#include "html_report.hpp"
#include "io/file.hpp"
#include "result_table.hpp"

namespace flashrnn::bench {
namespace {

void print_side_by_side(const std::vector<Results>& files) {
  std::vector<std::string> head{"case", "where"};
  for (const Results& file : files) head.push_back(file.label + ", µs/step");
  for (std::size_t n = 1; n < files.size(); ++n)
    head.push_back(files[n].label + " / " + files[0].label);
  TextTable table(head);
  for (const MatchedCase& one : match_cases(files)) {
    std::vector<std::string> row{one.problem, one.place};
    for (const CaseResult* result : one.in) row.push_back(result ? step_time(*result) : "–");
    for (std::size_t n = 1; n < files.size(); ++n)
      row.push_back(one.in[0] != nullptr && one.in[n] != nullptr
                        ? short_number(one.in[n]->times.median / one.in[0]->times.median)
                        : "–");
    table.add(row);
  }
  std::cout << table.text();
}

void print_pairs(const std::string& title, const std::vector<Regression>& pairs) {
  if (pairs.empty()) return;
  TextTable table({"case", "where", "base, µs/step", "new, µs/step", "ratio"});
  for (const Regression& pair : pairs)
    table.add({pair.base->problem(), pair.base->place(), step_time(*pair.base),
               step_time(*pair.fresh), short_number(pair.ratio())});
  std::cout << '\n' << title << ":\n" << table.text();
}

void print_names(const std::string& title, const std::vector<std::string>& names) {
  if (names.empty()) return;
  std::cout << '\n' << title << " (" << names.size() << "):\n";
  for (const std::string& name : names) std::cout << "- " << name << '\n';
}

/// Prints what the gate finds; whether it is open.
bool pass_gate(const Results& base, const Results& fresh, const CompareOptions& options) {
  const GateResult found = gate(base, fresh, options.fail_above, options.any_device);
  const std::string limit = short_number(options.fail_above);
  print_pairs("Slower than " + limit + " times " + base.label + ", beyond the noise",
              found.offenders);
  print_pairs("Slower than " + limit + " times, but the quartiles overlap: noise",
              found.within_noise);
  print_names("Only in " + base.label + ", not compared", found.only_in_base);
  print_names("Only in " + fresh.label + ", not compared", found.only_in_new);
  std::cout << '\n'
            << found.matched << " case(s) compared, " << found.offenders.size() << " slower than "
            << limit
            << " times beyond the noise: " << (found.offenders.empty() ? "passed" : "FAILED")
            << '\n';
  return found.offenders.empty();
}

}  // namespace

bool compare_files(const CompareOptions& options) {
  if (options.fail_above > 0 && options.files.size() != 2)
    throw InvalidArgument("--fail-above takes two files, BASE and NEW, found " +
                          std::to_string(options.files.size()));
  std::vector<Results> files;
  for (const std::string& path : options.files) files.push_back(read_results(path));
  for (const std::string& warning : warnings_of(files))
    std::cerr << "flashrnn compare: warning: " << warning << '\n';
  bool open = true;
  if (options.fail_above > 0) {
    open = pass_gate(files[0], files[1], options);
  } else if (files.size() == 1) {
    std::cout << run_report(files[0]);
  } else {
    print_side_by_side(files);
  }
  if (!options.html.empty()) io::replace_file(options.html, format_html_report(files));
  if (!options.picture.empty()) {
    std::vector<ReportChart> charts = report_charts(files);
    if (charts.empty())
      throw InvalidArgument("--picture: the files have no sweep of two points or more to draw");
    io::LineChart& first = charts.front().chart;
    first.width = 900;
    io::write_line_chart_svg(options.picture, first);
  }
  return open;
}

}  // namespace flashrnn::bench
