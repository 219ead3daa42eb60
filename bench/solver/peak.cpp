// SPDX-License-Identifier: Apache-2.0
// constrint_peak FILE: counts the solutions of one text in a process of its own and prints the
// count, the seconds it took and the peak resident memory of the process in KiB.
#include <chrono>
#include <constrint/constrint.hpp>
#include <fstream>
#include <iostream>
#include <sstream>

namespace {

long peak_kib() {
  std::ifstream status("/proc/self/status");
  std::string word;
  long value = 0;
  while (status >> word) {
    if (word == "VmHWM:" && status >> value) return value;
  }
  return -1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: constrint_peak FILE\n";
    return 2;
  }
  try {
    std::ifstream in(argv[1]);
    if (!in) throw std::runtime_error(std::string(argv[1]) + " cannot be read");
    std::stringstream text;
    text << in.rdbuf();
    const auto start = std::chrono::steady_clock::now();
    const auto result = constrint::count(constrint::Model::parse(text.str(), argv[1]));
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    if (result.status == constrint::Status::limit) throw std::runtime_error("limit reached");
    std::cout << result.count.str() << ' ' << seconds.count() << ' ' << peak_kib() << '\n';
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 2;
  }
  return 0;
}
