// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "commands.hpp"
#include "device_memory.hpp"
#include "flashrnn/error.hpp"
#include "flashrnn/recurrence/execution_space.hpp"

namespace flashrnn::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct DevicesOptions {
  bool json = false;
  CLI::Option* write = nullptr;
  std::string write_to = ".";
};

const char* name_of(DeviceKind kind) {
  return kind == DeviceKind::gpu ? "gpu" : "cpu";
}

/// The devices that this build can run on here, the one of the default execution space first.
std::vector<RunningDevice> devices_of_this_machine() {
  std::vector<RunningDevice> devices;
  if constexpr (is_gpu<Kokkos::DefaultExecutionSpace>)
    devices.push_back(running_device(Kokkos::DefaultExecutionSpace()));
  devices.push_back(running_device(Kokkos::DefaultHostExecutionSpace()));
  return devices;
}

Json json_of(const RunningDevice& device) {
  const ResolvedDevice& resolved = device.resolved;
  Json values = Json::object(), differences = Json::array();
  for (const NamedValue& entry : resolved.model->values) values[entry.name] = entry.value;
  for (const auto& difference : resolved.differences)
    differences.push_back({{"name", difference.name},
                           {"file", difference.in_file ? Json(*difference.in_file) : Json()},
                           {"probed", difference.probed}});
  return {{"title", device.probe.title},
          {"identity", device.probe.identity},
          {"kind", name_of(resolved.model->kind())},
          {"model", resolved.model->name},
          {"file", resolved.file.empty() ? Json() : Json(resolved.file)},
          {"values", values},
          {"differences", differences}};
}

void print_json(const std::vector<RunningDevice>& devices) {
  Json out = {{"devices", Json::array()}, {"models", Json::array()}};
  for (const RunningDevice& device : devices) out["devices"].push_back(json_of(device));
  for (const auto& model : device_models())
    out["models"].push_back(
        {{"name", model->name}, {"title", model->title}, {"kind", name_of(model->kind())}});
  // A device's name may be no UTF-8; it is replaced then, not refused.
  std::cout << out.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

/// The values of the model in use, as its file would have them, in two columns.
void print_values(const DeviceModel& model) {
  for (std::size_t n = 0; n < model.values.size(); ++n) {
    const NamedValue& entry = model.values[n];
    std::cout << (n % 2 == 0 ? "    " : "") << std::left << std::setw(28) << entry.name
              << std::setw(12) << entry.value
              << (n % 2 == 1 || n + 1 == model.values.size() ? "\n" : "");
  }
}

void print(const RunningDevice& device) {
  const ResolvedDevice& resolved = device.resolved;
  std::cout << device.probe.title << " (" << device.probe.identity << ")\n";
  if (resolved.file.empty()) {
    std::cout << "  no file fits it; model " << resolved.model->name << ": what was probed, and "
              << device.probe.fallback << " for the rest\n";
  } else {
    std::cout << "  model " << resolved.file
              << (resolved.differences.empty() ? "; the device agrees with it\n"
                                               : "; the device has other values, which win:\n");
    for (const auto& difference : resolved.differences)
      std::cout << "    " << std::left << std::setw(28) << difference.name << "device "
                << std::setw(12) << difference.probed << "file "
                << (difference.in_file ? std::to_string(*difference.in_file) : "says nothing")
                << '\n';
  }
  std::cout << "  values in use:\n";
  print_values(*resolved.model);
}

void print(const std::vector<RunningDevice>& devices) {
  std::cout << "This machine:\n";
  for (const RunningDevice& device : devices) print(device);
  std::cout << "\nModels (for flashrnn plan --device NAME):\n";
  for (const auto& model : device_models())
    std::cout << "  " << std::left << std::setw(22) << model->name << model->title << '\n';
}

/// Writes a device's model as a file; returns where.
fs::path write_model(const RunningDevice& device, const fs::path& to) {
  fs::path path = fs::is_directory(to) ? to / (device.resolved.model->name + ".constrint") : to;
  if (fs::exists(path))
    throw InvalidArgument("--write: the file '" + path.string() + "' exists; it is left alone");
  std::ofstream out(path, std::ios::binary);
  out << model_file_text(device.probe, device.resolved);
  out.close();
  if (!out) throw EnvironmentError("--write: cannot write '" + path.string() + "'");
  return path;
}

void list(const DevicesOptions& options) {
  const KokkosScope kokkos;
  const std::vector<RunningDevice> devices = devices_of_this_machine();
  if (options.write->count() > 0) {
    // One file is for the device of the default execution space, a folder takes them all.
    const bool folder = fs::is_directory(options.write_to);
    const std::size_t count = folder ? devices.size() : 1;
    for (std::size_t n = 0; n < count; ++n)
      std::cerr << "wrote " << write_model(devices[n], options.write_to).string() << '\n';
  }
  if (options.json) {
    print_json(devices);
  } else {
    print(devices);
  }
}

}  // namespace

Command add_devices_command(CLI::App& app) {
  auto options = std::make_shared<DevicesOptions>();
  CLI::App* command = app.add_subcommand(
      "devices",
      "Lists the devices of this machine, the model in use for each with every value "
      "that its file has otherwise, and all models");
  options->write = command->add_option(
      "--write", options->write_to,
      "write the models in use as files: a folder (default: the current one), or a file for the "
      "default device alone");
  options->write->expected(0, 1);
  command->add_flag("--json", options->json, "print JSON");
  return {command, [options] {
            list(*options);
            return ExitStatus::done;
          }};
}

}  // namespace flashrnn::cli
