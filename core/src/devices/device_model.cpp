// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/device_model.hpp"

#include <algorithm>
#include <charconv>

#include "devices/value_names.hpp"
#include "devices/words.hpp"
#include "flashrnn/error.hpp"

namespace flashrnn {
namespace {

/// `NAME == 42` or `NAME == [0]`.
std::optional<NamedValue> parse_equality(std::string_view statement) {
  const std::size_t equals = statement.find("==");
  if (equals == std::string_view::npos) return std::nullopt;
  const std::string_view name = trimmed(statement.substr(0, equals));
  std::string_view digits = trimmed(statement.substr(equals + 2));
  if (digits.starts_with('[') && digits.ends_with(']'))
    digits = trimmed(digits.substr(1, digits.size() - 2));
  const bool named = !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  NamedValue out{std::string(name), 0};
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), out.value);
  if (!named || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return out;
}

/// What follows `key` at the start of a comment, if it does.
std::optional<std::string> comment_entry(std::string_view comment, std::string_view key) {
  const std::string_view text = trimmed(comment);
  if (!text.starts_with(key)) return std::nullopt;
  return std::string(trimmed(text.substr(key.size())));
}

}  // namespace

std::optional<std::int64_t> DeviceModel::find(std::string_view value_name) const {
  const auto found = std::ranges::find(values, value_name, &NamedValue::name);
  if (found == values.end()) return std::nullopt;
  return found->value;
}

std::int64_t DeviceModel::at(std::string_view value_name) const {
  if (const auto value = find(value_name)) return *value;
  throw InvalidArgument("device model " + name + ": it does not give " + std::string(value_name));
}

void DeviceModel::set(std::string_view value_name, std::int64_t value) {
  const auto found = std::ranges::find(values, value_name, &NamedValue::name);
  if (found == values.end()) {
    values.push_back({std::string(value_name), value});
  } else {
    found->value = value;
  }
}

DeviceKind DeviceModel::kind() const {
  return find("WARP_SIZE") ? DeviceKind::gpu : DeviceKind::cpu;
}

std::string DeviceModel::text() const {
  std::string out;
  for (const NamedValue& entry : values) {
    const std::string digits = std::to_string(entry.value);
    out += entry.name + " == " + (entry.value > 0 ? digits : '[' + digits + ']') + ";\n";
  }
  return out;
}

DeviceModel parse_device_model(std::string_view name, std::string_view text) {
  DeviceModel model;
  model.name = name;
  int line_number = 0;
  const auto fail = [&](const std::string& what) {
    throw InvalidArgument("device model " + model.name + ", line " + std::to_string(line_number) +
                          ": " + what);
  };
  while (!text.empty()) {
    const std::string_view line = take_until('\n', text);
    ++line_number;
    const std::size_t hash = std::min(line.find('#'), line.size());
    if (hash < line.size()) {
      const std::string_view comment = line.substr(hash + 1);
      if (auto title = comment_entry(comment, "device:")) model.title = *title;
      if (auto match = comment_entry(comment, "match:")) model.matches.push_back(*match);
    }
    const std::string_view statement = trimmed(line.substr(0, hash));
    if (statement.empty()) continue;
    const auto value = statement.ends_with(';')
                           ? parse_equality(statement.substr(0, statement.size() - 1))
                           : std::nullopt;
    if (!value)
      fail("expected NAME == NUMBER; (0 is written [0]), found '" + std::string(statement) + "'");
    if (model.find(value->name)) fail("a second value for " + value->name);
    model.values.push_back(*value);
  }
  if (model.title.empty()) model.title = model.name;
  return model;
}

std::vector<std::string> problems_of(const DeviceModel& model) {
  std::vector<std::string> problems;
  const DeviceKind kind = model.kind();
  for (const ValueName& known : value_names()) {
    if (known.kind != kind) continue;
    const auto value = model.find(known.name);
    if (!value) {
      if (known.required) problems.push_back(std::string(known.name) + " is missing");
    } else if (*value < known.low || *value > known.high) {
      problems.push_back(std::string(known.name) + ": expected " + std::to_string(known.low) +
                         " to " + std::to_string(known.high) + ", found " + std::to_string(*value));
    }
  }
  for (const NamedValue& entry : model.values) {
    const bool known = std::ranges::any_of(value_names(), [&](const ValueName& candidate) {
      return candidate.kind == kind && candidate.name == entry.name;
    });
    if (!known) problems.push_back(entry.name + " is not a name that models of this kind have");
  }
  return problems;
}

}  // namespace flashrnn
