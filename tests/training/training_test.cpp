// SPDX-License-Identifier: Apache-2.0
// The same small model is trained for 200 updates by the library, on every backend of this build
// and in both types of full precision, and in plain loops of double: the loss curves agree.
#include <gtest/gtest.h>

#include <Kokkos_Core.hpp>
#include <cstdio>
#include <string>
#include <type_traits>
#include <vector>

#include "flashrnn/training/trainer.hpp"
#include "reference_training.hpp"
#include "spaces.hpp"

namespace flashrnn::test {
namespace {

/// The loss before each update of a training by the library.
template <class Space, class Real>
std::vector<double> library_losses(const TrainingCase& c, const std::string& backend) {
  PlanOptions options;
  options.backend = backend;
  Trainer<Space, Real> trainer(Space(), c.problem.architecture,
                               std::vector<Real>(c.parameters.begin(), c.parameters.end()),
                               options);
  trainer.resize(c.problem.steps, c.problem.batch);
  copy_to(trainer.u(), std::vector<Real>(c.u.begin(), c.u.end()));
  const AdamOptions how{c.learning_rate, c.beta1, c.beta2, c.epsilon, 0};
  std::vector<double> losses;
  std::vector<Real> dy;
  for (int update = 0; update < c.updates; ++update) {
    trainer.forward();
    losses.push_back(squared_error(on_host(trainer.y()), c.target, dy));
    copy_to(trainer.dy(), dy);
    trainer.backward();
    trainer.update(how);
  }
  return losses;
}

template <class Space>
std::vector<std::string> backends() {
  if (std::is_same_v<typename Space::memory_space, Kokkos::HostSpace>)
    return {"kokkos", "kokkos_generic", "reference"};
  return {"auto", "kokkos"};
}

template <class Cell>
class Training : public testing::Test {};

using TrainedCells = testing::Types<Elman, Gru, Lstm, Slstm>;
struct CellNames {
  template <class Cell>
  static std::string GetName(int /*index*/) {  // NOLINT(readability-identifier-naming): gtest's
    return Cell::name;
  }
};
TYPED_TEST_SUITE(Training, TrainedCells, CellNames);

/// Largest of found / allowed over all updates, and where.
struct Worst {
  double ratio = 0;
  std::size_t update = 0;
};
Worst worst_of(const std::vector<double>& found, const std::vector<double>& expected,
               const std::vector<double>& allowed) {
  Worst worst;
  for (std::size_t k = 0; k < expected.size(); ++k) {
    const double ratio = std::abs(found[k] - expected[k]) / allowed[k];
    if (!(ratio <= worst.ratio)) worst = {ratio, k};
    if (std::isnan(ratio)) break;
  }
  return worst;
}

TYPED_TEST(Training, has_the_loss_curve_of_double_arithmetic) {
  const TrainingCase c = training_case(TypeParam::name);
  const std::vector<double> expected = ReferenceTraining<TypeParam>(c).losses();
  ASSERT_EQ(expected.size(), 200U);
  EXPECT_LT(expected.back(), 0.1 * expected.front()) << "the model does not learn";
  const std::vector<double> allowed32 = allowed_deviation<TypeParam>(c, DataType::float32),
                            allowed64 = allowed_deviation<TypeParam>(c, DataType::float64);
  std::printf("%s: loss from %.4g to %.4g\n", TypeParam::name, expected.front(), expected.back());
  const auto check = [&](const std::string& what, const std::vector<double>& found,
                         const std::vector<double>& allowed) {
    ASSERT_EQ(found.size(), expected.size()) << what;
    const Worst worst = worst_of(found, expected, allowed);
    const double deviation = std::abs(found[worst.update] - expected[worst.update]);
    std::printf("  %-32s deviation at its worst %.1e, allowed there %.1e (update %zu)\n",
                what.c_str(), deviation, allowed[worst.update], worst.update);
    EXPECT_LE(worst.ratio, 1) << what << ", update " << worst.update << ": loss "
                              << found[worst.update] << ", expected " << expected[worst.update];
  };
  Spaces::for_each([&]<class Space>() {
    for (const std::string& backend : backends<Space>()) {
      const std::string where = std::string(Space::name()) + " " + backend;
      check(where + " float32", library_losses<Space, float>(c, backend), allowed32);
      check(where + " float64", library_losses<Space, double>(c, backend), allowed64);
    }
  });
}

/// The bound is tight enough to find a fault that no eye would see in the loss: dR off by a
/// thousandth of its largest element, as sums of ten bits would have it.
TYPED_TEST(Training, finds_a_gradient_of_too_few_digits) {
  const TrainingCase c = training_case(TypeParam::name);
  const ReferenceTraining<TypeParam> training(c);
  const std::vector<double> expected = training.losses();
  const auto allowed = allowed_deviation<TypeParam>(c, DataType::float32);
  const auto size_of_R =
      static_cast<std::size_t>(ParameterLayout(c.problem.architecture).at("R_l0").size);
  const std::vector<double> wrong = training.losses({}, [&](double* values, std::size_t size) {
    if (size != size_of_R) return;
    double largest = 0;
    for (std::size_t i = 0; i < size; ++i) largest = std::max(largest, std::abs(values[i]));
    for (std::size_t i = 0; i < size; ++i) values[i] += largest / 1000;
  });
  EXPECT_LT(wrong.back(), 0.1 * wrong.front()) << "learns all the same";
  const Worst worst = worst_of(wrong, expected, allowed);
  std::printf("%s: a dR that is slightly wrong exceeds what is allowed %.0f times\n",
              TypeParam::name, worst.ratio);
  EXPECT_GT(worst.ratio, 1);
}

}  // namespace
}  // namespace flashrnn::test
