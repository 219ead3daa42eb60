// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>

#include "flashrnn/cells/differentiate.hpp"
#include "flashrnn/recurrence/math.hpp"
#include "flashrnn/recurrence/options.hpp"
#include "flashrnn/recurrence/tile_memory.hpp"
#include "flashrnn/recurrence/tiling.hpp"
#include "flashrnn/recurrence/typed_tensor.hpp"
#include "flashrnn/types.hpp"

namespace flashrnn {

/// The forward recurrence of one team: one head, `batch_tile` rows of the batch, all steps.
///
///     for every step:  gate[n] = R[n]·h + x[n] + b[n];  states = cell(gate, states)
///
/// h of the tile is held twice (previous and next), so one barrier per step is enough. The other
/// states belong to the thread that owns their unit within a step and stay in accumulation
/// precision from step to step; h is rounded to Storage, as everybody else sees it.
template <class Cell, class Storage, int batch_tile, int unit_tile>
struct ForwardKernel {
  using Real = AccumulateType<Storage>;
  using Complete = CompleteCell<Cell>;
  using Math = KokkosMath<Real>;
  static constexpr int recurrent_gates = count_gates(Cell::recurrent_gates);

  Shape shape;
  Index batch_tiles = 1;  // teams per head
  Index padded = 1;       // head_dim rounded up to unit_tile
  KernelOptions<Real> options;
  TileMemory memory;

  TypedTensor<const Storage> x;
  const Storage* packed_matrix = nullptr;  // [H, D_in, G_R, padded]
  TypedTensor<const Storage> b;
  TypedTensor<const Storage> s0;
  TypedTensor<Storage> states;
  TypedTensor<Storage> h;
  TypedTensor<Storage> last;
  Storage* saved = nullptr;  // [K, T, B, H, D]
  Strides saved_strides;

  /// Tile memory per row of the batch: h twice, every other state once.
  static std::size_t bytes_per_row(Index padded_units) {
    return sizeof(Real) * static_cast<std::size_t>(padded_units * (Cell::states + 1));
  }

  template <class Member>
  KOKKOS_FUNCTION void operator()(const Member& team) const {
    const Index head = team.league_rank() / batch_tiles;
    const Index first_row = team.league_rank() % batch_tiles * batch_tile;
    const int rows = static_cast<int>(shape.batch - first_row < batch_tile ? shape.batch - first_row
                                                                           : Index(batch_tile));
    Real* const tile = reinterpret_cast<Real*>(memory.of(team));
    Real* h_previous = tile;
    Real* h_next = tile + batch_tile * padded;
    Real* const others = tile + 2 * batch_tile * padded;  // [states - 1][batch_tile][padded]

    load_initial_states(team, head, first_row, rows, h_previous, others);
    team.team_barrier();

    const Index unit_tiles = padded / unit_tile;
    for (Index step = 0; step < shape.steps; ++step) {
      Kokkos::parallel_for(Kokkos::TeamThreadRange(team, unit_tiles), [&](const Index tile_index) {
        const Index first_unit = tile_index * unit_tile;
        Real product[recurrent_gates][batch_tile][unit_tile];
        multiply(head, first_unit, h_previous, product);
        for (int row = 0; row < rows; ++row) {
          for (int lane = 0; lane < unit_tile; ++lane) {
            if (first_unit + lane >= shape.head_dim) break;
            Real own_product[recurrent_gates];
            for (int n = 0; n < recurrent_gates; ++n) own_product[n] = product[n][row][lane];
            update(step, head, first_row, row, first_unit + lane, own_product, h_previous, h_next,
                   others);
          }
        }
      });
      team.team_barrier();
      Real* const swap = h_previous;
      h_previous = h_next;
      h_next = swap;
    }
  }

 private:
  template <class Member>
  KOKKOS_FUNCTION void load_initial_states(const Member& team, Index head, Index first_row,
                                           int rows, Real* h_previous, Real* others) const {
    Kokkos::parallel_for(Kokkos::TeamThreadRange(team, padded), [&](const Index unit) {
      for (int s = 0; s < Cell::states; ++s) {
        for (int row = 0; row < batch_tile; ++row) {
          const bool given = s0.data != nullptr && row < rows && unit < shape.head_dim;
          const Real value =
              given ? static_cast<Real>(s0.data[s0.strides.at(s, 0, first_row + row, head) + unit])
                    : Real(0);
          Real* const plane = s == 0 ? h_previous : others + (s - 1) * batch_tile * padded;
          plane[row * padded + unit] = value;
        }
      }
    });
  }

  /// product[n][row][lane] = sum over k of R[n][first_unit + lane][k] · h[row][k].
  KOKKOS_FUNCTION void multiply(Index head, Index first_unit, const Real* h_previous,
                                Real (&product)[recurrent_gates][batch_tile][unit_tile]) const {
    for (int n = 0; n < recurrent_gates; ++n)
      for (int row = 0; row < batch_tile; ++row)
        for (int lane = 0; lane < unit_tile; ++lane) product[n][row][lane] = Real(0);
    const Index line = recurrent_gates * padded;
    const Storage* factors = packed_matrix + head * shape.head_dim * line + first_unit;
    for (Index k = 0; k < shape.head_dim; ++k, factors += line) {
      for (int n = 0; n < recurrent_gates; ++n) {
        for (int row = 0; row < batch_tile; ++row) {
          const Real h_value = h_previous[row * padded + k];
          for (int lane = 0; lane < unit_tile; ++lane)
            product[n][row][lane] += static_cast<Real>(factors[n * padded + lane]) * h_value;
        }
      }
    }
  }

  /// The pointwise function of one unit of one row: from the recurrent product to the outputs.
  KOKKOS_FUNCTION void update(Index step, Index head, Index first_row, int row, Index unit,
                              const Real (&product)[recurrent_gates], const Real* h_previous,
                              Real* h_next, Real* others) const {
    const Index batch = first_row + row;
    Real gate[Cell::gates];
    for (int n = 0; n < Cell::gates; ++n) {
      gate[n] = Real(0);
      if (has_gate(Cell::recurrent_gates, n))
        gate[n] += product[gate_position(Cell::recurrent_gates, n)];
      if (has_gate(Cell::input_gates, n))
        gate[n] += static_cast<Real>(
            x.data[x.strides.at(gate_position(Cell::input_gates, n), step, batch, head) + unit]);
      if (has_gate(Cell::bias_gates, n) && b.data != nullptr)
        gate[n] += static_cast<Real>(
            b.data[b.strides.at(gate_position(Cell::bias_gates, n), 0, 0, head) + unit]);
    }
    Real previous[Cell::states], next[Cell::states], save[Complete::saved_extent];
    previous[0] = h_previous[row * padded + unit];
    for (int s = 1; s < Cell::states; ++s)
      previous[s] = others[((s - 1) * batch_tile + row) * padded + unit];

    Complete::template forward<Math>(gate, previous, next, save);
    next[0] = Math::max(Math::min(next[0], options.forward_clip), -options.forward_clip);
    next[0] = rounded_to<Storage>(next[0]);

    h_next[row * padded + unit] = next[0];
    for (int s = 1; s < Cell::states; ++s)
      others[((s - 1) * batch_tile + row) * padded + unit] = next[s];
    store(step, head, batch, unit, next, save);
  }

  KOKKOS_FUNCTION void store(Index step, Index head, Index batch, Index unit,
                             const Real (&next)[Cell::states],
                             const Real (&save)[Complete::saved_extent]) const {
    if (h.data != nullptr)
      h.data[h.strides.at(0, step, batch, head) + unit] = static_cast<Storage>(next[0]);
    for (int s = 0; s < Cell::states; ++s) {
      if (states.data != nullptr)
        states.data[states.strides.at(s, step, batch, head) + unit] = static_cast<Storage>(next[s]);
      if (last.data != nullptr && step == shape.steps - 1)
        last.data[last.strides.at(s, 0, batch, head) + unit] = static_cast<Storage>(next[s]);
    }
    if (saved != nullptr) {
      for (int k = 0; k < Complete::saved; ++k)
        saved[saved_strides.at(k, step, batch, head) + unit] = static_cast<Storage>(save[k]);
    }
  }
};

}  // namespace flashrnn
