// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/training/trainer.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "file_fixture.hpp"
#include "flashrnn/training/counter_random.hpp"
#include "flashrnn/training/initial_parameters.hpp"
#include "spaces.hpp"

namespace flashrnn::test {
namespace {

Architecture stacked(const std::string& cell = "lstm") {
  Architecture a;
  a.cell = cell;
  a.input_size = 3;
  a.heads = 2;
  a.head_dim = 4;
  a.layers = 2;
  a.output_size = 2;
  return a;
}

template <class Real>
std::vector<Real> start_of(const Architecture& a) {
  const std::vector<float> values = initial_parameters(a, 1, 1);
  return {values.begin(), values.end()};
}

template <class Real>
std::vector<Real> random_values(std::size_t size, std::uint64_t stream) {
  std::vector<Real> out(size);
  for (std::size_t i = 0; i < size; ++i)
    out[i] = static_cast<Real>(CounterRandom(9, stream).normal(i));
  return out;
}

/// The same passes by a Network whose memory is managed here.
template <class Space, class Real>
struct PassesByHand {
  std::vector<Real> y, last, gradient;

  PassesByHand(const Trainer<Space, Real>& trainer, const std::vector<Real>& s0) {
    const Network<Space>& network = trainer.network();
    using Array = Kokkos::View<Real*, Space>;
    using Bytes = Kokkos::View<char*, Space>;
    const Array out("y", trainer.y().size()), states("last", network.state_size()),
        d_parameters("gradient", trainer.parameters().size());
    const Array initial = on_device<Space>(s0);
    const Bytes reserve("reserve", network.reserve_bytes()),
        forward("forward", network.forward_workspace_bytes()),
        backward("backward", network.backward_workspace_bytes());
    NetworkForwardTensors f;
    f.parameters = trainer.parameters().data();
    f.u.data = trainer.u().data();
    f.s0 = s0.empty() ? nullptr : initial.data();
    f.y.data = out.data();
    f.last = states.data();
    f.reserve = reserve.data();
    f.workspace = forward.data();
    network.forward(Space(), f);
    NetworkBackwardTensors b;
    b.parameters = f.parameters;
    b.u = f.u;
    b.s0 = f.s0;
    b.reserve = f.reserve;
    b.dy.data = trainer.dy().data();
    b.d_parameters = d_parameters.data();
    b.workspace = backward.data();
    network.backward(Space(), b);
    y = on_host(out);
    last = on_host(states);
    gradient = on_host(d_parameters);
  }
};

template <class Space, class Real>
void expect_the_passes_of_a_network() {
  Trainer<Space, Real> trainer(Space(), stacked(), start_of<Real>(stacked()));
  trainer.resize(5, 3);
  copy_to(trainer.u(), random_values<Real>(trainer.u().size(), 1));
  copy_to(trainer.dy(), random_values<Real>(trainer.dy().size(), 2));
  trainer.forward();
  trainer.backward();
  const PassesByHand<Space, Real> zero(trainer, {});
  EXPECT_EQ(on_host(trainer.y()), zero.y) << Space::name();
  EXPECT_EQ(on_host(trainer.states()), zero.last) << Space::name();
  EXPECT_EQ(on_host(trainer.gradient()), zero.gradient) << Space::name();

  // From the states that the pass above left, in place.
  trainer.forward_from_states();
  trainer.backward();
  const PassesByHand<Space, Real> further(trainer, zero.last);
  EXPECT_EQ(on_host(trainer.y()), further.y) << Space::name();
  EXPECT_EQ(on_host(trainer.states()), further.last) << Space::name();
  EXPECT_EQ(on_host(trainer.gradient()), further.gradient) << Space::name();
  EXPECT_NE(further.gradient, zero.gradient);

  trainer.forward();
  trainer.backward();
  EXPECT_EQ(on_host(trainer.gradient()), zero.gradient) << "the states before were not forgotten";
}

TEST(Trainer, has_the_passes_of_a_network) {
  Spaces::for_each([]<class Space>() {
    expect_the_passes_of_a_network<Space, float>();
    expect_the_passes_of_a_network<Space, double>();
  });
}

TEST(Trainer, runs_a_sequence_in_pieces) {
  using Space = Kokkos::DefaultExecutionSpace;
  Trainer<Space, double> trainer(Space(), stacked(), start_of<double>(stacked()));
  trainer.resize(6, 2, false);
  const std::vector<double> u = random_values<double>(36, 1);
  copy_to(trainer.u(), u);
  trainer.forward();
  const std::vector<double> whole = on_host(trainer.y()), last = on_host(trainer.states());
  std::vector<double> pieces;
  trainer.resize(1, 2, false);
  for (std::ptrdiff_t t = 0; t < 6; ++t) {
    copy_to(trainer.u(), std::vector<double>(u.begin() + 6 * t, u.begin() + 6 * (t + 1)));
    trainer.forward_from_states();
    for (const double y : on_host(trainer.y())) pieces.push_back(y);
  }
  // Tilings of other sizes add up in another order: sums of 12 products.
  ASSERT_EQ(pieces.size(), whole.size());
  for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_NEAR(pieces[i], whole[i], 1e-14);
  for (std::size_t i = 0; i < last.size(); ++i)
    EXPECT_NEAR(on_host(trainer.states())[i], last[i], 1e-14);
}

TEST(Trainer, keeps_its_memory_while_the_size_stays) {
  using Space = Kokkos::DefaultExecutionSpace;
  Trainer<Space> trainer(Space(), stacked(), start_of<float>(stacked()));
  trainer.resize(4, 3);
  const float* const before = trainer.u().data();
  Kokkos::deep_copy(trainer.u(), 1.0F);
  trainer.resize(4, 3);
  EXPECT_EQ(trainer.u().data(), before);
  EXPECT_EQ(on_host(trainer.u()), std::vector<float>(36, 1.0F));
  EXPECT_EQ(trainer.dy().size(), 24U);
  trainer.resize(4, 3, false);
  EXPECT_EQ(on_host(trainer.u()), std::vector<float>(36, 0.0F));
  EXPECT_EQ(trainer.dy().size(), 0U);
  trainer.resize(2, 5);
  EXPECT_EQ(trainer.u().size(), 30U);
  EXPECT_EQ(trainer.network().problem().steps, 2);
}

TEST(Trainer, updates_leave_frozen_tensors_alone) {
  using Space = Kokkos::DefaultExecutionSpace;
  Trainer<Space> trainer(Space(), stacked(), start_of<float>(stacked()));
  const auto values = [&](const char* name) {
    return on_host(trainer.part(trainer.parameters(), name));
  };
  const auto W = values("W_l1"), R = values("R_l0"), b = values("b_l0");
  trainer.freeze("R_l0", 0);
  trainer.freeze("W_l1");
  for (int n = 0; n < 3; ++n) {
    copy_to(trainer.gradient(), random_values<float>(trainer.gradient().size(), 3));
    trainer.update({.learning_rate = 0.1});
  }
  EXPECT_EQ(trainer.updates(), 3);
  EXPECT_NE(R, std::vector<float>(R.size(), 0.0F));
  EXPECT_EQ(values("R_l0"), std::vector<float>(R.size(), 0.0F));
  EXPECT_EQ(values("W_l1"), W);
  const auto moved = values("b_l0");
  for (std::size_t i = 0; i < b.size(); ++i) EXPECT_NE(moved[i], b[i]);
}

TEST(Trainer, says_what_is_wrong) {
  using Space = Kokkos::DefaultExecutionSpace;
  EXPECT_EQ(message_of<InvalidArgument>(
                [] { Trainer<Space>(Space(), stacked(), std::vector<float>(7)); }),
            "parameters: expected " + std::to_string(ParameterLayout(stacked()).size()) +
                " for this architecture, found 7");
  EXPECT_NE(message_of<InvalidArgument>(
                [] { Trainer<Space>(Space(), stacked("lstn"), start_of<float>(stacked())); }),
            "");
  Trainer<Space> trainer(Space(), stacked(), start_of<float>(stacked()));
  const std::string no_size = "trainer: resize comes first, as the data has no size yet";
  EXPECT_EQ(message_of<InvalidArgument>([&] { trainer.forward(); }), no_size);
  EXPECT_EQ(message_of<InvalidArgument>([&] { trainer.forward_from_states(); }), no_size);
  EXPECT_EQ(message_of<InvalidArgument>([&] { trainer.backward(); }), no_size);
  EXPECT_EQ(message_of<InvalidArgument>([&] { (void)trainer.u(); }), no_size);
  EXPECT_NE(message_of<InvalidArgument>([&] { trainer.resize(0, 1); }), "");
  EXPECT_NE(message_of<InvalidArgument>([&] { trainer.freeze("R_l7"); }), "");
  trainer.resize(3, 2, false);
  trainer.forward();
  EXPECT_NE(message_of<InvalidArgument>([&] { trainer.backward(); }), "");
}

}  // namespace
}  // namespace flashrnn::test
