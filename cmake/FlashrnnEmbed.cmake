# SPDX-License-Identifier: Apache-2.0
# flashrnn_embed_texts(<target> <function> <file>...): builds the files into the target, as what <function> of
# core/src/devices/embedded_texts.hpp returns. A change of a file rebuilds one small source.
function(flashrnn_embed_texts target function)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${function}.cpp)
  list(JOIN ARGN "|" files)
  add_custom_command(
    OUTPUT ${source}
    COMMAND ${CMAKE_COMMAND} -DFUNCTION=${function} "-DFILES=${files}" -DOUTPUT=${source} -P
            ${flashrnn_SOURCE_DIR}/cmake/embed_texts.cmake
    DEPENDS ${ARGN} ${flashrnn_SOURCE_DIR}/cmake/embed_texts.cmake
    COMMENT "Embedding the texts of ${function}"
    VERBATIM)
  target_sources(${target} PRIVATE ${source})
  set_source_files_properties(${source} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)  # there only after the build
endfunction()
