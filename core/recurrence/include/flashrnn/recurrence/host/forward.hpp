// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/cells/differentiate.hpp"
#include "flashrnn/recurrence/host/task.hpp"
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
class ForwardWorker {
 public:
  using Scalar = AccumulateType<Storage>;
  using Real = Vector<Isa, Scalar>;
  using Math = VectorMath<Isa, Scalar>;
  using Memory = Transfer<Isa, Storage>;
  using Complete = CompleteCell<Cell>;
  using Block = UnitBlock<Isa, Cell, Storage>;
  static constexpr int lanes = Real::lanes;

  /// Planes of scratch per head: h before and after even steps, every other state once.
  static constexpr int planes = Cell::states + 1;

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
      : job_(of),
        team_(by),
        task_(Task<Isa>::of(of, by, number, Block::units(of.tiling.sub_blocks))) {}

  const ForwardJob<Storage>& job_;
  const Team<Isa> team_;
  const Task<Isa> task_;

  Scalar* state_before(Index head, int state, Index step) const {
    return task_.plane(job_, head, state == 0 ? static_cast<int>(step & 1) : state + 1);
  }

  void run_task() const {
    for (Index head = task_.first_head; head < task_.end_head; ++head)
      for (Index block = task_.first_block; block < task_.end_block; ++block)
        load_states(head, block);
    team_.wait();
    for (Index step = 0; step < job_.shape.steps; ++step) {
      for (Index head = task_.first_head; head < task_.end_head; ++head) {
        // Every other step backwards: what the last blocks left in the cache is used first.
        task_.for_each_block((step & 1) != 0,
                             [&](Index block, Index next) { run_block(step, head, block, next); });
      }
      team_.wait();
    }
    if (job_.last.data == nullptr) return;
    for (Index head = task_.first_head; head < task_.end_head; ++head)
      for (Index block = task_.first_block; block < task_.end_block; ++block)
        store_last(head, block);
  }

  void load_states(Index head, Index block) const {
    task_.for_each_vector(job_, lanes, block, [&](int, Index unit, Index count) {
      for (int s = 0; s < Cell::states; ++s)
        for (Index row = 0; row < task_.rows; ++row) {
          const Index from = job_.s0.strides.at(s, 0, task_.first_row + row, head) + unit;
          const Real value =
              job_.s0.data == nullptr ? Real::zero() : Memory::load(job_.s0.data + from, count);
          value.store(state_before(head, s, 0) + row * job_.row_stride + unit);
        }
    });
  }

  void store_last(Index head, Index block) const {
    task_.for_each_vector(job_, lanes, block, [&](int, Index unit, Index count) {
      for (int s = 0; s < Cell::states; ++s)
        for (Index row = 0; row < task_.rows; ++row)
          Memory::store(
              job_.last.data + job_.last.strides.at(s, 0, task_.first_row + row, head) + unit,
              Real::load(state_before(head, s, job_.shape.steps) + row * job_.row_stride + unit),
              count, false);
    });
  }

  [[gnu::always_inline]] void run_block(Index step, Index head, Index block, Index next) const {
    const Scalar* const h = state_before(head, 0, step);
    const int sub_blocks = job_.tiling.sub_blocks;
    alignas(64) Scalar sums[Block::most_sums];
    task_.for_each_tile_group([&](int first_tile, int end_tile, Index row, int rows) {
      Block::multiply(job_, task_, head, block, end_tile < task_.row_tiles ? block : next,
                      first_tile, end_tile, h + row * job_.row_stride, sums);
      task_.for_each_vector(job_, lanes, block, [&](int sub, Index unit, Index valid) {
        update(step, head, unit, valid, row, rows, sums + sub * lanes,
               Block::vectors(sub_blocks) * lanes, sub_blocks * lanes);
      });
    });
  }

  /// The pointwise function of one vector of units for `rows` rows from `row`. `sums` are the
  /// products, `row_sums` apart by row and `gate_sums` by gate.
  /// Flattened: a cell's function that is called, and not in line, passes all through memory.
  [[gnu::noinline, gnu::flatten]] void update(Index step, Index head, Index unit, Index count,
                                              Index row, int rows, const Scalar* sums,
                                              Index row_sums, Index gate_sums) const {
    // Copies, because the compiler must assume that a store through a pointer changes the job.
    const HostTensor<const Storage> b = job_.b, x_tensor = job_.x;
    const HostTensor<Storage> h = job_.h, states = job_.states, saved = job_.saved;
    const Index row_stride = job_.row_stride, channel = x_tensor.strides.channel;
    const Index next_step = x_tensor.strides.step, next_row = x_tensor.strides.batch;
    const bool streaming = job_.tiling.streaming;
    const Real clip(job_.clip);
    // What is best fetched meanwhile: the line of the cache that comes next, or at the end of a
    // head what the next step begins with. (What is fetched a whole step ahead, a large R
    // displaces.) A few rows of a small head are through before a line comes from memory: theirs
    // is that of the step after the next.
    constexpr Index line = 64 / static_cast<Index>(sizeof(Storage));
    const bool short_step = task_.rows <= 4 && job_.shape.head_dim <= 128;
    const Index ahead = short_step                          ? 2 * next_step
                        : (step & 1) != 0                   ? (unit >= line ? -line : next_step)
                        : unit + line < job_.shape.head_dim ? line
                                                            : next_step;

    Real bias[Cell::gates];
#pragma GCC unroll 8
    for (int n = 0; n < Cell::gates; ++n) {
      bias[n] = Real::zero();
      if (has_gate(Cell::bias_gates, n) && b.data != nullptr)
        bias[n] = Memory::load(
            b.data + b.strides.at(gate_position(Cell::bias_gates, n), 0, 0, head) + unit, count);
    }
    Scalar* before[Cell::states];
    Scalar* after[Cell::states];
#pragma GCC unroll 4
    for (int s = 0; s < Cell::states; ++s) {
      before[s] = state_before(head, s, step) + row * row_stride + unit;
      after[s] = state_before(head, s, step + 1) + row * row_stride + unit;
    }
    const Index batch = task_.first_row + row;
    const Storage* x = x_tensor.data + x_tensor.strides.at(0, step, batch, head) + unit;
    Index to_h = h.strides.at(0, step, batch, head) + unit;
    Index to_states = states.strides.at(0, step, batch, head) + unit;
    Index to_saved = saved.strides.at(0, step, batch, head) + unit;

    for (Index n_row = 0; n_row < rows; ++n_row) {
      Real gate[Cell::gates], previous[Cell::states], next[Cell::states],
          save[Complete::saved_extent];
#pragma GCC unroll 8
      for (int n = 0; n < Cell::gates; ++n) {
        gate[n] = bias[n];
        if (has_gate(Cell::input_gates, n)) {
          const Storage* const from = x + gate_position(Cell::input_gates, n) * channel;
          gate[n] = gate[n] + Memory::load(from, count);
          __builtin_prefetch(from + ahead, 0, 2);
        }
        if (has_gate(Cell::recurrent_gates, n))
          gate[n] =
              gate[n] + Real::load(sums + gate_position(Cell::recurrent_gates, n) * gate_sums);
      }
#pragma GCC unroll 4
      for (int s = 0; s < Cell::states; ++s)
        previous[s] = Real::load(before[s] + n_row * row_stride);

      Complete::template forward<Math>(gate, previous, next, save);
      next[0] = Math::max(Math::min(next[0], clip), -clip);
      next[0] = Memory::round(next[0]);

#pragma GCC unroll 4
      for (int s = 0; s < Cell::states; ++s) next[s].store(after[s] + n_row * row_stride);
      if (h.data != nullptr) Memory::store(h.data + to_h, next[0], count, streaming);
      if (states.data != nullptr) {
#pragma GCC unroll 4
        for (int s = 0; s < Cell::states; ++s)
          Memory::store(states.data + to_states + s * states.strides.channel, next[s], count,
                        streaming);
      }
      if (saved.data != nullptr) {
#pragma GCC unroll 8
        for (int k = 0; k < Complete::saved; ++k)
          Memory::store(saved.data + to_saved + k * saved.strides.channel, save[k], count,
                        streaming);
      }
      sums += row_sums;
      x += next_row;
      to_h += h.strides.batch;
      to_states += states.strides.batch;
      to_saved += saved.strides.batch;
    }
  }
};

}  // namespace flashrnn::host
