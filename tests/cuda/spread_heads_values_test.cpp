// SPDX-License-Identifier: Apache-2.0
// The kernels of heads that several multiprocessors share: every cell and type, sizes that fill
// tiles and sizes that do not, all options, exchange rings that go round several times. Runs on a
// GPU; links no Kokkos.
#include <string>

#include "flashrnn/cells/elman.hpp"
#include "flashrnn/cells/gru.hpp"
#include "flashrnn/cells/lstm.hpp"
#include "flashrnn/cells/slstm.hpp"
#include "values_comparison.hpp"

namespace flashrnn::cuda {
namespace {

const std::vector<Case>& cases() {
  constexpr auto batch_first = SequenceOrder::batch_first;
  constexpr auto time_major = SequenceOrder::time_major;
  static const std::vector<Case> all = {
      {"d13_odd", {7, 5, 2, 13}},
      {"d128_one_step", {1, 5, 2, 128}},
      {"d129_odd", {6, 3, 2, 129}},
      {"d129_bare", {6, 3, 2, 129}, time_major, false},
      {"d200_one_step", {1, 1, 1, 200}},
      {"d256", {37, 5, 3, 256}},
      {"d256_batch_first", {9, 7, 1, 256}, batch_first},
      {"d256_batch_1", {70, 1, 2, 256}},
      {"d256_batch_100", {3, 100, 1, 256}},
      {"d256_shifted", {9, 5, 2, 256}, time_major, true, 0, 0, false, 1},
      {"d768_shifted", {5, 3, 1, 768}, batch_first, true, 0, 0, false, 1},
      {"d264_forward_clip", {13, 5, 1, 264}, time_major, true, 0.3},
      {"d300_odd_gradient_clip", {13, 5, 2, 300}, time_major, true, 0, 0.05},
      {"d384_cut", {9, 4, 1, 384}, time_major, true, 0, 0, true},
      {"d512", {9, 5, 1, 512}},
      {"d768", {7, 3, 1, 768}},
      {"d768_batch_70", {2, 70, 1, 768}},
      {"d1024", {35, 1, 1, 1024}},
      {"d1024_batch_first_bare", {4, 2, 1, 1024}, batch_first, false},
      {"d1100_odd", {3, 3, 1, 1100}},
      {"d2048", {3, 1, 1, 2048}},
  };
  return all;
}

template <class Cell, class Storage>
void compare_with_reference(const Case& c, MatmulPrecision precision = MatmulPrecision::highest) {
  EXPECT_TRUE((Comparison<SpreadHeads, Cell, Storage>(c, precision).run()))
      << "the kernels do not take it";
}

class SpreadHeadsValues : public testing::TestWithParam<Case> {};

TEST_P(SpreadHeadsValues, LstmBfloat16) {
  compare_with_reference<Lstm, bfloat16>(GetParam());
}
TEST_P(SpreadHeadsValues, LstmFloat16) {
  compare_with_reference<Lstm, float16>(GetParam());
}
TEST_P(SpreadHeadsValues, SlstmBfloat16) {
  compare_with_reference<Slstm, bfloat16>(GetParam());
}
TEST_P(SpreadHeadsValues, SlstmFloat16) {
  compare_with_reference<Slstm, float16>(GetParam());
}
TEST_P(SpreadHeadsValues, GruBfloat16) {
  compare_with_reference<Gru, bfloat16>(GetParam());
}
TEST_P(SpreadHeadsValues, GruFloat16) {
  compare_with_reference<Gru, float16>(GetParam());
}
TEST_P(SpreadHeadsValues, ElmanBfloat16) {
  compare_with_reference<Elman, bfloat16>(GetParam());
}
TEST_P(SpreadHeadsValues, ElmanFloat16) {
  compare_with_reference<Elman, float16>(GetParam());
}
TEST_P(SpreadHeadsValues, ElmanReluBfloat16) {
  compare_with_reference<ElmanRelu, bfloat16>(GetParam());
}
TEST_P(SpreadHeadsValues, ElmanReluFloat16) {
  compare_with_reference<ElmanRelu, float16>(GetParam());
}

INSTANTIATE_TEST_SUITE_P(All, SpreadHeadsValues, testing::ValuesIn(cases()),
                         [](const auto& one) { return one.param.name; });

/// Many rows of the batch, which wide batch tiles take: two streams and one, full and not, rings
/// that go round, rows that cannot be moved in pieces of 16 bytes. The reference takes long for
/// them.
const std::vector<Case>& wide_cases() {
  constexpr auto batch_first = SequenceOrder::batch_first;
  static const std::vector<Case> all = {
      {"d200_batch_130", {5, 130, 4, 200}},
      {"d300_batch_220_odd", {36, 220, 1, 301}},
      {"d520_batch_130_clip", {7, 130, 1, 520}, batch_first, true, 0.3},
      {"d768_batch_256", {3, 256, 1, 768}},
      {"d1024_batch_64", {4, 64, 1, 1024}},
  };
  return all;
}
class SpreadHeadsWide : public testing::TestWithParam<Case> {};

TEST_P(SpreadHeadsWide, LstmBfloat16) {
  compare_with_reference<Lstm, bfloat16>(GetParam());
}
TEST_P(SpreadHeadsWide, GruFloat16) {
  compare_with_reference<Gru, float16>(GetParam());
}
TEST_P(SpreadHeadsWide, SlstmBfloat16) {
  compare_with_reference<Slstm, bfloat16>(GetParam());
}
TEST_P(SpreadHeadsWide, ElmanFloat16) {
  compare_with_reference<Elman, float16>(GetParam());
}
INSTANTIATE_TEST_SUITE_P(All, SpreadHeadsWide, testing::ValuesIn(wide_cases()),
                         [](const auto& one) { return one.param.name; });

/// Heads whose R the chip holds in float32, of every cell.
std::vector<Case> float32_cases() {
  std::vector<Case> out;
  for (const Case& one : cases())
    if (one.shape.head_dim <= 1024) out.push_back(one);
  return out;
}
class SpreadHeadsFloat32 : public testing::TestWithParam<Case> {};

TEST_P(SpreadHeadsFloat32, Lstm) {
  compare_with_reference<Lstm, float>(GetParam());
}
TEST_P(SpreadHeadsFloat32, Slstm) {
  compare_with_reference<Slstm, float>(GetParam());
}
TEST_P(SpreadHeadsFloat32, Gru) {
  compare_with_reference<Gru, float>(GetParam());
}
TEST_P(SpreadHeadsFloat32, Elman) {
  compare_with_reference<Elman, float>(GetParam());
}
TEST_P(SpreadHeadsFloat32, ElmanRelu) {
  compare_with_reference<ElmanRelu, float>(GetParam());
}
TEST_P(SpreadHeadsFloat32, LstmHigh) {
  compare_with_reference<Lstm, float>(GetParam(), MatmulPrecision::high);
}
TEST_P(SpreadHeadsFloat32, SlstmHigh) {
  compare_with_reference<Slstm, float>(GetParam(), MatmulPrecision::high);
}
TEST_P(SpreadHeadsFloat32, GruHigh) {
  compare_with_reference<Gru, float>(GetParam(), MatmulPrecision::high);
}
TEST_P(SpreadHeadsFloat32, ElmanHigh) {
  compare_with_reference<Elman, float>(GetParam(), MatmulPrecision::high);
}
INSTANTIATE_TEST_SUITE_P(All, SpreadHeadsFloat32, testing::ValuesIn(float32_cases()),
                         [](const auto& one) { return one.param.name; });
/// Rows of the batch by themselves, in clusters and through L2, in few blocks and many: a float32
/// that is multiplied as two float16 has a scale per row.
std::vector<Case> apart_cases() {
  constexpr auto batch_first = SequenceOrder::batch_first;
  std::vector<Case> all = {{"d13_odd", {7, 5, 2, 13}},
                           {"d129_odd", {6, 3, 2, 129}},
                           {"d256_batch_33", {9, 33, 3, 256}, batch_first},
                           {"d300_batch_16", {13, 16, 1, 300}},
                           {"d768_batch_40", {5, 40, 1, 768}}};
  for (Case& one : all) one.rows_apart = true;
  return all;
}
class SpreadHeadsApart : public testing::TestWithParam<Case> {};

TEST_P(SpreadHeadsApart, Lstm) {
  compare_with_reference<Lstm, float>(GetParam());
}
TEST_P(SpreadHeadsApart, Slstm) {
  compare_with_reference<Slstm, float>(GetParam());
}
TEST_P(SpreadHeadsApart, Gru) {
  compare_with_reference<Gru, float>(GetParam());
}
TEST_P(SpreadHeadsApart, Elman) {
  compare_with_reference<Elman, float>(GetParam());
}
TEST_P(SpreadHeadsApart, LstmHigh) {
  compare_with_reference<Lstm, float>(GetParam(), MatmulPrecision::high);
}
INSTANTIATE_TEST_SUITE_P(All, SpreadHeadsApart, testing::ValuesIn(apart_cases()),
                         [](const auto& one) { return one.param.name; });

TEST(SpreadHeadsFloat32, GruOf1100Units) {
  compare_with_reference<Gru, float>({"d1100_odd", {3, 3, 1, 1100}});
}
TEST(SpreadHeadsFloat32, ElmanOf2048Units) {
  compare_with_reference<Elman, float>({"d2048", {3, 1, 1, 2048}});
}

/// Backward of blocks that divide k among them, in clusters of a given size, where fewer or others
/// would be chosen: units that do not fill the last cluster, parts of k that do not fill the warps,
/// rings of slots that go round.
struct SplitCase {
  int split;
  Case problem;
};
std::ostream& operator<<(std::ostream& out, const SplitCase& c) {
  return out << c.split << ' ' << c.problem.name;
}
std::vector<SplitCase> split_cases() {
  constexpr auto batch_first = SequenceOrder::batch_first;
  constexpr auto time_major = SequenceOrder::time_major;
  std::vector<SplitCase> out;
  for (const int split : {2, 4})
    for (const Case& one : {Case{"d200_odd", {7, 5, 2, 201}}, Case{"d136_one_step", {1, 3, 1, 136}},
                            Case{"d256_batch_1", {140, 1, 2, 256}},
                            Case{"d300_batch_33", {40, 33, 1, 300}, batch_first},
                            Case{"d264_clips", {13, 2, 1, 264}, time_major, true, 0.3, 0.05},
                            Case{"d384_cut_bare", {9, 17, 1, 384}, time_major, false, 0, 0, true},
                            Case{"d768", {5, 16, 1, 768}}})
      out.push_back({split, one});
  return out;
}
class SpreadHeadsSplit : public testing::TestWithParam<SplitCase> {
 protected:
  template <class Cell, class Storage>
  static void compare() {
    const DeviceFacts device = current_device();
    if (std::stoi(device.architecture.substr(3)) < 90) GTEST_SKIP() << "clusters need sm_90";
    const SplitCase& c = GetParam();
    const auto make = [&](const Problem& problem, const NativeCell& cell) {
      const BackwardReads reads = with_options(cell, problem).reads;
      auto tilings =
          choose_spread(problem.shape, backward_pass(cell.description, reads, ProductType(problem)),
                        device, 10000);
      std::erase_if(tilings, [&](const SpreadTiling& one) { return one.split != c.split; });
      const auto forward = choose_spread(
          problem.shape, forward_pass(cell.description, problem.training, ProductType(problem)),
          device);
      return SpreadHeads::with_tilings(problem, cell, device, {forward, tilings});
    };
    EXPECT_TRUE(
        (Comparison<SpreadHeads, Cell, Storage>(c.problem, MatmulPrecision::highest, make).run()))
        << "no tiling of that split fits the device";
  }
};
TEST_P(SpreadHeadsSplit, LstmBfloat16) {
  compare<Lstm, bfloat16>();
}
TEST_P(SpreadHeadsSplit, GruFloat16) {
  compare<Gru, float16>();
}
TEST_P(SpreadHeadsSplit, SlstmBfloat16) {
  compare<Slstm, bfloat16>();
}
TEST_P(SpreadHeadsSplit, GruFloat32) {
  compare<Gru, float>();
}
TEST_P(SpreadHeadsSplit, LstmFloat32) {
  compare<Lstm, float>();
}
INSTANTIATE_TEST_SUITE_P(All, SpreadHeadsSplit, testing::ValuesIn(split_cases()),
                         [](const auto& one) {
                           return "split_" + std::to_string(one.param.split) + "_" +
                                  one.param.problem.name;
                         });

std::string reason_for(DataType type, Index head_dim) {
  Problem problem;
  problem.dtype = type;
  problem.shape = {2, 1, 1, head_dim};
  std::string reason;
  EXPECT_EQ(SpreadHeads::make(problem, native_cell<Lstm>(), current_device(), reason), nullptr);
  return reason;
}
TEST(SpreadHeads, TakeWideBatchTilesWhereThereAreMany) {
  if (current_device().architecture != "sm_90a") GTEST_SKIP() << "wgmma is of sm_90a alone";
  Problem problem;
  problem.dtype = DataType::bfloat16;
  problem.shape = {2, 256, 1, 768};
  std::string reason;
  const auto heads = SpreadHeads::make(problem, native_cell<Lstm>(), current_device(), reason);
  ASSERT_NE(heads, nullptr) << reason;
  EXPECT_NE(heads->describe().find("k-tiles of R"), std::string::npos) << heads->describe();
}
TEST(SpreadHeads, SayWhatTheyDoNotRun) {
  EXPECT_NE(reason_for(DataType::float64, 256).find("float64"), std::string::npos);
  EXPECT_NE(reason_for(DataType::float32, 4096).find("4096 x 4096 in float32, does not fit"),
            std::string::npos);
}

}  // namespace
}  // namespace flashrnn::cuda
