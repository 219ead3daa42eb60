// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/layout.hpp"
#include "flashrnn/recurrence/host/vector.hpp"
#include "flashrnn/types.hpp"

// Vectors of accumulation type to and from memory of storage type. Conversions are done on vectors
// and not by the conversions of types.hpp, whose functions are shared between files compiled for
// different instruction sets. Results are the same bits.

namespace flashrnn::host {

/// A vector of 16-bit floats as integers, and its conversions.
template <class Isa, class Storage>
struct Narrow;

template <class Isa>
struct Narrow<Isa, bfloat16> {
  using Real = Vector<Isa, float>;
  using Word = typename NativeVector<unsigned, Isa::vector_bytes>::type;
  using Half = typename NativeVector<unsigned short, Isa::vector_bytes / 2>::type;

  [[gnu::always_inline]] static Real widen(Half bits) {
    return Real::of((typename Real::Native)(convert_lanes<Word>(bits) << 16));
  }
  /// To nearest, ties to even; NaN stays NaN.
  [[gnu::always_inline]] static Word rounded_word(Real x) {
    const Word word = (Word)x.value;
    const Word rounded = word + (((word >> 16) & 1u) + 0x7fffu);
    return x.value == x.value ? rounded : word | 0x400000u;
  }
  [[gnu::always_inline]] static Half narrow(Real x) {
    return convert_lanes<Half>(rounded_word(x) >> 16);
  }
  [[gnu::always_inline]] static Real round(Real x) {
    return Real::of((typename Real::Native)(rounded_word(x) & 0xffff0000u));
  }
};

template <class Isa>
struct Narrow<Isa, float16> {
  using Real = Vector<Isa, float>;
  using Word = typename NativeVector<unsigned, Isa::vector_bytes>::type;
  using Half = typename NativeVector<unsigned short, Isa::vector_bytes / 2>::type;

  [[gnu::always_inline]] static Real widen(Half bits) {
#if defined(FLASHRNN_HOST_AVX512)
    if constexpr (Isa::vector_bytes == 64)
      return Real::of(
          (typename Real::Native)_mm512_maskz_cvtph_ps((__mmask16)0xffff, (__m256i)bits));
#elif defined(FLASHRNN_HOST_AVX2)
    if constexpr (Isa::vector_bytes == 32)
      return Real::of((typename Real::Native)_mm256_cvtph_ps((__m128i)bits));
#endif
    // The method of float16 in types.hpp.
    const Word word = convert_lanes<Word>(bits);
    const Word magnitude = (word & 0x7fffu) << 13;
    const typename Real::Native scaled = (typename Real::Native)magnitude * 0x1p112f;
    const Word value = (word & 0x7c00u) == 0x7c00u ? magnitude | 0x7f800000u : (Word)scaled;
    return Real::of((typename Real::Native)(value | ((word & 0x8000u) << 16)));
  }
  [[gnu::always_inline]] static Half narrow(Real x) {
#if defined(FLASHRNN_HOST_AVX512)
    if constexpr (Isa::vector_bytes == 64)
      return (Half)_mm512_maskz_cvtps_ph((__mmask16)0xffff, x.value,
                                         _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#elif defined(FLASHRNN_HOST_AVX2)
    if constexpr (Isa::vector_bytes == 32)
      return (Half)_mm256_cvtps_ph(x.value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#endif
    const Word word = (Word)x.value;
    const Word sign = word & 0x80000000u;
    const Word magnitude = word & 0x7fffffffu;
    const Word small = (Word)((typename Real::Native)magnitude + 0.5f) - 0x3f000000u;
    const Word normal = (magnitude + (((magnitude >> 13) & 1u) + 0xfffu) - 0x38000000u) >> 13;
    Word half = magnitude < 0x38800000u ? small : normal;
    half = magnitude >= 0x477ff000u ? Word{} + 0x7c00u : half;
    half = magnitude > 0x7f800000u ? Word{} + 0x7e00u : half;
    return convert_lanes<Half>(half | (sign >> 16));
  }
  [[gnu::always_inline]] static Real round(Real x) {
    return widen(narrow(x));
  }
};

/// Loads and stores of `count` <= lanes elements; lanes beyond are zero, or not written.
template <class Isa, class Storage>
struct Transfer {
  using Scalar = AccumulateType<Storage>;
  using Real = Vector<Isa, Scalar>;
  static constexpr int lanes = Real::lanes;
  static constexpr bool narrow = sizeof(Storage) < sizeof(Scalar);

  [[gnu::always_inline]] static Real load(const Storage* from) {
    if constexpr (narrow) {
      typename Narrow<Isa, Storage>::Half bits;
      __builtin_memcpy(&bits, from, sizeof(bits));
      return Narrow<Isa, Storage>::widen(bits);
    } else {
      return Real::load(from);
    }
  }
  [[gnu::always_inline]] static void store(Storage* to, Real x) {
    if constexpr (narrow) {
      const auto bits = Narrow<Isa, Storage>::narrow(x);
      __builtin_memcpy(to, &bits, sizeof(bits));
    } else {
      x.store(to);
    }
  }
  /// `to` is aligned to the vector; goes around the caches where the instruction set can.
  [[gnu::always_inline]] static void stream(Storage* to, Real x) {
#if defined(FLASHRNN_HOST_AVX512)
    if constexpr (Isa::vector_bytes == 64 && sizeof(Storage) == 4)
      return _mm512_stream_ps(reinterpret_cast<float*>(to), x.value);
#elif defined(FLASHRNN_HOST_AVX2)
    if constexpr (Isa::vector_bytes == 32 && sizeof(Storage) == 4)
      return _mm256_stream_ps(reinterpret_cast<float*>(to), x.value);
#endif
    store(to, x);
  }
  [[gnu::always_inline]] static Real round(Real x) {
    if constexpr (narrow) {
      return Narrow<Isa, Storage>::round(x);
    } else {
      return x;
    }
  }

  [[gnu::always_inline]] static Real load(const Storage* from, Index count) {
    return count >= lanes ? load(from) : load_part(from, count);
  }
  [[gnu::always_inline]] static void store(Storage* to, Real x, Index count, bool streaming) {
    if (count < lanes) return store_part(to, x, count);
    if (streaming) return stream(to, x);
    store(to, x);
  }

  [[gnu::noinline]] static Real load_part(const Storage* from, Index count) {
#if defined(FLASHRNN_HOST_AVX512)
    if constexpr (Isa::vector_bytes == 64 && sizeof(Storage) == 4)
      return Real::of(
          (typename Real::Native)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1u), from));
#endif
    alignas(64) char copy[sizeof(Storage) * lanes] = {};
    __builtin_memcpy(copy, from, sizeof(Storage) * static_cast<unsigned long>(count));
    return load(reinterpret_cast<const Storage*>(copy));
  }
  [[gnu::noinline]] static void store_part(Storage* to, Real x, Index count) {
#if defined(FLASHRNN_HOST_AVX512)
    if constexpr (Isa::vector_bytes == 64 && sizeof(Storage) == 4)
      return _mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1u), x.value);
#endif
    alignas(64) char copy[sizeof(Storage) * lanes];
    store(reinterpret_cast<Storage*>(copy), x);
    __builtin_memcpy(to, copy, sizeof(Storage) * static_cast<unsigned long>(count));
  }
  /// x where lane < count, else 0.
  [[gnu::always_inline]] static Real keep(Real x, Index count) {
    if (count >= lanes) return x;
    Scalar values[lanes];
    for (int n = 0; n < lanes; ++n) values[n] = n < count ? x.value[n] : Scalar(0);
    return Real::load(values);
  }
};

}  // namespace flashrnn::host
