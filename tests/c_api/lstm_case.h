// SPDX-License-Identifier: Apache-2.0
#ifndef FLASHRNN_TESTS_C_API_LSTM_CASE_H
#define FLASHRNN_TESTS_C_API_LSTM_CASE_H

#include "flashrnn/flashrnn.h"
#include "lstm_loops.h"
#include "strided.h"

/// One way of calling the library with an LSTM.
typedef struct lstm_case {
  flashrnn_device device;
  const char* backend;
  flashrnn_dtype dtype;
  flashrnn_order order;
  layout kind;
  lstm_size size;
  unsigned seed;
  int own_stream;  // not 0: on a stream of the caller's
  int repeats;     // how often forward and backward run with the one plan
} lstm_case;

/// Runs forward and backward and checks every output against lstm_loops.h.
void lstm_case_run(const lstm_case* run);

#endif
