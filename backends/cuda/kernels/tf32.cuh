// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "numeric.cuh"

// Products of floats by tensor cores that multiply TF32, numbers with float's exponents and 11 bits
// of mantissa, which stand in the upper 19 bits of a float; the other 13 are ignored.

namespace flashrnn::cuda {

/// A float as the sum of two TF32, `high` rounded to nearest (a tie away from zero) and `low` cut
/// off: what is left out is below 2^-23 of it. An infinite float, or one within 2^-12 of the
/// largest, has NaN for its `low`.
struct Tf32Sum {
  Word high, low;
  Tf32Sum() = default;
  __device__ explicit Tf32Sum(Word bits) : high((bits + 0x1000u) & 0xffffe000u) {
    low = __float_as_uint(__uint_as_float(bits) - __uint_as_float(high));  // exact
  }
};

/// d [16 × 8] = c + a [16 × 8] · b [8 × 8] of TF32, distributed over the warp as PTX's mma.m16n8k8
/// says: lane 4·r + t has rows r, r + 8 of a's columns t and then of t + 4, rows t and t + 4 of
/// b's column r, and elements as of mma.m16n8k16 of c.
__device__ inline void multiply_add_tf32(float (&d)[4], const Word (&a)[4], Word b0, Word b1,
                                         const float (&c)[4]) {
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
      "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%11,%12,%13};"
      : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1), "f"(c[0]), "f"(c[1]),
        "f"(c[2]), "f"(c[3]));
}

}  // namespace flashrnn::cuda
