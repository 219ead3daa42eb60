# SPDX-License-Identifier: Apache-2.0
# cmake -DOUT=<file.cpp> "-DFILES=<name=path|…>" -P embed_sources.cmake: writes the texts as a table of string literals.
string(REPLACE "|" ";" FILES "${FILES}")
set(text "// Written by embed_sources.cmake.\n#include \"sources.hpp\"\n\nnamespace flashrnn::cuda {\n
const std::vector<Source>& embedded_sources() {\n  static const std::vector<Source> sources = {\n")
foreach(entry IN LISTS FILES)
  string(REGEX MATCH "^([^=]+)=(.+)$" matched "${entry}")
  set(name "${CMAKE_MATCH_1}")
  set(path "${CMAKE_MATCH_2}")
  file(READ "${path}" content)
  file(SHA256 "${path}" digest)
  if(content MATCHES "\\)flashrnn_text\"")
    message(FATAL_ERROR "${name}: holds the end mark of a raw string literal")
  endif()
  string(APPEND text "      {\"${name}\", R\"flashrnn_text(${content})flashrnn_text\",\n       \"${digest}\"},\n")
endforeach()
string(APPEND text "  };\n  return sources;\n}\n\n}  // namespace flashrnn::cuda\n")
file(WRITE "${OUT}" "${text}")
