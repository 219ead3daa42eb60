// SPDX-License-Identifier: Apache-2.0
// write_loops TEXT.constrint SOURCE.cpp FUNCTION: turns a problem into the nested loops that one
// would write by hand for it, every test hoisted to the earliest loop that knows its variables.
#include <fstream>
#include <iostream>
#include <sstream>

#include "nest.hpp"

namespace {

// A problem for which no one would write loops gets a null pointer in their place, and the reason.
std::string source_or_stub(const std::string& text, const std::string& function) {
  constexpr double most_points = 1e16;
  std::string reason;
  try {
    const loops::Nest nest = loops::nest_of(oracle::parse(text));
    if (loops::points_of(nest) <= most_points) return loops::source_of(nest, function);
    reason = "too many points";
  } catch (const std::exception& error) {
    reason = error.what();
  }
  return "// No loops: " + reason +
         ".\n#include <cstddef>\n#include <cstdint>\n"
         "extern std::size_t (*const " +
         function + ")(std::int64_t*);\nstd::size_t (*const " + function +
         ")(std::int64_t*) = nullptr;\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: write_loops TEXT.constrint SOURCE.cpp FUNCTION\n";
    return 2;
  }
  try {
    std::ifstream in(argv[1]);
    if (!in) throw std::runtime_error("cannot be read");
    std::stringstream text;
    text << in.rdbuf();
    std::ofstream out(argv[2]);
    out << "// Written by write_loops.\n" << source_or_stub(text.str(), argv[3]);
    if (!out.flush()) throw std::runtime_error(std::string(argv[2]) + " cannot be written");
  } catch (const std::exception& error) {
    std::cerr << argv[1] << ": " << error.what() << '\n';
    return 2;
  }
  return 0;
}
