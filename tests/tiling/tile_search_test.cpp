// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/recurrence/tile_search.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "core/expect_message.hpp"
#include "flashrnn/error.hpp"
#include "flashrnn/recurrence/tiling.hpp"

namespace flashrnn {
namespace {

std::vector<NamedValue> sizes_for(const DeviceModel& device, Index head_dim, Index batch) {
  Problem problem;
  problem.shape = {1024, batch, 12, head_dim};
  auto sizes = problem_sizes(problem, find_cell("lstm"), false);
  for (const NamedValue& entry : space_sizes(device)) sizes.push_back(entry);
  return sizes;
}

TileQuestion question(const char* device_name, const char* kernel, Index head_dim = 64,
                      Index batch = 16) {
  const auto device = find_device_model(device_name);
  return {device, kernel, sizes_for(*device, head_dim, batch)};
}

TEST(TileSearch, CandidatesAreDistinctAndOrderedByPredictedTime) {
  forget_tilings();
  const auto choice = search_tiling(question("nvidia_h200", "portable_gpu"), 4);
  ASSERT_EQ(choice->candidates.size(), 4u);
  EXPECT_TRUE(std::ranges::is_sorted(choice->candidates, {}, &TileCandidate::step_ps));
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < i; ++j)
      EXPECT_NE(choice->candidates[i].tiling, choice->candidates[j].tiling);
}

TEST(TileSearch, LimitIsTheLargestTerm) {
  const auto choice = search_tiling(question("nvidia_h200", "portable_gpu", 256));
  const auto largest = std::ranges::max(choice->best().times, {}, &NamedValue::value);
  EXPECT_EQ(largest.name, "TIME_LATENCY");
  EXPECT_EQ(choice->best().limited_by, "latency");
  EXPECT_LE(largest.value, choice->best().step_ps);
}

TEST(TileSearch, MoreCandidatesDoNotChangeTheBest) {
  const auto asked = question("amd_mi300x", "portable_gpu", 128, 64);
  forget_tilings();
  const auto one = search_tiling(asked, 1);
  const auto three = search_tiling(asked, 3);
  EXPECT_EQ(one->best().tiling, three->best().tiling);
  EXPECT_EQ(one->best().step_ps, three->best().step_ps);
  // The richer answer is the one that is remembered.
  EXPECT_EQ(search_tiling(asked, 2), three);
  EXPECT_EQ(search_tiling(asked, 1), three);
}

TEST(TileSearch, AsksForMoreThanThereAre) {
  const auto choice = search_tiling(question("cpu_zen5", "portable_cpu"), 100);
  EXPECT_EQ(choice->candidates.size(), std::size(batch_tiles));
}

TEST(TileSearch, ConflictIsExplained) {
  TileQuestion impossible = question("cpu_zen5", "portable_cpu");
  impossible.sizes.push_back({"BATCH_TILE", 4});
  std::ranges::find(impossible.sizes, "BATCH", &NamedValue::name)->value = 2;
  expect_message<InvalidArgument>([&] { search_tiling(impossible); }, "no tiling of the kernel",
                                  "BATCH_TILE <= BATCH");
}

TEST(TileSearch, UnknownKernelIsOurFault) {
  expect_message<InternalError>([] { search_tiling(question("cpu_zen5", "no_such")); },
                                "no kernel text 'no_such'");
}

TEST(TileSearch, DevicesOfOtherKindHaveNoKernel) {
  const auto cpu = find_device_model("cpu_zen5");
  expect_message<InvalidArgument>(
      [&] { search_kernels(cpu, "no_backend", sizes_for(*cpu, 64, 16)); },
      "the backend no_backend has no kernel");
}

TEST(TileSearch, ThreadsGetTheSameAnswer) {
  forget_tilings();
  const TileQuestion asked = question("nvidia_a100", "portable_gpu", 96, 7);
  std::vector<std::shared_ptr<const TileChoice>> answers(8);
  {
    std::vector<std::jthread> threads;
    for (auto& answer : answers)
      threads.emplace_back([&answer, &asked] { answer = search_tiling(asked); });
  }
  for (const auto& answer : answers) {
    EXPECT_EQ(answer->best().tiling, answers[0]->best().tiling);
    EXPECT_EQ(answer->best().step_ps, answers[0]->best().step_ps);
  }
}

/// The best of many tries: other programs of the machine only ever add time.
template <class Body>
double least_seconds(int tries, const Body& body) {
  double least = 1;
  for (int n = 0; n < tries; ++n) {
    const auto start = std::chrono::steady_clock::now();
    body();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    least = std::min(least, seconds.count());
  }
  return least;
}

// Sanitizers and debug builds are slower by factors that say nothing about users.
#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(TileSearch, SolvesInAMillisecondAndRemembersInFiftyMicroseconds) {
  for (const auto& device : device_models()) {
    const char* kernel = device->kind() == DeviceKind::gpu ? "portable_gpu" : "portable_cpu";
    for (const Index head_dim : {16, 64, 1024}) {
      const TileQuestion asked = question(device->name.c_str(), kernel, head_dim);
      EXPECT_LT(least_seconds(20,
                              [&] {
                                forget_tilings();
                                search_tiling(asked);
                              }),
                1e-3)
          << device->name << ' ' << head_dim;
      EXPECT_LT(least_seconds(20, [&] { search_tiling(asked); }), 50e-6)
          << device->name << ' ' << head_dim;
    }
  }
}
#endif

TEST(KernelTexts, NameWhatTheyDeclare) {
  ASSERT_FALSE(kernel_texts().empty());
  for (const KernelText& kernel : kernel_texts()) {
    for (const std::string& variable : kernel.tiling)
      EXPECT_NE(kernel.text.find('\n' + variable), std::string::npos)
          << kernel.name << " does not begin a statement with " << variable;
    EXPECT_NE(kernel.text.find("minimize TIME_STEP;"), std::string::npos) << kernel.name;
  }
}

}  // namespace
}  // namespace flashrnn
