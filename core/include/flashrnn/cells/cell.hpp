// SPDX-License-Identifier: Apache-2.0
#pragma once

// The contract between a cell and everything that runs it. This header includes nothing, so that
// g++, nvcc, hipcc and NVRTC all compile the same text.
//
// A recurrent cell is a struct of constants and one pointwise function. At every step t and for
// every unit of a head, the backend forms the pre-activations
//
//     gate[n] = (R[n] · h_{t-1}) + x[n]_t + b[n]          (each term only where the cell asks for
//     it)
//
// and calls the cell with scalars. State 0 is h, the only state that enters R.
//
//     struct MyCell {
//       static constexpr const char* name = "my_cell";
//       static constexpr int states = 2;                     // h first
//       static constexpr int gates = 3;                      // pre-activations that forward reads
//       static constexpr unsigned recurrent_gates = 0b111;   // bit n set: gate n receives R·h
//       static constexpr unsigned input_gates = 0b111;       // bit n set: gate n receives x
//       static constexpr unsigned bias_gates = 0b111;        // bit n set: gate n receives b
//
//       template <class Math, class Real = typename Math::Real>
//       FLASHRNN_FUNCTION static void forward(const Real (&gate)[gates],
//                                             const Real (&previous)[states],
//                                             Real (&next)[states]);
//     };
//
// That is enough: the backward pass is derived from forward (cells/differentiate.hpp). A cell that
// wants its own backward adds
//
//       template <class Math, class Real = typename Math::Real>
//       FLASHRNN_FUNCTION static void backward(const Real (&previous)[states],
//                                              const Real (&next)[states],
//                                              const Real (&d_next)[states],
//                                              Real (&d_gate)[gates],
//                                              Real (&d_previous)[states]);
//
// and, if its backward needs values of the forward pass that the states do not hold,
// `static constexpr int saved = K;`: forward then takes a fourth argument `Real (&save)[saved]` and
// backward a first argument `const Real (&save)[saved]`.
//
// `static constexpr bool bounded = true;` says that |next[0]| ≤ max(1, |previous[0]|) whatever the
// gates and the other states are, so that a backend may hold h as numbers of a narrower range.
//
// `static constexpr const char* file = __FILE__;` lets the CUDA kernels, which are compiled when a
// plan is made, find the cell's text. The file may include headers of flashrnn/cells, no others.
//
// Math supplies the real type and the functions, so that a backend chooses their precision and
// whether one call works on a scalar, a vector register or a dual number. Cells therefore use
// Math::select in place of branches. Math has:
//     Real
//     exp(x)  log1p(x)  tanh(x)  sigmoid(x)  log_sigmoid(x)  sqrt(x)  abs(x)  max(x, y)  min(x, y)
//     less(x, y)  equal(x, y)        -> a mask
//     negative(x)                    -> a mask: where x has the sign bit, as -0 has
//     select(mask, x, y)             -> x where mask, else y
//     stop_gradient(x)               -> x, a constant for differentiation
//     either(quick, plain)           -> one of two expressions for the same number: `quick` is the
//                                       shorter chain of operations that wait for each other,
//                                       `plain` has fewer operations; derivatives are plain's

// What a function needs in front to be callable wherever this compilation pass runs code.
#ifndef FLASHRNN_FUNCTION
#if defined(__CUDACC__) || defined(__HIPCC__)
#define FLASHRNN_FUNCTION __host__ __device__ inline
#else
#define FLASHRNN_FUNCTION inline
#endif
#endif

namespace flashrnn {

/// Number of gates in a mask such as Cell::recurrent_gates.
FLASHRNN_FUNCTION constexpr int count_gates(unsigned mask) {
  int count = 0;
  for (; mask != 0; mask &= mask - 1) ++count;
  return count;
}

/// Whether gate `gate` is in `mask`.
FLASHRNN_FUNCTION constexpr bool has_gate(unsigned mask, int gate) {
  return ((mask >> gate) & 1u) != 0;
}

/// Position of gate `gate` among the gates of `mask`: its index along the gate axis of the tensor
/// that the mask belongs to (R, x or b). Meaningful only if has_gate(mask, gate).
FLASHRNN_FUNCTION constexpr int gate_position(unsigned mask, int gate) {
  return count_gates(mask & ((1u << gate) - 1u));
}

/// Whether a cell says that its h is bounded by 1 and the initial h.
template <class Cell>
FLASHRNN_FUNCTION constexpr bool is_bounded() {
  if constexpr (requires { Cell::bounded; }) {
    return Cell::bounded;
  } else {
    return false;
  }
}

}  // namespace flashrnn
