// SPDX-License-Identifier: Apache-2.0
// What plan.forward and plan.backward check of their arguments before anything runs.
#include "tensor_checks.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "expect_message.hpp"
#include "flashrnn/error.hpp"

namespace flashrnn {
namespace {

constexpr std::size_t reserve_bytes = 128, workspace_bytes = 256;

class TensorChecks : public testing::Test {
 protected:
  TensorChecks() {
    problem.shape = {5, 3, 2, 4};
    problem.training = true;
    forward.x.data = forward.R.data = forward.b.data = forward.s0.data = memory;
    forward.states.data = forward.h.data = forward.last.data = memory;
    forward.reserve = forward.workspace = memory;
    backward.R.data = backward.s0.data = backward.states.data = memory;
    backward.dh.data = backward.d_last.data = memory;
    backward.dx.data = backward.dR.data = backward.db.data = backward.ds0.data = memory;
    backward.reserve = backward.workspace = memory;
  }

  ForwardTensors check(const ForwardTensors& tensors) const {
    return checked(problem, find_cell("lstm"), reserve_bytes, workspace_bytes, tensors);
  }
  BackwardTensors check(const BackwardTensors& tensors) const {
    return checked(problem, find_cell("lstm"), reserve_bytes, workspace_bytes, tensors);
  }

  void forward_fails(const std::function<void(ForwardTensors&)>& make_wrong, const char* part,
                     const char* other = "") const {
    ForwardTensors wrong = forward;
    make_wrong(wrong);
    expect_message<InvalidArgument>([&] { check(wrong); }, part, other);
  }
  void backward_fails(const std::function<void(BackwardTensors&)>& make_wrong, const char* part,
                      const char* other = "") const {
    BackwardTensors wrong = backward;
    make_wrong(wrong);
    expect_message<InvalidArgument>([&] { check(wrong); }, part, other);
  }

  alignas(64) char memory[64] = {};
  Problem problem;
  ForwardTensors forward;
  BackwardTensors backward;
};

TEST_F(TensorChecks, MissingStridesBecomeThoseOfTheOrder) {
  for (const SequenceOrder order : {SequenceOrder::time_major, SequenceOrder::batch_first}) {
    problem.order = order;
    const ForwardTensors out = check(forward);
    const bool time_major = order == SequenceOrder::time_major;
    // x [T, B, G, H, D] or [B, T, G, H, D] with T = 5, B = 3, G = 4, H = 2, D = 4
    EXPECT_EQ(out.x.strides->channel, 8);
    EXPECT_EQ(out.x.strides->head, 4);
    EXPECT_EQ(out.x.strides->step, time_major ? 96 : 32);
    EXPECT_EQ(out.x.strides->batch, time_major ? 32 : 160);
    EXPECT_EQ(out.states.strides->channel, 120);
    EXPECT_EQ(out.states.strides->step, time_major ? 24 : 8);
    EXPECT_EQ(out.states.strides->batch, time_major ? 8 : 40);
    EXPECT_EQ(out.R.strides->gate, 32);
    EXPECT_EQ(out.R.strides->head, 16);
    EXPECT_EQ(out.R.strides->row, 4);
    EXPECT_EQ(out.s0.strides->channel, 24);
    EXPECT_EQ(out.s0.strides->batch, 8);
    EXPECT_EQ(out.b.strides->channel, 8);
  }
}

TEST_F(TensorChecks, GivenStridesStay) {
  forward.x.strides = Strides{4, -1000, 32, 16};
  EXPECT_EQ(check(forward).x.strides->step, -1000);
  EXPECT_EQ(check(forward).x.strides->head, 16);
}

TEST_F(TensorChecks, RequiredTensorsOfForward) {
  forward_fails([](ForwardTensors& t) { t.x.data = nullptr; }, "x: expected a pointer, found null");
  forward_fails([](ForwardTensors& t) { t.R.data = nullptr; }, "R: expected a pointer, found null");
  forward_fails([](ForwardTensors& t) { t.states.data = nullptr; }, "states: expected a pointer");
  forward_fails([](ForwardTensors& t) { t.reserve = nullptr; }, "reserve: expected a pointer");
  forward_fails([](ForwardTensors& t) { t.workspace = nullptr; }, "workspace: expected a pointer",
                "256 bytes");
}

TEST_F(TensorChecks, OptionalTensorsOfForward) {
  forward.b.data = forward.s0.data = nullptr;
  forward.h.data = forward.last.data = nullptr;
  EXPECT_NO_THROW(check(forward));
  problem.training = false;
  forward.states.data = nullptr;
  forward.reserve = nullptr;
  EXPECT_NO_THROW(check(forward));
}

TEST_F(TensorChecks, RequiredTensorsOfBackward) {
  backward_fails([](BackwardTensors& t) { t.R.data = nullptr; }, "R: expected a pointer");
  backward_fails([](BackwardTensors& t) { t.states.data = nullptr; }, "states: expected a pointer");
  backward_fails([](BackwardTensors& t) { t.reserve = nullptr; }, "reserve: expected a pointer");
  backward_fails([](BackwardTensors& t) { t.workspace = nullptr; },
                 "workspace: expected a pointer");
  problem.training = false;
  backward_fails([](BackwardTensors&) {}, "made for inference");
}

TEST_F(TensorChecks, OptionalTensorsOfBackward) {
  backward.s0.data = backward.dh.data = backward.d_last.data = nullptr;
  backward.dx.data = backward.dR.data = backward.db.data = backward.ds0.data = nullptr;
  EXPECT_NO_THROW(check(backward));
}

TEST_F(TensorChecks, Alignment) {
  char* const odd = memory + 2;
  forward_fails([&](ForwardTensors& t) { t.x.data = odd; }, "x: expected an address aligned",
                "4 bytes of float32");
  forward_fails([&](ForwardTensors& t) { t.last.data = odd; }, "last: expected an address aligned");
  backward_fails([&](BackwardTensors& t) { t.dR.data = odd; }, "dR: expected an address aligned");
  forward_fails([&](ForwardTensors& t) { t.workspace = memory + 4; },
                "workspace: expected an address aligned to 64 bytes");
  problem.dtype = DataType::bfloat16;
  forward.x.data = odd;
  EXPECT_NO_THROW(check(forward));
}

TEST_F(TensorChecks, StridesOfOutputsThatOverlap) {
  const Strides good{40, 8, 40, 4};
  const auto with = [&](Index Strides::*axis, Index value) {
    Strides out = good;
    out.*axis = value;
    return out;
  };
  forward.states.strides = with(&Strides::step, -8);
  EXPECT_NO_THROW(check(forward));
  forward_fails([&](ForwardTensors& t) { t.states.strides = with(&Strides::channel, 3); },
                "states: the stride of axis channel (length 2) is 3", "at least head_dim = 4");
  forward_fails([&](ForwardTensors& t) { t.states.strides = with(&Strides::step, -3); },
                "states: the stride of axis step (length 5) is 3");
  forward_fails([&](ForwardTensors& t) { t.h.strides = with(&Strides::batch, 0); },
                "h: the stride of axis batch (length 3) is 0");
  backward_fails([&](BackwardTensors& t) { t.dx.strides = with(&Strides::head, 2); },
                 "dx: the stride of axis head (length 2) is 2");
  backward_fails([&](BackwardTensors& t) { t.ds0.strides = with(&Strides::batch, -40); },
                 "ds0: the stride of axis batch (length 3) is -40");
  // An axis of length 1 is never stepped along.
  problem.shape.batch = 1;
  forward.h.strides = with(&Strides::batch, 0);
  EXPECT_NO_THROW(check(forward));
}

TEST_F(TensorChecks, StridesOfInputsMayBeZero) {
  forward.x.strides = Strides{8, 0, 0, 4};
  forward.b.strides = Strides{0, 0, 0, 0};
  EXPECT_NO_THROW(check(forward));
}

TEST_F(TensorChecks, StridesOfMatrices) {
  forward_fails(
      [](ForwardTensors& t) {
        t.R.strides = MatrixStrides{32, 16, 3};
      },
      "R: the stride of axis row (length 4) is 3");
  forward_fails(
      [](ForwardTensors& t) {
        t.R.strides = MatrixStrides{0, 16, 4};
      },
      "R: the stride of axis gate (length 4) is 0");
  backward_fails(
      [](BackwardTensors& t) {
        t.dR.strides = MatrixStrides{32, 1, 4};
      },
      "dR: the stride of axis head (length 2) is 1");
  forward.R.strides = MatrixStrides{100, 20, 5};
  EXPECT_NO_THROW(check(forward));
}

}  // namespace
}  // namespace flashrnn
