// SPDX-License-Identifier: Apache-2.0
// A user's cell in the CUDA kernels, compiled from the header that the user wrote: with its derived
// backward, with its own, and what is said where there is no text. Runs on a GPU; links no Kokkos.
#include "flashrnn/cells/lstm.hpp"
#include "peephole_lstm.hpp"
#include "values_comparison.hpp"

namespace flashrnn::cuda {
namespace {

const Case small{"small", {19, 5, 2, 40}};
const Case small_clipped{
    "small_clipped", {9, 3, 2, 64}, SequenceOrder::batch_first, true, 0.3, 0.05};
const Case spread{"spread", {13, 5, 2, 256}};
const Case spread_odd{"spread_odd", {9, 3, 1, 139}};

TEST(UserCell, DerivedBackwardInOneBlock) {
  EXPECT_TRUE((Comparison<SmallHeads, PeepholeLstm, bfloat16>(small).run()));
  EXPECT_TRUE((Comparison<SmallHeads, PeepholeLstm, float16>(small_clipped).run()));
}

TEST(UserCell, OwnBackwardInOneBlock) {
  EXPECT_TRUE((Comparison<SmallHeads, PeepholeLstmByHand, bfloat16>(small).run()));
  EXPECT_TRUE((Comparison<SmallHeads, PeepholeLstmByHand, float16>(small_clipped).run()));
}

TEST(UserCell, SpreadOverBlocks) {
  EXPECT_TRUE((Comparison<SpreadHeads, PeepholeLstm, bfloat16>(spread).run()));
  EXPECT_TRUE((Comparison<SpreadHeads, PeepholeLstm, float>(spread_odd).run()));
  EXPECT_TRUE((Comparison<SpreadHeads, PeepholeLstmByHand, float>(spread).run()));
  EXPECT_TRUE((Comparison<SpreadHeads, PeepholeLstmByHand, float16>(spread_odd).run()));
}

/// A cell of a user's with the name of one of ours and other equations.
struct Impostor : Lstm {};

std::string reason_for(NativeCell cell) {
  Problem problem;
  problem.dtype = DataType::bfloat16;
  problem.shape = {2, 1, 1, 16};
  std::string reason;
  EXPECT_EQ(SmallHeads::make(problem, cell, current_device(), reason), nullptr);
  return reason;
}

TEST(UserCell, SaysWhyThereIsNoText) {
  NativeCell cell = native_cell<PeepholeLstm>();
  cell.file = "/no/such/header.hpp";
  EXPECT_NE(reason_for(cell).find("cannot be read here: /no/such/header.hpp"), std::string::npos);
  cell.file.clear();
  EXPECT_NE(reason_for(cell).find("__FILE__"), std::string::npos);
}

TEST(UserCell, IsNotTakenForABuiltInCellOfItsName) {
  EXPECT_NE(reason_for(native_cell<Impostor>()).find("is not known"), std::string::npos);
}

}  // namespace
}  // namespace flashrnn::cuda
