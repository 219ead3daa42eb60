# SPDX-License-Identifier: Apache-2.0
# Helpers for the CMakeLists.txt of the parts.

# flashrnn_add_part(<folder>): adds a folder of the project that has landed.
function(flashrnn_add_part folder)
  if(EXISTS ${flashrnn_SOURCE_DIR}/${folder}/CMakeLists.txt)
    add_subdirectory(${flashrnn_SOURCE_DIR}/${folder} ${flashrnn_BINARY_DIR}/${folder})
  endif()
endfunction()

# flashrnn_target_defaults(<target>): warnings and the kind of build for a target of ours; call it for every library, tool and test.
function(flashrnn_target_defaults target)
  set(host -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
  # nvcc hands the host compiler generated code that -Wpedantic and -Wconversion report.
  set(cuda -Wall -Wextra -Wshadow)
  # g++ 12 reports std::string's own operator+ (GCC bug 105651).
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    list(APPEND host -Wno-restrict)
    list(APPEND cuda -Wno-restrict)
  endif()
  # g++ takes the sources that a file of several holds for headers, which should not use anonymous namespaces.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND FLASHRNN_UNITY_BUILD)
    set(unity $<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage>)
  endif()
  if("CUDA" IN_LIST FLASHRNN_KOKKOS_DEVICES)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:${cuda}>
                                             $<$<COMPILE_LANGUAGE:C>:${host}>)
  else()
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:C,CXX>:${host}>)
  endif()
  target_compile_options(${target} PRIVATE ${unity})
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${FLASHRNN_UNITY_BUILD} UNITY_BUILD_BATCH_SIZE 6)
  if(FLASHRNN_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()

# flashrnn_plain_sources(<target> <file>...): sources of a target that include nothing of Kokkos, with the target's
# include folders and definitions. They are compiled plainly by the host's compiler: a source of a target that links
# Kokkos goes through the GPU's compiler in builds for GPUs, which reads it several times.
function(flashrnn_plain_sources target)
  set(plain ${target}_plain)
  list(TRANSFORM ARGN REPLACE "^([^/].*)" "${CMAKE_CURRENT_SOURCE_DIR}/\\1")
  if(TARGET ${plain})
    target_sources(${plain} PRIVATE ${ARGN})
    return()
  endif()
  add_library(${plain} OBJECT ${ARGN})
  flashrnn_target_defaults(${plain})
  target_compile_features(${plain} PRIVATE cxx_std_20)
  # All folders once, and those that are not ours once more as the system's.
  set(folders "$<TARGET_PROPERTY:${target},INCLUDE_DIRECTORIES>")
  target_include_directories(${plain} PRIVATE "${folders}")
  target_include_directories(${plain} SYSTEM PRIVATE "$<FILTER:${folders},EXCLUDE,^${flashrnn_SOURCE_DIR}/>")
  target_compile_definitions(
    ${plain} PRIVATE "$<FILTER:$<TARGET_PROPERTY:${target},COMPILE_DEFINITIONS>,EXCLUDE,^KOKKOS_DEPENDENCE$>")
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:${plain}>)
endfunction()
