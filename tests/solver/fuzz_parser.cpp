// SPDX-License-Identifier: Apache-2.0
// Any text is either refused with a position or read, printed and read again to the same form.
#include <cstdlib>

#include "constrint/constrint.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const constrint::Model model = constrint::Model::parse(text);
    const std::string printed = model.str();
    if (constrint::Model::parse(printed).str() != printed) std::abort();
  } catch (const constrint::ParseError& error) {
    if (error.line() == 0 || error.column() == 0) std::abort();
  }
  return 0;
}
