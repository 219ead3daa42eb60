// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>

#include "flashrnn/recurrence/device_arguments.hpp"
#include "flashrnn/recurrence/resident_tile.hpp"

namespace flashrnn {

/// The forward recurrence on a GPU for heads whose R fits the registers of one team: a team owns
/// one head and `batch_tile` rows of the batch for all steps and reads R once.
///
///     for every step:  gate[n] = R[n]·h + x[n] + b[n];  states = cell(gate, states)
///
/// How the product is shared: ResidentTile. h of the tile lies in the team's fast memory twice
/// (previous and next), so that one barrier per step is enough; x of the next step is read before
/// the product, which hides its way. Every thread calls the cell, because a warp takes as long for
/// one lane as for all.
template <class Cell, class Storage, class TileType>
struct ResidentForwardKernel {
  using Tile = TileType;
  using Arguments = ForwardArguments<Cell, Storage>;
  using Real = typename Arguments::Real;
  static constexpr int input_gates = count_gates(Cell::input_gates);
  static constexpr int input_extent = input_gates > 0 ? input_gates : 1;
  static constexpr int plane = Tile::batch_tile * Tile::width;  // h of the tile once

  Arguments arguments;
  Index batch_tiles = 1;  // teams per head

  /// Bytes of a team's fast memory.
  static constexpr std::size_t team_bytes() { return sizeof(Real) * (2 * plane + 8); }

  template <class Member>
  KOKKOS_FUNCTION void operator()(const Member& team) const {
    const ResidentPair<Tile> pair(team, arguments.shape, batch_tiles);
    typename Tile::Factors factors;
    load_factors(pair, factors);
    Real* h_previous = Tile::template zeros<2 * plane>(team);
    Real* h_next = h_previous + plane;

    Real state[Cell::states], bias[Cell::gates];
    for (int s = 0; s < Cell::states; ++s) state[s] = arguments.initial_state(s, pair.element);
    for (int n = 0; n < Cell::gates; ++n) bias[n] = arguments.bias(n, pair.element);
    if (pair.writer) h_previous[pair.place()] = state[0];
    team.team_barrier();

    const UnitIndex& e = pair.element;
    auto at = arguments.cursor(0, e);
    Storage ahead[input_extent];
    load_input(at.x, ahead);
    for (Index step = 0; step < arguments.shape.steps; ++step) {
      Real gate[Cell::gates];
      add_input(bias, ahead, gate);
      if (step + 1 < arguments.shape.steps) at.x += arguments.x.strides.step;
      load_input(at.x, ahead);

      Real sums[Tile::sums] = {};
      factors.keep_packed();
      multiply(pair.lane, factors, h_previous, sums);
      add_lanes<Tile::pairs, Tile::gates, Tile::lanes>(pair.lane, sums);
      for (int n = 0; n < Cell::gates; ++n)
        if (has_gate(Cell::recurrent_gates, n))
          gate[n] += sums[gate_position(Cell::recurrent_gates, n)];

      Real save[CompleteCell<Cell>::saved_extent];
      arguments.update(gate, state, save);
      if (pair.writer) {
        h_next[pair.place()] = state[0];
        arguments.store(at, state, save);
      }
      arguments.advance(at);
      team.team_barrier();
      Real* const swap = h_previous;
      h_previous = h_next;
      h_next = swap;
    }
    if (pair.writer) arguments.store_last(e, state);
  }

 private:
  KOKKOS_FORCEINLINE_FUNCTION void load_factors(const ResidentPair<Tile>& pair,
                                                typename Tile::Factors& factors) const {
    const Index head_dim = arguments.shape.head_dim;
    unrolled<Tile::units>([&]<int u>() {
      const Index unit = pair.first_unit + u;
      unrolled<Tile::gates>([&]<int n>() {
        const Storage* row =
            arguments.matrix + arguments.matrix_strides.at(n, pair.element.head, unit);
        unrolled<Tile::slice>([&]<int k>() {
          const int in = Tile::place(pair.lane, k);
          const bool inside = unit < head_dim && in < head_dim;
          factors.template set<Tile::index_of(u, n, k)>(inside ? row[in] : Storage(0.0f));
        });
      });
    });
  }

  KOKKOS_FORCEINLINE_FUNCTION void load_input(const Storage* input,
                                              Storage (&ahead)[input_extent]) const {
    for (int n = 0; n < input_gates; ++n) ahead[n] = input[n * arguments.x.strides.channel];
  }

  KOKKOS_FORCEINLINE_FUNCTION static void add_input(const Real (&bias)[Cell::gates],
                                                    const Storage (&input)[input_extent],
                                                    Real (&gate)[Cell::gates]) {
    for (int n = 0; n < Cell::gates; ++n) {
      gate[n] = bias[n];
      if (has_gate(Cell::input_gates, n))
        gate[n] += static_cast<Real>(input[gate_position(Cell::input_gates, n)]);
    }
  }

  /// sums[u][row][n] = sum over this lane's k of R[n][unit u][k] · h[row][k].
  KOKKOS_FORCEINLINE_FUNCTION static void multiply(int lane, const typename Tile::Factors& factors,
                                                   const Real* h_tile, Real (&sums)[Tile::sums]) {
    unrolled<Tile::slice / 4>([&]<int group>() {
      unrolled<Tile::batch_tile>([&]<int row>() {
        const auto four = *reinterpret_cast<const Four<Real>*>(h_tile + row * Tile::width +
                                                               Tile::place(lane, group * 4));
        unrolled<4>([&]<int i>() {
          unrolled<Tile::units>([&]<int u>() {
            unrolled<Tile::gates>([&]<int n>() {
              sums[(u * Tile::batch_tile + row) * Tile::gates + n] +=
                  factors.template get<Tile::index_of(u, n, group * 4 + i)>() * four.value[i];
            });
          });
        });
      });
    });
  }
};

}  // namespace flashrnn
