// SPDX-License-Identifier: Apache-2.0
#include "lstm_loops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double sigmoid(double x) {
  return 1.0 / (1.0 + exp(-x));
}

/// Offset of [row, head, 0] in a tensor whose last axes are H, D.
static int at(lstm_size n, int row, int head) {
  return (row * n.heads + head) * n.head_dim;
}

/// State s (0: h, 1: c) before a step, at unit 0 of a head.
static const double* before(lstm_size n, const lstm_tensors* t, int s, int step, int row,
                            int head) {
  return step == 0 ? t->s0 + at(n, s * n.batch + row, head)
                   : t->states + at(n, (s * n.steps + step - 1) * n.batch + row, head);
}

/// The activated gates i, f, z, o of one unit.
static void gates_of(lstm_size n, const lstm_tensors* t, int step, int row, int head, int unit,
                     double gate[4]) {
  const double* const h = before(n, t, 0, step, row, head);
  for (int g = 0; g < 4; ++g) {
    double sum =
        t->x[at(n, (step * n.batch + row) * 4 + g, head) + unit] + t->b[at(n, g, head) + unit];
    for (int k = 0; k < n.head_dim; ++k)
      sum += t->R[(at(n, g, head) + unit) * n.head_dim + k] * h[k];
    gate[g] = g == 2 ? tanh(sum) : sigmoid(sum);
  }
}

void lstm_forward(lstm_size n, const lstm_tensors* t) {
  for (int step = 0; step < n.steps; ++step)
    for (int row = 0; row < n.batch; ++row)
      for (int head = 0; head < n.heads; ++head)
        for (int unit = 0; unit < n.head_dim; ++unit) {
          double gate[4];
          gates_of(n, t, step, row, head, unit, gate);
          const double c = gate[1] * before(n, t, 1, step, row, head)[unit] + gate[0] * gate[2];
          for (int s = 0; s < 2; ++s) {
            const double value = s == 0 ? gate[3] * tanh(c) : c;
            t->states[at(n, (s * n.steps + step) * n.batch + row, head) + unit] = value;
            if (step == n.steps - 1) t->last[at(n, s * n.batch + row, head) + unit] = value;
          }
        }
}

void lstm_backward(lstm_size n, const lstm_tensors* t) {
  const int width = n.heads * n.head_dim;
  const size_t state_bytes = sizeof(double) * (size_t)(2 * n.batch * width);
  double* const d_states = malloc(2 * state_bytes);
  double* const d_before = d_states + 2 * n.batch * width;
  if (d_states == NULL) abort();
  memcpy(d_states, t->d_last, state_bytes);
  memset(t->dR, 0, sizeof(double) * (size_t)(4 * width * n.head_dim));
  memset(t->db, 0, sizeof(double) * (size_t)(4 * width));
  for (int step = n.steps - 1; step >= 0; --step) {
    memset(d_before, 0, state_bytes);
    for (int row = 0; row < n.batch; ++row)
      for (int head = 0; head < n.heads; ++head)
        for (int unit = 0; unit < n.head_dim; ++unit) {
          double gate[4];
          gates_of(n, t, step, row, head, unit, gate);
          const double i = gate[0], f = gate[1], z = gate[2], o = gate[3];
          const int state = at(n, row, head) + unit, cell = at(n, n.batch + row, head) + unit;
          const double c_before = before(n, t, 1, step, row, head)[unit];
          const double tanh_c = tanh(f * c_before + i * z);
          const double d_h = d_states[state] + t->dh[at(n, step * n.batch + row, head) + unit];
          const double d_c = d_states[cell] + d_h * o * (1 - tanh_c * tanh_c);
          const double d_gate[4] = {d_c * z * i * (1 - i), d_c * c_before * f * (1 - f),
                                    d_c * i * (1 - z * z), d_h * tanh_c * o * (1 - o)};
          d_before[cell] += d_c * f;
          for (int g = 0; g < 4; ++g) {
            const int line = at(n, g, head) + unit;
            t->dx[at(n, (step * n.batch + row) * 4 + g, head) + unit] = d_gate[g];
            t->db[line] += d_gate[g];
            for (int k = 0; k < n.head_dim; ++k) {
              t->dR[line * n.head_dim + k] += d_gate[g] * before(n, t, 0, step, row, head)[k];
              d_before[at(n, row, head) + k] += t->R[line * n.head_dim + k] * d_gate[g];
            }
          }
        }
    memcpy(d_states, d_before, state_bytes);
  }
  memcpy(t->ds0, d_states, state_bytes);
  free(d_states);
}
