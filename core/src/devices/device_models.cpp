// SPDX-License-Identifier: Apache-2.0
// The list of all models: built in, and from the user's folder.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <sstream>

#include "devices/embedded_texts.hpp"
#include "flashrnn/device_model.hpp"
#include "flashrnn/error.hpp"

namespace flashrnn {
namespace {

using Models = std::vector<std::shared_ptr<const DeviceModel>>;

void add(Models& models, DeviceModel model) {
  const auto problems = problems_of(model);
  if (!problems.empty()) {
    std::string text = "device model " + model.name + ": ";
    for (const std::string& problem : problems)
      text += (&problem == &problems.front() ? "" : "; ") + problem;
    throw InvalidArgument(text);
  }
  std::erase_if(models, [&](const auto& other) { return other->name == model.name; });
  models.push_back(std::make_shared<const DeviceModel>(std::move(model)));
}

void add_folder(Models& models, const std::filesystem::path& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".constrint") files.push_back(entry.path());
  }
  if (error)
    throw InvalidArgument("FLASHRNN_HARDWARE_MODELS: cannot read the folder '" + folder.string() +
                          "': " + error.message());
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) throw InvalidArgument("FLASHRNN_HARDWARE_MODELS: cannot read '" + file.string() + "'");
    add(models, parse_device_model(file.stem().string(), text.str()));
  }
}

Models read_models() {
  Models models;
  for (const EmbeddedText& file : embedded_device_models())
    add(models, parse_device_model(file.name, file.text));
  if (const char* folder = std::getenv("FLASHRNN_HARDWARE_MODELS"); folder != nullptr && *folder)
    add_folder(models, folder);
  std::ranges::sort(models, {}, [](const auto& model) { return model->name; });
  return models;
}

/// Edits (insert, delete, replace a letter) between two names; a name that contains the other is
/// near, however long.
std::size_t distance(std::string_view a, std::string_view b) {
  if (!a.empty() && b.find(a) != std::string_view::npos) return 1;
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

const Models& device_models() {
  static const Models models = read_models();
  return models;
}

std::shared_ptr<const DeviceModel> find_device_model(std::string_view name) {
  std::vector<std::pair<std::size_t, std::string>> near;
  for (const auto& model : device_models()) {
    if (model->name == name) return model;
    near.emplace_back(distance(name, model->name), model->name);
  }
  std::ranges::sort(near);
  constexpr std::size_t shown = 3;
  std::string names;
  for (std::size_t n = 0; n < std::min(shown, near.size()); ++n)
    names += (n == 0 ? "" : ", ") + near[n].second;
  throw InvalidArgument("device: there is no model '" + std::string(name) + "'; the nearest are " +
                        names + " (flashrnn devices lists all)");
}

}  // namespace flashrnn
