// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "file_fixture.hpp"
#include "flashrnn/copies.hpp"
#include "flashrnn/training/adam.hpp"
#include "spaces.hpp"

namespace flashrnn::test {
namespace {

constexpr std::size_t adam_size = 1000;
constexpr int adam_updates = 50;

/// Gradients of all sizes that trainings see, the same in every precision.
std::vector<float> gradient_of(int update) {
  std::mt19937 random(static_cast<unsigned>(update));
  std::uniform_real_distribution<float> between(-1, 1);
  std::vector<float> out(adam_size);
  for (std::size_t i = 0; i < adam_size; ++i)
    out[i] = between(random) * std::pow(10.0F, static_cast<float>(i % 9) - 6);
  return out;
}

struct AdamValues {
  std::vector<double> theta, v;
};

/// The equations of the paper, written out in double.
AdamValues adam_by_hand(const std::vector<float>& start, const AdamOptions& o) {
  std::vector<double> theta(start.begin(), start.end()), m(adam_size), v(adam_size);
  for (int t = 1; t <= adam_updates; ++t) {
    const std::vector<float> g = gradient_of(t);
    double norm2 = 0;
    for (const float value : g) norm2 += double(value) * double(value);
    const double shorten =
        o.most_norm > 0 && norm2 > o.most_norm * o.most_norm ? o.most_norm / std::sqrt(norm2) : 1;
    for (std::size_t i = 0; i < adam_size; ++i) {
      const double gradient = double(g[i]) * shorten;
      m[i] = o.beta1 * m[i] + (1 - o.beta1) * gradient;
      v[i] = o.beta2 * v[i] + (1 - o.beta2) * gradient * gradient;
      const double m_hat = m[i] / (1 - std::pow(o.beta1, t));
      const double v_hat = v[i] / (1 - std::pow(o.beta2, t));
      theta[i] -= o.learning_rate * m_hat / (std::sqrt(v_hat) + o.epsilon);
    }
  }
  return {theta, v};
}

/// Every update rounds a step of at most about the learning rate a few times, and the parameter
/// once; roundings of the moments are carried along and decay. 16 units in the last place of the
/// sum of all steps, and one of the parameter for each update, are more than these add up to.
double allowed_distance(double unit, double parameter, const AdamOptions& o) {
  return unit * (16 * adam_updates * o.learning_rate + adam_updates * (std::abs(parameter) + 1));
}

template <class Space, class Real>
void expect_the_values_of_double(const AdamOptions& options) {
  std::vector<float> start(adam_size);
  for (std::size_t i = 0; i < adam_size; ++i) start[i] = 0.001F * static_cast<float>(i) - 0.5F;
  const auto theta = on_device<Space>(std::vector<Real>(start.begin(), start.end()));
  Adam<Space, Real> adam(adam_size);
  for (int t = 1; t <= adam_updates; ++t) {
    const std::vector<float> g = gradient_of(t);
    adam.update(Space(), theta, on_device<Space>(std::vector<Real>(g.begin(), g.end())), options);
    Space().fence();
  }
  EXPECT_EQ(adam.updates(), adam_updates);
  const auto [expected, expected_v] = adam_by_hand(start, options);
  const std::vector<Real> found = on_host(theta), found_v = on_host(adam.second_moment());
  double moved = 0;
  for (std::size_t i = 0; i < adam_size; ++i) {
    const double unit = std::numeric_limits<Real>::epsilon();
    ASSERT_NEAR(double(found[i]), expected[i], allowed_distance(unit, expected[i], options))
        << Space::name() << ", parameter " << i;
    // A sum of positive terms. In each update β, its product and the sum are rounded, half a unit
    // each; in the last also the new term, four times. The norm of the gradient, a sum of as many
    // squares, comes in when it is shortened.
    const double roundings =
        3 * adam_updates + 4 + (options.most_norm > 0 ? double(adam_size) + 4 : 0);
    ASSERT_NEAR(double(found_v[i]), expected_v[i], unit / 2 * roundings * expected_v[i])
        << Space::name() << ", second moment " << i;
    moved = std::max(moved, std::abs(expected[i] - double(start[i])));
  }
  EXPECT_GT(moved, 2 * options.learning_rate);
}

TEST(Adam, has_the_values_of_double_arithmetic) {
  Spaces::for_each([]<class Space>() {
    for (const double most_norm : {0.0, 1.0, 1e9}) {
      const AdamOptions options{.learning_rate = 1e-2, .most_norm = most_norm};
      expect_the_values_of_double<Space, float>(options);
      expect_the_values_of_double<Space, double>(options);
    }
  });
}

TEST(Adam, shortens_long_gradients_alone) {
  using Space = Kokkos::DefaultExecutionSpace;
  const auto first_moment = [](double most_norm) {
    const auto theta = on_device<Space>(std::vector<double>{0, 0});
    const auto gradient = on_device<Space>(std::vector<double>{30, 40});
    Adam<Space, double> adam(2);
    adam.update(Space(), theta, gradient, {.beta1 = 0.5, .most_norm = most_norm});
    Space().fence();
    EXPECT_EQ(on_host(gradient), (std::vector<double>{30, 40})) << "the caller's gradient changed";
    return on_host(adam.first_moment());
  };
  EXPECT_EQ(first_moment(0), (std::vector<double>{15, 20}));
  EXPECT_EQ(first_moment(50), (std::vector<double>{15, 20}));
  EXPECT_EQ(first_moment(5), (std::vector<double>{1.5, 2}));
}

TEST(Adam, refuses_arrays_of_other_sizes) {
  using Space = Kokkos::DefaultExecutionSpace;
  Adam<Space> adam(3);
  const Kokkos::View<float*, Space> right("right", 3), wrong("wrong", 4);
  EXPECT_EQ(message_of<InvalidArgument>([&] { adam.update(Space(), wrong, right); }),
            "parameters: expected 3 elements, found 4");
  EXPECT_EQ(message_of<InvalidArgument>([&] { adam.update(Space(), right, wrong); }),
            "gradient: expected 3 elements, found 4");
  EXPECT_EQ(adam.updates(), 0);
}

}  // namespace
}  // namespace flashrnn::test
