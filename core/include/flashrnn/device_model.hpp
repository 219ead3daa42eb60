// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flashrnn {

/// An integer with a name, as in the texts that the tile search joins.
struct NamedValue {
  std::string name;
  std::int64_t value = 0;

  friend bool operator==(const NamedValue&, const NamedValue&) = default;
};

enum class DeviceKind { cpu, gpu };

/// What the tile search knows of a device: numbers by name. hardware_models/README.md lists the
/// names with their units.
struct DeviceModel {
  std::string name;                  ///< of the file without its ending: "nvidia_h200"
  std::string title;                 ///< for people: "NVIDIA H200 SXM"
  std::vector<std::string> matches;  ///< which probed devices it stands for (see matches())
  std::vector<NamedValue> values;    ///< in the order of the file

  /// The value of a name, if the model has it.
  std::optional<std::int64_t> find(std::string_view value_name) const;
  /// @throws InvalidArgument if the model does not say.
  std::int64_t at(std::string_view value_name) const;
  /// Sets or adds a value.
  void set(std::string_view value_name, std::int64_t value);
  /// gpu if the model has a WARP_SIZE.
  DeviceKind kind() const;
  /// The values as ConstrINT reads them, one equality a line.
  std::string text() const;
};

/// Reads a model file: lines `NAME == value;` with comments from # on, among them `# device: TITLE`
/// and `# match: …`. A value of 0 is written `[0]`, because a ConstrINT variable starts at 1.
/// @throws InvalidArgument naming file and line for anything else, or a name that comes twice.
DeviceModel parse_device_model(std::string_view name, std::string_view text);

/// What is wrong with a model: names that are missing, unknown, or out of range; empty if nothing.
std::vector<std::string> problems_of(const DeviceModel& model);

/// The models that the library was built with and those of the folder that the environment variable
/// FLASHRNN_HARDWARE_MODELS names (which replace others of the same name), sorted by name. Read
/// once per process.
/// @throws InvalidArgument if a file of that folder cannot be read or is wrong.
const std::vector<std::shared_ptr<const DeviceModel>>& device_models();

/// @throws InvalidArgument if there is no such model; the message lists the nearest names.
std::shared_ptr<const DeviceModel> find_device_model(std::string_view name);

/// What a device says of itself.
struct DeviceProbe {
  /// "cuda 90 NVIDIA H200", "hip gfx942 AMD Instinct MI300X", "cpu AuthenticAMD 25 17": the API and
  /// its name for the architecture, then the device's own name; a CPU's vendor, family and model.
  std::string identity;
  std::string title;               ///< for people
  std::string fallback;            ///< name of the model whose numbers stand in where no file fits
  std::vector<NamedValue> values;  ///< what could be found out, names as in model files
};

/// Whether a `# match:` line fits a device. `cuda 90 H200` or `hip gfx942 MI300X`: same API and
/// architecture, and the name contains the rest. `cpu AuthenticAMD 25 16-31,96-111`: same vendor
/// and family, a model in one of the ranges.
bool matches(std::string_view line, const DeviceProbe& probe);

/// The model in use for a device.
struct ResolvedDevice {
  std::shared_ptr<const DeviceModel> model;  ///< the file's numbers, replaced by the probed ones
  std::string file;                          ///< name of the file; empty if none fits the device
  struct Difference {
    std::string name;
    std::optional<std::int64_t> in_file;
    std::int64_t probed = 0;
  };
  std::vector<Difference> differences;  ///< values that file and probe disagree on
};

/// Matches a probe to its file. A device with no file gets the numbers of the probe's fallback for
/// what cannot be probed; its model is then named after the device.
ResolvedDevice resolve(const DeviceProbe& probe);

/// A device of this machine: what it says of itself and the model in use.
struct RunningDevice {
  DeviceProbe probe;
  ResolvedDevice resolved;
};

/// A model as a file to be filed in hardware_models: every number with its source, the probe or
/// the model that it was taken over from.
std::string model_file_text(const DeviceProbe& probe, const ResolvedDevice& device);

}  // namespace flashrnn
