// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/cells/differentiate.hpp"
#include "flashrnn/recurrence/host/job.hpp"
#include "flashrnn/recurrence/host/micro_kernel.hpp"
#include "flashrnn/recurrence/host/team.hpp"
#include "flashrnn/recurrence/host/unit_block.hpp"
#include "flashrnn/recurrence/host/vector_math.hpp"

namespace flashrnn::host {

/// The forward recurrence on a host processor. A team of workers owns some heads and some rows of
/// the batch for all steps. Within a step it walks through blocks of units: one walk through the
/// block's part of R serves a register tile of batch rows, whose sums then pass through the cell's
/// pointwise function as vectors.
///
/// A team of several workers shares the unit blocks of a task, with one barrier per step: h is held
/// twice. All other states belong to the worker that owns their units.
template <class Isa, class Cell, class Storage>
struct ForwardWorker {
  using Scalar = AccumulateType<Storage>;
  using Real = Vector<Isa, Scalar>;
  using Math = VectorMath<Isa, Scalar>;
  using Memory = Transfer<Isa, Storage>;
  using Complete = CompleteCell<Cell>;
  using Block = UnitBlock<Isa, Cell, Storage>;
  static constexpr int lanes = Real::lanes;

  /// Elements of scratch per batch row of one head: h twice, every other state once.
  static constexpr Index scratch_per_row(Index padded) { return (Cell::states + 1) * padded; }

  static void run(const ForwardJob<Storage>& job, int worker) {
    const auto team = Team<Isa>::of(job, worker);
    const Index tasks = job.groups() * job.slices();
    for (Index task = team.index; task < tasks; task += team.count) {
      ForwardWorker(job, team, task).run_task();
      team.wait();  // the next task reuses the scratch
    }
  }

 private:
  ForwardWorker(const ForwardJob<Storage>& of, const Team<Isa>& by, Index number)
      : job(of), team(by), task(number) {}

  const ForwardJob<Storage>& job;
  Team<Isa> team;
  Index task;

  Index first_row() const { return task % job.slices() * job.tiling.slice_rows; }
  Index rows() const {
    const Index left = job.shape.batch - first_row();
    return left < job.tiling.slice_rows ? left : job.tiling.slice_rows;
  }
  Index first_head() const { return task / job.slices() * job.tiling.group_heads; }
  Index end_head() const {
    const Index end = first_head() + job.tiling.group_heads;
    return end < job.shape.heads ? end : job.shape.heads;
  }
  /// Plane 0 and 1 are h before and after even steps; planes 2… the other states.
  Scalar* plane(Index head, int index) const {
    return job.scratch + team.index * job.scratch_elements +
           ((head - first_head()) * (Cell::states + 1) + index) * job.tiling.slice_rows *
               job.padded;
  }
  Scalar* plane_of_state(Index head, int state, Index step) const {
    return state == 0 ? plane(head, static_cast<int>(step & 1)) : plane(head, state + 1);
  }

  void run_task() const {
    const Index blocks = job.padded / Block::units(job.tiling.sub_blocks);
    const Index first = team.first(blocks), end = team.end(blocks);
    for (Index head = first_head(); head < end_head(); ++head)
      for (Index block = first; block < end; ++block) load_states(head, block);
    team.wait();
    for (Index step = 0; step < job.shape.steps; ++step) {
      for (Index head = first_head(); head < end_head(); ++head) {
        // Every other step backwards: what the last blocks left in the cache is used first.
        for (Index n = first; n < end; ++n)
          run_block(step, head, (step & 1) == 0 ? n : first + end - 1 - n);
      }
      team.wait();
    }
    if (job.last.data == nullptr) return;
    for (Index head = first_head(); head < end_head(); ++head)
      for (Index block = first; block < end; ++block) store_last(head, block);
  }

  /// Calls f(unit, count) for the vectors of units of a block that begin within the head.
  template <class F>
  [[gnu::always_inline]] void for_each_vector(Index block, const F& f) const {
    const Index begin = block * Block::units(job.tiling.sub_blocks);
    for (int sub = 0; sub < job.tiling.sub_blocks; ++sub) {
      const Index unit = begin + sub * lanes;
      const Index left = job.shape.head_dim - unit;
      if (left <= 0) return;
      f(unit, left < lanes ? left : Index(lanes));
    }
  }

  void load_states(Index head, Index block) const {
    for_each_vector(block, [&](Index unit, Index count) {
      for (int s = 0; s < Cell::states; ++s)
        for (Index row = 0; row < rows(); ++row) {
          const Real value =
              job.s0.data == nullptr
                  ? Real::zero()
                  : Memory::load(
                        job.s0.data + job.s0.strides.at(s, 0, first_row() + row, head) + unit,
                        count);
          value.store(plane_of_state(head, s, 0) + row * job.padded + unit);
        }
    });
  }

  void store_last(Index head, Index block) const {
    for_each_vector(block, [&](Index unit, Index count) {
      for (int s = 0; s < Cell::states; ++s)
        for (Index row = 0; row < rows(); ++row)
          Memory::store(
              job.last.data + job.last.strides.at(s, 0, first_row() + row, head) + unit,
              Real::load(plane_of_state(head, s, job.shape.steps) + row * job.padded + unit), count,
              false);
    });
  }

  [[gnu::always_inline]] void run_block(Index step, Index head, Index block) const {
    const Index total = rows(), most = job.tiling.register_rows;
    const Index tiles = (total + most - 1) / most;
    const Scalar* const h = plane(head, static_cast<int>(step & 1));
    alignas(64) Scalar sums[Block::most_sums];
    for (Index tile = 0; tile < tiles; ++tile) {
      const Index row = total * tile / tiles, end = total * (tile + 1) / tiles;
      Block::multiply(job.packed, job.shape.head_dim, job.padded, job.tiling.sub_blocks, head,
                      block, h + row * job.padded, job.padded, static_cast<int>(end - row), sums);
      for_each_vector(block, [&](Index unit, Index count) {
        const Index sub = unit / lanes % job.tiling.sub_blocks;
        update(step, head, unit, count, row, end, sums + sub * lanes,
               Block::vectors(job.tiling.sub_blocks) * lanes, job.tiling.sub_blocks * lanes);
      });
    }
  }

  /// The pointwise function of one vector of units for rows [row, end): `sums` are the products,
  /// `row_sums` apart by row and `gate_sums` by gate.
  [[gnu::always_inline]] void update(Index step, Index head, Index unit, Index count, Index row,
                                     Index end, const Scalar* sums, Index row_sums,
                                     Index gate_sums) const {
    Real bias[Cell::gates];
#pragma GCC unroll 8
    for (int n = 0; n < Cell::gates; ++n)
      bias[n] = has_gate(Cell::bias_gates, n) && job.b.data != nullptr
                    ? Memory::load(job.b.data +
                                       job.b.strides.at(gate_position(Cell::bias_gates, n), 0, 0,
                                                        head) +
                                       unit,
                                   count)
                    : Real::zero();
    const Storage* x = job.x.data + job.x.strides.at(0, step, first_row() + row, head) + unit;
    for (; row < end; ++row, sums += row_sums, x += job.x.strides.batch) {
      Real gate[Cell::gates], previous[Cell::states], next[Cell::states],
          save[Complete::saved_extent];
#pragma GCC unroll 8
      for (int n = 0; n < Cell::gates; ++n) {
        gate[n] = bias[n];
        if (has_gate(Cell::input_gates, n)) {
          const Storage* const from = x + gate_position(Cell::input_gates, n) * job.x.strides.channel;
          gate[n] = gate[n] + Memory::load(from, count);
          __builtin_prefetch(from + job.x.strides.step, 0, 2);
        }
        if (has_gate(Cell::recurrent_gates, n))
          gate[n] =
              gate[n] + Real::load(sums + gate_position(Cell::recurrent_gates, n) * gate_sums);
      }
      const Index place = row * job.padded + unit;
#pragma GCC unroll 4
      for (int s = 0; s < Cell::states; ++s)
        previous[s] = Real::load(plane_of_state(head, s, step) + place);

      Complete::template forward<Math>(gate, previous, next, save);
      next[0] = Math::max(Math::min(next[0], Real(job.clip)), Real(-job.clip));
      next[0] = Memory::round(next[0]);

#pragma GCC unroll 4
      for (int s = 0; s < Cell::states; ++s)
        next[s].store(plane_of_state(head, s, step + 1) + place);
      store(step, first_row() + row, head, unit, count, next, save);
    }
  }

  [[gnu::always_inline]] void store(Index step, Index row, Index head, Index unit, Index count,
                                    const Real (&next)[Cell::states],
                                    const Real (&save)[Complete::saved_extent]) const {
    const bool streaming = job.tiling.streaming;
    if (job.h.data != nullptr)
      Memory::store(job.h.data + job.h.strides.at(0, step, row, head) + unit, next[0], count,
                    streaming);
    if (job.states.data != nullptr) {
#pragma GCC unroll 4
      for (int s = 0; s < Cell::states; ++s)
        Memory::store(job.states.data + job.states.strides.at(s, step, row, head) + unit, next[s],
                      count, streaming);
    }
    if (job.saved.data != nullptr) {
#pragma GCC unroll 8
      for (int k = 0; k < Complete::saved; ++k)
        Memory::store(job.saved.data + job.saved.strides.at(k, step, row, head) + unit, save[k],
                      count, streaming);
    }
  }
};

}  // namespace flashrnn::host
