// SPDX-License-Identifier: Apache-2.0
#ifndef FLASHRNN_TESTS_C_API_LSTM_LOOPS_H
#define FLASHRNN_TESTS_C_API_LSTM_LOOPS_H

// An LSTM in plain loops over double, independent of the library: what its results are compared
// with. All tensors are contiguous in the order of their axes.

typedef struct lstm_size {
  int steps, batch, heads, head_dim;
} lstm_size;

typedef struct lstm_tensors {
  double *x, *R, *b, *s0;      // [T,B,4,H,D] [4,H,D,D] [4,H,D] [2,B,H,D]
  double *states, *last;       // [2,T,B,H,D] [2,B,H,D]
  double *dh, *d_last;         // [T,B,H,D] [2,B,H,D]
  double *dx, *dR, *db, *ds0;  // as x, R, b, s0
} lstm_tensors;

/// Writes states and last.
void lstm_forward(lstm_size size, const lstm_tensors* t);
/// Reads states too; writes dx, dR, db and ds0.
void lstm_backward(lstm_size size, const lstm_tensors* t);

#endif
