// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <csignal>
#include <iostream>

#include "flashrnn/error.hpp"
#include "io/file.hpp"
#include "machine.hpp"
#include "peer_contenders.hpp"
#include "progress.hpp"
#include "result_table.hpp"
#include "results.hpp"
#include "rules.hpp"
#include "settings.hpp"
#include "space_bench.hpp"

namespace flashrnn::bench {
namespace {

volatile std::sig_atomic_t interrupted = 0;

extern "C" void note_interrupt(int signal) {
  interrupted = signal;
  std::signal(signal, SIG_DFL);  // a second one ends the program at once
}

/// Keeps what it has when the user interrupts: the case that runs is the last.
class Interrupts {
 public:
  Interrupts() {
    for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, note_interrupt);
  }
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;
  ~Interrupts() {
    for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, SIG_DFL);
  }
};

/// A case in a space by a backend.
struct Job {
  const SpaceBench* space;
  std::string backend;
  Case one;

  [[nodiscard]] std::string label() const {
    return key_of(one) + ", " + backend + ' ' + space->name() +
           (space->cpu() ? ' ' + std::to_string(space->threads()) + " thread(s)" : "");
  }
};

void check_known(const char* option, const std::vector<std::string>& given,
                 const std::vector<std::string>& known) {
  for (const std::string& name : given) {
    if (std::ranges::find(known, name) != known.end()) continue;
    std::string list;
    for (const std::string& one : known) list += (list.empty() ? "" : ", ") + one;
    throw InvalidArgument(std::string(option) + ": this build has no '" + name +
                          "' here; it has: " + list);
  }
}

bool wanted(const std::vector<std::string>& given, const std::string& name) {
  return given.empty() || std::ranges::find(given, name) != given.end();
}

using Spaces = std::vector<std::unique_ptr<SpaceBench>>;

/// Problem by problem, so that an interrupted run has all places of the problems it got to.
std::vector<Job> jobs_of(const Settings& settings, const Spaces& spaces) {
  std::vector<std::string> names, backends;
  for (const auto& space : spaces) {
    names.push_back(space->name());
    for (const std::string& backend : space->backends())
      if (std::ranges::find(backends, backend) == backends.end()) backends.push_back(backend);
  }
  check_known("--spaces", settings.spaces, names);
  check_known("--backend", settings.backends, backends);
  std::vector<Job> jobs;
  for (const bool cpu : {false, true}) {
    for (const Case& one : make_cases(settings.selection, cpu))
      for (const auto& space : spaces) {
        if (space->cpu() != cpu || !wanted(settings.spaces, space->name())) continue;
        // Processor time says how long a call takes only where one thread does all the work.
        if (settings.timing.cpu_time && space->threads() != 1) continue;
        // A quick run takes all threads alone.
        if (settings.selection.quick && !settings.timing.cpu_time && settings.spaces.empty() &&
            space != spaces.front() && cpu && space->threads() == 1)
          continue;
        for (const std::string& backend : space->backends())
          if (wanted(settings.backends, backend)) jobs.push_back({space.get(), backend, one});
      }
  }
  if (jobs.empty()) throw InvalidArgument("bench: the options leave no case to run");
  return jobs;
}

/// About what a case takes: a fixed part for the repetitions, and the products of one call.
double weight_of(const Job& job) {
  const CellDescription& cell = find_cell(job.one.cell);
  const double products = step_products(job.one.shape, cell.recurrent_gates) *
                          static_cast<double>(job.one.shape.steps) *
                          (job.one.pass == Pass::training_backward ? 3 : 1);
  return 1 + products * 4e-10 * (job.one.cell == "lstm" ? 3 : 1);
}

CaseResult measure(const Job& job, const Settings& settings) {
  const Case& one = job.one;
  job.space->set_threads();
  const OwnCase own = job.space->make(one, job.backend, settings.tune);
  const std::vector<PeerContender> peers =
      settings.peers ? peers_of(one, job.space->cpu()) : std::vector<PeerContender>{};
  std::vector<Contender> contenders{own.contender};
  for (const PeerContender& peer : peers) {
    contenders.push_back(peer.whole);
    if (peer.projection) contenders.push_back(*peer.projection);
  }
  CaseResult result;
  result.load = load();
  const std::vector<Times> times = time_in_turns(contenders, settings.timing);
  result.sweeps = one.sweeps;
  result.cell = one.cell;
  result.dtype = dtype_of(one);
  result.pass = name_of(one.pass);
  result.backend = job.backend;
  result.space = job.space->name();
  result.device = job.space->device();
  result.head_dim = one.shape.head_dim;
  result.heads = one.shape.heads;
  result.batch = one.shape.batch;
  result.steps = one.shape.steps;
  result.threads = job.space->threads();
  result.times = times[0];
  result.bound_step_us = own.bound.step_us;
  result.bound_by = own.bound.limited_by;
  result.plan = own.plan;
  std::size_t next = 1;
  for (const PeerContender& peer : peers) {
    PeerResult found{peer.name, times[next++], std::nullopt};
    if (peer.projection) found.projection = times[next++];
    result.peers.push_back(found);
  }
  return result;
}

Json settings_json(const Settings& s) {
  return {{"quick", s.selection.quick},
          {"repetitions", s.timing.repetitions},
          {"least_seconds", s.timing.least_seconds},
          {"most_seconds", s.timing.most_seconds},
          {"clock", s.timing.cpu_time ? "processor time" : "wall clock"},
          {"time_limit", s.time_limit},
          {"peers", s.peers},
          {"tune", s.tune}};
}

}  // namespace

void list_cases(const Settings& settings) {
  const Spaces spaces = all_spaces();
  for (const Job& job : jobs_of(settings, spaces)) std::cout << job.label() << '\n';
}

void run_benchmarks(const Settings& settings) {
  const Spaces spaces = all_spaces();
  const std::vector<Job> jobs = jobs_of(settings, spaces);
  if (!timing_is_available()) (void)time_in_turns({}, settings.timing);  // says what to install
  Results results;
  results.label = "this run";
  results.created = now();
  results.settings = settings_json(settings);
  results.rules = comparison_rules(settings);
  results.machine = {{"before", machine_state()}};
  results.versions = versions();
  results.devices = Json::array();
  for (const auto& space : spaces) {
    const Json device = space->device_json();
    if (std::find(results.devices.begin(), results.devices.end(), device) == results.devices.end())
      results.devices.push_back(device);
  }
  results.skipped = Json::array();
  // Every state of the file is a whole one: it is replaced, not written to.
  const auto keep = [&] {
    if (!settings.out.empty()) io::replace_file(settings.out, format_results(results));
  };
  keep();
  std::vector<double> weights;
  for (const Job& job : jobs) weights.push_back(weight_of(job));
  const Interrupts interrupts;
  {
    Progress progress(std::move(weights));
    for (const Job& job : jobs) {
      const bool late = settings.time_limit > 0 && progress.seconds() > settings.time_limit;
      if (interrupted != 0 || late) {
        results.skipped.push_back(
            {{"case", job.label()}, {"reason", late ? "time limit" : "interrupted"}});
        continue;
      }
      progress.begin(job.label());
      try {
        results.cases.push_back(measure(job, settings));
      } catch (const InternalError&) {
        throw;
      } catch (const Error& error) {
        progress.note(job.label() + " left out: " + error.what());
        results.skipped.push_back({{"case", job.label()}, {"reason", error.what()}});
      }
      keep();
    }
    if (settings.time_limit > 0 && progress.seconds() > settings.time_limit)
      progress.note("the time limit was reached; the cases left out are in the file");
  }
  const bool cut =
      std::any_of(results.skipped.begin(), results.skipped.end(), [](const Json& skipped) {
        return skipped.at("reason") == "time limit" || skipped.at("reason") == "interrupted";
      });
  results.complete = !cut;
  results.machine["after"] = machine_state();
  keep();
  std::cout << run_report(results);
  if (interrupted != 0) {
    std::cout.flush();
    std::cerr << "flashrnn bench: interrupted"
              << (settings.out.empty() ? "" : "; " + settings.out + " has what was measured")
              << '\n';
    const int signal = interrupted;
    std::signal(signal, SIG_DFL);
    std::raise(signal);  // the shell learns why the program ended
  }
}

}  // namespace flashrnn::bench
