// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/recurrence/host/isa.hpp"

namespace flashrnn::host {

/// The compiler's vector type. (A struct, because GCC 12 takes a typedef in a template for a type
/// of known length if only its length depends on the template's parameters.)
template <class Element, int bytes>
struct NativeVector {
  typedef Element type __attribute__((vector_size(bytes)));
};

/// A vector register of numbers, with the operators that cells use (cells/cell.hpp). Comparisons
/// give a mask of integers of the same width, all bits set where true.
template <class Isa, class Scalar>
struct Vector {
  static constexpr int lanes = Isa::vector_bytes / static_cast<int>(sizeof(Scalar));
  using Native = typename NativeVector<Scalar, Isa::vector_bytes>::type;
  using Mask = decltype(Native{} < Native{});

  Native value;

  Vector() = default;
  /// The same number in every lane. Implicit, so that cells can mix constants and vectors; s - 0
  /// and not s + 0, which would lose the sign of -0.
  // NOLINTNEXTLINE(google-explicit-constructor)
  [[gnu::always_inline]] Vector(Scalar s) : value(s - Native{}) {}
  [[gnu::always_inline]] static Vector of(Native native) {
    Vector out;
    out.value = native;
    return out;
  }
  [[gnu::always_inline]] static Vector zero() { return of(Native{}); }

  [[gnu::always_inline]] static Vector load(const Scalar* from) {
    Vector out;
    __builtin_memcpy(&out.value, from, sizeof(Native));
    return out;
  }
  [[gnu::always_inline]] void store(Scalar* to) const {
    __builtin_memcpy(to, &value, sizeof(Native));
  }

  [[gnu::always_inline]] friend Vector operator+(Vector x, Vector y) {
    return of(x.value + y.value);
  }
  [[gnu::always_inline]] friend Vector operator-(Vector x, Vector y) {
    return of(x.value - y.value);
  }
  [[gnu::always_inline]] friend Vector operator*(Vector x, Vector y) {
    return of(x.value * y.value);
  }
  [[gnu::always_inline]] friend Vector operator/(Vector x, Vector y) {
    return of(x.value / y.value);
  }
  [[gnu::always_inline]] friend Vector operator-(Vector x) { return of(-x.value); }
  [[gnu::always_inline]] Vector& operator+=(Vector y) { return *this = *this + y; }
  [[gnu::always_inline]] Vector& operator-=(Vector y) { return *this = *this - y; }
  [[gnu::always_inline]] Vector& operator*=(Vector y) { return *this = *this * y; }
  [[gnu::always_inline]] Vector& operator/=(Vector y) { return *this = *this / y; }
};

/// Lane by lane conversion between native vector types.
template <class To, class From>
[[gnu::always_inline]] inline To convert_lanes(From from) {
  return __builtin_convertvector(from, To);
}

/// x·y + z, rounded once where the instruction set has it.
template <class Isa, class Scalar>
[[gnu::always_inline]] inline Vector<Isa, Scalar> multiply_add(Vector<Isa, Scalar> x,
                                                               Vector<Isa, Scalar> y,
                                                               Vector<Isa, Scalar> z) {
#if defined(FLASHRNN_HOST_AVX512)
  if constexpr (Isa::vector_bytes == 64) {
    if constexpr (sizeof(Scalar) == 4) {
      return Vector<Isa, Scalar>::of(
          (typename Vector<Isa, Scalar>::Native)_mm512_fmadd_ps(x.value, y.value, z.value));
    } else {
      return Vector<Isa, Scalar>::of(
          (typename Vector<Isa, Scalar>::Native)_mm512_fmadd_pd(x.value, y.value, z.value));
    }
  }
#elif defined(FLASHRNN_HOST_AVX2)
  if constexpr (Isa::vector_bytes == 32) {
    if constexpr (sizeof(Scalar) == 4) {
      return Vector<Isa, Scalar>::of(
          (typename Vector<Isa, Scalar>::Native)_mm256_fmadd_ps(x.value, y.value, z.value));
    } else {
      return Vector<Isa, Scalar>::of(
          (typename Vector<Isa, Scalar>::Native)_mm256_fmadd_pd(x.value, y.value, z.value));
    }
  }
#endif
  return x * y + z;
}

}  // namespace flashrnn::host
