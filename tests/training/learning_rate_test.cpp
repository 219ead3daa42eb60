// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/training/learning_rate.hpp"

#include <gtest/gtest.h>

namespace flashrnn::test {
namespace {

TEST(cosine_decay, falls_along_half_a_cosine) {
  // cos(60°) = 1/2, cos(90°) = 0 and cos(120°) = -1/2, with the rounding of a few operations.
  EXPECT_DOUBLE_EQ(cosine_decay(8, 4, 0, 300), 8);
  EXPECT_DOUBLE_EQ(cosine_decay(8, 4, 100, 300), 7);
  EXPECT_DOUBLE_EQ(cosine_decay(8, 4, 150, 300), 6);
  EXPECT_DOUBLE_EQ(cosine_decay(8, 4, 200, 300), 5);
  EXPECT_DOUBLE_EQ(cosine_decay(8, 4, 300, 300), 4);
  for (int done = 0; done < 300; ++done)
    EXPECT_GT(cosine_decay(8, 4, done, 300), cosine_decay(8, 4, done + 1, 300)) << done;
}

TEST(cosine_decay, stays_at_its_ends) {
  EXPECT_EQ(cosine_decay(1e-2, 1e-4, 1000, 300), 1e-4);
  EXPECT_EQ(cosine_decay(1e-2, 1e-4, 0, 0), 1e-4);
  EXPECT_DOUBLE_EQ(cosine_decay(1e-2, 1e-4, -5, 300), 1e-2);
}

}  // namespace
}  // namespace flashrnn::test
