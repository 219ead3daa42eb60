// SPDX-License-Identifier: Apache-2.0
// The only file that knows Google Benchmark.
#include "timing.hpp"

#include "flashrnn/error.hpp"

#ifdef FLASHRNN_BENCH_ENGINE_VERSION
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>

namespace flashrnn::bench {
namespace {

/// Keeps what was measured, by the number in each benchmark's name, and prints nothing.
class Collector : public benchmark::BenchmarkReporter {
 public:
  Collector(std::size_t contenders, bool cpu_time) : samples(contenders), cpu_time_(cpu_time) {}

  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs)
      if (run.run_type == Run::RT_Iteration)
        samples.at(std::stoul(run.run_name.function_name))
            .push_back((cpu_time_ ? run.cpu_accumulated_time : run.real_accumulated_time) /
                       static_cast<double>(run.iterations) * 1e6);
  }

  std::vector<std::vector<double>> samples;

 private:
  bool cpu_time_;
};

void run(const Contender& contender, long long calls) {
  for (long long n = 0; n < calls; ++n) contender.call();
  if (contender.wait) contender.wait();
}

/// Runs until caches, clocks and thread pools have settled; the seconds of one call.
double warm_up(const Contender& contender, double seconds) {
  using Clock = std::chrono::steady_clock;
  run(contender, 1);
  const auto begin = Clock::now();
  long long calls = 0;
  double passed = 0;
  do {
    const long long more = std::max(1LL, calls);
    run(contender, more);
    calls += more;
    passed = std::chrono::duration<double>(Clock::now() - begin).count();
  } while (passed < seconds);
  return passed / static_cast<double>(calls);
}

void initialise_once() {
  static const bool done = [] {
    char program[] = "flashrnn", option[] = "--benchmark_enable_random_interleaving=true";
    char* arguments[] = {program, option, nullptr};
    int count = 2;
    benchmark::Initialize(&count, arguments);
    return true;
  }();
  (void)done;
}

}  // namespace

bool timing_is_available() {
  return true;
}
std::string timing_engine_version() {
  return FLASHRNN_BENCH_ENGINE_VERSION;
}

std::vector<Times> time_in_turns(const std::vector<Contender>& contenders,
                                 const TimingOptions& options) {
  initialise_once();
  benchmark::ClearRegisteredBenchmarks();
  std::vector<long long> calls;
  for (std::size_t n = 0; n < contenders.size(); ++n) {
    const Contender& contender = contenders[n];
    const double seconds = warm_up(contender, std::min(0.1, options.least_seconds));
    calls.push_back(std::max(1LL, static_cast<long long>(options.least_seconds / seconds)));
    const double repetition = static_cast<double>(calls[n]) * seconds;
    const int affordable = static_cast<int>(options.most_seconds / repetition);
    const int repetitions =
        std::clamp(affordable, std::min(3, options.repetitions), std::max(1, options.repetitions));
    benchmark::RegisterBenchmark(std::to_string(n).c_str(),
                                 [&contender](benchmark::State& state) {
                                   const auto all = state.max_iterations;
                                   while (state.KeepRunningBatch(all))
                                     run(contender, static_cast<long long>(all));
                                 })
        ->Iterations(calls[n])
        ->Repetitions(repetitions)
        ->MeasureProcessCPUTime()
        ->UseRealTime();
  }
  Collector collector(contenders.size(), options.cpu_time);
  benchmark::RunSpecifiedBenchmarks(&collector, ".");
  benchmark::ClearRegisteredBenchmarks();
  std::vector<Times> times;
  for (std::size_t n = 0; n < contenders.size(); ++n) {
    if (collector.samples[n].empty())
      throw InternalError("bench: the timing engine gave no time for " + contenders[n].name);
    times.push_back(summarise(collector.samples[n], calls[n]));
  }
  return times;
}

}  // namespace flashrnn::bench

#else

namespace flashrnn::bench {

bool timing_is_available() {
  return false;
}
std::string timing_engine_version() {
  return {};
}
std::vector<Times> time_in_turns(const std::vector<Contender>&, const TimingOptions&) {
  throw EnvironmentError(
      "bench: this program was built without Google Benchmark. Install it (Debian: "
      "libbenchmark-dev), configure the build again and rebuild the program");
}

}  // namespace flashrnn::bench

#endif
