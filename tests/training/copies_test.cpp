// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/copies.hpp"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "file_fixture.hpp"
#include "spaces.hpp"

namespace flashrnn::test {
namespace {

TEST(copies, go_there_and_back) {
  Spaces::for_each([]<class Space>() {
    const std::vector<double> values = {1, -2, 0.5, 1e300, 0, 7};
    EXPECT_EQ(on_host(on_device<Space>(values)), values) << Space::name();
    EXPECT_TRUE(on_host(on_device<Space>(std::vector<int>())).empty());

    const Kokkos::View<double**, Kokkos::LayoutRight, Space> matrix("matrix", 2, 3);
    copy_to(matrix, values);
    EXPECT_EQ(on_host(matrix), values);
    EXPECT_EQ(on_host(Kokkos::subview(matrix, 1, Kokkos::ALL)), (std::vector<double>{1e300, 0, 7}));
    const Kokkos::View<const double**, Kokkos::LayoutRight, Space> read_only = matrix;
    EXPECT_EQ(on_host(read_only), values);
  });
}

TEST(copies, refuse_gaps_and_other_sizes) {
  using Space = Kokkos::DefaultExecutionSpace;
  const Kokkos::View<float**, Kokkos::LayoutRight, Space> matrix("matrix", 2, 3);
  EXPECT_EQ(message_of<InvalidArgument>([&] {
              copy_to(matrix, {1, 2});
            }),
            "copy: expected 6 values, found 2");
  const auto column = Kokkos::subview(matrix, Kokkos::ALL, 1);
  EXPECT_EQ(message_of<InvalidArgument>([&] { (void)on_host(column); }),
            "copy: expected memory without gaps, found 2 elements in a span of 4");
  EXPECT_EQ(message_of<InvalidArgument>([&] {
              copy_to(column, {1, 2});
            }),
            "copy: expected memory without gaps, found 2 elements in a span of 4");
}

}  // namespace
}  // namespace flashrnn::test
