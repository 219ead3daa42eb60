// SPDX-License-Identifier: Apache-2.0
// From what a device says of itself to the model in use.
#include <algorithm>
#include <charconv>
#include <sstream>

#include "devices/words.hpp"
#include "flashrnn/device_model.hpp"
#include "flashrnn/error.hpp"

namespace flashrnn {
namespace {

/// API, architecture (or vendor), and the rest of a line.
struct Identity {
  std::string_view api, architecture, rest;

  explicit Identity(std::string_view line)
      : api(take_word(line)), architecture(take_word(line)), rest(trimmed(line)) {}
};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool contains(std::string_view text, std::string_view part) {
  const auto same = [](char a, char b) { return lower(a) == lower(b); };
  return part.empty() ||
         std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

/// Decimal, or hexadecimal with 0x as ARM's numbers are; -1 if it is neither.
long parse_number(std::string_view text) {
  const bool hexadecimal = text.starts_with("0x");
  const char* const end = text.data() + text.size();
  long value = -1;
  const auto [at, error] =
      std::from_chars(text.data() + (hexadecimal ? 2 : 0), end, value, hexadecimal ? 16 : 10);
  return error == std::errc() && at == end ? value : -1;
}

/// `25 16-31,96` against `25 17`: the family and a model in one of the ranges.
bool cpu_matches(std::string_view pattern, std::string_view probed) {
  const std::string_view wanted_family = take_word(pattern), found_family = take_word(probed);
  const long model = parse_number(take_word(probed));
  if (wanted_family != found_family || model < 0) return false;
  for (std::string_view ranges = take_word(pattern); !ranges.empty();) {
    const std::string_view range = take_until(',', ranges);
    const std::size_t dash = range.find('-');
    const long low = parse_number(range.substr(0, dash));
    const long high = dash == std::string_view::npos ? low : parse_number(range.substr(dash + 1));
    if (low >= 0 && low <= model && model <= high) return true;
  }
  return false;
}

/// A name as model files have: lower case, words joined by one underscore.
std::string file_name(std::string_view title) {
  std::string out;
  for (const char c : title) {
    const char small = lower(c);
    const bool letter = (small >= 'a' && small <= 'z') || (small >= '0' && small <= '9');
    if (letter) out += small;
    if (!letter && !out.empty() && out.back() != '_') out += '_';
  }
  while (out.ends_with('_')) out.pop_back();
  return out.empty() ? "device" : out;
}

}  // namespace

bool matches(std::string_view line, const DeviceProbe& probe) {
  const Identity wanted(line), found(probe.identity);
  if (wanted.api != found.api || wanted.architecture != found.architecture) return false;
  return wanted.api == "cpu" ? cpu_matches(wanted.rest, found.rest)
                             : contains(found.rest, wanted.rest);
}

ResolvedDevice resolve(const DeviceProbe& probe) {
  const DeviceModel* file = nullptr;
  std::size_t longest = 0;  // the most exact of the lines that fit
  for (const auto& model : device_models()) {
    for (const std::string& line : model->matches) {
      if (matches(line, probe) && line.size() > longest) {
        file = model.get();
        longest = line.size();
      }
    }
  }
  ResolvedDevice out;
  DeviceModel model = file != nullptr ? *file : *find_device_model(probe.fallback);
  if (file != nullptr) {
    out.file = file->name;
  } else {
    model.name = file_name(probe.title);
    model.title = probe.title;
    model.matches = {probe.identity};
  }
  for (const NamedValue& entry : probe.values) {
    const auto in_file = model.find(entry.name);
    if (file != nullptr && in_file != entry.value)
      out.differences.push_back({entry.name, in_file, entry.value});
    model.set(entry.name, entry.value);
  }
  out.model = std::make_shared<const DeviceModel>(std::move(model));
  return out;
}

std::string model_file_text(const DeviceProbe& probe, const ResolvedDevice& device) {
  std::ostringstream out;
  out << "# device: " << probe.title << "\n# match: " << probe.identity << '\n';
  const std::string other =
      device.file.empty() ? "estimate: taken over from " + probe.fallback : "as in " + device.file;
  for (const NamedValue& entry : device.model->values) {
    const bool probed =
        std::ranges::find(probe.values, entry.name, &NamedValue::name) != probe.values.end();
    DeviceModel line;
    line.values = {entry};
    std::string text = line.text();
    text.pop_back();
    out << text << "  # " << (probed ? "probed on the device" : other) << '\n';
  }
  return out.str();
}

}  // namespace flashrnn
