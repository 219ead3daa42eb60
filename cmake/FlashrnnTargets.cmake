# SPDX-License-Identifier: Apache-2.0
# Helpers for the CMakeLists.txt of the parts.

# flashrnn_add_part(<folder>): adds a folder of the project that has landed.
function(flashrnn_add_part folder)
  if(EXISTS ${flashrnn_SOURCE_DIR}/${folder}/CMakeLists.txt)
    add_subdirectory(${flashrnn_SOURCE_DIR}/${folder} ${flashrnn_BINARY_DIR}/${folder})
  endif()
endfunction()

# flashrnn_target_defaults(<target>): warnings for a target of ours; call it for every library, tool and test.
function(flashrnn_target_defaults target)
  set(host -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
  # g++ 12 reports std::string's own operator+ (GCC bug 105651).
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    list(APPEND host -Wno-restrict)
  endif()
  # nvcc hands the host compiler generated code that -Wpedantic and -Wconversion report.
  set(cuda -Wall -Wextra -Wshadow)
  if("CUDA" IN_LIST FLASHRNN_KOKKOS_DEVICES)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:${cuda}>
                                             $<$<COMPILE_LANGUAGE:C>:${host}>)
  else()
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:C,CXX>:${host}>)
  endif()
  if(FLASHRNN_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
