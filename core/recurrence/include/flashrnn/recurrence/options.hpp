// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>

#include "flashrnn/problem.hpp"
#include "flashrnn/types.hpp"

namespace flashrnn {

/// The options of a problem as kernels read them: an absent clip is an infinite one, so that there
/// is no second code path.
template <class Real>
struct KernelOptions {
  Real forward_clip;
  Real recurrent_gradient_clip;
  bool cut_recurrent_gradient;
};

/// `Storage` is the type that h is stored in: the clip is rounded to it, so that a stored h can be
/// compared with it exactly.
template <class Storage, class Real>
KernelOptions<Real> kernel_options(const Problem& problem) {
  constexpr Real none = std::numeric_limits<Real>::infinity();
  KernelOptions<Real> options{none, none, problem.cut_recurrent_gradient};
  if (problem.forward_clip)
    options.forward_clip = rounded_to<Storage>(static_cast<Real>(*problem.forward_clip));
  if (problem.recurrent_gradient_clip)
    options.recurrent_gradient_clip = static_cast<Real>(*problem.recurrent_gradient_clip);
  return options;
}

}  // namespace flashrnn
