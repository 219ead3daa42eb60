// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <cmath>
#include <cstddef>

namespace example {

struct AdamOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  /// Gradients of a longer Euclidean norm are shortened to it; 0: never.
  double most_norm = 0;
};

/// Adam (D. Kingma, J. Ba, ICLR 2015) on one array of parameters in the memory of Space:
///
///     m = β1·m + (1 - β1)·g        v = β2·v + (1 - β2)·g²
///     θ = θ - α/(1 - β1^t) · m / (sqrt(v/(1 - β2^t)) + ε)
///
/// Real is the type of all arrays and of the arithmetic of an element. Enqueues work and waits for
/// nothing.
template <class Space, class Real>
class Adam {
 public:
  using Array = Kokkos::View<Real*, Space>;

  explicit Adam(std::size_t size) : m_("Adam m", size), v_("Adam v", size), norm2_("norm²") {}

  /// Both moments, [size], and how many updates made them: what a checkpoint has to hold.
  const Array& first_moment() const { return m_; }
  const Array& second_moment() const { return v_; }
  long long updates() const { return updates_; }
  void set_updates(long long updates) { updates_ = updates; }

  void update(const Space& space, const Array& parameters, const Array& gradient,
              const AdamOptions& options) {
    ++updates_;
    const Kokkos::RangePolicy<Space> all(space, 0, static_cast<int>(m_.size()));
    if (options.most_norm > 0)
      Kokkos::parallel_reduce("norm of the gradient", all, SquaredNorm{gradient}, norm2_);
    const auto t = static_cast<double>(updates_);
    Kokkos::parallel_for(
        "Adam", all,
        Update{parameters, gradient, m_, v_, norm2_, static_cast<Real>(options.most_norm),
               static_cast<Real>(options.beta1), static_cast<Real>(1 - options.beta1),
               static_cast<Real>(options.beta2), static_cast<Real>(1 - options.beta2),
               static_cast<Real>(options.learning_rate / (1 - std::pow(options.beta1, t))),
               static_cast<Real>(1 / (1 - std::pow(options.beta2, t))),
               static_cast<Real>(options.epsilon)});
  }

  // Functors of kernels are public: nvcc takes no private ones.
  struct SquaredNorm {
    Array gradient;
    KOKKOS_FUNCTION void operator()(int i, Real& sum) const { sum += gradient(i) * gradient(i); }
  };

  struct Update {
    Array parameters, gradient, m, v;
    Kokkos::View<Real, Space> norm2;
    // 1 - β is rounded once, from double: a difference of rounded numbers would lose digits, of
    // β2 = 0.999 in single precision about three.
    Real most_norm, beta1, rest1, beta2, rest2, step_size, correction2, epsilon;

    KOKKOS_FUNCTION void operator()(int i) const {
      Real g = gradient(i);
      if (most_norm > 0 && norm2() > most_norm * most_norm) g *= most_norm / Kokkos::sqrt(norm2());
      m(i) = beta1 * m(i) + rest1 * g;
      v(i) = beta2 * v(i) + rest2 * g * g;
      parameters(i) -= step_size * m(i) / (Kokkos::sqrt(v(i) * correction2) + epsilon);
    }
  };

 private:
  Array m_, v_;
  Kokkos::View<Real, Space> norm2_;
  long long updates_ = 0;
};

}  // namespace example
