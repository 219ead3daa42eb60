// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <string>

#include "commands.hpp"
#include "device_memory.hpp"
#include "flashrnn/error.hpp"
#include "flashrnn/plan.hpp"
#include "flashrnn/safetensors.hpp"
#include "io/element_type_of.hpp"
#include "model_runner.hpp"
#include "tensor_input.hpp"

namespace flashrnn::cli {
namespace {

struct RunOptions {
  std::string cell;
  std::string in;
  std::string out;
  std::string backend = "auto";
  std::string dtype;
  bool backward = false;
  bool batch_first = false;
  double forward_clip = 0;
  double recurrent_gradient_clip = 0;
  bool cut_recurrent_gradient = false;
  std::string precision = "highest";
  bool describe = false;
  bool tune = false;
};

/// The shapes of a case's tensors, and the axes' names for messages.
class CaseShapes {
 public:
  CaseShapes(const CellDescription& cell, const Shape& shape, SequenceOrder order)
      : cell_(cell), shape_(shape), batch_first_(order == SequenceOrder::batch_first) {}

  [[nodiscard]] TensorShape x() const { return sequence(cell_.input_gates, false); }
  [[nodiscard]] TensorShape dh() const {
    const TensorShape one_gate = sequence(1, false);
    return {one_gate[0], one_gate[1], one_gate[3], one_gate[4]};
  }
  [[nodiscard]] TensorShape states() const { return sequence(cell_.states, true); }
  [[nodiscard]] TensorShape R() const {
    return {cell_.recurrent_gates, shape_.heads, shape_.head_dim, shape_.head_dim};
  }
  [[nodiscard]] TensorShape b() const { return {cell_.bias_gates, shape_.heads, shape_.head_dim}; }
  [[nodiscard]] TensorShape s0() const {
    return {cell_.states, shape_.batch, shape_.heads, shape_.head_dim};
  }

 private:
  [[nodiscard]] TensorShape sequence(Index channels, bool channels_first) const {
    const Index outer = batch_first_ ? shape_.batch : shape_.steps;
    const Index inner = batch_first_ ? shape_.steps : shape_.batch;
    if (channels_first) return {channels, outer, inner, shape_.heads, shape_.head_dim};
    return {outer, inner, channels, shape_.heads, shape_.head_dim};
  }

  const CellDescription& cell_;
  const Shape& shape_;
  bool batch_first_;
};

Problem make_problem(const RunOptions& options, const SafetensorsFile& file) {
  Problem problem;
  problem.cell = options.cell;
  const CellDescription& cell = find_cell(problem.cell);
  const TensorView& x = file.at("x");
  problem.order = options.batch_first ? SequenceOrder::batch_first : SequenceOrder::time_major;
  if (x.shape.size() != 5 || x.shape[2] != cell.input_gates) {
    throw InvalidArgument(file.label() + ": tensor 'x': expected shape [" +
                          (options.batch_first ? "B, T, " : "T, B, ") +
                          std::to_string(cell.input_gates) + ", H, D] for the cell " + cell.name +
                          ", found " + shape_text(x.shape));
  }
  const std::size_t step_axis = options.batch_first ? 1 : 0;
  problem.shape = {x.shape[step_axis], x.shape[1 - step_axis], x.shape[3], x.shape[4]};
  problem.dtype =
      options.dtype.empty() ? data_type_of(file, x) : data_type_from_name(options.dtype);
  problem.training = options.backward;
  if (options.forward_clip != 0) problem.forward_clip = options.forward_clip;
  if (options.recurrent_gradient_clip != 0) {
    problem.recurrent_gradient_clip = options.recurrent_gradient_clip;
  }
  problem.cut_recurrent_gradient = options.cut_recurrent_gradient;
  problem.float32_matmul_precision = matmul_precision_from_name(options.precision);
  try {
    validate(problem);
  } catch (const InvalidArgument& error) {
    throw InvalidArgument(file.label() + ": tensor 'x' of shape " + shape_text(x.shape) + ": " +
                          error.what());
  }
  return problem;
}

/// One case in the memory of an execution space.
template <class ExecutionSpace>
class CaseRun {
 public:
  CaseRun(const RunOptions& options, const SafetensorsFile& file)
      : options_(options),
        problem_(make_problem(options, file)),
        cell_(find_cell(problem_.cell)),
        shapes_(cell_, problem_.shape, problem_.order) {
    // Every input is checked before anything is computed.
    x_ = required(file, "x", shapes_.x());
    R_ = required(file, "R", shapes_.R());
    b_ = required(file, "b", shapes_.b());
    s0_ = optional(file, "s0", shapes_.s0());
    if (options.backward) {
      d_last_ = optional(file, "d_last", shapes_.s0());
      dh_ = d_last_.data() != nullptr ? optional(file, "dh", shapes_.dh())
                                      : required(file, "dh", shapes_.dh());
    }
  }

  void execute(SafetensorsWriter& writer) {
    const Plan<ExecutionSpace> plan(space_, problem_, plan_options());
    if (options_.describe) std::cout << plan.describe();
    const Memory states = output(shapes_.states());
    const Memory reserve(plan.reserve_bytes());
    const Memory forward_workspace(plan.forward_workspace_bytes());
    ForwardTensors forward;
    forward.x.data = x_.data();
    forward.R.data = R_.data();
    forward.b.data = b_.data();
    forward.s0.data = s0_.data();
    forward.states.data = states.data();
    forward.reserve = reserve.data();
    forward.workspace = forward_workspace.data();
    plan.forward(space_, forward);
    space_.fence("flashrnn run: forward");
    write(writer, "states", shapes_.states(), states);
    if (options_.backward) backward(plan, forward, writer);
  }

 private:
  using Memory = DeviceBytes<ExecutionSpace>;

  void backward(const Plan<ExecutionSpace>& plan, const ForwardTensors& forward,
                SafetensorsWriter& writer) {
    const Memory workspace(plan.backward_workspace_bytes());
    const Memory dx = output(shapes_.x());
    const Memory dR = output(shapes_.R());
    const Memory db = output(shapes_.b());
    const Memory ds0 = output(shapes_.s0());
    BackwardTensors tensors;
    tensors.R = forward.R;
    tensors.s0 = forward.s0;
    tensors.states.data = forward.states.data;
    tensors.reserve = forward.reserve;
    tensors.dh.data = dh_.data();
    tensors.d_last.data = d_last_.data();
    tensors.dx.data = dx.data();
    tensors.dR.data = dR.data();
    tensors.db.data = db.data();
    tensors.ds0.data = ds0.data();
    tensors.workspace = workspace.data();
    plan.backward(space_, tensors);
    space_.fence("flashrnn run: backward");
    write(writer, "dx", shapes_.x(), dx);
    write(writer, "dR", shapes_.R(), dR);
    write(writer, "db", shapes_.b(), db);
    write(writer, "ds0", shapes_.s0(), ds0);
  }

  PlanOptions plan_options() const {
    return {options_.backend, options_.tune ? Tuning::measured : Tuning::model};
  }
  Memory required(const SafetensorsFile& file, std::string_view name, const TensorShape& shape) {
    return Memory(std::span<const std::byte>(convert(file, file.at(name, shape), problem_.dtype)));
  }
  Memory optional(const SafetensorsFile& file, std::string_view name, const TensorShape& shape) {
    return file.find(name) != nullptr ? required(file, name, shape) : Memory();
  }
  Memory output(const TensorShape& shape) const {
    return Memory(static_cast<std::size_t>(element_count(shape)) * size_of(problem_.dtype));
  }
  void write(SafetensorsWriter& writer, const char* name, const TensorShape& shape,
             const Memory& memory) const {
    writer.add(name, io::element_type_of(problem_.dtype), shape, memory.download());
  }

  const RunOptions& options_;
  Problem problem_;
  const CellDescription& cell_;
  CaseShapes shapes_;
  ExecutionSpace space_;
  Memory x_, R_, b_, s0_, dh_, d_last_;
};

template <class ExecutionSpace>
void run_in(const RunOptions& options, const SafetensorsFile& file, SafetensorsWriter& writer) {
  CaseRun<ExecutionSpace>(options, file).execute(writer);
}

void run(RunOptions options) {
  check_backend(options.backend);
  const SafetensorsFile file = SafetensorsFile::read(options.in);
  if (options.cell.empty()) {
    const auto named = file.metadata().find("cell");
    if (named == file.metadata().end()) {
      throw InvalidArgument("--cell is needed, as the metadata of " + options.in + " names none");
    }
    options.cell = named->second;
  }
  SafetensorsWriter writer;
  writer.set_metadata("cell", options.cell);
  writer.set_metadata("backend", options.backend);
  writer.set_metadata("layout", options.batch_first
                                    ? "states[S,B,T,H,D] dx[B,T,G,H,D] dR[G,H,D_out,D_in] "
                                      "db[G,H,D] ds0[S,B,H,D]"
                                    : "states[S,T,B,H,D] dx[T,B,G,H,D] dR[G,H,D_out,D_in] "
                                      "db[G,H,D] ds0[S,B,H,D]");
  const KokkosScope kokkos;
  if (options.backend == "reference") {
    run_in<Kokkos::DefaultHostExecutionSpace>(options, file, writer);
  } else {
    run_in<Kokkos::DefaultExecutionSpace>(options, file, writer);
  }
  writer.write(options.out);
}

}  // namespace

Command add_run_command(CLI::App& app) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand(
      "run",
      "Runs a recurrence on the tensors x [T,B,G,H,D], R [G,H,D,D], b [G,H,D] and, where there, "
      "s0 [S,B,H,D] of a file; writes states [S,T,B,H,D]");
  command->add_option(
      "--cell", options->cell,
      "elman, elman_relu, lstm, gru or slstm; default: what the file's metadata says");
  command->add_option("--in", options->in, "safetensors file with the tensors")->required();
  command->add_option("--out", options->out, "safetensors file to write")->required();
  command->add_option(
      "--backend", options->backend,
      "reference (serial), kokkos, cuda (where it is built in) or auto (default: auto, the "
      "device's own kernels where there are some for the case, else kokkos)");
  command->add_option("--dtype", options->dtype,
                      "f64, f32, bf16 or f16: type to store and run in; default: that of x");
  command->add_flag("--backward", options->backward,
                    "also write dx, dR, db, ds0 for the upstream gradient dh [T,B,H,D] (and d_last "
                    "[S,B,H,D], that of the last states) of the file");
  command->add_flag("--batch-first", options->batch_first,
                    "sequences are [B,T,...] instead of [T,B,...]");
  command->add_option("--forward-clip", options->forward_clip, "clip h to [-v, v] at every step");
  command->add_option("--recurrent-gradient-clip", options->recurrent_gradient_clip,
                      "clip the recurrent gradient to [-v, v] at every step");
  command->add_flag("--cut-recurrent-gradient", options->cut_recurrent_gradient,
                    "let no gradient flow through R into the step before");
  command
      ->add_option("--float32-matmul-precision", options->precision,
                   "highest, or high: products of float32 may round their factors to TF32 or to "
                   "the sum of two bfloat16 where tensor cores are faster that way")
      ->capture_default_str();
  command->add_flag("--describe", options->describe, "print what the plan chose");
  command->add_flag("--tune", options->tune,
                    "time the best tilings on the device and remember the winner on disk, instead "
                    "of taking what the device's model predicts");
  return {command, [options] {
            run(*options);
            return ExitStatus::done;
          }};
}

}  // namespace flashrnn::cli
