// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "flashrnn/error.hpp"
#include "flashrnn/recurrence/gemm.hpp"
#include "flashrnn/recurrence/row_blocks.hpp"
#include "flashrnn/recurrence/workspace.hpp"
#include "layers/row_kernels.hpp"
#include "layers/sequence.hpp"

namespace flashrnn {

/// The linear map y = W·u at every step and batch row, W [outputs, inputs], and its gradients: all
/// of them matrix products over the rows (t, b), one product if both sequences are contiguous in
/// the same order and one per step or batch row if not.
template <class ExecutionSpace>
class Projection {
 public:
  Projection(const SequenceFrame& frame, Index inputs, Index outputs,
             const Gemm<ExecutionSpace>& gemm)
      : frame_(frame), inputs_(inputs), outputs_(outputs), gemm_(&gemm) {}

  std::size_t forward_workspace_bytes() const { return rows_workspace(outputs_, inputs_); }
  std::size_t backward_workspace_bytes() const {
    return std::max(rows_workspace(inputs_, outputs_), WeightWorkspace(*this, nullptr).bytes);
  }

  /// y = W·u, or y += W·u.
  void forward(const ExecutionSpace& space, const ConstSequence& u, const void* W,
               const Sequence& y, bool accumulate, void* workspace) const {
    GemmArguments call = product(workspace);
    call.columns = outputs_;
    call.inner = inputs_;
    call.transpose_b = true;
    call.accumulate = accumulate;
    for_rows(space, call, u, W, y);
  }

  /// du = W^T·dy, or du += W^T·dy.
  void input_gradient(const ExecutionSpace& space, const ConstSequence& dy, const void* W,
                      const Sequence& du, bool accumulate, void* workspace) const {
    GemmArguments call = product(workspace);
    call.columns = inputs_;
    call.inner = outputs_;
    call.accumulate = accumulate;
    for_rows(space, call, dy, W, du);
  }

  /// dW = sum over steps and batch rows of dy ⊗ u. 16-bit types are summed in float.
  void weight_gradient(const ExecutionSpace& space, const ConstSequence& dy, const ConstSequence& u,
                       void* dW, void* workspace) const {
    const WeightWorkspace parts(*this, workspace);
    const RowBlocks walk = blocks(dy, u);
    GemmArguments call = product(parts.gemm);
    call.rows = outputs_;
    call.columns = call.ldb = call.ldc = inputs_;
    call.inner = walk.rows;
    call.transpose_a = true;
    call.lda = walk.leading[0];
    call.ldb = walk.leading[1];
    call.output = sum_type();
    call.c = narrow() ? parts.sums : dW;
    for (Index block = 0; block < walk.blocks; ++block) {
      call.a = advance(dy.data, walk.start[0] + block * walk.between[0], frame_.type);
      call.b = advance(u.data, walk.start[1] + block * walk.between[1], frame_.type);
      call.accumulate = block > 0;
      gemm_->run(space, call);
    }
    if (narrow()) store_sums(space, frame_.type, outputs_ * inputs_, parts.sums, dW);
  }

 private:
  struct WeightWorkspace {
    WeightWorkspace(const Projection& projection, void* base) {
      const SequenceFrame& frame = projection.frame_;
      WorkspaceDivider divide(base);
      sums = divide.take<float>(
          projection.narrow() ? static_cast<std::size_t>(projection.outputs_ * projection.inputs_)
                              : 0);
      gemm = divide.take<char>(projection.gemm_->workspace_bytes(
          projection.outputs_, projection.inputs_, frame.steps * frame.batch, frame.type,
          projection.sum_type()));
      bytes = divide.used();
    }
    float* sums;
    char* gemm;
    std::size_t bytes;
  };

  bool narrow() const { return size_of(frame_.type) < sizeof(float); }
  DataType sum_type() const { return narrow() ? DataType::float32 : frame_.type; }

  /// For products of all rows, of those of one step or of one batch row.
  std::size_t rows_workspace(Index columns, Index inner) const {
    std::size_t bytes = 0;
    for (const Index rows : {frame_.steps * frame_.batch, frame_.steps, frame_.batch, Index(1)})
      bytes =
          std::max(bytes, gemm_->workspace_bytes(rows, columns, inner, frame_.type, frame_.type));
    return bytes;
  }

  GemmArguments product(void* workspace) const {
    GemmArguments call;
    call.ldb = inputs_;
    call.input = call.output = frame_.type;
    call.float32_precision = frame_.float32_precision;
    call.workspace = workspace;
    return call;
  }

  template <class First, class Second>
  RowBlocks blocks(const First& first, const Second& second) const {
    // The strides have been checked against each sequence's own row length.
    RowBlocks walk = row_blocks(frame_.steps, frame_.batch, Strides{0, first.step, first.batch, 0},
                                Strides{0, second.step, second.batch, 0}, 1);
    if (walk.blocks < 1) throw InternalError("projection: rows that no product can walk");
    if (walk.rows == 1) {
      walk.leading[0] = first.length;
      walk.leading[1] = second.length;
    }
    return walk;
  }

  void for_rows(const ExecutionSpace& space, GemmArguments call, const ConstSequence& from,
                const void* W, const Sequence& to) const {
    const RowBlocks walk = blocks(from, to);
    call.rows = walk.rows;
    call.lda = walk.leading[0];
    call.ldc = walk.leading[1];
    call.b = W;
    // Blocks are a batch of products with one W, unless one sequence runs against the other.
    const bool batched = walk.between[0] >= 0 && walk.between[1] >= 0;
    call.count = batched ? walk.blocks : 1;
    call.stride_a = walk.between[0];
    call.stride_c = walk.between[1];
    for (Index block = 0; block < walk.blocks; block += call.count) {
      call.a = advance(from.data, walk.start[0] + block * walk.between[0], frame_.type);
      call.c = advance(to.data, walk.start[1] + block * walk.between[1], frame_.type);
      gemm_->run(space, call);
    }
  }

  SequenceFrame frame_;
  Index inputs_;
  Index outputs_;
  const Gemm<ExecutionSpace>* gemm_;
};

}  // namespace flashrnn
