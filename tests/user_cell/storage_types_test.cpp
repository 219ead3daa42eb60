// SPDX-License-Identifier: Apache-2.0
// Without a list of element types a plan is compiled for all of them.
#include <gtest/gtest.h>

#include "flashrnn/user_cell.hpp"
#include "peephole_lstm.hpp"

namespace {

using Space = Kokkos::DefaultHostExecutionSpace;

TEST(UserCellTypes, AllWithoutAList) {
  for (const flashrnn::DataType type :
       {flashrnn::DataType::float64, flashrnn::DataType::float32, flashrnn::DataType::bfloat16,
        flashrnn::DataType::float16}) {
    flashrnn::Problem problem;
    problem.dtype = type;
    problem.shape = {3, 2, 1, 4};
    const auto plan = flashrnn::Plan<Space>::for_cell<PeepholeLstm>(Space(), problem);
    EXPECT_EQ(plan.describe().rfind("peephole_lstm " + std::string(name_of(type)), 0), 0U)
        << plan.describe();
  }
}

}  // namespace
