// SPDX-License-Identifier: Apache-2.0
#pragma once

// The instruction sets that the host kernels are compiled for. Every template of the host kernels
// takes one of these tags, so that the same template compiled with different flags is a different
// function: a linker may never choose AVX-512 code for a processor without it.
//
// Nothing here includes Kokkos or the standard library: their inline functions would be shared
// between files compiled with different flags.

#if defined(__x86_64__) && (defined(__AVX2__) || defined(__AVX512F__))
#include <immintrin.h>
#endif

namespace flashrnn::host {

/// What every compiler target has: vectors of 128 bits (SSE2, NEON).
struct Baseline {
  static constexpr const char* name = "128-bit vectors";
  static constexpr int vector_bytes = 16;
#if defined(__aarch64__)
  static constexpr int registers = 32;
#else
  static constexpr int registers = 16;
#endif
};

/// AVX2 with FMA and F16C.
struct Avx2 {
  static constexpr const char* name = "AVX2";
  static constexpr int vector_bytes = 32;
  static constexpr int registers = 16;
};

/// AVX-512 F, BW, DQ and VL.
struct Avx512 {
  static constexpr const char* name = "AVX-512";
  static constexpr int vector_bytes = 64;
  static constexpr int registers = 32;
};

/// The widest of them that this file is compiled for.
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#define FLASHRNN_HOST_AVX512 1
using IsaOfThisFile = Avx512;
#elif defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#define FLASHRNN_HOST_AVX2 1
using IsaOfThisFile = Avx2;
#else
using IsaOfThisFile = Baseline;
#endif

}  // namespace flashrnn::host
