// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <memory>
#include <string>

#include "commands.hpp"
#include "device_memory.hpp"
#include "flashrnn/error.hpp"
#include "flashrnn/recurrence/execution_space.hpp"
#include "json_text.hpp"

namespace flashrnn::cli {
namespace {

namespace fs = std::filesystem;

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

std::string file_value(const ResolvedDevice::Difference& difference) {
  return difference.in_file ? std::to_string(*difference.in_file) : "none";
}

std::string json_of(const RunningDevice& device) {
  const ResolvedDevice& resolved = device.resolved;
  std::vector<std::string> differences;
  for (const auto& difference : resolved.differences)
    differences.push_back("{\"name\":" + json_string(difference.name) + ",\"file\":" +
                          (difference.in_file ? std::to_string(*difference.in_file) : "null") +
                          ",\"probed\":" + std::to_string(difference.probed) + '}');
  return "{\"title\":" + json_string(device.probe.title) +
         ",\"identity\":" + json_string(device.probe.identity) +
         ",\"kind\":" + json_string(name_of(resolved.model->kind())) +
         ",\"model\":" + json_string(resolved.model->name) +
         ",\"file\":" + (resolved.file.empty() ? "null" : json_string(resolved.file)) +
         ",\"values\":" + json_object(resolved.model->values) +
         ",\"differences\":" + json_array(differences) + '}';
}

void print_json(const std::vector<RunningDevice>& devices) {
  std::vector<std::string> here, models;
  for (const RunningDevice& device : devices) here.push_back(json_of(device));
  for (const auto& model : device_models())
    models.push_back("{\"name\":" + json_string(model->name) +
                     ",\"title\":" + json_string(model->title) +
                     ",\"kind\":" + json_string(name_of(model->kind())) + '}');
  std::cout << "{\"devices\":" << json_array(here) << ",\"models\":" << json_array(models) << "}\n";
}

void print(const RunningDevice& device) {
  const ResolvedDevice& resolved = device.resolved;
  std::cout << device.probe.title << " (" << device.probe.identity << ")\n";
  if (resolved.file.empty()) {
    std::cout << "  no file fits it; model " << resolved.model->name << ": what was probed, and "
              << device.probe.fallback << " for the rest\n";
  } else {
    std::cout << "  model " << resolved.file;
    std::cout << (resolved.differences.empty() ? "; the device agrees with it\n"
                                               : "; the device has other values for\n");
    for (const auto& difference : resolved.differences)
      std::cout << "    " << std::left << std::setw(28) << difference.name << "device "
                << std::setw(12) << difference.probed << "file " << file_value(difference) << '\n';
  }
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
  const fs::path path =
      fs::is_directory(to) ? to / (device.resolved.model->name + ".constrint") : to;
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
  return {command, [options] { list(*options); }};
}

}  // namespace flashrnn::cli
