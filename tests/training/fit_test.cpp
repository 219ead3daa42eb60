// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/training/fit.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "file_fixture.hpp"
#include "flashrnn/training/initial_parameters.hpp"
#include "spaces.hpp"

namespace flashrnn::test {
namespace {

const Architecture fit_layer{.input_size = 2, .head_dim = 8, .output_size = 1};

template <class Space>
Trainer<Space> fresh_trainer() {
  return {Space(), fit_layer, initial_parameters(fit_layer, 3, 1)};
}

/// Two random features, and their sum of two steps before.
template <class Space>
struct Recordings {
  Series<Space> u, target;

  explicit Recordings(int steps, int columns = 5)
      : u("u", steps, columns, 2), target("target", steps, columns, 1) {
    std::vector<float> in, out;
    const CounterRandom random(1, 1);
    for (std::size_t i = 0; i < u.size(); ++i) in.push_back(static_cast<float>(random.normal(i)));
    const std::size_t back = 2 * u.extent(1);
    for (std::size_t i = 0; i < target.size(); ++i)
      out.push_back(i < back ? 0 : in[2 * (i - back)] + in[2 * (i - back) + 1]);
    copy_to(u, in);
    copy_to(target, out);
  }
};

TEST(fit, learns_what_lies_two_steps_back) {
  Spaces::for_each([]<class Space>() {
    Trainer<Space> trainer = fresh_trainer<Space>();
    const Recordings<Space> data(200);
    std::vector<double> losses;
    long long last = 0;
    fit(trainer, data.u, data.target,
        {.steps = 12, .washout = 2, .batch = 16, .updates = 400, .first_rate = 2e-2},
        [&](long long done, double loss) {
          EXPECT_EQ(done, last + 1);
          last = done;
          losses.push_back(loss);
        });
    EXPECT_EQ(last, 400);
    EXPECT_EQ(trainer.updates(), 400);
    // The variance of the target is 2; a network without memory of two steps cannot explain it.
    EXPECT_GT(losses.front(), 1) << Space::name();
    EXPECT_LT(losses.back(), 0.2) << Space::name();
  });
}

class FitFile : public FolderTest {};

TEST_F(FitFile, goes_on_with_the_same_bits) {
  using Space = Kokkos::DefaultExecutionSpace;
  const Recordings<Space> data(50);
  const FitOptions options{.steps = 8, .washout = 1, .batch = 4, .updates = 20};
  Trainer<Space> whole = fresh_trainer<Space>();
  fit(whole, data.u, data.target, options, [](long long, double) {});

  Trainer<Space> first = fresh_trainer<Space>();
  fit(first, data.u, data.target, options, [&](long long done, double) {
    if (done == 7) first.save(path("checkpoint"));
  });
  Trainer<Space> second = fresh_trainer<Space>();
  second.load(path("checkpoint"));
  long long calls = 0;
  fit(second, data.u, data.target, options, [&](long long, double) { ++calls; });
  EXPECT_EQ(calls, 13);
  EXPECT_EQ(on_host(second.parameters()), on_host(whole.parameters()));
  fit(second, data.u, data.target, options, [&](long long, double) { ++calls; });
  EXPECT_EQ(calls, 13) << "trained beyond its last update";
}

TEST(fit, leaves_the_washout_out) {
  using Space = Kokkos::DefaultExecutionSpace;
  constexpr int steps = 6, columns = 5;
  // Every window is the whole recording, so its first steps are known.
  const auto trained = [&](float spoilt, Index washout) {
    Trainer<Space> trainer = fresh_trainer<Space>();
    const Recordings<Space> data(steps, columns);
    Kokkos::deep_copy(Kokkos::subview(data.target, std::pair(0, 2), Kokkos::ALL, Kokkos::ALL),
                      spoilt);
    fit(trainer, data.u, data.target,
        {.steps = steps, .washout = washout, .batch = 3, .updates = 5}, [](long long, double) {});
    return on_host(trainer.parameters());
  };
  EXPECT_EQ(trained(0, 2), trained(100, 2));
  EXPECT_NE(trained(0, 1), trained(100, 1));
}

TEST(fit, refuses_recordings_that_do_not_belong_together) {
  using Space = Kokkos::DefaultExecutionSpace;
  Trainer<Space> trainer = fresh_trainer<Space>();
  const auto fitted = [&](const Series<Space>& u, const Series<Space>& target,
                          const FitOptions& options) {
    return message_of<InvalidArgument>(
        [&] { fit(trainer, u, target, options, [](long long, double) {}); });
  };
  const Recordings<Space> data(20), shorter(19), narrower(20, 4);
  const FitOptions small{.steps = 4, .washout = 3, .batch = 2, .updates = 1};
  EXPECT_EQ(fitted(data.u, shorter.target, small),
            "fit: expected recordings [steps, columns, 2] and [steps, columns, 1], found "
            "[20, 5, 2] and [19, 5, 1]");
  EXPECT_NE(fitted(data.u, narrower.target, small), "");
  EXPECT_EQ(fitted(data.u, data.target, {.steps = 4, .washout = 4}),
            "fit: expected a washout of 0 to 3 steps, found 4");
  EXPECT_NE(fitted(data.u, data.target, {.steps = 4, .washout = -1}), "");
  EXPECT_NE(fitted(data.u, data.target, {.steps = 21}), "") << "windows longer than the recording";
  EXPECT_NE(fitted(data.target, data.target, small), "");
  EXPECT_NE(fitted(data.u, data.u, small), "");
  EXPECT_EQ(trainer.updates(), 0);
}

}  // namespace
}  // namespace flashrnn::test
