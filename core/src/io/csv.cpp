// SPDX-License-Identifier: Apache-2.0
#include "csv.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <system_error>

#include "file.hpp"
#include "flashrnn/error.hpp"

namespace flashrnn::io {
namespace {

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Takes the next line off `text`, without its LF or CRLF.
std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// Where a message points to.
struct Position {
  const std::string& label;
  std::size_t line;

  [[noreturn]] void fail(const std::string& what) const {
    throw InvalidArgument(label + ": line " + std::to_string(line) + ": " + what);
  }
};

/// The field at the start of `rest`, unquoted; moves `rest` behind it, to a comma or the line's
/// end.
std::string take_field(std::string_view& rest, const Position& position) {
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  if (!rest.starts_with('"')) {
    const auto comma = std::min(rest.find(','), rest.size());
    const std::string_view field = rest.substr(0, comma);
    rest.remove_prefix(comma);
    return std::string(trim(field));
  }
  std::string field;
  std::size_t i = 1;
  for (;; ++i) {
    if (i >= rest.size()) position.fail("a quoted field does not end on its line");
    if (rest[i] == '"') {
      if (i + 1 >= rest.size() || rest[i + 1] != '"') break;
      ++i;  // a doubled quote stands for one
    }
    field += rest[i];
  }
  rest = rest.substr(i + 1);
  const auto comma = std::min(rest.find(','), rest.size());
  if (!trim(rest.substr(0, comma)).empty()) position.fail("text follows a quoted field");
  rest.remove_prefix(comma);
  return field;
}

std::vector<std::string> split(std::string_view line, const Position& position) {
  std::vector<std::string> fields;
  while (true) {
    fields.push_back(take_field(line, position));
    if (line.empty()) return fields;
    line.remove_prefix(1);
  }
}

double parse_number(std::string_view field, const Position& position, const std::string& column) {
  if (field.empty() || field == "NA" || field == "N/A" || field == "null") {
    position.fail("column " + column + ": the value is missing; every row needs one");
  }
  std::string_view digits = field;
  if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
  double value = 0;
  const char* end = digits.data() + digits.size();
  const auto result = std::from_chars(digits.data(), end, value);
  if (result.ec == std::errc::result_out_of_range) {
    position.fail("column " + column + ": " + quote_name(field) + " is out of a double's range");
  }
  if (result.ec != std::errc{} || result.ptr != end) {
    position.fail("column " + column + ": " + quote_name(field) +
                  " is not a number (decimal point, fields separated by commas)");
  }
  if (!std::isfinite(value)) {
    position.fail("column " + column + ": " + quote_name(field) + " is not a finite number");
  }
  return value;
}

std::string column_label(std::size_t column, const std::string& name) {
  return std::to_string(column + 1) + " (" + quote_name(name) + ")";
}

void check_names(const std::vector<std::string>& names, const Position& position) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) position.fail("column " + std::to_string(i + 1) + " has no name");
    const auto same =
        std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i), names[i]);
    if (same - names.begin() < static_cast<std::ptrdiff_t>(i)) {
      position.fail("two columns have the name " + quote_name(names[i]));
    }
    double value = 0;
    const char* end = names[i].data() + names[i].size();
    if (std::from_chars(names[i].data(), end, value).ptr == end) {
      position.fail("column names are expected, found the number " + names[i]);
    }
  }
}

std::string quote_if_needed(const std::string& name) {
  if (name.find_first_of(",\"") == std::string::npos) return name;
  std::string quoted = "\"";
  for (const char character : name) {
    if (character == '"') quoted += '"';
    quoted += character;
  }
  return quoted + '"';
}

}  // namespace

CsvTable parse_csv(std::string_view text, const std::string& label) {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  CsvTable table;
  for (Position position{label, 1}; !text.empty(); ++position.line) {
    const std::string_view line = take_line(text);
    if (trim(line).empty()) continue;
    std::vector<std::string> fields = split(line, position);
    if (table.names.empty()) {
      check_names(fields, position);
      table.names = std::move(fields);
      table.columns.resize(table.names.size());
      continue;
    }
    if (fields.size() != table.names.size()) {
      position.fail("expected " + std::to_string(table.names.size()) +
                    " fields, as there are column names, found " + std::to_string(fields.size()));
    }
    for (std::size_t i = 0; i < fields.size(); ++i) {
      table.columns[i].push_back(
          parse_number(fields[i], position, column_label(i, table.names[i])));
    }
  }
  if (table.names.empty()) throw InvalidArgument(label + ": no line of column names");
  if (table.rows() == 0) throw InvalidArgument(label + ": no rows below the column names");
  return table;
}

CsvTable read_csv(const std::filesystem::path& path) {
  return parse_csv(read_text_file(path), path.string());
}

std::string format_csv(const CsvTable& table) {
  if (table.names.size() != table.columns.size()) {
    throw InvalidArgument(
        "a table needs one name a column: " + std::to_string(table.columns.size()) + " columns, " +
        std::to_string(table.names.size()) + " names");
  }
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].size() != table.rows()) {
      throw InvalidArgument("column " + column_label(i, table.names[i]) + " has " +
                            std::to_string(table.columns[i].size()) + " rows, the first one " +
                            std::to_string(table.rows()));
    }
  }
  std::string text;
  for (std::size_t i = 0; i < table.names.size(); ++i) {
    text += (i == 0 ? "" : ",") + quote_if_needed(table.names[i]);
  }
  text += '\n';
  std::array<char, 32> digits{};  // the shortest form of a double has at most 24 characters
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      if (i != 0) text += ',';
      const double value = table.columns[i][row];
      if (std::isnan(value)) continue;
      const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
      text.append(digits.data(), end);
    }
    text += '\n';
  }
  return text;
}

void write_csv(const std::filesystem::path& path, const CsvTable& table) {
  replace_file(path, format_csv(table));
}

}  // namespace flashrnn::io
