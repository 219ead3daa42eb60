// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/training/loss.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "file_fixture.hpp"
#include "flashrnn/copies.hpp"
#include "spaces.hpp"

namespace flashrnn::test {
namespace {

constexpr std::size_t loss_rows = 40, loss_classes = 7;

template <class Real>
struct Classification {
  std::vector<Real> y;
  std::vector<int> answer;
};

template <class Real>
Classification<Real> classification(Real spread) {
  std::mt19937 random(4);
  std::uniform_real_distribution<float> between(-1, 1);
  Classification<Real> c;
  for (std::size_t i = 0; i < loss_rows * loss_classes; ++i)
    c.y.push_back(spread * between(random));
  for (std::size_t row = 0; row < loss_rows; ++row)
    c.answer.push_back(static_cast<int>(3 * row % loss_classes));
  return c;
}

/// The definition in long double: -log of the share of the right class, and its gradient.
template <class Real>
Score score_by_hand(const Classification<Real>& c, std::vector<double>& dy) {
  Score score;
  dy.assign(loss_rows * loss_classes, 0);
  for (std::size_t row = 0; row < loss_rows; ++row) {
    const Real* const y = &c.y[row * loss_classes];
    const auto right = static_cast<std::size_t>(c.answer[row]);
    long double sum = 0;
    std::size_t best = 0;
    for (std::size_t k = 0; k < loss_classes; ++k) {
      sum += std::exp(static_cast<long double>(y[k]));
      if (y[k] > y[best]) best = k;
    }
    score.loss -=
        static_cast<double>(static_cast<long double>(y[right]) - std::log(sum)) / loss_rows;
    score.accuracy += best == right ? 1.0 / loss_rows : 0;
    for (std::size_t k = 0; k < loss_classes; ++k)
      dy[row * loss_classes + k] =
          static_cast<double>(std::exp(static_cast<long double>(y[k])) / sum - (k == right)) /
          loss_rows;
  }
  return score;
}

template <class Space, class Real>
void expect_the_definition(Real spread) {
  const Classification<Real> c = classification(spread);
  const auto y = on_device<Space>(c.y);
  const Kokkos::View<Real*, Space> dy("dy", y.size());
  const Score found = cross_entropy(Space(), y, on_device<Space>(c.answer), dy);
  std::vector<double> expected_dy;
  const Score expected = score_by_hand(c, expected_dy);
  // An exponential carries the rounding of its argument, at most twice the spread, into its
  // result; the sum over classes and the quotient round a few times more.
  const double unit = std::numeric_limits<Real>::epsilon();
  const double relative = unit * (2 * double(spread) + 4 + loss_classes);
  EXPECT_NEAR(found.loss, expected.loss, relative * (1 + expected.loss)) << Space::name();
  EXPECT_NEAR(found.accuracy, expected.accuracy, 1e-14) << Space::name();
  const std::vector<Real> found_dy = on_host(dy);
  for (std::size_t i = 0; i < found_dy.size(); ++i)
    ASSERT_NEAR(double(found_dy[i]), expected_dy[i], relative / loss_rows)
        << Space::name() << ", " << i;
  EXPECT_EQ(cross_entropy(Space(), y, on_device<Space>(c.answer)).loss, found.loss);
}

TEST(cross_entropy, is_its_definition_with_the_gradient) {
  Spaces::for_each([]<class Space>() {
    expect_the_definition<Space, float>(3);
    expect_the_definition<Space, double>(3);
    expect_the_definition<Space, double>(60);
  });
}

TEST(cross_entropy, neither_overflows_nor_loses_a_certain_answer) {
  using Space = Kokkos::DefaultExecutionSpace;
  const auto y = on_device<Space>(std::vector<float>{1e30F, 0, 0, -1e30F, 1e4F, 1e4F});
  const Kokkos::View<float*, Space> dy("dy", 6);
  const Score score = cross_entropy(Space(), y, on_device<Space>(std::vector<int>{0, 2}), dy);
  EXPECT_NEAR(score.loss, std::log(2.0) / 2, 1e-7);
  EXPECT_EQ(score.accuracy, 0.5) << "of equal values, the first counts";
  EXPECT_EQ(on_host(dy), (std::vector<float>{0, 0, 0, 0, 0.25F, -0.25F}));
}

TEST(scores_by_step, are_those_of_each_step) {
  using Space = Kokkos::DefaultExecutionSpace;
  const Classification<float> c = classification(2.0F);
  const Kokkos::View<float*, Space> y = on_device<Space>(c.y);
  const Kokkos::View<int*, Space> answer = on_device<Space>(c.answer);
  const std::vector<Score> scores = scores_by_step(Space(), y, answer, 8);
  ASSERT_EQ(scores.size(), 8U);
  Score mean;
  for (std::size_t t = 0; t < 8; ++t) {
    // 5 sequences of 7 classes.
    const auto y_of = c.y.begin() + static_cast<std::ptrdiff_t>(t * 35);
    const auto answer_of = c.answer.begin() + static_cast<std::ptrdiff_t>(t * 5);
    const Score alone =
        cross_entropy(Space(), on_device<Space>(std::vector<float>(y_of, y_of + 35)),
                      on_device<Space>(std::vector<int>(answer_of, answer_of + 5)));
    EXPECT_EQ(scores[t].loss, alone.loss);
    EXPECT_EQ(scores[t].accuracy, alone.accuracy);
    mean.accuracy += alone.accuracy / 8;
  }
  EXPECT_NEAR(mean.accuracy, cross_entropy(Space(), y, answer).accuracy, 1e-14);
  EXPECT_NE(message_of<InvalidArgument>([&] { (void)scores_by_step(Space(), y, answer, 7); }), "");
  EXPECT_NE(message_of<InvalidArgument>([&] { (void)scores_by_step(Space(), y, answer, 0); }), "");
}

TEST(mean_squared_error, is_its_definition_with_the_gradient) {
  Spaces::for_each([]<class Space>() {
    const auto y = on_device<Space>(std::vector<double>{1, 2, 3, 4});
    const auto target = on_device<Space>(std::vector<double>{1, 0, 4, 4.5});
    const Kokkos::View<double*, Space> dy("dy", 4);
    EXPECT_EQ(mean_squared_error(Space(), y, target), 5.25 / 4) << Space::name();
    EXPECT_EQ(mean_squared_error(Space(), y, target, dy), 5.25 / 4);
    EXPECT_EQ(on_host(dy), (std::vector<double>{0, 1, -0.5, -0.25}));
    const auto part = std::pair(1, 3);
    EXPECT_EQ(mean_squared_error(Space(), Kokkos::subview(y, part), Kokkos::subview(target, part)),
              2.5);
  });
}

TEST(losses, refuse_arrays_that_do_not_fit) {
  using Space = Kokkos::DefaultExecutionSpace;
  const Kokkos::View<float*, Space> six("six", 6), five("five", 5), none("none", 0);
  const Kokkos::View<int*, Space> three("three", 3), no_answers("no answers", 0);
  EXPECT_EQ(
      message_of<InvalidArgument>([&] { (void)cross_entropy(Space(), five, three); }),
      "cross_entropy: expected y and dy of one size that is a multiple of the 3 answers, found "
      "5 and 0");
  const auto wrong = [](const auto& call) { return !message_of<InvalidArgument>(call).empty(); };
  EXPECT_TRUE(wrong([&] { (void)cross_entropy(Space(), six, three, five); }));
  EXPECT_TRUE(wrong([&] { (void)cross_entropy(Space(), six, no_answers); }));
  EXPECT_TRUE(wrong([&] { (void)cross_entropy(Space(), none, three); }));
  EXPECT_EQ(message_of<InvalidArgument>([&] { (void)mean_squared_error(Space(), six, five); }),
            "mean_squared_error: expected y, target and dy of one size, found 6, 5 and 0");
  EXPECT_TRUE(wrong([&] { (void)mean_squared_error(Space(), six, six, five); }));
  EXPECT_TRUE(wrong([&] { (void)mean_squared_error(Space(), none, none); }));
}

}  // namespace
}  // namespace flashrnn::test
