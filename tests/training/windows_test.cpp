// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/training/windows.hpp"

#include <gtest/gtest.h>

#include <set>
#include <utility>
#include <vector>

#include "file_fixture.hpp"
#include "flashrnn/copies.hpp"
#include "spaces.hpp"

namespace flashrnn::test {
namespace {

constexpr int recorded = 20, window_columns = 5, window_features = 3;

/// A recording whose values say where they stand, plus `offset`.
template <class Space>
Series<Space> recording(float offset = 0) {
  Series<Space> out("recording", recorded, window_columns, window_features);
  std::vector<float> values;
  for (int t = 0; t < recorded; ++t)
    for (int column = 0; column < window_columns; ++column)
      for (int feature = 0; feature < window_features; ++feature)
        values.push_back(static_cast<float>(100 * t + 10 * column + feature) + offset);
  copy_to(out, values);
  return out;
}

template <class Space>
std::vector<float> drawn_windows(const Series<Space>& of, int steps, Index batch,
                                 std::uint64_t seed) {
  const Kokkos::View<float*, Space> out("out", steps * batch * window_features);
  draw_windows(Space(), of, CounterRandom(seed, 0), batch, out);
  return on_host(out);
}

TEST(draw_windows, takes_steps_that_follow_each_other_of_one_column) {
  Spaces::for_each([]<class Space>() {
    constexpr int steps = 4, batch = 500;
    const std::vector<float> drawn = drawn_windows(recording<Space>(), steps, batch, 1);
    std::set<std::pair<int, int>> seen;
    for (int n = 0; n < batch; ++n) {
      const auto at = [&](int t, int feature) {
        const int place = (t * batch + n) * window_features + feature;
        return static_cast<int>(drawn[static_cast<std::size_t>(place)]);
      };
      const int first = at(0, 0) / 100, column = at(0, 0) % 100 / 10;
      for (int t = 0; t < steps; ++t)
        for (int feature = 0; feature < window_features; ++feature)
          ASSERT_EQ(at(t, feature), 100 * (first + t) + 10 * column + feature) << Space::name();
      seen.insert({first, column});
    }
    // 500 draws of 17 · 5 windows leave one out with a probability below 85·exp(-500/85).
    EXPECT_GT(seen.size(), 80U);
    EXPECT_EQ(seen.begin()->first, 0);
    EXPECT_EQ(seen.rbegin()->first, recorded - steps);
  });
}

TEST(draw_windows, draws_recordings_alike_by_the_same_numbers) {
  using Space = Kokkos::DefaultExecutionSpace;
  std::vector<float> u = drawn_windows(recording<Space>(), 6, 40, 3);
  const std::vector<float> target = drawn_windows(recording<Space>(0.5F), 6, 40, 3);
  EXPECT_NE(u, drawn_windows(recording<Space>(), 6, 40, 4));
  for (float& value : u) value += 0.5F;
  EXPECT_EQ(u, target);
}

TEST(record, writes_one_step_from_arrays_of_other_shapes_and_types) {
  Spaces::for_each([]<class Space>() {
    const Series<Space> all("recording", 3, 2, 2);
    const Kokkos::View<double**, Kokkos::LayoutRight, Space> now("now", 4, 2);
    copy_to(now, {1, 2, 3, 4.5, 5, 6, 7, 8});
    record(Space(), Kokkos::subview(now, std::pair(0, 2), Kokkos::ALL), all, 2);
    record(Space(), Kokkos::subview(now, std::pair(2, 4), Kokkos::ALL), all, 0);
    EXPECT_EQ(on_host(all), (std::vector<float>{5, 6, 7, 8, 0, 0, 0, 0, 1, 2, 3, 4.5F}))
        << Space::name();
  });
}

TEST(record, refuses_what_is_no_step) {
  using Space = Kokkos::DefaultExecutionSpace;
  const Series<Space> all("recording", 3, 2, 2);
  const Kokkos::View<float**, Kokkos::LayoutRight, Space> now("now", 4, 2);
  const auto written = [&](int values, int step) {
    return message_of<InvalidArgument>(
        [&] { record(Space(), Kokkos::View<float*, Space>("now", values), all, step); });
  };
  EXPECT_EQ(written(5, 0), "record: expected 4 values for a step below 3, found 5 for step 0");
  EXPECT_EQ(written(4, 3), "record: expected 4 values for a step below 3, found 4 for step 3");
  EXPECT_NE(written(4, -1), "");
  EXPECT_NE(message_of<InvalidArgument>(
                [&] { record(Space(), Kokkos::subview(now, Kokkos::ALL, 1), all, 0); }),
            "");
}

TEST(draw_windows, takes_the_whole_recording_and_refuses_more) {
  using Space = Kokkos::DefaultExecutionSpace;
  EXPECT_EQ(drawn_windows(recording<Space>(), recorded, 1, 1).front(),
            10.0F * static_cast<float>(CounterRandom(1, 0).below(1, window_columns)));
  const auto draw = [](int values, Index batch) {
    return message_of<InvalidArgument>([&] {
      draw_windows(Space(), recording<Space>(), CounterRandom(1, 0), batch,
                   Kokkos::View<float*, Space>("out", values));
    });
  };
  EXPECT_EQ(draw((recorded + 1) * 2 * window_features, 2),
            "draw_windows: expected 2 windows of 1 to 20 steps of 3 features, found memory for 126 "
            "values");
  EXPECT_NE(draw(2 * window_features + 1, 2), "");
  EXPECT_NE(draw(0, 2), "");
  EXPECT_NE(draw(6, 0), "");
}

}  // namespace
}  // namespace flashrnn::test
