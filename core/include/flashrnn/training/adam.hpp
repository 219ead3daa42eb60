// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <cmath>
#include <cstddef>
#include <string>

#include "flashrnn/error.hpp"

namespace flashrnn {

struct AdamOptions {
  double learning_rate = 1e-3;  ///< α
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  /// Gradients of a longer Euclidean norm, over all parameters, are shortened to it; 0: never.
  double most_norm = 0;
};

/// Adam (D. Kingma, J. Ba, ICLR 2015) on one array of parameters in the memory of Space, such as
/// ParameterLayout describes:
///
///     m = β1·m + (1 - β1)·g        v = β2·v + (1 - β2)·g²
///     θ = θ - α/(1 - β1^t) · m / (sqrt(v/(1 - β2^t)) + ε)
///
/// Real, float or double, is the type of all arrays and of the arithmetic of an element.
template <class Space, class Real = float>
class Adam {
 public:
  using Array = Kokkos::View<Real*, Space>;

  /// For `size` parameters. Owns both moments, which start from zero.
  explicit Adam(std::size_t size) : m_("Adam m", size), v_("Adam v", size), norm2_("norm²") {}

  /// m and v, [size], and how many updates made them (t): what a checkpoint has to hold.
  const Array& first_moment() const { return m_; }
  const Array& second_moment() const { return v_; }
  long long updates() const { return updates_; }
  void set_updates(long long updates) { updates_ = updates; }

  /// Enqueues one update of `parameters` by `gradient`, [size] each, on `space` and waits for
  /// nothing. The options may be others in every call: that is how a learning rate follows a
  /// schedule.
  /// @throws InvalidArgument if an array has another size.
  void update(const Space& space, const Array& parameters, const Array& gradient,
              const AdamOptions& options = {}) {
    require_size("parameters", parameters.size());
    require_size("gradient", gradient.size());
    ++updates_;
    const Kokkos::RangePolicy<Space, Kokkos::IndexType<std::size_t>> all(space, 0, m_.size());
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
    KOKKOS_FUNCTION void operator()(std::size_t i, Real& sum) const {
      sum += gradient(i) * gradient(i);
    }
  };

  struct Update {
    Array parameters, gradient, m, v;
    Kokkos::View<Real, Space> norm2;
    // 1 - β is rounded once, from double: a difference of rounded numbers would lose digits, of
    // β2 = 0.999 in single precision about three.
    Real most_norm, beta1, rest1, beta2, rest2, step_size, correction2, epsilon;

    KOKKOS_FUNCTION void operator()(std::size_t i) const {
      Real g = gradient(i);
      if (most_norm > 0 && norm2() > most_norm * most_norm) g *= most_norm / Kokkos::sqrt(norm2());
      m(i) = beta1 * m(i) + rest1 * g;
      v(i) = beta2 * v(i) + rest2 * g * g;
      parameters(i) -= step_size * m(i) / (Kokkos::sqrt(v(i) * correction2) + epsilon);
    }
  };

 private:
  void require_size(const char* name, std::size_t found) const {
    if (found != m_.size())
      throw InvalidArgument(std::string(name) + ": expected " + std::to_string(m_.size()) +
                            " elements, found " + std::to_string(found));
  }

  Array m_, v_;
  Kokkos::View<Real, Space> norm2_;
  long long updates_ = 0;
};

}  // namespace flashrnn
