// SPDX-License-Identifier: Apache-2.0
// dR by the BLAS library in every execution space, for gates that lie in one tensor, in several, or
// at unequal distances. Values are small integers, whose sums every type holds exactly.
#include "flashrnn/recurrence/weight_gradient.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "integer_buffer.hpp"
#include "spaces.hpp"

namespace flashrnn::test {
namespace {

struct WeightGradientCase {
  Index steps, heads, head_dim;
  bool initial_state;
  std::vector<Index> gate_offsets;  ///< of rows' parts, in units of all heads
  Index dR_offset, dR_row;          ///< elements before dR, and behind each of its rows
};

template <class ExecutionSpace, class Storage>
void check_weight_gradient(DataType type, const WeightGradientCase& c) {
  constexpr Index batch = 3;
  const auto size = [](Index n) { return static_cast<std::size_t>(n); };
  const Index units = c.heads * c.head_dim, gates = static_cast<Index>(c.gate_offsets.size());
  const Shape shape{c.steps, batch, c.heads, c.head_dim};
  const Index row = 8 * units;  // of d_gate, at whatever offsets gates lie
  const Strides d_strides{0, batch * row, row, c.head_dim};
  const Strides h_strides{0, batch * units, units, c.head_dim};
  const Index matrix_row = c.head_dim + c.dR_row;
  const MatrixStrides dR_strides{c.heads * c.head_dim * matrix_row, c.head_dim * matrix_row,
                                 matrix_row};

  using Buffer = IntegerBuffer<ExecutionSpace>;
  Buffer d_gate(type, size(c.steps * batch * row), 1), h(type, size(c.steps * batch * units), 2),
      s0(type, size(batch * units), 3), dR(type, size(c.dR_offset + gates * dR_strides.gate), 4);

  std::vector<double> expected = dR.values();
  for (Index n = 0; n < gates; ++n)
    for (Index head = 0; head < c.heads; ++head)
      for (Index out = 0; out < c.head_dim; ++out)
        for (Index in = 0; in < c.head_dim; ++in) {
          double sum = 0;
          for (Index t = 0; t < c.steps; ++t)
            for (Index m = 0; m < batch; ++m) {
              const Index at = c.gate_offsets[size(n)] * units + d_strides.at(0, t, m, head) + out;
              if (t == 0 && !c.initial_state) continue;
              const Index before = h_strides.at(0, std::max<Index>(t - 1, 0), m, head) + in;
              sum += d_gate.values().at(size(at)) * (t > 0 ? h : s0).values().at(size(before));
            }
          expected.at(size(c.dR_offset + dR_strides.at(n, head, out) + in)) = sum;
        }

  Problem problem;
  problem.shape = shape;
  problem.dtype = type;
  const ExecutionSpace space;
  const auto gemm = make_gemm(space);
  const WeightGradient<ExecutionSpace, Storage> weight_gradient(problem, *gemm);
  using Memory = Kokkos::View<char*, typename ExecutionSpace::memory_space>;
  using Real = AccumulateType<Storage>;
  const auto gate_count = static_cast<int>(gates);
  const Memory sums("sums", sizeof(Real) * weight_gradient.sum_elements(gate_count)),
      workspace("workspace", weight_gradient.gemm_workspace_bytes());
  std::vector<TypedTensor<Storage>> gradients;
  for (const Index offset : c.gate_offsets)
    gradients.push_back({static_cast<Storage*>(d_gate.data()) + offset * units, d_strides});
  TypedTensor<const Storage> initial{static_cast<const Storage*>(s0.data()), h_strides};
  if (!c.initial_state) initial.data = nullptr;
  weight_gradient.run(space, gate_count, gradients.data(),
                      {static_cast<const Storage*>(h.data()), h_strides}, initial,
                      static_cast<Storage*>(dR.data()) + c.dR_offset, dR_strides,
                      reinterpret_cast<Real*>(sums.data()), workspace.data());
  space.fence();
  EXPECT_EQ(dR.download(), expected);
}

TEST(WeightGradientTest, GatesInOneTensorAndApart) {
  std::vector<WeightGradientCase> cases;
  for (const Index heads : {1, 3})
    for (const Index head_dim : {5, 16})
      for (const bool initial_state : {false, true})
        for (const std::vector<Index>& offsets : {std::vector<Index>{0},
                                                  {0, 1, 2, 3},
                                                  {1, 3, 5, 7},
                                                  {0, 1, 2, 5},
                                                  {2, 0, 1},
                                                  {0, 3, 4}})
          cases.push_back({4, heads, head_dim, initial_state, offsets, 0, 0});
  const std::vector<Index> all{0, 1, 2, 3};
  for (const bool initial_state : {false, true})
    cases.push_back({1, 2, 8, initial_state, all, 0, 0});
  cases.push_back({4, 3, 16, true, all, 1, 0});  // contiguous, but not where wide stores may go
  cases.push_back({4, 3, 16, true, all, 8, 3});
  cases.push_back({4, 1, 16, true, all, 0, 8});

  Spaces::for_each([&]<class ExecutionSpace>() {
    for (const WeightGradientCase& c : cases) {
      SCOPED_TRACE(std::string(ExecutionSpace::name()) + ", T " + std::to_string(c.steps) + ", H " +
                   std::to_string(c.heads) + ", D " + std::to_string(c.head_dim) + ", " +
                   std::to_string(c.gate_offsets.size()) + " gates, dR at " +
                   std::to_string(c.dR_offset) + " with gaps of " + std::to_string(c.dR_row));
      check_weight_gradient<ExecutionSpace, double>(DataType::float64, c);
      check_weight_gradient<ExecutionSpace, float>(DataType::float32, c);
      check_weight_gradient<ExecutionSpace, bfloat16>(DataType::bfloat16, c);
      check_weight_gradient<ExecutionSpace, float16>(DataType::float16, c);
    }
  });
}

}  // namespace
}  // namespace flashrnn::test
