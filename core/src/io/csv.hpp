// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace flashrnn::io {

/// A table of finite numbers with named columns.
struct CsvTable {
  std::vector<std::string> names;            ///< one a column
  std::vector<std::vector<double>> columns;  ///< all of the same length

  [[nodiscard]] std::size_t rows() const { return columns.empty() ? 0 : columns.front().size(); }
};

/// Reads comma-separated numbers below one line of column names (RFC 4180: fields may stand in
/// double quotes; LF or CRLF ends a line). The decimal sign is the point in every locale. Lines
/// that are blank are passed over. Throws InvalidArgument with file (or `label`), line and column
/// for anything else than one finite number a field, EnvironmentError if the file cannot be read.
[[nodiscard]] CsvTable read_csv(const std::filesystem::path& path);
[[nodiscard]] CsvTable parse_csv(std::string_view text, const std::string& label);

/// The text of a table, each number in the shortest form that reads back as the same double. NaN
/// is written as an empty field: no value. Throws InvalidArgument if the columns differ in length.
[[nodiscard]] std::string format_csv(const CsvTable& table);

/// Writes format_csv() to a file; see replace_file().
void write_csv(const std::filesystem::path& path, const CsvTable& table);

}  // namespace flashrnn::io
