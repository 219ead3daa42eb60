// SPDX-License-Identifier: Apache-2.0
#include "machine.hpp"

#include <dlfcn.h>
#include <sched.h>
#include <sys/utsname.h>

#include <Kokkos_Core.hpp>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <sstream>

#include "flashrnn/flashrnn.h"
#include "timing.hpp"

namespace flashrnn::bench {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

/// MHz that /proc/cpuinfo reports for the first processor, and the limits of cpufreq.
Json clocks() {
  Json out = {{"cpuinfo_mhz", nullptr}, {"max_mhz", nullptr}, {"governor", nullptr}};
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("cpu MHz")) {
      out["cpuinfo_mhz"] = std::atof(line.substr(line.find(':') + 1).c_str());
      break;
    }
  const std::string folder = "/sys/devices/system/cpu/cpu0/cpufreq/";
  const std::string limit = first_line(folder + "cpuinfo_max_freq");
  const std::string governor = first_line(folder + "scaling_governor");
  if (!limit.empty()) out["max_mhz"] = std::atof(limit.c_str()) / 1000;
  if (!governor.empty()) out["governor"] = governor;
  return out;
}

#ifdef KOKKOS_ENABLE_CUDA
/// What a command prints; empty if it fails.
std::string output_of(const char* command) {
  const auto close = [](std::FILE* pipe) { ::pclose(pipe); };
  const std::unique_ptr<std::FILE, decltype(close)> pipe(::popen(command, "r"), close);
  std::string text;
  std::array<char, 512> piece{};
  while (pipe && std::fgets(piece.data(), piece.size(), pipe.get()) != nullptr)
    text += piece.data();
  return text;
}
#endif

/// A line per device of nvidia-smi, by the names of its queries.
Json nvidia_devices() {
  Json devices = Json::array();
#ifdef KOKKOS_ENABLE_CUDA
  const char* const names[] = {
      "name",       "driver_version", "clocks.sm",       "clocks.max.sm",
      "clocks.mem", "power.limit",    "temperature.gpu", "utilization.gpu"};
  std::string query;
  for (const char* const name : names) query += (query.empty() ? "" : ",") + std::string(name);
  std::istringstream lines(output_of(
      ("nvidia-smi --format=csv,noheader --query-gpu=" + query + " 2>/dev/null").c_str()));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    Json device;
    for (const char* const name : names) {
      std::string field;
      std::getline(fields >> std::ws, field, ',');
      device[name] = field;
    }
    devices.push_back(device);
  }
#endif
  return devices;
}

std::string blas_name() {
  using GetConfig = const char* (*)();
  const auto config = reinterpret_cast<GetConfig>(::dlsym(RTLD_DEFAULT, "openblas_get_config"));
  return config != nullptr ? config() : "not OpenBLAS; version unknown";
}

}  // namespace

Json versions() {
  const auto dotted = [](int major, int minor, int patch) {
    return std::to_string(major) + '.' + std::to_string(minor) + '.' + std::to_string(patch);
  };
  Json out = {
      {"flashrnn", dotted(FLASHRNN_VERSION_MAJOR, FLASHRNN_VERSION_MINOR, FLASHRNN_VERSION_PATCH)},
      {"compiler",
#ifdef __clang__
       "clang " __clang_version__
#else
       "gcc " __VERSION__
#endif
      },
      {"kokkos", dotted(KOKKOS_VERSION / 10000, KOKKOS_VERSION / 100 % 100, KOKKOS_VERSION % 100)},
      {"blas", blas_name()},
      {"google_benchmark", timing_engine_version()}};
#ifdef KOKKOS_ENABLE_CUDA
  out["cuda"] = dotted(CUDART_VERSION / 1000, CUDART_VERSION / 10 % 100, 0);
#endif
#ifdef KOKKOS_ENABLE_HIP
  out["hip"] = dotted(HIP_VERSION_MAJOR, HIP_VERSION_MINOR, HIP_VERSION_PATCH);
#endif
  return out;
}

Json machine_state() {
  utsname host{};
  ::uname(&host);
  cpu_set_t usable;
  CPU_ZERO(&usable);
  const bool known = ::sched_getaffinity(0, sizeof usable, &usable) == 0;
  std::array<double, 3> loads{-1, -1, -1};
  (void)::getloadavg(loads.data(), 3);
  return {{"system", std::string(host.sysname) + ' ' + host.release},
          {"architecture", host.machine},
          {"usable_processors", known ? Json(CPU_COUNT(&usable)) : Json()},
          {"load_averages", loads},
          {"cpu_clocks", clocks()},
          {"nvidia_smi", nvidia_devices()}};
}

double load() {
  double minute = -1;
  return ::getloadavg(&minute, 1) == 1 ? minute : -1;
}

std::string now() {
  const std::time_t seconds = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text.data();
}

}  // namespace flashrnn::bench
