// SPDX-License-Identifier: Apache-2.0
// The kernels of heads that fit one multiprocessor: every cell, all three types, shapes that fill
// tiles and shapes that do not, all options. Runs on a GPU; links no Kokkos.
#include "flashrnn/cells/elman.hpp"
#include "flashrnn/cells/gru.hpp"
#include "flashrnn/cells/lstm.hpp"
#include "flashrnn/cells/slstm.hpp"
#include "values_comparison.hpp"

namespace flashrnn::cuda {
namespace {

// Enough blocks for a batch tile of 8 on a device of 132 multiprocessors, where the name says so.
const std::vector<Case>& cases() {
  constexpr auto batch_first = SequenceOrder::batch_first;
  constexpr auto time_major = SequenceOrder::time_major;
  static const std::vector<Case> all = {
      {"one_of_everything", {1, 1, 1, 1}},
      {"odd", {7, 5, 2, 13}},
      {"odd_bare", {6, 3, 2, 13}, time_major, false},
      {"d20", {19, 6, 3, 20}},
      {"d22_batch_first_bare", {18, 5, 2, 22}, batch_first, false},
      {"d36_one_step", {1, 5, 2, 36}},
      {"d54", {21, 9, 2, 54}},
      {"d108_batch_first", {9, 5, 2, 108}, batch_first},
      {"d16_one_step", {1, 5, 2, 16}},
      {"d16", {37, 16, 3, 16}},
      {"d16_bare", {16, 6, 2, 16}, time_major, false},
      {"d16_batch_first", {19, 7, 2, 16}, batch_first},
      {"d16_batch_8", {5, 67, 48, 16}},
      {"d24_forward_clip", {13, 5, 3, 24}, time_major, true, 0.3},
      {"d32", {41, 9, 2, 32}},
      {"d32_gradient_clip", {13, 8, 2, 32}, time_major, true, 0, 0.05},
      {"d40_batch_first", {11, 3, 2, 40}, batch_first},
      {"d64", {23, 6, 2, 64}},
      {"d40_shifted", {11, 3, 2, 40}, time_major, true, 0, 0, false, 1},
      {"d64_shifted", {9, 6, 2, 64}, time_major, true, 0, 0, false, 1},
      {"d64_shifted_by_half_a_piece", {9, 6, 2, 64}, time_major, true, 0, 0, false, 4},
      {"d96_batch_8_shifted", {5, 180, 8, 96}, time_major, true, 0, 0, false, 1},
      {"d112_shifted", {10, 3, 2, 112}, batch_first, true, 0, 0, false, 1},
      {"d64_cut", {9, 4, 1, 64}, time_major, true, 0, 0, true},
      {"d64_batch_8", {5, 180, 12, 64}},
      {"d56_batch_8", {18, 180, 14, 56}},
      {"d80_odd_batch", {17, 5, 3, 80}},
      {"d96_batch_8", {5, 180, 8, 96}},
      {"d100_odd", {6, 3, 1, 100}},
      // More rows of 4- and 8-byte pieces than a warp has lanes, sLSTM's more than twice as many; a
      // clip that is never reached makes backward read h as well.
      {"d54_batch_8_high_clip", {21, 64, 14, 54}, time_major, true, 30},
      {"d100_batch_8", {19, 256, 7, 100}, batch_first},
      {"d112", {10, 3, 2, 112}},
      {"d128", {18, 4, 1, 128}},
      {"d128_batch_8", {3, 181, 6, 128}},
      {"d128_batch_first_bare", {8, 2, 2, 128}, batch_first, false},
  };
  return all;
}

/// Units of the largest float32 heads that one multiprocessor of an H100 or H200 trains.
template <class Cell>
constexpr Index largest_float_head = Cell::gates == 1 ? 128 : 96;

template <class Cell, class Storage>
void compare_with_reference(const Case& c, MatmulPrecision precision = MatmulPrecision::highest) {
  const bool taken = Comparison<SmallHeads, Cell, Storage>(c, precision).run();
  // Training sLSTM's largest heads would spill, and float32's are too large for one multiprocessor;
  // kernels of spread heads do them.
  const Index largest = std::is_same_v<Storage, float> ? largest_float_head<Cell>
                        : Cell::states == 4            ? 96
                                                       : 128;
  if (!taken && c.shape.head_dim > largest) GTEST_SKIP() << "left to the kernels of spread heads";
  EXPECT_TRUE(taken) << "the kernels do not take it";
}

class SmallHeadsValues : public testing::TestWithParam<Case> {};

TEST_P(SmallHeadsValues, LstmBfloat16) {
  compare_with_reference<Lstm, bfloat16>(GetParam());
}
TEST_P(SmallHeadsValues, LstmFloat32) {
  compare_with_reference<Lstm, float>(GetParam());
}
TEST_P(SmallHeadsValues, LstmFloat16) {
  compare_with_reference<Lstm, float16>(GetParam());
}
TEST_P(SmallHeadsValues, SlstmBfloat16) {
  compare_with_reference<Slstm, bfloat16>(GetParam());
}
TEST_P(SmallHeadsValues, SlstmFloat32) {
  compare_with_reference<Slstm, float>(GetParam());
}
TEST_P(SmallHeadsValues, SlstmFloat16) {
  compare_with_reference<Slstm, float16>(GetParam());
}
TEST_P(SmallHeadsValues, GruBfloat16) {
  compare_with_reference<Gru, bfloat16>(GetParam());
}
TEST_P(SmallHeadsValues, GruFloat32) {
  compare_with_reference<Gru, float>(GetParam());
}
TEST_P(SmallHeadsValues, GruFloat16) {
  compare_with_reference<Gru, float16>(GetParam());
}
TEST_P(SmallHeadsValues, ElmanBfloat16) {
  compare_with_reference<Elman, bfloat16>(GetParam());
}
TEST_P(SmallHeadsValues, ElmanFloat32) {
  compare_with_reference<Elman, float>(GetParam());
}
TEST_P(SmallHeadsValues, ElmanFloat16) {
  compare_with_reference<Elman, float16>(GetParam());
}
TEST_P(SmallHeadsValues, ElmanReluBfloat16) {
  compare_with_reference<ElmanRelu, bfloat16>(GetParam());
}
TEST_P(SmallHeadsValues, ElmanReluFloat32) {
  compare_with_reference<ElmanRelu, float>(GetParam());
}
TEST_P(SmallHeadsValues, ElmanReluFloat16) {
  compare_with_reference<ElmanRelu, float16>(GetParam());
}

TEST_P(SmallHeadsValues, LstmFloat32High) {
  compare_with_reference<Lstm, float>(GetParam(), MatmulPrecision::high);
}
TEST_P(SmallHeadsValues, SlstmFloat32High) {
  compare_with_reference<Slstm, float>(GetParam(), MatmulPrecision::high);
}
TEST_P(SmallHeadsValues, GruFloat32High) {
  compare_with_reference<Gru, float>(GetParam(), MatmulPrecision::high);
}
TEST_P(SmallHeadsValues, ElmanFloat32High) {
  compare_with_reference<Elman, float>(GetParam(), MatmulPrecision::high);
}

INSTANTIATE_TEST_SUITE_P(All, SmallHeadsValues, testing::ValuesIn(cases()),
                         [](const auto& one) { return one.param.name; });

/// What one row of the batch does is nothing to the others, however their products are scaled.
std::vector<Case> apart_cases() {
  std::vector<Case> all = {{"d16", {7, 9, 3, 16}},     {"d32", {13, 4, 2, 32}},
                           {"d64", {9, 6, 2, 64}},     {"d64_batch_8", {5, 180, 12, 64}},
                           {"d80", {6, 5, 2, 80}},     {"d96_batch_8", {5, 180, 8, 96}},
                           {"d13_odd", {11, 5, 2, 13}}};
  for (Case& one : all) one.rows_apart = true;
  return all;
}
class SmallHeadsApart : public testing::TestWithParam<Case> {};
TEST_P(SmallHeadsApart, LstmFloat32) {
  compare_with_reference<Lstm, float>(GetParam());
}
TEST_P(SmallHeadsApart, GruFloat32) {
  compare_with_reference<Gru, float>(GetParam());
}
TEST_P(SmallHeadsApart, SlstmFloat32) {
  compare_with_reference<Slstm, float>(GetParam());
}
TEST_P(SmallHeadsApart, ElmanFloat32) {
  compare_with_reference<Elman, float>(GetParam());
}
TEST_P(SmallHeadsApart, LstmBfloat16) {
  compare_with_reference<Lstm, bfloat16>(GetParam());
}
INSTANTIATE_TEST_SUITE_P(All, SmallHeadsApart, testing::ValuesIn(apart_cases()),
                         [](const auto& one) { return one.param.name; });

/// Inference by blocks of 24 rows of the batch, which are chosen for many rows only: the last block
/// full, nearly empty, and with columns of eight rows to spare.
std::vector<Case> tall_cases() {
  constexpr auto batch_first = SequenceOrder::batch_first;
  constexpr auto time_major = SequenceOrder::time_major;
  return {{"d50_batch_48", {19, 48, 2, 50}},
          {"d64_batch_first", {7, 25, 2, 64}, batch_first},
          {"d54_odd_batch", {9, 29, 2, 54}},
          {"d64_clip", {10, 41, 1, 64}, time_major, true, 0.3},
          {"d64_bare", {21, 50, 1, 64}, time_major, false},
          {"d56_batch_first", {19, 27, 2, 56}, batch_first},
          {"d64_one_step", {1, 30, 2, 64}}};
}
class SmallHeadsTall : public testing::TestWithParam<Case> {
 protected:
  template <class Cell, class Storage>
  static void compare() {
    const auto make = [](const Problem& problem,
                         const NativeCell& given) -> std::unique_ptr<SmallHeads> {
      const DeviceFacts device = current_device();
      std::string reason;
      if (problem.training) return SmallHeads::make(problem, given, device, reason);
      const NativeCell cell = with_options(given, problem);
      auto tilings = forward_tilings(problem.shape, cell.description, ProductType(problem), false,
                                     device, 10000);
      std::erase_if(tilings, [](const ForwardTiling& one) { return one.batch != 24; });
      if (tilings.empty()) return nullptr;
      return SmallHeads::with_tilings(problem, cell, device, {tilings.front(), {}, {}});
    };
    EXPECT_TRUE(
        (Comparison<SmallHeads, Cell, Storage>(GetParam(), MatmulPrecision::highest, make).run()))
        << "no such tiling";
  }
};
TEST_P(SmallHeadsTall, LstmBfloat16) {
  compare<Lstm, bfloat16>();
}
TEST_P(SmallHeadsTall, LstmFloat16) {
  compare<Lstm, float16>();
}
TEST_P(SmallHeadsTall, GruFloat16) {
  compare<Gru, float16>();
}
INSTANTIATE_TEST_SUITE_P(All, SmallHeadsTall, testing::ValuesIn(tall_cases()),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace flashrnn::cuda
