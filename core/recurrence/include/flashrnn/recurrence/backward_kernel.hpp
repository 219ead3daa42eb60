// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>

#include "flashrnn/recurrence/forward_kernel.hpp"

namespace flashrnn {

/// The backward recurrence of one team: one head, `batch_tile` rows of the batch, all steps from
/// the last to the first. Per step:
///
///     d_states += upstream;  (d_gate, d_states) = cell backward;  d_h += R^T · d_gate
///
/// d_gate is written for dx and for the product dR = sum over steps and batch of d_gate ⊗ h_{t-1},
/// which follows as one large matrix product. It is rounded to Storage before either use, so that
/// dx, dR and the recurrent gradient agree. Bias gradients are summed here, per team, in
/// accumulation precision and a fixed order.
template <class Cell, class Storage, int batch_tile, int unit_tile>
struct BackwardKernel {
  using Real = AccumulateType<Storage>;
  using Complete = CompleteCell<Cell>;
  using Math = KokkosMath<Real>;
  static constexpr int recurrent_gates = count_gates(Cell::recurrent_gates);
  static constexpr int bias_gates = count_gates(Cell::bias_gates);

  Shape shape;
  Index batch_tiles = 1;
  Index padded = 1;
  KernelOptions<Real> options;
  TileMemory memory;

  const Storage* matrix = nullptr;  // R as given: D_in is contiguous, which is what R^T needs
  MatrixStrides matrix_strides;
  TypedTensor<const Storage> s0;
  TypedTensor<const Storage> states;
  const Storage* saved = nullptr;
  Strides saved_strides;
  TypedTensor<const Storage> dh;
  TypedTensor<const Storage> d_last;
  TypedTensor<Storage> d_gate[Cell::gates];  // one per gate (channel 0); null: not stored
  Real* db_partial = nullptr;                // [batch_tiles, G_b, H, D]; null: not wanted
  TypedTensor<Storage> ds0;

  /// Tile memory per row of the batch: d_gate of the recurrent gates and the carried d_states.
  static std::size_t bytes_per_row(Index padded_units) {
    return sizeof(Real) * static_cast<std::size_t>(padded_units * (Cell::states + recurrent_gates));
  }

  template <class Member>
  KOKKOS_FUNCTION void operator()(const Member& team) const {
    const Index head = team.league_rank() / batch_tiles;
    const Index tile_of_batch = team.league_rank() % batch_tiles;
    const Index first_row = tile_of_batch * batch_tile;
    const int rows = static_cast<int>(shape.batch - first_row < batch_tile ? shape.batch - first_row
                                                                           : Index(batch_tile));
    Real* const d_states = reinterpret_cast<Real*>(memory.of(team));  // [states][tile][padded]
    Real* const d_gates = d_states + Cell::states * batch_tile * padded;

    load_last_gradient(team, head, first_row, rows, d_states);
    team.team_barrier();
    for (Index step = shape.steps - 1; step >= 0; --step) {
      Kokkos::parallel_for(Kokkos::TeamThreadRange(team, shape.head_dim), [&](const Index unit) {
        for (int row = 0; row < rows; ++row)
          differentiate(step, head, tile_of_batch, first_row, row, unit, d_states, d_gates);
      });
      team.team_barrier();
      Kokkos::parallel_for(Kokkos::TeamThreadRange(team, padded / unit_tile),
                           [&](const Index tile) {
                             add_recurrent_gradient(head, tile * unit_tile, d_gates, d_states);
                           });
      team.team_barrier();
    }
    store_initial_gradient(team, head, first_row, rows, d_states);
  }

 private:
  template <class Member>
  KOKKOS_FUNCTION void load_last_gradient(const Member& team, Index head, Index first_row, int rows,
                                          Real* d_states) const {
    Kokkos::parallel_for(Kokkos::TeamThreadRange(team, padded), [&](const Index unit) {
      for (int s = 0; s < Cell::states + recurrent_gates; ++s) {
        for (int row = 0; row < batch_tile; ++row) {
          const bool given =
              s < Cell::states && d_last.data != nullptr && row < rows && unit < shape.head_dim;
          // The rows of d_gates that lie behind the batch's end stay zero for good.
          d_states[(s * batch_tile + row) * padded + unit] =
              given ? static_cast<Real>(
                          d_last.data[d_last.strides.at(s, 0, first_row + row, head) + unit])
                    : Real(0);
        }
      }
    });
    if (db_partial != nullptr) {
      const Index tile_of_batch = first_row / batch_tile;
      Kokkos::parallel_for(Kokkos::TeamThreadRange(team, shape.head_dim), [&](const Index unit) {
        for (int n = 0; n < bias_gates; ++n) *bias_sum(tile_of_batch, n, head, unit) = Real(0);
      });
    }
  }

  KOKKOS_FUNCTION Real* bias_sum(Index tile_of_batch, int gate, Index head, Index unit) const {
    return db_partial +
           ((tile_of_batch * bias_gates + gate) * shape.heads + head) * shape.head_dim + unit;
  }

  /// The pointwise part of one unit of one row.
  KOKKOS_FUNCTION void differentiate(Index step, Index head, Index tile_of_batch, Index first_row,
                                     int row, Index unit, Real* d_states, Real* d_gates) const {
    const Index batch = first_row + row;
    Real save[Complete::saved_extent], previous[Cell::states], next[Cell::states],
        d_next[Cell::states], d_gate_value[Cell::gates], d_previous[Cell::states];
    for (int k = 0; k < Complete::saved; ++k)
      save[k] = static_cast<Real>(saved[saved_strides.at(k, step, batch, head) + unit]);
    for (int s = 0; s < Cell::states; ++s) {
      next[s] = static_cast<Real>(states.data[states.strides.at(s, step, batch, head) + unit]);
      if (step > 0) {
        previous[s] =
            static_cast<Real>(states.data[states.strides.at(s, step - 1, batch, head) + unit]);
      } else {
        previous[s] = s0.data != nullptr
                          ? static_cast<Real>(s0.data[s0.strides.at(s, 0, batch, head) + unit])
                          : Real(0);
      }
      d_next[s] = d_states[(s * batch_tile + row) * padded + unit];
    }
    if (dh.data != nullptr)
      d_next[0] += static_cast<Real>(dh.data[dh.strides.at(0, step, batch, head) + unit]);
    // Where the clip of h was active, h does not depend on the pointwise function.
    if (options.forward_clip <= Math::abs(next[0])) d_next[0] = Real(0);

    Complete::template backward<Math>(save, previous, next, d_next, d_gate_value, d_previous);

    for (int s = 0; s < Cell::states; ++s)
      d_states[(s * batch_tile + row) * padded + unit] = d_previous[s];
    for (int n = 0; n < Cell::gates; ++n) {
      const Real rounded = rounded_to<Storage>(d_gate_value[n]);
      if (d_gate[n].data != nullptr)
        d_gate[n].data[d_gate[n].strides.at(0, step, batch, head) + unit] =
            static_cast<Storage>(rounded);
      if (has_gate(Cell::recurrent_gates, n))
        d_gates[(gate_position(Cell::recurrent_gates, n) * batch_tile + row) * padded + unit] =
            rounded;
      if (has_gate(Cell::bias_gates, n) && db_partial != nullptr)
        *bias_sum(tile_of_batch, gate_position(Cell::bias_gates, n), head, unit) += d_gate_value[n];
    }
  }

  /// d_h[row][first_unit + lane] += sum over gates and units of R[n][unit][first_unit + lane] ·
  /// d_gate[n][row][unit], clipped or cut as the options say.
  KOKKOS_FUNCTION void add_recurrent_gradient(Index head, Index first_unit, const Real* d_gates,
                                              Real* d_states) const {
    if (options.cut_recurrent_gradient) return;
    const Index left = shape.head_dim - first_unit;
    const int lanes = static_cast<int>(left < unit_tile ? left : Index(unit_tile));
    Real sum[batch_tile][unit_tile];
    for (int row = 0; row < batch_tile; ++row)
      for (int lane = 0; lane < unit_tile; ++lane) sum[row][lane] = Real(0);
    for (int n = 0; n < recurrent_gates; ++n) {
      const Storage* factors = matrix + matrix_strides.at(n, head, 0) + first_unit;
      const Real* d_gate_row = d_gates + n * batch_tile * padded;
      for (Index unit = 0; unit < shape.head_dim; ++unit, factors += matrix_strides.row) {
        Real factor[unit_tile];
        for (int lane = 0; lane < unit_tile; ++lane)
          factor[lane] = lane < lanes ? static_cast<Real>(factors[lane]) : Real(0);
        for (int row = 0; row < batch_tile; ++row) {
          const Real value = d_gate_row[row * padded + unit];
          for (int lane = 0; lane < unit_tile; ++lane) sum[row][lane] += factor[lane] * value;
        }
      }
    }
    const Real clip = options.recurrent_gradient_clip;
    for (int row = 0; row < batch_tile; ++row)
      for (int lane = 0; lane < lanes; ++lane)
        d_states[row * padded + first_unit + lane] +=
            Math::max(Math::min(sum[row][lane], clip), -clip);
  }

  template <class Member>
  KOKKOS_FUNCTION void store_initial_gradient(const Member& team, Index head, Index first_row,
                                              int rows, const Real* d_states) const {
    if (ds0.data == nullptr) return;
    Kokkos::parallel_for(Kokkos::TeamThreadRange(team, shape.head_dim), [&](const Index unit) {
      for (int s = 0; s < Cell::states; ++s)
        for (int row = 0; row < rows; ++row)
          ds0.data[ds0.strides.at(s, 0, first_row + row, head) + unit] =
              static_cast<Storage>(d_states[(s * batch_tile + row) * padded + unit]);
    });
  }
};

}  // namespace flashrnn
