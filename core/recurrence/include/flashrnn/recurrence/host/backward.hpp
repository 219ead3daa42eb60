// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/cells/differentiate.hpp"
#include "flashrnn/recurrence/host/rank_update.hpp"
#include "flashrnn/recurrence/host/task.hpp"
#include "flashrnn/recurrence/host/unit_block.hpp"
#include "flashrnn/recurrence/host/vector_math.hpp"

namespace flashrnn::host {

/// The backward recurrence on a host processor: the tasks and teams of the forward one, steps from
/// the last to the first. Per step, the pointwise backward function of the worker's units, then
/// R^T·d_gate for the same units. The gate gradients of a step are held twice, so that one barrier
/// per step is enough. They are rounded to Storage before either use, so that dx, dR and the
/// recurrent gradient agree.
template <class Isa, class Cell, class Storage>
class BackwardWorker {
 public:
  using Scalar = AccumulateType<Storage>;
  using Real = Vector<Isa, Scalar>;
  using Math = VectorMath<Isa, Scalar>;
  using Memory = Transfer<Isa, Storage>;
  using Exact = Transfer<Isa, Scalar>;
  using Complete = CompleteCell<Cell>;
  using Block = InputBlock<Isa, Storage>;
  using Rank = RankUpdate<Isa, Scalar>;
  static constexpr int lanes = Real::lanes;
  static constexpr int recurrent_gates = count_gates(Cell::recurrent_gates);
  static constexpr int bias_gates = count_gates(Cell::bias_gates);

  /// Planes of scratch per head, before its slab: the gradients of all states.
  static constexpr int planes = Cell::states;

  static void run(const BackwardJob<Storage>& job, int worker) {
    const auto team = Team<Isa>::of(job, worker);
    const Index tasks = job.groups() * job.slices();
    for (Index task = team.index; task < tasks; task += team.count) {
      BackwardWorker(job, team, task).run_task(task % job.slices());
      team.wait();  // the next task reuses the scratch
    }
  }

 private:
  BackwardWorker(const BackwardJob<Storage>& of, const Team<Isa>& by, Index number)
      : job_(of),
        team_(by),
        task_(Task<Isa>::of(of, by, number, Block::units(of.tiling.sub_blocks))) {}

  const BackwardJob<Storage>& job_;
  const Team<Isa> team_;
  const Task<Isa> task_;

  Scalar* d_state(Index head, int state) const { return task_.plane(job_, head, state); }
  Index slot(Index step) const { return (job_.shape.steps - 1 - step) % job_.slab_steps; }
  /// [slab_steps, rows, gate_stride] gate gradients of the last steps.
  Scalar* gate_slab(Index head) const { return task_.plane(job_, head, planes); }
  Scalar* d_gates(Index head, Index step) const {
    return gate_slab(head) + slot(step) * task_.rows * job_.gate_stride;
  }
  /// [slab_steps, rows, h_stride] h before these steps.
  Scalar* h_slab(Index head) const {
    return gate_slab(head) + job_.slab_steps * job_.tiling.slice_rows * job_.gate_stride;
  }

  void run_task(Index slice) const {
    for (Index head = task_.first_head; head < task_.end_head; ++head)
      for (Index block = task_.first_block; block < task_.end_block; ++block)
        load_gradients(slice, head, block);
    for (Index step = job_.shape.steps - 1; step >= 0; --step) {
      const bool slab_full =
          job_.dR_partial != nullptr && (slot(step) == job_.slab_steps - 1 || step == 0);
      for (Index head = task_.first_head; head < task_.end_head; ++head) {
        for (Index block = task_.first_block; block < task_.end_block; ++block)
          task_.for_each_vector(job_, lanes, block, [&](int, Index unit, Index count) {
            differentiate(slice, step, head, unit, count);
          });
        if (team_.size == 1) add_products(slice, step, head, slab_full);
      }
      if (team_.size == 1) continue;
      team_.wait();
      for (Index head = task_.first_head; head < task_.end_head; ++head)
        add_products(slice, step, head, slab_full);
      if (slab_full) team_.wait();  // the next step begins to fill it again
    }
    if (job_.ds0.data == nullptr) return;
    for (Index head = task_.first_head; head < task_.end_head; ++head)
      for (Index block = task_.first_block; block < task_.end_block; ++block)
        store_initial_gradients(head, block);
  }

  void add_products(Index slice, Index step, Index head, bool slab_full) const {
    if (!job_.cut) add_recurrent_gradients(step, head);
    if (slab_full) add_weight_gradients(slice, step, head);
  }

  Scalar* bias_sum(Index slice, int gate, Index head) const {
    return job_.db_partial +
           ((slice * bias_gates + gate) * job_.shape.heads + head) * job_.shape.head_dim;
  }

  void load_gradients(Index slice, Index head, Index block) const {
    task_.for_each_vector(job_, lanes, block, [&](int, Index unit, Index count) {
      for (int s = 0; s < Cell::states; ++s)
        for (Index row = 0; row < task_.rows; ++row) {
          const Index from = job_.d_last.strides.at(s, 0, task_.first_row + row, head) + unit;
          const Real value = job_.d_last.data == nullptr
                                 ? Real::zero()
                                 : Memory::load(job_.d_last.data + from, count);
          value.store(d_state(head, s) + row * job_.row_stride + unit);
        }
      if (job_.db_partial == nullptr) return;
      for (int n = 0; n < bias_gates; ++n)
        Exact::store(bias_sum(slice, n, head) + unit, Real::zero(), count, false);
    });
  }

  void store_initial_gradients(Index head, Index block) const {
    task_.for_each_vector(job_, lanes, block, [&](int, Index unit, Index count) {
      for (int s = 0; s < Cell::states; ++s)
        for (Index row = 0; row < task_.rows; ++row)
          Memory::store(
              job_.ds0.data + job_.ds0.strides.at(s, 0, task_.first_row + row, head) + unit,
              Real::load(d_state(head, s) + row * job_.row_stride + unit), count, false);
    });
  }

  /// The pointwise backward function of one vector of units, all rows.
  [[gnu::always_inline]] void differentiate(Index slice, Index step, Index head, Index unit,
                                            Index count) const {
    // Copies, because the compiler must assume that a store through a pointer changes the job.
    const HostTensor<const Storage> states = job_.states, saved = job_.saved, dh = job_.dh;
    const bool streaming = job_.tiling.streaming, clipped = job_.forward_clip < __builtin_inff();
    const Index row_stride = job_.row_stride, to_next_step = -1;
    const Index d_stride = job_.gate_stride, h_stride = job_.h_stride;
    const Real clip(job_.forward_clip);

    // The states before the step: the stored ones of the step before, or the initial ones.
    const HostTensor<const Storage> before = step > 0 ? states : job_.s0;
    const Index batch = task_.first_row;
    const Storage* const previous_states =
        before.data == nullptr
            ? nullptr
            : before.data + before.strides.at(0, step > 0 ? step - 1 : 0, batch, head) + unit;
    const Storage* const next_states = states.data + states.strides.at(0, step, batch, head) + unit;
    const Storage* const save_from =
        saved.data == nullptr ? nullptr
                              : saved.data + saved.strides.at(0, step, batch, head) + unit;
    const Storage* const dh_from =
        dh.data == nullptr ? nullptr : dh.data + dh.strides.at(0, step, batch, head) + unit;
    Storage* d_gate_to[Cell::gates];
    Index d_gate_row[Cell::gates];
    for (int n = 0; n < Cell::gates; ++n) {
      const HostTensor<Storage>& to = job_.d_gate[n];
      d_gate_to[n] =
          to.data == nullptr ? nullptr : to.data + to.strides.at(0, step, batch, head) + unit;
      d_gate_row[n] = to.strides.batch;
    }
    Scalar* d_states[Cell::states];
    for (int s = 0; s < Cell::states; ++s) d_states[s] = d_state(head, s) + unit;
    Scalar* const own_d_gates = d_gates(head, step) + unit;
    Scalar* const own_h = job_.dR_partial == nullptr
                              ? nullptr
                              : h_slab(head) + slot(step) * task_.rows * h_stride + unit;
    const Index head_dim = job_.shape.head_dim;
    Real bias[bias_gates > 0 ? bias_gates : 1];
    for (int n = 0; n < bias_gates; ++n) bias[n] = Real::zero();

    for (Index row = 0; row < task_.rows; ++row) {
      Real save[Complete::saved_extent], previous[Cell::states], next[Cell::states],
          d_next[Cell::states], d_gate[Cell::gates], d_previous[Cell::states];
#pragma GCC unroll 8
      for (int k = 0; k < Complete::saved; ++k) {
        const Storage* const from =
            save_from + k * saved.strides.channel + row * saved.strides.batch;
        save[k] = Memory::load(from, count);
        __builtin_prefetch(from + to_next_step * saved.strides.step, 0, 2);
      }
#pragma GCC unroll 4
      for (int s = 0; s < Cell::states; ++s) {
        next[s] = Memory::load(
            next_states + s * states.strides.channel + row * states.strides.batch, count);
        const Index from = s * before.strides.channel + row * before.strides.batch;
        previous[s] =
            previous_states == nullptr ? Real::zero() : Memory::load(previous_states + from, count);
        if (previous_states != nullptr)
          __builtin_prefetch(previous_states + from + to_next_step * states.strides.step, 0, 2);
        d_next[s] = Real::load(d_states[s] + row * row_stride);
      }
      if (dh_from != nullptr) {
        const Storage* const from = dh_from + row * dh.strides.batch;
        d_next[0] = d_next[0] + Memory::load(from, count);
        __builtin_prefetch(from + to_next_step * dh.strides.step, 0, 2);
      }
      // Where the clip of h was active, h does not depend on the pointwise function.
      if (clipped) {
        const Real size = Math::abs(next[0]);
        d_next[0] = Math::select(Math::less(clip, size), Real::zero(), d_next[0]);
        d_next[0] = Math::select(Math::equal(clip, size), Real::zero(), d_next[0]);
      }

      Complete::template backward<Math>(save, previous, next, d_next, d_gate, d_previous);

      if (own_h != nullptr) previous[0].store(own_h + row * h_stride);
#pragma GCC unroll 4
      for (int s = 0; s < Cell::states; ++s) d_previous[s].store(d_states[s] + row * row_stride);
#pragma GCC unroll 8
      for (int n = 0; n < Cell::gates; ++n) {
        if (has_gate(Cell::bias_gates, n)) {
          const int position = gate_position(Cell::bias_gates, n);
          bias[position] = bias[position] + d_gate[n];
        }
        const Real rounded = Memory::round(d_gate[n]);
        if (d_gate_to[n] != nullptr)
          Memory::store(d_gate_to[n] + row * d_gate_row[n], rounded, count, streaming);
        if (has_gate(Cell::recurrent_gates, n))
          Exact::store(
              own_d_gates + row * d_stride + gate_position(Cell::recurrent_gates, n) * head_dim,
              rounded, count, false);
      }
    }
    if (job_.db_partial == nullptr) return;
    for (int n = 0; n < bias_gates; ++n) {
      Scalar* const sum = bias_sum(slice, n, head) + unit;
      Exact::store(sum, Exact::load(sum, count) + bias[n], count, false);
    }
  }

  /// d_h += R^T·d_gate of this worker's units, clipped.
  void add_recurrent_gradients(Index step, Index head) const {
    const Real clip(job_.gradient_clip);
    const int sub_blocks = job_.tiling.sub_blocks;
    const Index depth = recurrent_gates * job_.shape.head_dim;
    alignas(64) Scalar sums[Block::most_sums];
    task_.for_each_block((step & 1) != 0, [&](Index block, Index next) {
      task_.for_each_tile_group([&](int first_tile, int end_tile, Index first, int rows) {
        Block::multiply(job_, task_, depth, head, block, end_tile < task_.row_tiles ? block : next,
                        first_tile, end_tile, d_gates(head, step) + first * job_.gate_stride, sums);
        task_.for_each_vector(job_, lanes, block, [&](int sub, Index unit, Index) {
          for (int row = 0; row < rows; ++row) {
            Scalar* const to = d_state(head, 0) + (first + row) * job_.row_stride + unit;
            const Real sum = Real::load(sums + (row * sub_blocks + sub) * lanes);
            (Real::load(to) + Math::max(Math::min(sum, clip), -clip)).store(to);
          }
        });
      });
    });
  }

  /// dR += d_gate^T·h of the steps in the slab, for the gates of this worker's units.
  void add_weight_gradients(Index slice, Index step, Index head) const {
    const Index dim = job_.shape.head_dim, filled = (slot(step) + 1) * task_.rows;
    const bool first = job_.shape.steps - 1 - step < job_.slab_steps;
    const auto smaller = [](Index x, Index y) { return x < y ? x : y; };
    Scalar* const sums =
        job_.dR_partial + (slice * job_.shape.heads + head) * recurrent_gates * dim * job_.padded;
    const Index begin = smaller(task_.first_block * task_.block_units, dim);
    const Index end = smaller(task_.end_block * task_.block_units, dim);
    if (team_.size == 1) {
      Rank::update(gate_slab(head), job_.gate_stride, h_slab(head), job_.h_stride, filled,
                   recurrent_gates * dim, job_.padded, first, sums);
    } else {
      for (int gate = 0; gate < recurrent_gates; ++gate)
        Rank::update(gate_slab(head) + gate * dim + begin, job_.gate_stride, h_slab(head),
                     job_.h_stride, filled, end - begin, job_.padded, first,
                     sums + (gate * dim + begin) * job_.padded);
    }
  }
};

}  // namespace flashrnn::host
