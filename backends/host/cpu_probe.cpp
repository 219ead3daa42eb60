// SPDX-License-Identifier: Apache-2.0
#include "cpu_probe.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <vector>

namespace flashrnn::host {
namespace {

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t\n");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

std::string read_line(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return trimmed(line);
}

/// The first processor of /proc/cpuinfo, by key.
std::map<std::string, std::string> cpu_info(const std::string& root) {
  std::map<std::string, std::string> info;
  std::ifstream in(root + "proc/cpuinfo");
  for (std::string line; std::getline(in, line) && !trimmed(line).empty();) {
    const std::size_t colon = line.find(':');
    if (colon != std::string::npos)
      info[trimmed(line.substr(0, colon))] = trimmed(line.substr(colon + 1));
  }
  return info;
}

std::string entry(const std::map<std::string, std::string>& info, const char* key) {
  const auto found = info.find(key);
  return found == info.end() ? "unknown" : found->second;
}

/// "0-3,8" has 5 CPUs; 0 if the text is no such list.
std::int64_t count_cpus(const std::string& list) {
  std::int64_t count = 0;
  std::istringstream in(list);
  for (std::string range; std::getline(in, range, ',');) {
    std::istringstream numbers(range);
    std::int64_t first = 0, last = 0;
    char dash = 0;
    if (!(numbers >> first)) return 0;
    if (!(numbers >> dash >> last)) last = first;
    count += last - first + 1;
  }
  return count;
}

/// "32K", "1024K", "2M".
std::optional<std::int64_t> parse_bytes(const std::string& text) {
  std::istringstream in(text);
  std::int64_t size = 0;
  char unit = 0;
  if (!(in >> size)) return std::nullopt;
  if (in >> unit) size *= unit == 'K' ? 1024 : unit == 'M' ? 1024 * 1024 : 1;
  return size;
}

/// Cores among the CPUs of a list: hardware threads of one core count once.
std::int64_t cores_of(std::int64_t cpus, std::int64_t threads_per_core) {
  return std::max<std::int64_t>(1, cpus / std::max<std::int64_t>(1, threads_per_core));
}

void probe_caches(const std::string& cpu, std::int64_t threads_per_core,
                  std::vector<NamedValue>& values) {
  for (int index = 0; index < 8; ++index) {
    const std::string cache = cpu + "cache/index" + std::to_string(index) + '/';
    const std::string level = read_line(cache + "level");
    if (level.empty()) break;
    if (read_line(cache + "type") == "Instruction") continue;
    const auto bytes = parse_bytes(read_line(cache + "size"));
    if (!bytes || (level != "1" && level != "2" && level != "3")) continue;
    values.push_back({'L' + level + "_BYTES", *bytes});
    const std::int64_t sharing = count_cpus(read_line(cache + "shared_cpu_list"));
    if (level != "1" && sharing > 0)
      values.push_back({'L' + level + "_CORES", cores_of(sharing, threads_per_core)});
  }
}

bool has_flag(const std::string& flags, const std::string& flag) {
  return (' ' + flags + ' ').find(' ' + flag + ' ') != std::string::npos;
}

/// Vector width and registers by the instruction sets that the system reports.
void probe_vectors(const std::map<std::string, std::string>& info,
                   std::vector<NamedValue>& values) {
  const std::string x86 = entry(info, "flags"), arm = entry(info, "Features");
  const auto set = [&](std::int64_t bits, std::int64_t registers) {
    values.push_back({"VECTOR_BITS", bits});
    values.push_back({"VECTOR_REGISTERS", registers});
  };
  if (has_flag(x86, "avx512f")) return set(512, 32);
  if (has_flag(x86, "avx2")) return set(256, 16);
  if (has_flag(x86, "sse2")) return set(128, 16);
  // SVE does not say its width here; without it every 64-bit ARM has 128 bits.
  if (has_flag(arm, "asimd") && !has_flag(arm, "sve")) set(128, 32);
}

/// Hardware threads of the machine. Not those that the calling thread may run on: OMP_PROC_BIND
/// binds it to one, and how many threads a plan uses its execution space says.
int machine_cpus() {
  return static_cast<int>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
}

}  // namespace

DeviceProbe probe_cpu(const std::string& root, int cpus) {
  const auto info = cpu_info(root);
  DeviceProbe probe;
  probe.fallback = "cpu_generic";
  if (info.contains("CPU implementer")) {
    probe.identity = "cpu ARM " + entry(info, "CPU implementer") + ' ' + entry(info, "CPU part");
    probe.title = "ARM CPU " + entry(info, "CPU implementer") + ' ' + entry(info, "CPU part");
  } else {
    probe.identity = "cpu " + entry(info, "vendor_id") + ' ' + entry(info, "cpu family") + ' ' +
                     entry(info, "model");
    probe.title = entry(info, "model name");
  }
  const std::string cpu = root + "sys/devices/system/cpu/cpu0/";
  const std::int64_t threads_per_core =
      std::max<std::int64_t>(1, count_cpus(read_line(cpu + "topology/thread_siblings_list")));
  probe.values.push_back({"CORES", cores_of(cpus > 0 ? cpus : machine_cpus(), threads_per_core)});
  probe_vectors(info, probe.values);
  probe_caches(cpu, threads_per_core, probe.values);
  return probe;
}

}  // namespace flashrnn::host
