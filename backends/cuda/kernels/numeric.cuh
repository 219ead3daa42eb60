// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/types.hpp"

// Elements of storage types as bit patterns, pairs of 16-bit elements in one register, the matrix
// product of a warp on them, floats as sums of bfloat16, and the functions of cells at the
// precision that a type has use for.

namespace flashrnn::cuda {

using Word = unsigned;  // two 16-bit elements, the first in the lower half

template <class Storage>
struct Packed;

template <>
struct Packed<bfloat16> {
  static __device__ Word pack(float first, float second) {
    Word word;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(second), "f"(first));
    return word;
  }
  static __device__ float first(Word word) { return __uint_as_float(word << 16); }
  static __device__ float second(Word word) { return __uint_as_float(word & 0xffff0000u); }
  /// c [16 × 8] += a [16 × 16] · b [16 × 8], distributed over the warp as PTX's mma.m16n8k16 says.
  static __device__ void multiply_add(float (&c)[4], const Word (&a)[4], Word b0, Word b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  }
  /// d = c + a · b.
  static __device__ void multiply_add(float (&d)[4], const Word (&a)[4], Word b0, Word b1,
                                      const float (&c)[4]) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%11,%12,%13};"
        : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1), "f"(c[0]), "f"(c[1]),
          "f"(c[2]), "f"(c[3]));
  }
};

template <>
struct Packed<float16> {
  static __device__ Word pack(float first, float second) {
    Word word;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(second), "f"(first));
    return word;
  }
  static __device__ float first(Word word) {
    float value;
    asm("{.reg .b16 low, high; mov.b32 {low, high}, %1; cvt.f32.f16 %0, low;}"
        : "=f"(value)
        : "r"(word));
    return value;
  }
  static __device__ float second(Word word) {
    float value;
    asm("{.reg .b16 low, high; mov.b32 {low, high}, %1; cvt.f32.f16 %0, high;}"
        : "=f"(value)
        : "r"(word));
    return value;
  }
  static __device__ void multiply_add(float (&c)[4], const Word (&a)[4], Word b0, Word b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
        "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  }
  /// d = c + a · b.
  static __device__ void multiply_add(float (&d)[4], const Word (&a)[4], Word b0, Word b1,
                                      const float (&c)[4]) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
        "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%11,%12,%13};"
        : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1), "f"(c[0]), "f"(c[1]),
          "f"(c[2]), "f"(c[3]));
  }
};

/// The bit pattern of one element.
template <class Storage>
struct BitsOf {
  using Type = unsigned short;
};
template <>
struct BitsOf<float> {
  using Type = unsigned;
};
/// Stands for float where products may be less accurate (MatmulPrecision::high).
struct TwoPartFloat {};
/// Stands for float where both factors are multiplied by powers of two, which bring them into the
/// range of float16: R by one per warp that multiplies, h, where it is bounded, by one per row of
/// the batch, gate gradients by one per row, step and warp that makes them.
struct ScaledFloat {};
template <>
struct BitsOf<TwoPartFloat> : BitsOf<float> {};
template <>
struct BitsOf<ScaledFloat> : BitsOf<float> {};
template <class Storage>
using Bits = typename BitsOf<Storage>::Type;

/// One element, as a bit pattern, from and to float.
template <class Storage>
__device__ float widen(Bits<Storage> bits) {
  if constexpr (sizeof(bits) == 4) {
    return __uint_as_float(bits);
  } else {
    return Packed<Storage>::first(bits);
  }
}
template <class Storage>
__device__ Bits<Storage> narrow(float value) {
  if constexpr (sizeof(Bits<Storage>) == 4) {
    return __float_as_uint(value);
  } else {
    return static_cast<Bits<Storage>>(Packed<Storage>::pack(value, 0.0f));
  }
}

/// The 16-bit type that a storage type's elements are multiplied as, and the number of its values
/// whose sum an element is. A float is the sum of three bfloat16, each the rest of those before it
/// rounded to nearest: 24 bits, and the same exponents. The product of two floats is the sum of the
/// products of parts p and q, counted from 0, with p + q < 3; the others are below 2^-24 of it, the
/// roundoff of float. Exceptions: an infinite float, or one above the largest bfloat16 (3.39e38),
/// has NaN for its second part, so that its products are NaN; parts below 2^-126 may be taken for
/// zero. With two parts and p + q < 2, what is left out is below 2^-16 of a product, where rounding
/// to TF32 leaves out up to 2^-10.
///
/// A ScaledFloat is q + 2^-11 r of two float16, where the largest numbers are near 2^15: to 2^-23
/// of it down to 2^-29 of the largest, and to 2^-52 of that below. The product of second parts,
/// below 2^-24 of one, is left out where it costs anything.
template <class Storage>
struct Parts {
  using Type = Storage;
  static constexpr int count = 1;
  static constexpr bool scaled = false;
  static constexpr float second_weight = 1;  ///< of a second part in the sum
};
template <>
struct Parts<float> : Parts<bfloat16> {
  static constexpr int count = 3;
};
template <>
struct Parts<TwoPartFloat> : Parts<bfloat16> {
  static constexpr int count = 2;
};
template <>
struct Parts<ScaledFloat> : Parts<float16> {
  static constexpr int count = 2;
  static constexpr bool scaled = true;
  static constexpr float second_weight = 0x1p-11f;
};

/// A power of two and its inverse.
struct Scale {
  float factor, inverse;
  /// 1 / factor, of one that of() gave.
  static __device__ float inverse_of(float factor) {
    return __uint_as_float((254u << 23) - __float_as_uint(factor));
  }
  /// The one that brings `largest`, which is not negative, into [2^14, 2^15); of numbers below
  /// 2^-112 a smaller one.
  static __device__ Scale of(float largest) {
    constexpr unsigned one = 1u << 23;  // of an exponent, which is biased by 127
    const unsigned exponent = ::max(__float_as_uint(largest) & 0x7f800000u, 15 * one);
    return {__uint_as_float(268 * one - exponent), __uint_as_float(exponent - 14 * one)};
  }
};

/// The larger of `largest` and |value| where that is finite.
__device__ inline float larger_finite(float largest, float value) {
  const float size = ::fabsf(value);
  return size > largest && size < __int_as_float(0x7f800000) ? size : largest;
}

/// The largest of a warp's numbers, none of which is negative.
__device__ inline float largest_of_warp(float value) {
  return __uint_as_float(__reduce_max_sync(0xffffffffu, __float_as_uint(value)));
}

/// Splits two floats, given by their bits, into packed parts.
template <int parts>
__device__ void split(Word first, Word second, Word (&part)[parts]) {
  float low = __uint_as_float(first), high = __uint_as_float(second);
#pragma unroll
  for (int p = 0; p < parts; ++p) {
    part[p] = Packed<bfloat16>::pack(low, high);
    low -= Packed<bfloat16>::first(part[p]);  // exact
    high -= Packed<bfloat16>::second(part[p]);
  }
}

/// Splits two floats in the range of float16 into the parts of a ScaledFloat.
__device__ inline void split_scaled(float first, float second, Word (&part)[2]) {
  using Half = Packed<float16>;
  part[0] = Half::pack(first, second);
  part[1] = Half::pack((first - Half::first(part[0])) * 0x1p11f,  // exact
                       (second - Half::second(part[0])) * 0x1p11f);
}

/// Half of both elements.
template <class Storage>
__device__ Word halved(Word word) {
  return Packed<Storage>::pack(0.5f * Packed<Storage>::first(word),
                               0.5f * Packed<Storage>::second(word));
}

/// The Math of cells (cells/cell.hpp) for 16-bit storage. tanh.approx.f32 has a relative error of
/// at most 2^-11 (PTX ISA), the unit roundoff of float16 and a quarter of bfloat16's; what follows
/// from it, sigmoid, has an absolute error of at most 2^-12. exp and log are ex2.approx and
/// lg2.approx with errors near 2^-22.
struct ApproximateMath {
  using Real = float;
  static __device__ Real exp(Real x) { return __expf(x); }
  static __device__ Real log1p(Real x) { return ::log1pf(x); }
  static __device__ Real tanh(Real x) {
    Real y;
    asm("tanh.approx.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
  }
  static __device__ Real sigmoid(Real x) { return __fmaf_rn(tanh(0.5f * x), 0.5f, 0.5f); }
  /// min(x, 0) - log(1 + exp(-|x|)). Rounding 1 + e costs 2^-24, far below the types' roundoff.
  static __device__ Real log_sigmoid(Real x) {
    return min(x, 0.0f) - __logf(1.0f + __expf(-::fabsf(x)));
  }
  static __device__ Real sqrt(Real x) { return ::sqrtf(x); }
  static __device__ Real abs(Real x) { return ::fabsf(x); }
  /// NaN if one of them is. One instruction; a comparison and a selection are two, the second of
  /// which waits longer for the first than for a sum.
  static __device__ Real max(Real x, Real y) {
    Real out;
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(out) : "f"(x), "f"(y));
    return out;
  }
  static __device__ Real min(Real x, Real y) {
    Real out;
    asm("min.NaN.f32 %0, %1, %2;" : "=f"(out) : "f"(x), "f"(y));
    return out;
  }
  static __device__ bool less(Real x, Real y) { return x < y; }
  static __device__ bool equal(Real x, Real y) { return x == y; }
  static __device__ bool negative(Real x) { return __float_as_int(x) < 0; }
  static __device__ Real select(bool mask, Real x, Real y) { return mask ? x : y; }
  static __device__ Real stop_gradient(Real x) { return x; }
  static __device__ Real either(Real quick, Real) { return quick; }
};

/// The Math of cells for float. Errors in units of float's roundoff 2^-24, relative: tanh at most
/// 6, sigmoid at most 5 + 0.9 |x| where x is negative (half a unit in the last place of x changes
/// it by |x|), exp and log1p as CUDA's (at most 4), x / y at most 4 (the kernels are compiled
/// without exact division).
struct AccurateMath : ApproximateMath {
  static __device__ Real exp(Real x) { return ::expf(x); }
  /// An odd polynomial near zero (its own error is 2^-27.8), elsewhere 1 - 2 / (exp(2|x|) + 1).
  static __device__ Real tanh(Real x) {
    constexpr Real log2_e2 = 2.885390081777927f;
    const Real square = x * x, size = ::fabsf(x);
    Real near = -0x1.76ac22p-8f;
    near = __fmaf_rn(near, square, 0x1.5256dap-6f);
    near = __fmaf_rn(near, square, -0x1.b8444ap-5f);
    near = __fmaf_rn(near, square, 0x1.110768p-3f);
    near = __fmaf_rn(near, square, -0x1.555534p-2f);
    near = __fmaf_rn(near * square, x, x);
    const Real far = __fmaf_rn(-2.0f, reciprocal(exp2(log2_e2 * size) + 1.0f), 1.0f);
    return selected(size, 0.625f, near, ::copysignf(far, x));
  }
  static __device__ Real sigmoid(Real x) {
    return reciprocal(1.0f + exp2(-1.4426950408889634f * x));
  }
  static __device__ Real log_sigmoid(Real x) { return min(x, 0.0f) - log1p(exp(-::fabsf(x))); }

 private:
  static __device__ Real exp2(Real x) {
    Real y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
  }
  static __device__ Real reciprocal(Real x) {
    Real y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
  }
  /// x < bound ? below : above, both computed side by side: the compiler would branch, and lanes of
  /// one warp take both branches, one after the other.
  static __device__ Real selected(Real x, Real bound, Real below, Real above) {
    Real out;
    asm("{\n"
        ".reg .pred less;\n"
        "setp.lt.f32 less, %1, %2;\n"
        "selp.f32 %0, %3, %4, less;\n"
        "}"
        : "=f"(out)
        : "f"(x), "f"(bound), "f"(below), "f"(above));
    return out;
  }
};

/// What a storage type's cells are computed with.
template <class Storage>
struct MathChoice {
  using Type = ApproximateMath;
};
template <>
struct MathChoice<float> {
  using Type = AccurateMath;
};
template <>
struct MathChoice<TwoPartFloat> : MathChoice<float> {};
template <>
struct MathChoice<ScaledFloat> : MathChoice<float> {};
template <class Storage>
using MathOf = typename MathChoice<Storage>::Type;

/// A pre-activation, or half of one: where a gate enters nothing but a sigmoid, the half is what
/// its tanh needs, and R, x and b are halved beforehand. Which it is, is known when the kernel is
/// compiled; everything but sigmoid takes the whole.
struct PreActivation {
  float value;
  bool halved;

  PreActivation() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): constants of a cell's formulas
  __device__ PreActivation(float whole) : value(whole), halved(false) {}
  __device__ PreActivation(float v, bool h) : value(v), halved(h) {}
  __device__ float whole() const { return halved ? 2.0f * value : value; }

  friend __device__ PreActivation operator+(PreActivation x, PreActivation y) {
    return x.whole() + y.whole();
  }
  friend __device__ PreActivation operator-(PreActivation x, PreActivation y) {
    return x.whole() - y.whole();
  }
  friend __device__ PreActivation operator*(PreActivation x, PreActivation y) {
    return x.whole() * y.whole();
  }
  friend __device__ PreActivation operator/(PreActivation x, PreActivation y) {
    return x.whole() / y.whole();
  }
  friend __device__ PreActivation operator-(PreActivation x) { return -x.whole(); }
  __device__ PreActivation& operator+=(PreActivation y) { return *this = *this + y; }
  __device__ PreActivation& operator-=(PreActivation y) { return *this = *this - y; }
  __device__ PreActivation& operator*=(PreActivation y) { return *this = *this * y; }
  __device__ PreActivation& operator/=(PreActivation y) { return *this = *this / y; }
};

/// ApproximateMath on pre-activations that may be halved.
struct HalvedMath {
  using Real = PreActivation;
  using Whole = ApproximateMath;
  static __device__ Real exp(Real x) { return Whole::exp(x.whole()); }
  static __device__ Real log1p(Real x) { return Whole::log1p(x.whole()); }
  static __device__ Real tanh(Real x) { return Whole::tanh(x.whole()); }
  static __device__ Real sigmoid(Real x) {
    return __fmaf_rn(Whole::tanh(x.halved ? x.value : 0.5f * x.value), 0.5f, 0.5f);
  }
  static __device__ Real log_sigmoid(Real x) { return Whole::log_sigmoid(x.whole()); }
  static __device__ Real sqrt(Real x) { return Whole::sqrt(x.whole()); }
  static __device__ Real abs(Real x) { return Whole::abs(x.whole()); }
  static __device__ Real max(Real x, Real y) { return Whole::max(x.whole(), y.whole()); }
  static __device__ Real min(Real x, Real y) { return Whole::min(x.whole(), y.whole()); }
  static __device__ bool less(Real x, Real y) { return Whole::less(x.whole(), y.whole()); }
  static __device__ bool equal(Real x, Real y) { return Whole::equal(x.whole(), y.whole()); }
  static __device__ bool negative(Real x) { return Whole::negative(x.value); }
  static __device__ Real select(bool mask, Real x, Real y) {
    return Whole::select(mask, x.whole(), y.whole());
  }
  static __device__ Real stop_gradient(Real x) { return x.whole(); }
  static __device__ Real either(Real quick, Real) { return quick; }
};

/// value clipped to [-bound, bound]; NaN stays NaN.
__device__ inline float clipped(float value, float bound) {
  return value > bound ? bound : (value < -bound ? -bound : value);
}

}  // namespace flashrnn::cuda
