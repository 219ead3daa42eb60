// SPDX-License-Identifier: Apache-2.0
#include "html_report.hpp"

#include <sstream>

#include "charts.hpp"
#include "comparison.hpp"
#include "flashrnn/line_chart.hpp"
#include "io/svg_elements.hpp"
#include "result_table.hpp"

namespace flashrnn::bench {
namespace {

using io::svg::escape;

// Light by default and on paper; the charts follow the same setting by a query of their own.
constexpr std::string_view page_style = R"(
:root { --ink: #23272f; --faint: #5c6573; --paper: #ffffff; --rule: #dfe3e8; --band: #f5f7f9; }
body { font: 15px/1.5 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; color: var(--ink);
  background: var(--paper); margin: 2rem auto; max-width: 75rem; padding: 0 1.25rem; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; } h2 { font-size: 1.25rem; margin-top: 2.4rem; }
.note { color: var(--faint); } .warning { border-left: 4px solid #ee7d2b; padding-left: .8rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: 1rem; }
.charts figure { margin: 0; border: 1px solid var(--rule); border-radius: 6px; overflow: hidden; }
.charts svg { display: block; width: 100%; height: auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .7rem; border-bottom: 1px solid var(--rule);
  vertical-align: top; }
th { background: var(--band); } tbody tr:hover { background: var(--band); }
pre { font-size: .8rem; background: var(--band); padding: .7rem; white-space: pre-wrap; }
details { margin: .4rem 0; } summary { cursor: pointer; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #d5dbe3; --faint: #97a1af; --paper: #0f1318; --rule: #2c3440; --band: #1a2029; }
}
@media print {
  body { margin: 0; max-width: none; font-size: 10pt; } h2 { break-after: avoid; }
  .charts { grid-template-columns: 1fr 1fr; gap: .4rem; } .charts figure { break-inside: avoid; }
  table { font-size: 7.5pt; } tr { break-inside: avoid; } .wide { overflow: visible; }
  details { display: none; }
}
)";

std::string html_table(const TextTable& table) {
  std::string out = "<div class=\"wide\"><table>\n";
  for (std::size_t r = 0; r < table.rows().size(); ++r) {
    const char* const cell = r == 0 ? "th" : "td";
    out += r == 0 ? "<thead><tr>" : r == 1 ? "<tbody>\n<tr>" : "<tr>";
    for (const std::string& text : table.rows()[r])
      out += '<' + std::string(cell) + '>' + escape(text) + "</" + cell + '>';
    out += r == 0 ? "</tr></thead>\n" : "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

std::string charts_html(const std::vector<Results>& files) {
  std::string out, section;
  for (const ReportChart& one : report_charts(files)) {
    if (one.section != section) {
      if (!section.empty()) out += "</div>\n";
      section = one.section;
      out += "<h2>" + escape(section) + "</h2>\n<div class=\"charts\">\n";
    }
    out += "<figure>\n" + io::format_line_chart_svg(one.chart) + "</figure>\n";
  }
  return section.empty() ? out : out + "</div>\n";
}

std::string device_html(const Results& file) {
  std::string out = "<ul>\n";
  for (const Json& device : file.devices)
    out += "<li>" + escape(device.value("title", "")) + " (" +
           escape(device.value("identity", "")) + "), model " + escape(device.value("model", "")) +
           (device.value("file", Json()).is_null() ? ", which has no file of its own: its bound "
                                                     "rests on probed values and estimates"
                                                   : "") +
           "</li>\n";
  return out + "</ul>\n";
}

/// Escaped line by line: escape() has no line feeds.
std::string escaped_lines(const std::string& text) {
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) out += escape(line) + '\n';
  return out;
}

std::string plans_html(const Results& file) {
  std::string out;
  for (const CaseResult& one : file.cases)
    if (one.plan.is_object())
      out += "<p>" + escape(one.problem() + ", " + one.place()) + "</p><pre>" +
             escaped_lines(one.plan.value("describe", "")) + "</pre>\n";
  return "<details><summary>What each plan chose, and why</summary>\n" + out + "</details>\n";
}

std::string file_html(const Results& file) {
  std::string out = "<h2>" + escape(file.label) + "</h2>\n<p class=\"note\">Measured " +
                    escape(file.created) + "; " + std::to_string(file.cases.size()) +
                    " cases, median and quartiles of microseconds per step.</p>\n";
  out += device_html(file) + html_table(run_table(file));
  if (!file.skipped.empty()) {
    out += "<details><summary>" + std::to_string(file.skipped.size()) +
           " case(s) left out</summary><ul>\n";
    for (const Json& one : file.skipped)
      out += "<li>" + escape(one.value("case", "")) + ": " + escape(one.value("reason", "")) +
             "</li>\n";
    out += "</ul></details>\n";
  }
  out += plans_html(file);
  return out + "<details><summary>Machine, versions, settings</summary><pre>" +
         escape(file.machine.dump()) + '\n' + escape(file.versions.dump()) + '\n' +
         escape(file.settings.dump()) + "</pre></details>\n";
}

}  // namespace

std::string format_html_report(const std::vector<Results>& files) {
  std::string names;
  for (const Results& file : files) names += (names.empty() ? "" : ", ") + file.label;
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta "
      "name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta "
      "name=\"color-scheme\" content=\"light dark\">\n<title>FlashRNN benchmarks: " +
      escape(names) + "</title>\n<style>" + std::string(page_style) +
      "</style>\n</head>\n<body>\n<h1>FlashRNN benchmarks</h1>\n<p class=\"note\">" +
      escape(names) + "</p>\n";
  for (const std::string& warning : warnings_of(files))
    out += "<p class=\"warning\">" + escape(warning) + "</p>\n";
  out += charts_html(files);
  for (const Results& file : files) out += file_html(file);
  out += "<h2>Rules of the comparison</h2>\n<ul>\n";
  for (const Json& rule : files.front().rules)
    out += "<li>" + escape(rule.get<std::string>()) + "</li>\n";
  return out + "</ul>\n</body>\n</html>\n";
}

}  // namespace flashrnn::bench
