// SPDX-License-Identifier: Apache-2.0
#include "comparison.hpp"

#include <algorithm>
#include <set>

#include "flashrnn/error.hpp"

namespace flashrnn::bench {
namespace {

std::set<std::string> devices_of(const Results& file) {
  std::set<std::string> out;
  for (const CaseResult& one : file.cases) out.insert(one.device);
  return out;
}

std::string joined(const std::set<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "'" : ", '") + name + '\'';
  return out.empty() ? "no device" : out;
}

std::string clock_of(const Results& file) {
  return file.settings.is_object() ? file.settings.value("clock", "wall clock") : "wall clock";
}

/// The load that others put on the machine: what it was before the run, per processor.
double foreign_load(const Results& file) {
  const Json none = Json::object();
  const Json before = file.machine.is_object() ? file.machine.value("before", none) : none;
  const Json averages = before.value("load_averages", Json::array());
  const Json processors = before.value("usable_processors", Json());
  if (averages.empty() || !averages[0].is_number() || !processors.is_number()) return 0;
  return averages[0].get<double>() / std::max(1.0, processors.get<double>());
}

}  // namespace

std::vector<MatchedCase> match_cases(const std::vector<Results>& files) {
  std::vector<MatchedCase> out;
  for (std::size_t n = 0; n < files.size(); ++n)
    for (const CaseResult& one : files[n].cases) {
      const std::string problem = one.problem(), place = one.place();
      auto found = std::ranges::find_if(out, [&](const MatchedCase& known) {
        return known.problem == problem && known.place == place;
      });
      if (found == out.end())
        found = out.insert(out.end(),
                           {problem, place, std::vector<const CaseResult*>(files.size(), nullptr)});
      found->in[n] = &one;
    }
  return out;
}

GateResult gate(const Results& base, const Results& fresh, double limit, bool any_device) {
  if (!any_device && devices_of(base) != devices_of(fresh))
    throw InvalidArgument(base.label + " was measured on " + joined(devices_of(base)) + ", " +
                          fresh.label + " on " + joined(devices_of(fresh)) +
                          ": no regression can be told from that (--any-device compares anyway)");
  if (clock_of(base) != clock_of(fresh))
    throw InvalidArgument(base.label + " has " + clock_of(base) + ", " + fresh.label + " has " +
                          clock_of(fresh) + ": times of different kinds are not compared");
  GateResult result;
  std::set<const CaseResult*> found;
  for (const CaseResult& one : fresh.cases) {
    const auto before = std::ranges::find_if(base.cases, [&](const CaseResult& other) {
      return other.problem() == one.problem() && other.place() == one.place();
    });
    if (before == base.cases.end()) {
      result.only_in_new.push_back(one.problem() + ", " + one.place());
      continue;
    }
    found.insert(&*before);
    ++result.matched;
    const Regression pair{&*before, &one};
    if (!(pair.ratio() > limit)) continue;
    const bool beyond_noise = one.times.lower_quartile > before->times.upper_quartile;
    (beyond_noise ? result.offenders : result.within_noise).push_back(pair);
  }
  for (const CaseResult& one : base.cases)
    if (!found.contains(&one)) result.only_in_base.push_back(one.problem() + ", " + one.place());
  if (result.matched == 0)
    throw InvalidArgument("no case of " + base.label + " is in " + fresh.label +
                          ": nothing was compared");
  const auto by_ratio = [](const Regression& a, const Regression& b) {
    return a.ratio() > b.ratio();
  };
  std::ranges::sort(result.offenders, by_ratio);
  std::ranges::sort(result.within_noise, by_ratio);
  return result;
}

std::vector<std::string> warnings_of(const std::vector<Results>& files) {
  std::vector<std::string> out;
  for (const Results& file : files) {
    if (!file.complete) out.push_back(file.label + ": the run was cut short");
    if (const double load = foreign_load(file); load > 0.3) {
      char text[96];
      std::snprintf(text, sizeof text, "%.2g", load);
      out.push_back(file.label + ": other programs used the machine when the run began, load " +
                    text + " per processor");
    }
    const auto few = std::ranges::count_if(
        file.cases, [](const CaseResult& one) { return one.times.repetitions < 3; });
    if (few > 0)
      out.push_back(file.label + ": " + std::to_string(few) +
                    " case(s) of fewer than 3 repetitions: their spread says little");
    if (devices_of(file) != devices_of(files.front()))
      out.push_back(file.label + ": measured on " + joined(devices_of(file)) + ", " +
                    files.front().label + " on " + joined(devices_of(files.front())));
    if (clock_of(file) != clock_of(files.front()))
      out.push_back(file.label + " has " + clock_of(file) + ", " + files.front().label + " has " +
                    clock_of(files.front()));
    if (file.versions != files.front().versions)
      out.push_back(file.label + ": other versions of libraries or compiler than " +
                    files.front().label);
  }
  return out;
}

}  // namespace flashrnn::bench
