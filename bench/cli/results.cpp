// SPDX-License-Identifier: Apache-2.0
#include "results.hpp"

#include <cmath>
#include <filesystem>

#include "flashrnn/error.hpp"
#include "io/file.hpp"

namespace flashrnn::bench {
namespace {

constexpr auto format_name = "flashrnn-bench";

/// Microseconds to a thousandth of their size: finer than any spread, shorter in a file.
double rounded(double value) {
  if (!(std::abs(value) > 0) || !std::isfinite(value)) return value;
  const double scale = std::pow(10.0, 4 - std::floor(std::log10(std::abs(value))));
  return std::round(value * scale) / scale;
}

/// A time that can have been measured.
double positive(const Json& json, const char* key) {
  const auto value = json.at(key).get<double>();
  if (!(value > 0) || !std::isfinite(value))
    throw InvalidArgument(std::string("'") + key + "' is not a positive number");
  return value;
}

CaseResult case_from(const Json& json) {
  CaseResult out;
  out.sweeps = json.at("sweeps").get<std::vector<std::string>>();
  out.cell = json.at("cell");
  out.dtype = json.at("dtype");
  out.pass = json.at("pass");
  out.backend = json.at("backend");
  out.space = json.at("space");
  out.device = json.at("device");
  out.head_dim = json.at("head_dim");
  out.heads = json.at("heads");
  out.batch = json.at("batch");
  out.steps = json.at("steps");
  for (const long long size : {out.head_dim, out.heads, out.batch, out.steps})
    if (size < 1) throw InvalidArgument("a size is below 1");
  out.threads = json.at("threads");
  out.times = times_from(json.at("time"));
  out.bound_step_us = positive(json.at("bound"), "step_us");
  out.bound_by = json.at("bound").at("limited_by");
  out.load = json.at("load");
  out.plan = json.at("plan");
  for (const Json& peer : json.at("peers")) {
    PeerResult result{peer.at("name"), times_from(peer.at("time")), std::nullopt};
    if (!peer.at("projection").is_null()) result.projection = times_from(peer.at("projection"));
    out.peers.push_back(result);
  }
  return out;
}

}  // namespace

Json json_of(const Times& times) {
  return {{"median", rounded(times.median)},
          {"lower_quartile", rounded(times.lower_quartile)},
          {"upper_quartile", rounded(times.upper_quartile)},
          {"least", rounded(times.least)},
          {"repetitions", times.repetitions},
          {"calls", times.calls}};
}

Times times_from(const Json& json) {
  Times times{positive(json, "median"),          positive(json, "lower_quartile"),
              positive(json, "upper_quartile"),  positive(json, "least"),
              json.at("repetitions").get<int>(), json.at("calls").get<long long>()};
  if (times.lower_quartile > times.median || times.median > times.upper_quartile)
    throw InvalidArgument("the median is not between the quartiles");
  return times;
}

std::optional<double> PeerResult::net() const {
  const double net = times.median - (projection ? projection->median : 0);
  return net > 0 ? std::optional(net) : std::nullopt;
}

std::string CaseResult::problem() const {
  return cell + ' ' + dtype + ' ' + std::to_string(head_dim) + 'x' + std::to_string(heads) + " B" +
         std::to_string(batch) + " T" + std::to_string(steps) + ' ' + pass;
}

std::string CaseResult::place() const {
  return backend + ' ' + space +
         (threads == 0 ? ""
                       : ' ' + std::to_string(threads) + (threads == 1 ? " thread" : " threads"));
}

std::string Results::device_title(const std::string& identity) const {
  for (const Json& device : devices)
    if (device.value("identity", "") == identity) return device.value("title", identity);
  return identity;
}

Json json_of(const CaseResult& r) {
  Json out = {{"sweeps", r.sweeps},       {"cell", r.cell},
              {"dtype", r.dtype},         {"head_dim", r.head_dim},
              {"heads", r.heads},         {"batch", r.batch},
              {"steps", r.steps},         {"pass", r.pass},
              {"backend", r.backend},     {"space", r.space},
              {"threads", r.threads},     {"device", r.device},
              {"time", json_of(r.times)}, {"us_per_step", rounded(r.step_us())}};
  out["bound"] = {{"step_us", rounded(r.bound_step_us)}, {"limited_by", r.bound_by}};
  out["peers"] = Json::array();
  for (const PeerResult& peer : r.peers) {
    const auto net = peer.net();
    out["peers"].push_back(
        {{"name", peer.name},
         {"time", json_of(peer.times)},
         {"projection", peer.projection ? json_of(*peer.projection) : Json()},
         {"net_us_per_step", net ? Json(rounded(*net / static_cast<double>(r.steps))) : Json()}});
  }
  out["load"] = rounded(r.load);
  out["plan"] = r.plan;
  return out;
}

std::string format_results(const Results& results) {
  Json head = {{"format", format_name},        {"version", results_version},
               {"complete", results.complete}, {"created", results.created},
               {"settings", results.settings}, {"rules", results.rules},
               {"machine", results.machine},   {"versions", results.versions},
               {"devices", results.devices},   {"skipped", results.skipped}};
  constexpr auto replace = Json::error_handler_t::replace;  // a device's name may be no UTF-8
  std::string text = "{\n";
  for (const auto& [key, value] : head.items())
    text += Json(key).dump() + ": " + value.dump(-1, ' ', false, replace) + ",\n";
  text += "\"cases\": [";
  for (std::size_t n = 0; n < results.cases.size(); ++n)
    text += (n == 0 ? "\n" : ",\n") + json_of(results.cases[n]).dump(-1, ' ', false, replace);
  return text + "\n]}\n";
}

Results read_results(const std::string& path) {
  const std::string text = io::read_text_file(path);
  const std::string label = path + ": ";
  try {
    const Json json = Json::parse(text);
    if (!json.is_object() || json.value("format", "") != format_name)
      throw InvalidArgument("not a file of results of flashrnn bench");
    if (json.at("version") != results_version)
      throw InvalidArgument("results of format version " + json.at("version").dump() +
                            "; this program reads version " + std::to_string(results_version));
    Results results;
    results.label = std::filesystem::path(path).stem().string();
    results.complete = json.at("complete");
    results.created = json.at("created");
    results.settings = json.at("settings");
    results.rules = json.at("rules");
    results.machine = json.at("machine");
    results.versions = json.at("versions");
    results.devices = json.at("devices");
    results.skipped = json.at("skipped");
    for (const Json& one : json.at("cases")) {
      try {
        results.cases.push_back(case_from(one));
      } catch (const std::exception& error) {
        throw InvalidArgument("case " + std::to_string(results.cases.size() + 1) + ": " +
                              error.what());
      }
    }
    return results;
  } catch (const Json::exception& error) {
    throw InvalidArgument(label + error.what());
  } catch (const InvalidArgument& error) {
    throw InvalidArgument(label + error.what());
  }
}

}  // namespace flashrnn::bench
