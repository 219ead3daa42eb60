# SPDX-License-Identifier: Apache-2.0
# cmake -DFUNCTION=<name> -DFILES=<file>|<file>… -DOUTPUT=<file.cpp> -P embed_texts.cmake: see FlashrnnEmbed.cmake.
string(REPLACE "|" ";" files "${FILES}")
set(entries "")
foreach(file IN LISTS files)
  file(READ "${file}" text)
  if(text MATCHES "\\)text\"")
    message(FATAL_ERROR "${file}: holds the end mark of a raw string literal")
  endif()
  get_filename_component(name "${file}" NAME_WE)
  string(APPEND entries "    {\"${name}\", R\"text(${text})text\"},\n")
endforeach()
list(LENGTH files count)
file(WRITE "${OUTPUT}"
     "// Made from data files by the build; change those instead.\n"
     "#include \"devices/embedded_texts.hpp\"\n\n"
     "namespace flashrnn {\n\n"
     "std::span<const EmbeddedText> ${FUNCTION}() {\n"
     "  static constexpr EmbeddedText texts[${count}] = {\n${entries}  };\n"
     "  return texts;\n"
     "}\n\n"
     "}  // namespace flashrnn\n")
