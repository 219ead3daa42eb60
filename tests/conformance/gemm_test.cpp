// SPDX-License-Identifier: Apache-2.0
// Batches of matrix products with two dimensions, by the BLAS library of every execution space.
// Values are small integers, whose products and sums every type holds exactly.
#include "flashrnn/recurrence/gemm.hpp"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "integer_buffer.hpp"
#include "spaces.hpp"

namespace flashrnn::test {
namespace {

struct GemmCase {
  const char* name;
  Index count, stride_a, stride_b, stride_c;
  Index outer_count, outer_stride_a, outer_stride_b, outer_stride_c;
};

// Matrices of at most 8 rows of 24 elements, so that each takes 192.
constexpr GemmCase gemm_cases[] = {
    {"one product", 1, 0, 0, 0, 1, 0, 0, 0},
    {"one dimension", 3, 200, 208, 216, 1, 7, 7, 7},
    {"the outer dimension alone", 1, 7, 7, 7, 3, 200, 208, 216},
    {"the outer dimension alone, B shared", 1, 7, 7, 7, 4, 200, 0, 216},
    {"as one dimension", 3, 200, 208, 216, 2, 600, 624, 648},
    {"B shared by all", 3, 200, 0, 216, 2, 600, 0, 648},
    {"B shared by the outer dimension", 3, 200, 208, 216, 4, 600, 0, 648},
    {"the same, odd distances", 3, 201, 203, 207, 4, 603, 0, 621},
    {"A interleaved", 2, 800, 200, 200, 4, 200, 400, 400},
    {"a gap in C", 3, 200, 200, 200, 2, 600, 600, 640},
    {"more products than cuBLAS gets pointers for", 35, 200, 208, 216, 33, 7000, 0, 7560},
};

/// Adds up the products one by one.
std::vector<double> added_one_by_one(const GemmArguments& g, const std::vector<double>& a,
                                     const std::vector<double>& b, std::vector<double> c) {
  for (Index outer = 0; outer < g.outer_count; ++outer)
    for (Index n = 0; n < g.count; ++n)
      for (Index row = 0; row < g.rows; ++row)
        for (Index column = 0; column < g.columns; ++column) {
          double sum = 0;
          for (Index k = 0; k < g.inner; ++k) {
            const Index in_a = g.transpose_a ? k * g.lda + row : row * g.lda + k;
            const Index in_b = g.transpose_b ? column * g.ldb + k : k * g.ldb + column;
            sum +=
                a.at(static_cast<std::size_t>(outer * g.outer_stride_a + n * g.stride_a + in_a)) *
                b.at(static_cast<std::size_t>(outer * g.outer_stride_b + n * g.stride_b + in_b));
          }
          double& to = c.at(static_cast<std::size_t>(outer * g.outer_stride_c + n * g.stride_c +
                                                     row * g.ldc + column));
          to = sum + (g.accumulate ? to : 0);
        }
  return c;
}

template <class ExecutionSpace>
void check_products(const Gemm<ExecutionSpace>& gemm, const ExecutionSpace& space,
                    const GemmCase& c, GemmArguments g) {
  g.count = c.count;
  g.stride_a = c.stride_a;
  g.stride_b = c.stride_b;
  g.stride_c = c.stride_c;
  g.outer_count = c.outer_count;
  g.outer_stride_a = c.outer_stride_a;
  g.outer_stride_b = c.outer_stride_b;
  g.outer_stride_c = c.outer_stride_c;
  const auto elements = [&](Index stride, Index outer_stride) {
    return static_cast<std::size_t>((g.count - 1) * stride + (g.outer_count - 1) * outer_stride +
                                    192);
  };
  using Buffer = IntegerBuffer<ExecutionSpace>;
  Buffer a(g.input, elements(g.stride_a, g.outer_stride_a), 1),
      b(g.input, elements(g.stride_b, g.outer_stride_b), 2),
      product(g.output, elements(g.stride_c, g.outer_stride_c), 3);
  const std::size_t bytes = gemm.workspace_bytes(g.rows, g.columns, g.inner, g.input, g.output);
  const Kokkos::View<char*, typename ExecutionSpace::memory_space> workspace("workspace", bytes);
  g.a = a.data();
  g.b = b.data();
  g.c = product.data();
  g.workspace = workspace.data();
  const std::vector<double> wanted = added_one_by_one(g, a.values(), b.values(), product.values());
  gemm.run(space, g);
  space.fence();
  EXPECT_EQ(product.download(), wanted)
      << c.name << ", " << name_of(g.input) << " to " << name_of(g.output)
      << (g.transpose_a ? ", A transposed" : "") << (g.transpose_b ? ", B transposed" : "")
      << (g.accumulate ? ", accumulated" : "");
}

template <class ExecutionSpace>
void check_all_products() {
  const ExecutionSpace space;
  const auto gemm = make_gemm(space);
  const std::pair<DataType, DataType> types[] = {
      {DataType::float64, DataType::float64},  {DataType::float32, DataType::float32},
      {DataType::bfloat16, DataType::float32}, {DataType::bfloat16, DataType::bfloat16},
      {DataType::float16, DataType::float32},  {DataType::float16, DataType::float16}};
  for (const auto& [input, output] : types)
    for (const GemmCase& c : gemm_cases)
      for (const bool accumulate : {false, true}) {
        GemmArguments g;
        g.input = input;
        g.output = output;
        g.accumulate = accumulate;
        g.rows = g.columns = g.inner = 8;
        g.lda = g.ldb = g.ldc = 24;
        check_products(*gemm, space, c, g);
        g.rows = 7;  // A^T·B, of which dR is made
        g.columns = 5;
        g.inner = 6;
        g.transpose_a = true;
        check_products(*gemm, space, c, g);
        g.transpose_b = true;
        check_products(*gemm, space, c, g);
      }
}

TEST(GemmTest, BatchesOfTwoDimensions) {
  Spaces::for_each([]<class ExecutionSpace>() {
    SCOPED_TRACE(ExecutionSpace::name());
    check_all_products<ExecutionSpace>();
  });
}

}  // namespace
}  // namespace flashrnn::test
