// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>

#include "commands.hpp"
#include "device_memory.hpp"
#include "flashrnn/error.hpp"
#include "forecast.hpp"
#include "io/csv.hpp"
#include "io/terminal_plot.hpp"
#include "sequence_file.hpp"

namespace flashrnn::cli {
namespace {

struct PredictOptions {
  std::string model;
  std::string in;
  std::string out;
  ModelOptions model_options;
  std::string backend = "auto";
  std::string dtype;
  bool batch_first = false;
  bool progress = false;
  bool quiet = false;
  std::string plot;
  std::string title;
  std::string column;
  std::string step_name = "step";
  double train_fraction = 0.75;
};

enum class FileKind { csv, safetensors };

FileKind kind_of(const std::string& option, const std::string& path) {
  std::string extension = std::filesystem::path(path).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char character) { return std::tolower(character); });
  if (extension == ".csv") return FileKind::csv;
  if (extension == ".safetensors") return FileKind::safetensors;
  throw InvalidArgument(option +
                        ": expected a file name that ends in .csv or .safetensors, found " + path);
}

std::string describe(const ModelFile& file, const RunnerOptions& runner) {
  const Architecture& model = file.model.architecture;
  std::string text = "model: " + model.cell + ", " + std::to_string(model.layers) +
                     (model.layers == 1 ? " layer of " : " layers of ") +
                     std::to_string(model.hidden_size()) + " units" +
                     (model.bidirectional ? " in both directions" : "");
  if (model.output_size) text += ", linear head of " + std::to_string(*model.output_size);
  return text + "; run as " + std::string(name_of(runner.dtype)) + " by " + runner.backend + "\n";
}

void predict_series(const PredictOptions& options, const ModelFile& model,
                    const RunnerOptions& runner) {
  const FileKind out = kind_of("--out", options.out);
  const Forecast forecast =
      make_forecast(model, read_series(options.in, options.column), options.train_fraction, runner);
  if (out == FileKind::csv) {
    io::write_csv(options.out, forecast_table(forecast));
  } else {
    write_forecast(options.out, model, forecast, runner.dtype);
  }
  if (!options.plot.empty()) {
    io::write_line_chart_svg(options.plot,
                             forecast_chart(forecast, options.title, options.step_name));
  }
  if (options.quiet) return;
  io::TerminalPlotOptions look;
  look.colour = ::isatty(STDOUT_FILENO) == 1;
  std::cout << describe(model, runner) << forecast_report(forecast, options.step_name)
            << io::format_terminal_plot(terminal_chart(forecast), look);
}

void predict_tensors(const PredictOptions& options, const ModelFile& model,
                     const RunnerOptions& runner) {
  const FileKind out = kind_of("--out", options.out);
  if (!options.plot.empty()) {
    throw InvalidArgument("--plot: draws the prediction of a series, --in FILE.csv; found " +
                          options.in);
  }
  const SequenceFile sequences =
      read_sequences(options.in, model.model.architecture,
                     options.batch_first || model.batch_first ? SequenceOrder::batch_first
                                                              : SequenceOrder::time_major);
  const Prediction prediction = run_model(model.model, sequences.input, runner);
  if (out == FileKind::csv) {
    io::write_csv(options.out, prediction_table(sequences, model.model.architecture, prediction));
  } else {
    write_prediction(options.out, sequences, model.model.architecture, prediction, runner.dtype);
  }
  if (options.quiet) return;
  std::cout << describe(model, runner);
  if (const auto error = prediction_error(sequences, model, prediction, options.train_fraction)) {
    const std::string range = "from step " + std::to_string(error->first);
    std::cout << error_report(*error, sequences.target.size(), range, options.step_name);
  }
}

void predict(const PredictOptions& options) {
  check_backend(options.backend);
  const FileKind in = kind_of("--in", options.in);
  kind_of("--out", options.out);
  (void)training_steps(options.train_fraction, 1);
  const ModelFile model = read_model_file(options.model, options.model_options);
  RunnerOptions runner;
  runner.backend = options.backend;
  runner.dtype = options.dtype.empty() ? model.weight_type : data_type_from_name(options.dtype);
  runner.progress = options.progress;
  const KokkosScope kokkos;
  if (in == FileKind::csv) {
    predict_series(options, model, runner);
  } else {
    predict_tensors(options, model, runner);
  }
}

}  // namespace

Command add_predict_command(CLI::App& app) {
  auto options = std::make_shared<PredictOptions>();
  CLI::App* command = app.add_subcommand(
      "predict",
      "Runs a PyTorch state_dict of (stacked, bidirectional) LSTM, GRU or RNN layers with an "
      "optional linear head on a tensor or a time series");
  command->add_option("--model", options->model, "safetensors file with the state_dict")
      ->required();
  command
      ->add_option("--in", options->in,
                   "FILE.safetensors with input [T,B,I] and, where wanted, initial_h (initial_c); "
                   "or FILE.csv with a series")
      ->required();
  command
      ->add_option(
          "--out", options->out,
          "FILE.safetensors for output, final_h (final_c); or FILE.csv for the predictions")
      ->required();
  ModelOptions& model = options->model_options;
  command->add_option("--cell", model.cell,
                      "lstm, gru, elman or elman_relu; default: what the model's metadata says, "
                      "else by its number of gates");
  command->add_option(
      "--prefix", model.prefix,
      "what stands before weight_ih_l0, such as rnn.; default: the only one there is");
  command->add_option(
      "--head", model.head,
      "module of the linear head, such as head; default: the only other one there is");
  command->add_option(
      "--backend", options->backend,
      "reference (serial), kokkos, cuda (where it is built in) or auto (default: auto, the "
      "device's own kernels where there are some for the case, else kokkos)");
  command->add_option(
      "--dtype", options->dtype,
      "f64, f32, bf16 or f16: type to run in; default: f64 for F64 weights, else f32");
  command->add_flag("--batch-first", options->batch_first,
                    "input and output are [B,T,...] instead of [T,B,...]");
  command->add_flag("--progress", options->progress, "report progress on stderr");
  command->add_flag("--quiet", options->quiet, "print nothing but errors");
  const std::string series = "Series (--in FILE.csv)";
  command
      ->add_option("--column", options->column,
                   "column of the values (default: value, or the last)")
      ->group(series);
  command
      ->add_option(
          "--train-fraction", options->train_fraction,
          "part of the series that the model was trained on; the test error is that of the "
          "rest (default: 0.75)")
      ->group(series);
  command
      ->add_option("--step-name", options->step_name,
                   "what a step is, such as year (default: step)")
      ->group(series);
  command->add_option("--plot", options->plot, "SVG file to draw the prediction in")->group(series);
  command->add_option("--title", options->title, "title of the drawing")->group(series);
  return {command, [options] {
            predict(*options);
            return ExitStatus::done;
          }};
}

}  // namespace flashrnn::cli
