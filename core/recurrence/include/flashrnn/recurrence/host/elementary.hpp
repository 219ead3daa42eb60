// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/recurrence/host/vector.hpp"

// The few operations that C++ has no operator for, as one instruction where the instruction set has
// it. The general text is for GCC's and Clang's vector types of any width.

namespace flashrnn::host {

template <class Isa>
struct Elementary {
  using F = Vector<Isa, float>;
  using Int = typename F::Mask;  // 32-bit integers, as many as floats
#if defined(FLASHRNN_HOST_AVX512)
  // The forms with a mask, because g++ 12 reports the others' unused operand as uninitialised.
  static constexpr __mmask16 all = 0xffff;
#endif

  /// x < y ? y : x: the first where either is NaN.
  [[gnu::always_inline]] static F max(F x, F y) {
#if defined(FLASHRNN_HOST_AVX512)
    if constexpr (Isa::vector_bytes == 64)
      return F::of((typename F::Native)_mm512_maskz_max_ps(all, y.value, x.value));
#elif defined(FLASHRNN_HOST_AVX2)
    if constexpr (Isa::vector_bytes == 32)
      return F::of((typename F::Native)_mm256_max_ps(y.value, x.value));
#endif
    return F::of(x.value < y.value ? y.value : x.value);
  }
  /// y < x ? y : x.
  [[gnu::always_inline]] static F min(F x, F y) {
#if defined(FLASHRNN_HOST_AVX512)
    if constexpr (Isa::vector_bytes == 64)
      return F::of((typename F::Native)_mm512_maskz_min_ps(all, y.value, x.value));
#elif defined(FLASHRNN_HOST_AVX2)
    if constexpr (Isa::vector_bytes == 32)
      return F::of((typename F::Native)_mm256_min_ps(y.value, x.value));
#endif
    return F::of(y.value < x.value ? y.value : x.value);
  }

  /// The nearest integer, for |x| < 2^22.
  [[gnu::always_inline]] static F round(F x) {
#if defined(FLASHRNN_HOST_AVX512)
    if constexpr (Isa::vector_bytes == 64)
      return F::of((typename F::Native)_mm512_maskz_roundscale_ps(
          all, x.value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
#elif defined(FLASHRNN_HOST_AVX2)
    if constexpr (Isa::vector_bytes == 32)
      return F::of((typename F::Native)_mm256_round_ps(
          x.value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
#endif
    // Adding 1.5·2^23 leaves no bits for the fraction: the addition itself rounds.
    F shifted = x + F(0x1.8p23f);
    __asm__("" : "+m"(shifted));  // or the compiler may cancel the two in another language mode
    return shifted - F(0x1.8p23f);
  }

  /// x·2^n for integral n in [-160, 160], rounded once where the result is subnormal.
  [[gnu::always_inline]] static F scale(F x, F n) {
#if defined(FLASHRNN_HOST_AVX512)
    if constexpr (Isa::vector_bytes == 64)
      return F::of((typename F::Native)_mm512_maskz_scalef_ps(all, x.value, n.value));
#endif
    const Int whole = convert_lanes<Int>(n.value);  // NaN: any integer, x is NaN then
    const Int half = whole >> 1;
    return x * power(half) * power(whole - half);
  }
  /// An integer n as a float, in a form from which 2^n is two integer operations: what rounding by
  /// an addition leaves in the lowest bits.
  struct Rounded {
    F shifted;  ///< 1.5·2^23 + n
    F value;    ///< n
  };
  /// x·factor rounded to an integer of at most 2^22.
  [[gnu::always_inline]] static Rounded round_product(F x, float factor) {
    constexpr float shift = 0x1.8p23f;
    F shifted = multiply_add(x, F(factor), F(shift));
#if !defined(FLASHRNN_HOST_AVX512) && !defined(FLASHRNN_HOST_AVX2)
    __asm__("" : "+m"(shifted));  // or the compiler may cancel the two in another language mode
#endif
    return {shifted, shifted - F(shift)};
  }
  /// 2^(n + extra) for n + extra in [-126, 127].
  [[gnu::always_inline]] static F power_of(Rounded n, int extra) {
    return F::of((typename F::Native)(((Int)n.shifted.value << 23) + ((127 + extra) << 23)));
  }
  /// 2^-n for n in [-127, 126].
  [[gnu::always_inline]] static F inverse_power_of(Rounded n) {
    return F::of((typename F::Native)((Int{} + (127 << 23)) - ((Int)n.shifted.value << 23)));
  }
  /// 2^n for n in [-126, 127]; any value for other n.
  [[gnu::always_inline]] static F power(Int n) {
    return F::of((typename F::Native)((n + 127) << 23));
  }

  /// x / y for positive normal y, with an error near half an ulp.
  [[gnu::always_inline]] static F divide(F x, F y) {
#if defined(FLASHRNN_HOST_AVX512)
    // An estimate of 14 bits, and the quotient corrected by its remainder: half the cycles.
    if constexpr (Isa::vector_bytes == 64) {
      const F inverse = F::of((typename F::Native)_mm512_maskz_rcp14_ps(all, y.value));
      const F quotient = x * inverse;
      return multiply_add(multiply_add(-y, quotient, x), inverse, quotient);
    }
#endif
    return x / y;
  }
  /// x - y·quotient, what a quotient near x / y lacks; 0 where no instruction gives it exactly.
  [[gnu::always_inline]] static F remainder([[maybe_unused]] F x, [[maybe_unused]] F y,
                                            [[maybe_unused]] F quotient) {
#if defined(FLASHRNN_HOST_AVX512) || defined(FLASHRNN_HOST_AVX2)
    return multiply_add(-y, quotient, x);
#else
    return F::zero();
#endif
  }

  [[gnu::always_inline]] static F sqrt(F x) {
#if defined(FLASHRNN_HOST_AVX512)
    if constexpr (Isa::vector_bytes == 64)
      return F::of((typename F::Native)_mm512_maskz_sqrt_ps(all, x.value));
#elif defined(FLASHRNN_HOST_AVX2)
    if constexpr (Isa::vector_bytes == 32)
      return F::of((typename F::Native)_mm256_sqrt_ps(x.value));
#endif
    F out;
    for (int lane = 0; lane < F::lanes; ++lane) out.value[lane] = __builtin_sqrtf(x.value[lane]);
    return out;
  }

  [[gnu::always_inline]] static F abs(F x) {
    return F::of((typename F::Native)((Int)x.value & 0x7fffffff));
  }
  /// |x| with the sign of y, for x >= 0.
  [[gnu::always_inline]] static F copy_sign(F x, F y) {
    return F::of((typename F::Native)((Int)x.value | ((Int)y.value & (Int{} + (-0x7fffffff - 1)))));
  }
  [[gnu::always_inline]] static F select(Int mask, F x, F y) {
    return F::of(mask ? x.value : y.value);
  }
};

}  // namespace flashrnn::host
