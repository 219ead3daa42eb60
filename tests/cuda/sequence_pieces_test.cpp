// SPDX-License-Identifier: Apache-2.0
#include "sequence_pieces.hpp"

#include <gtest/gtest.h>

namespace flashrnn::cuda {
namespace {

constexpr Index bfloat16_bytes = 2;

TEST(SequencePieces, ArePiecesOfEveryStride) {
  EXPECT_TRUE(has_pieces({64, 4096, 256, 64}, bfloat16_bytes, 16));
  EXPECT_FALSE(has_pieces({68, 4096, 256, 64}, bfloat16_bytes, 16));
  EXPECT_FALSE(has_pieces({64, 4100, 256, 64}, bfloat16_bytes, 16));
  EXPECT_FALSE(has_pieces({64, 4096, 260, 64}, bfloat16_bytes, 16));
  EXPECT_FALSE(has_pieces({64, 4096, 256, 52}, bfloat16_bytes, 16));
  EXPECT_TRUE(has_pieces({68, 4100, 260, 52}, bfloat16_bytes, 8));
  EXPECT_TRUE(has_pieces({0, 4096, 256, 0}, bfloat16_bytes, 16));
}

// 8 · 2^28 pieces are one more than an int holds.
TEST(SequencePieces, StepsAreAsFarApartAsAnIntHolds) {
  constexpr Index pieces = Index(1) << 28, elements = 16 / bfloat16_bytes;
  EXPECT_FALSE(has_pieces({64, pieces * elements, 256, 64}, bfloat16_bytes, 16));
  EXPECT_TRUE(has_pieces({64, (pieces - 1) * elements, 256, 64}, bfloat16_bytes, 16));
  EXPECT_FALSE(has_pieces({64, -pieces * elements, 256, 64}, bfloat16_bytes, 16));
  EXPECT_TRUE(has_pieces({64, (1 - pieces) * elements, 256, 64}, bfloat16_bytes, 16));
}

// Rows of the batch, which are far apart where the batch comes first, are walked by 64-bit numbers.
TEST(SequencePieces, RowsOfTheBatchAreAsFarApartAsTheyLike) {
  EXPECT_TRUE(has_pieces({64, 256, Index(1) << 40, 64}, bfloat16_bytes, 16));
}

}  // namespace
}  // namespace flashrnn::cuda
