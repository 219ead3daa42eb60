// SPDX-License-Identifier: Apache-2.0
#include <cblas.h>

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <limits>

#include "flashrnn/error.hpp"
#include "flashrnn/recurrence/gemm.hpp"
#include "flashrnn/recurrence/workspace.hpp"
#include "flashrnn/types.hpp"

namespace flashrnn {
namespace {

// CBLAS counts in int; longer sums are cut into pieces that are added up.
constexpr Index longest_piece = 1 << 30;
// 16-bit operands are converted to float in pieces of at most so many rows and so much of the sum:
// long enough for BLAS to be efficient, small enough to stay in a processor's cache.
constexpr Index most_piece_rows = 1024;
constexpr Index most_piece_length = 256;

int to_int(Index value) {
  if (value > std::numeric_limits<int>::max())
    throw InvalidArgument("matrix product: a size or leading dimension is above 2^31 - 1: " +
                          std::to_string(value));
  return static_cast<int>(value);
}

void multiply(const GemmArguments& g, Index inner, const double* a, Index lda, const double* b,
              Index ldb, double* c, bool accumulate) {
  cblas_dgemm(CblasRowMajor, g.transpose_a ? CblasTrans : CblasNoTrans,
              g.transpose_b ? CblasTrans : CblasNoTrans, to_int(g.rows), to_int(g.columns),
              to_int(inner), 1.0, a, to_int(lda), b, to_int(ldb), accumulate ? 1.0 : 0.0, c,
              to_int(g.ldc));
}
void multiply(const GemmArguments& g, Index inner, const float* a, Index lda, const float* b,
              Index ldb, float* c, bool accumulate) {
  cblas_sgemm(CblasRowMajor, g.transpose_a ? CblasTrans : CblasNoTrans,
              g.transpose_b ? CblasTrans : CblasNoTrans, to_int(g.rows), to_int(g.columns),
              to_int(inner), 1.0f, a, to_int(lda), b, to_int(ldb), accumulate ? 1.0f : 0.0f, c,
              to_int(g.ldc));
}

/// A piece of one row needs no leading dimension: how sums along a distance beyond int are walked.
Index piece_limit(const GemmArguments& g) {
  const bool far_a = g.transpose_a && g.lda > std::numeric_limits<int>::max();
  const bool far_b = !g.transpose_b && g.ldb > std::numeric_limits<int>::max();
  return far_a || far_b ? 1 : longest_piece;
}

/// The parts of the workspace for 16-bit operands; grows with every size.
struct NarrowWorkspace {
  NarrowWorkspace(Index rows, Index columns, Index inner, bool narrow_output, void* base)
      : piece_rows(std::min(rows, most_piece_rows)),
        piece_length(std::min(inner, most_piece_length)) {
    WorkspaceDivider divide(base);
    a = divide.take<float>(static_cast<std::size_t>(piece_rows * piece_length));
    b = divide.take<float>(static_cast<std::size_t>(columns * piece_length));
    sums = divide.take<float>(narrow_output ? static_cast<std::size_t>(piece_rows * columns) : 0);
    bytes = divide.used();
  }
  Index piece_rows, piece_length;
  float* a;
  float* b;
  float* sums;
  std::size_t bytes;
};

/// `count` rows of `length` elements, as floats without gaps.
template <class Storage>
void convert_rows(const Storage* from, Index ld, Index count, Index length, float* to) {
  for (Index row = 0; row < count; ++row)
    for (Index i = 0; i < length; ++i)
      to[row * length + i] = static_cast<float>(from[row * ld + i]);
}

template <class Real>
void run_plain(const GemmArguments& g) {
  const Index limit = piece_limit(g);
  const Index lda = g.transpose_a && limit == 1 ? g.rows : g.lda;
  const Index ldb = !g.transpose_b && limit == 1 ? g.columns : g.ldb;
  for (Index n = 0; n < g.count; ++n) {
    const Real* a = static_cast<const Real*>(g.a) + n * g.stride_a;
    const Real* b = static_cast<const Real*>(g.b) + n * g.stride_b;
    Real* c = static_cast<Real*>(g.c) + n * g.stride_c;
    for (Index done = 0; done < g.inner; done += limit) {
      const Index piece = std::min(limit, g.inner - done);
      multiply(g, piece, a + done * (g.transpose_a ? g.lda : 1), lda,
               b + done * (g.transpose_b ? 1 : g.ldb), ldb, c, g.accumulate || done > 0);
    }
  }
}

/// Adds (or stores) rows of float sums to rows of 16-bit elements.
template <class Storage>
void store_rows(const float* sums, Index rows, Index columns, bool accumulate, Storage* to,
                Index ld) {
  for (Index row = 0; row < rows; ++row)
    for (Index i = 0; i < columns; ++i) {
      Storage& element = to[row * ld + i];
      const float before = accumulate ? static_cast<float>(element) : 0.0f;
      element = static_cast<Storage>(before + sums[row * columns + i]);
    }
}

/// BLAS libraries have no portable 16-bit products, so operands are converted to float piece by
/// piece and the sums formed in float.
template <class Storage>
void run_narrow(const GemmArguments& g) {
  const bool direct = g.output == DataType::float32;
  const NarrowWorkspace work(g.rows, g.columns, g.inner, !direct, g.workspace);
  GemmArguments call = g;
  if (!direct) call.ldc = g.columns;
  for (Index n = 0; n < g.count; ++n) {
    const Storage* a = static_cast<const Storage*>(g.a) + n * g.stride_a;
    const Storage* b = static_cast<const Storage*>(g.b) + n * g.stride_b;
    for (Index first = 0; first < g.rows; first += work.piece_rows) {
      call.rows = std::min(work.piece_rows, g.rows - first);
      float* const c =
          direct ? static_cast<float*>(g.c) + n * g.stride_c + first * g.ldc : work.sums;
      for (Index done = 0; done < g.inner; done += work.piece_length) {
        const Index piece = std::min(work.piece_length, g.inner - done);
        if (g.transpose_a) {
          convert_rows(a + done * g.lda + first, g.lda, piece, call.rows, work.a);
        } else {
          convert_rows(a + first * g.lda + done, g.lda, call.rows, piece, work.a);
        }
        if (g.transpose_b) {
          convert_rows(b + done, g.ldb, g.columns, piece, work.b);
        } else {
          convert_rows(b + done * g.ldb, g.ldb, piece, g.columns, work.b);
        }
        multiply(call, piece, work.a, g.transpose_a ? call.rows : piece, work.b,
                 g.transpose_b ? piece : g.columns, c, done > 0 || (direct && g.accumulate));
      }
      if (!direct)
        store_rows(work.sums, call.rows, g.columns, g.accumulate,
                   static_cast<Storage*>(g.c) + n * g.stride_c + first * g.ldc, g.ldc);
    }
  }
}

/// The CBLAS library of the host; the same for all host execution spaces. Runs before it returns.
template <class ExecutionSpace>
class BlasGemm final : public Gemm<ExecutionSpace> {
 public:
  std::size_t workspace_bytes(Index rows, Index columns, Index inner, DataType input,
                              DataType output) const override {
    if (size_of(input) > 2) return 0;
    return NarrowWorkspace(rows, columns, inner, output != DataType::float32, nullptr).bytes;
  }

  void run(const ExecutionSpace& space, const GemmArguments& g) const override {
    space.fence("flashrnn::gemm");  // BLAS knows nothing of the work that is enqueued before it
    for (Index outer = 0; outer < g.outer_count; ++outer) multiply_all(outer_part(g, outer));
  }

 private:
  static void multiply_all(const GemmArguments& g) {
    switch (g.input) {
      case DataType::float64:
        return run_plain<double>(g);
      case DataType::float32:
        return run_plain<float>(g);
      case DataType::bfloat16:
        return run_narrow<bfloat16>(g);
      case DataType::float16:
        return run_narrow<float16>(g);
    }
  }
};

}  // namespace

#ifdef KOKKOS_ENABLE_SERIAL
template <>
std::unique_ptr<Gemm<Kokkos::Serial>> make_gemm(const Kokkos::Serial&) {
  return std::make_unique<BlasGemm<Kokkos::Serial>>();
}
#endif
#ifdef KOKKOS_ENABLE_OPENMP
template <>
std::unique_ptr<Gemm<Kokkos::OpenMP>> make_gemm(const Kokkos::OpenMP&) {
  return std::make_unique<BlasGemm<Kokkos::OpenMP>>();
}
#endif

}  // namespace flashrnn
