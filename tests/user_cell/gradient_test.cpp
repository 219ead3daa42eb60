// SPDX-License-Identifier: Apache-2.0
// The example's cell in every execution space and on odd shapes: its derived backward against
// finite differences of every single parameter, against the one written by hand, and against the
// same in the other execution spaces.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "network.hpp"
#include "peephole_lstm.hpp"

namespace {

using flashrnn::Shape;
constexpr double epsilon = std::numeric_limits<double>::epsilon();

using Spaces = testing::Types<
#ifdef KOKKOS_ENABLE_OPENMP
    Kokkos::OpenMP,
#endif
#if defined(KOKKOS_ENABLE_CUDA)
    Kokkos::Cuda,
#elif defined(KOKKOS_ENABLE_HIP)
    Kokkos::HIP,
#endif
    Kokkos::Serial>;

const Shape shapes[] = {{1, 1, 1, 1}, {4, 2, 2, 3}, {3, 5, 1, 2}};

template <class ExecutionSpace>
class UserCell : public testing::Test {};
TYPED_TEST_SUITE(UserCell, Spaces);

std::vector<double> Parameters::*const members[] = {&Parameters::x, &Parameters::R, &Parameters::b,
                                                    &Parameters::s0};
const char* const names[] = {"dx", "dR", "db", "ds0"};

double largest(const Parameters& p) {
  double out = 0;
  for (const auto member : members)
    for (const double value : p.*member) out = std::max(out, std::abs(value));
  return out;
}

void expect_close(const Parameters& found, const Parameters& expected, double allowed) {
  for (int m = 0; m < 4; ++m) {
    const std::vector<double>&a = found.*members[m], &b = expected.*members[m];
    ASSERT_EQ(a.size(), b.size()) << names[m];
    for (std::size_t n = 0; n < a.size(); ++n)
      ASSERT_NEAR(a[n], b[n], allowed) << names[m] << " element " << n;
  }
}

TYPED_TEST(UserCell, DerivedGradientIsThatOfFiniteDifferences) {
  for (const Shape& shape : shapes) {
    Network<PeepholeLstm, TypeParam> network(shape, 11);
    Parameters at = network.random_parameters(12);
    const Parameters gradient = network.gradient(at);
    // Central differences of order 4. Truncation: step^4/30 times a fifth derivative; each of at
    // most some 20 unit paths of the pointwise functions' derivatives, all below 16. Rounding: the
    // loss sums `terms` values below T + 1 with an error of epsilon each, divided by the step.
    const double step = 1e-3;
    const double terms =
        static_cast<double>(shape.steps * shape.batch * shape.heads * shape.head_dim * 3);
    const double scale = std::max(1.0, largest(gradient));
    const double allowed = 16 * scale * std::pow(step, 4) +
                           2 * epsilon * terms * static_cast<double>(shape.steps + 1) / step;
    ASSERT_LT(allowed, 1e-9 * scale);
    Parameters differences = gradient;
    for (const auto member : members) {
      for (std::size_t n = 0; n < (at.*member).size(); ++n) {
        double& parameter = (at.*member)[n];
        const double before = parameter;
        const auto loss = [&](double change) {
          parameter = before + change;
          return network.loss(at);
        };
        (differences.*member)[n] =
            (8 * (loss(step) - loss(-step)) - (loss(2 * step) - loss(-2 * step))) / (12 * step);
        parameter = before;
      }
    }
    expect_close(gradient, differences, allowed);
  }
}

TYPED_TEST(UserCell, DerivedGradientIsThatByHand) {
  for (const Shape& shape : shapes) {
    Network<PeepholeLstm, TypeParam> derived(shape, 21);
    Network<PeepholeLstmByHand, TypeParam> by_hand(shape, 21);
    const Parameters at = derived.random_parameters(22);
    const Parameters gradient = by_hand.gradient(at);
    EXPECT_GT(largest(gradient), 1e-3);
    // The same sums in another order: some 20 operations per step and term of a sum.
    const double allowed = epsilon * 20 * static_cast<double>(shape.steps * shape.batch) *
                           static_cast<double>(shape.head_dim + 1) *
                           std::max(1.0, largest(gradient));
    expect_close(derived.gradient(at), gradient, allowed);
    // The same forward text, but what is saved differs, and with it which products and sums a
    // compiler fuses: `terms` values below T + 1 are summed, each with a few roundings per step.
    const double terms =
        static_cast<double>(shape.steps * shape.batch * shape.heads * shape.head_dim * 3);
    EXPECT_NEAR(derived.loss(at), by_hand.loss(at),
                4 * epsilon * terms * static_cast<double>(shape.steps + 1));
  }
}

TYPED_TEST(UserCell, NameAndSizesComeFromTheStruct) {
  using Plan = flashrnn::Plan<TypeParam>;
  flashrnn::Problem problem;
  problem.cell = "ignored";
  problem.dtype = flashrnn::DataType::float64;
  problem.training = true;
  const Plan plan = Plan::template for_cell<PeepholeLstm, double>(TypeParam(), problem);
  EXPECT_EQ(plan.cell().name, "peephole_lstm");
  EXPECT_EQ(plan.cell().states, 2);
  EXPECT_EQ(plan.cell().gates, 7);
  EXPECT_EQ(plan.cell().recurrent_gates, 4);
  EXPECT_EQ(plan.cell().input_gates, 4);
  EXPECT_EQ(plan.cell().bias_gates, 7);
  EXPECT_EQ(plan.cell().saved, 7);
  EXPECT_NE(plan.describe().find("peephole_lstm"), std::string::npos);
}

TYPED_TEST(UserCell, ATypeThatWasNotCompiledIsRefused) {
  flashrnn::Problem problem;
  problem.dtype = flashrnn::DataType::bfloat16;
  try {
    flashrnn::Plan<TypeParam>::template for_cell<PeepholeLstm, double>(TypeParam(), problem);
    FAIL() << "no error";
  } catch (const flashrnn::InvalidArgument& error) {
    EXPECT_STREQ(error.what(),
                 "dtype: the plan of peephole_lstm was compiled for float64, found bfloat16");
  }
}

}  // namespace
