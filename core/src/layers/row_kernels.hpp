// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>

#include "flashrnn/error.hpp"
#include "flashrnn/types.hpp"
#include "layers/sequence.hpp"

// What is left around the matrix products: biases of the linear head and sums of 16-bit types.

namespace flashrnn {

/// Calls body.operator()<Storage>() for the type's storage.
template <class Body>
void with_storage(DataType type, const Body& body) {
  switch (type) {
    case DataType::float64:
      return body.template operator()<double>();
    case DataType::float32:
      return body.template operator()<float>();
    case DataType::bfloat16:
      return body.template operator()<bfloat16>();
    case DataType::float16:
      return body.template operator()<float16>();
  }
  throw InternalError("with_storage: data type without a storage");
}

// Kernels are named structs: nvcc loses the host side of a lambda that stands in a template which
// several files instantiate.

template <class Storage>
struct StoreSums {
  const float* sums;
  Storage* out;
  KOKKOS_FUNCTION void operator()(const Index n) const { out[n] = static_cast<Storage>(sums[n]); }
};

template <class Storage>
struct RepeatRow {
  const Storage* row;
  Storage* y;
  Index step, batch, length, batches;
  KOKKOS_FUNCTION void operator()(const Index n) const {
    const Index i = n % length, b = n / length % batches, t = n / (length * batches);
    y[t * step + b * batch + i] = row[i];
  }
};

template <class Storage>
struct SumRows {
  using Real = AccumulateType<Storage>;
  const Storage* dy;
  Storage* sum;
  Index step, batch, batches, rows;
  template <class Member>
  KOKKOS_FUNCTION void operator()(const Member& team) const {
    const Index i = team.league_rank();
    Real total = Real(0);
    Kokkos::parallel_reduce(
        Kokkos::TeamThreadRange(team, rows),
        [&](const Index row, Real& partial) {
          partial += static_cast<Real>(dy[row / batches * step + row % batches * batch + i]);
        },
        total);
    Kokkos::single(Kokkos::PerTeam(team), [&]() { sum[i] = static_cast<Storage>(total); });
  }
};

/// Storage of sums -> 16-bit elements.
template <class ExecutionSpace, class Storage>
void store_sums(const ExecutionSpace& space, Index count, const float* sums, Storage* out) {
  Kokkos::parallel_for(
      "flashrnn::store_sums",
      Kokkos::RangePolicy<ExecutionSpace, Kokkos::IndexType<Index>>(space, 0, count),
      StoreSums<Storage>{sums, out});
}
template <class ExecutionSpace>
void store_sums(const ExecutionSpace& space, DataType type, Index count, const float* sums,
                void* out) {
  with_storage(
      type, [&]<class Storage>() { store_sums(space, count, sums, static_cast<Storage*>(out)); });
}

/// y[t, b, :] = row for all t and b.
template <class ExecutionSpace, class Storage>
void repeat_row(const ExecutionSpace& space, const SequenceFrame& frame, const Storage* row,
                Storage* y, Index step, Index batch, Index length) {
  Kokkos::parallel_for("flashrnn::repeat_row",
                       Kokkos::RangePolicy<ExecutionSpace, Kokkos::IndexType<Index>>(
                           space, 0, frame.elements(length)),
                       RepeatRow<Storage>{row, y, step, batch, length, frame.batch});
}
template <class ExecutionSpace>
void repeat_row(const ExecutionSpace& space, const SequenceFrame& frame, const void* row,
                const Sequence& y) {
  with_storage(frame.type, [&]<class Storage>() {
    repeat_row(space, frame, static_cast<const Storage*>(row), static_cast<Storage*>(y.data),
               y.step, y.batch, y.length);
  });
}

/// sum[i] = sum over t and b of dy[t, b, i], one team per i.
template <class ExecutionSpace, class Storage>
void sum_rows(const ExecutionSpace& space, const SequenceFrame& frame, const Storage* dy,
              Index step, Index batch, Index length, Storage* sum) {
  Kokkos::parallel_for(
      "flashrnn::sum_rows",
      Kokkos::TeamPolicy<ExecutionSpace>(space, static_cast<int>(length), Kokkos::AUTO),
      SumRows<Storage>{dy, sum, step, batch, frame.batch, frame.steps * frame.batch});
}
template <class ExecutionSpace>
void sum_rows(const ExecutionSpace& space, const SequenceFrame& frame, const ConstSequence& dy,
              void* sum) {
  with_storage(frame.type, [&]<class Storage>() {
    sum_rows(space, frame, static_cast<const Storage*>(dy.data), dy.step, dy.batch, dy.length,
             static_cast<Storage*>(sum));
  });
}

/// Sets `bytes` bytes to zero, which is 0 in every type.
template <class ExecutionSpace>
void fill_zero(const ExecutionSpace& space, void* data, std::size_t bytes) {
  Kokkos::deep_copy(
      space,
      Kokkos::View<unsigned char*, typename ExecutionSpace::memory_space, Kokkos::MemoryUnmanaged>(
          static_cast<unsigned char*>(data), bytes),
      static_cast<unsigned char>(0));
}

}  // namespace flashrnn
