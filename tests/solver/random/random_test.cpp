// SPDX-License-Identifier: Apache-2.0
// Random small problems, each answered by constrint and by brute force.
//   random_test [--seed S] [--problems N]      (or CONSTRINT_RANDOM_SEED,
//   CONSTRINT_RANDOM_PROBLEMS)
// Problem i of seed S is problem 0 of seed S + i, so one failure is repeated by its own seed alone.
#include <gtest/gtest.h>

#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "check.hpp"

namespace {

std::uint64_t first_seed = 20260101;
std::uint64_t problems = 4000;

// For one problem; all are answered in milliseconds. It is the time of the processor that counts:
// on a machine that stands still or has other work a minute of the clock says nothing. What waits
// without computing (threads for each other) is found by the clock.
constexpr time_t most_seconds = 60;
constexpr unsigned most_seconds_by_the_clock = 1200;
std::uint64_t watched_seed = 0;
std::clock_t watched_since = 0;
double slowest = 0.0;
std::uint64_t slowest_seed = 0;

extern "C" void report_hang(int signal) {
  std::cerr << "seed " << watched_seed << " is not answered within "
            << (signal == SIGPROF ? most_seconds : time_t{most_seconds_by_the_clock})
            << " s of the " << (signal == SIGPROF ? "processor\n" : "clock\n");
  std::_Exit(1);
}

void begin_watch(std::uint64_t seed) {
  watched_seed = seed;
  watched_since = std::clock();
  std::signal(SIGPROF, report_hang);
  std::signal(SIGALRM, report_hang);
  const itimerval limit{{0, 0}, {most_seconds, 0}};
  setitimer(ITIMER_PROF, &limit, nullptr);
  alarm(most_seconds_by_the_clock);
}

void end_watch() {
  const itimerval none{};
  setitimer(ITIMER_PROF, &none, nullptr);
  alarm(0);
  const double seconds = static_cast<double>(std::clock() - watched_since) / CLOCKS_PER_SEC;
  if (seconds <= slowest) return;
  slowest = seconds;
  slowest_seed = watched_seed;
}

std::string failure_of(const std::string& text, const std::string& finding, std::uint64_t seed,
                       bool with_threads) {
  const auto fails = [&](const std::string& candidate) {
    try {
      const auto known = checks::known_of(candidate);
      return known && checks::check_all(*known, seed, with_threads).has_value();
    } catch (const oracle::SyntaxError&) {
      return false;
    }
  };
  const std::string smallest = checks::shrunk(text, fails);
  const auto known = checks::known_of(smallest);
  const auto smaller_finding = known ? checks::check_all(*known, seed, with_threads) : std::nullopt;
  return "seed " + std::to_string(seed) + ": " + finding + "\n--- problem\n" + text +
         "--- smallest that still fails: " + smaller_finding.value_or("(none)") + "\n" + smallest;
}

TEST(Random, AgreesWithBruteForce) {
  std::uint64_t compared = 0;
  std::uint64_t with_solutions = 0;
  int failures = 0;
  for (std::uint64_t i = 0; i < problems && failures < 10; ++i) {
    const std::uint64_t seed = first_seed + i;
    oracle::Random random(seed);
    const std::string text = oracle::decorated(oracle::random_problem(random), random);
    const auto known = checks::known_of(text);
    if (!known) continue;
    ++compared;
    with_solutions += known->answer.rows.empty() ? 0 : 1;
    const bool with_threads = i % 64 == 0;
    if (std::getenv("CONSTRINT_RANDOM_TRACE") != nullptr)
      std::cerr << "seed " << seed << '\n' << text;
    begin_watch(seed);
    const auto finding = checks::check_all(*known, seed, with_threads);
    end_watch();
    if (finding) {
      ++failures;
      ADD_FAILURE() << failure_of(text, *finding, seed, with_threads);
    }
  }
  std::cout << compared << " problems compared, " << with_solutions << " with solutions, "
            << problems - compared << " beyond the oracle\n";
  std::cout << "the slowest took " << slowest << " s: seed " << slowest_seed << '\n';
  std::cout << checks::explained << " conflicts explained, " << checks::not_minimal
            << " without a proof that they are minimal\n";
  // What is said to be minimal was checked to be; most conflicts must be proved so.
  EXPECT_LE(checks::not_minimal.load(), checks::explained.load() / 10);
  if (failures == 0 && problems >= 100) {
    // The generator must not have lost its bite.
    EXPECT_GT(compared, problems * 8 / 10);
    EXPECT_GT(with_solutions, compared * 3 / 10);
  }
}

// Problems that once were answered wrongly, or that are easy to get wrong.
TEST(Random, Cases) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(CONSTRINT_RANDOM_CASES)) {
    if (entry.path().extension() == ".constrint") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  ASSERT_FALSE(files.empty());
  for (const auto& file : files) {
    SCOPED_TRACE(file.filename().string());
    std::stringstream text;
    text << std::ifstream(file).rdbuf();
    const auto known = checks::known_of(text.str());
    ASSERT_TRUE(known.has_value()) << "the oracle has no answer";
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      const auto finding = checks::check_all(*known, seed, seed == 0);
      EXPECT_FALSE(finding.has_value()) << *finding;
    }
  }
}

// Pearson's statistic over n equally likely solutions has mean n - 1 and variance about 2 (n - 1);
// 6 standard deviations above the mean happen less than once in a million for n >= 30.
TEST(Random, SamplesAreUniform) {
  for (const char* text : {"x in 1..9; y in 1..9; x * y <= 30;",
                           "a in 0..40; b in 0..3; a % 4 == b -> a > 20; prefer b largest;",
                           "x in 1..720; 720 % x == 0; y in [1, 2, 3]; y == 1 or x % 2 == 0;"}) {
    SCOPED_TRACE(text);
    const auto known = checks::known_of(text);
    ASSERT_TRUE(known.has_value());
    const std::size_t solutions = known->answer.rows.size();
    const std::size_t columns = known->problem.names.size();
    ASSERT_GE(solutions, 30U);
    const constrint::Space space(constrint::Model::parse(text));
    const std::size_t draws = 200 * solutions;
    const auto samples = space.sample(draws, first_seed);
    ASSERT_EQ(samples.size(), draws * columns);
    std::vector<double> counts(solutions, 0.0);
    for (std::size_t i = 0; i < draws; ++i) {
      const auto rank = space.rank(std::span(samples).subspan(i * columns, columns));
      ASSERT_LT(rank.to_uint64(), solutions);
      counts[rank.to_uint64()] += 1.0;
    }
    double statistic = 0.0;
    for (const double count : counts) statistic += (count - 200.0) * (count - 200.0) / 200.0;
    const double degrees = static_cast<double>(solutions - 1);
    EXPECT_LT(statistic, degrees + 6.0 * std::sqrt(2.0 * degrees));
    EXPECT_GT(statistic, degrees - 6.0 * std::sqrt(2.0 * degrees)) << "too even to be random";
  }
}

std::uint64_t number(const char* text) {
  return std::strtoull(text, nullptr, 10);
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (const char* seed = std::getenv("CONSTRINT_RANDOM_SEED")) first_seed = number(seed);
  if (const char* count = std::getenv("CONSTRINT_RANDOM_PROBLEMS")) problems = number(count);
  for (int i = 1; i < argc; i += 2) {
    const std::string option = argv[i];
    if (i + 1 >= argc || (option != "--seed" && option != "--problems")) {
      std::cerr << "usage: " << argv[0] << " [--seed S] [--problems N]\n";
      return 2;
    }
    (option == "--seed" ? first_seed : problems) = number(argv[i + 1]);
  }
  return RUN_ALL_TESTS();
}
