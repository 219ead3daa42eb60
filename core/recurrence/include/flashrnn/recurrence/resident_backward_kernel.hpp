// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>

#include "flashrnn/recurrence/device_arguments.hpp"
#include "flashrnn/recurrence/resident_tile.hpp"

namespace flashrnn {

/// The backward recurrence on a GPU for heads whose R fits the registers of one team, from the last
/// step to the first:
///
///     d_states += upstream;  (d_gate, d_states) = cell backward;  d_h += R^T · d_gate
///
/// A lane holds its slice of the rows of R^T for all recurrent gates (ResidentTile). Gate gradients
/// of the tile lie in the team's fast memory, for two steps, so that one barrier per step is
/// enough; everything else that a pair (unit, row) carries from step to step, its bias gradient
/// included, stays in the registers of its lane. What the next step reads is read a step ahead.
template <class Cell, class Storage, class TileType>
struct ResidentBackwardKernel {
  using Tile = TileType;
  using Arguments = BackwardArguments<Cell, Storage>;
  using Real = typename Arguments::Real;
  static constexpr int bias_gates = Arguments::bias_gates;
  static constexpr int plane = Tile::batch_tile * Tile::width;  // one gate of the tile
  static constexpr int planes = Tile::gates * plane;

  Arguments arguments;
  Index batch_tiles = 1;  // teams per head

  /// Bytes of a team's fast memory.
  static constexpr std::size_t team_bytes() { return sizeof(Real) * (2 * planes + 8); }

  template <class Member>
  KOKKOS_FUNCTION void operator()(const Member& team) const {
    const ResidentPair<Tile> pair(team, arguments.shape, batch_tiles);
    const UnitIndex& e = pair.element;
    typename Tile::Factors factors;
    load_factors(pair, factors);
    Real* d_gates = Tile::template zeros<2 * planes>(team);
    Real* d_gates_next = d_gates + planes;

    Real d_state[Cell::states], next[Cell::states], bias_sum[bias_gates > 0 ? bias_gates : 1];
    for (int n = 0; n < bias_gates; ++n) bias_sum[n] = Real(0);
    for (int s = 0; s < Cell::states; ++s) {
      d_state[s] = arguments.last_gradient(s, e);
      next[s] = arguments.state_after(arguments.shape.steps - 1, s, e);
    }
    auto at = arguments.cursor(arguments.shape.steps - 1, e);
    auto ahead = arguments.load(arguments.shape.steps - 1, at, e);
    for (Index step = arguments.shape.steps - 1; step >= 0; --step) {
      const auto now = ahead;
      if (step > 0) {
        arguments.retreat_inputs(at);
        ahead = arguments.load(step - 1, at, e);
      }
      Real exact[Cell::gates], rounded[Cell::gates];
      arguments.differentiate(now, next, d_state, exact, rounded);
      for (int n = 0; n < Cell::gates; ++n)
        if (has_gate(Cell::bias_gates, n)) bias_sum[gate_position(Cell::bias_gates, n)] += exact[n];
      if (pair.writer) {
        for (int n = 0; n < Cell::gates; ++n)
          if (has_gate(Cell::recurrent_gates, n))
            d_gates[gate_position(Cell::recurrent_gates, n) * plane + pair.place()] = rounded[n];
        arguments.store_gates(at, rounded);
      }
      arguments.retreat_gates(at);
      team.team_barrier();
      if (!arguments.options.cut_recurrent_gradient) {
        Real sums[Tile::pairs] = {};
        factors.keep_packed();
        multiply(pair.lane, factors, d_gates, sums);
        add_lanes<Tile::pairs, 1, Tile::lanes>(pair.lane, sums);
        d_state[0] += arguments.clipped(sums[0]);
      }
      Real* const swap = d_gates;
      d_gates = d_gates_next;
      d_gates_next = swap;
    }
    if (!pair.writer) return;
    arguments.store_initial_gradient(e, d_state);
    if (arguments.db_partial != nullptr)
      for (int n = 0; n < bias_gates; ++n) arguments.bias_sum(n, e) = bias_sum[n];
  }

 private:
  KOKKOS_FORCEINLINE_FUNCTION void load_factors(const ResidentPair<Tile>& pair,
                                                typename Tile::Factors& factors) const {
    const Index head_dim = arguments.shape.head_dim;
    unrolled<Tile::units>([&]<int u>() {
      const Index unit = pair.first_unit + u;
      unrolled<Tile::gates>([&]<int n>() {
        unrolled<Tile::slice>([&]<int k>() {
          const int out = Tile::place(pair.lane, k);
          const bool inside = unit < head_dim && out < head_dim;
          factors.template set<Tile::index_of(u, n, k)>(
              inside
                  ? arguments.matrix[arguments.matrix_strides.at(n, pair.element.head, out) + unit]
                  : Storage(0.0f));
        });
      });
    });
  }

  /// sums[u][row] = sum over gates and this lane's k of R[n][k][unit u] · d_gate[n][row][k].
  KOKKOS_FORCEINLINE_FUNCTION static void multiply(int lane, const typename Tile::Factors& factors,
                                                   const Real* d_gates, Real (&sums)[Tile::pairs]) {
    unrolled<Tile::slice / 4>([&]<int group>() {
      unrolled<Tile::gates>([&]<int n>() {
        unrolled<Tile::batch_tile>([&]<int row>() {
          const auto four = *reinterpret_cast<const Four<Real>*>(
              d_gates + n * plane + row * Tile::width + Tile::place(lane, group * 4));
          unrolled<4>([&]<int i>() {
            unrolled<Tile::units>([&]<int u>() {
              sums[u * Tile::batch_tile + row] +=
                  factors.template get<Tile::index_of(u, n, group * 4 + i)>() * four.value[i];
            });
          });
        });
      });
    });
  }
};

}  // namespace flashrnn
