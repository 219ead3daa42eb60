# SPDX-License-Identifier: Apache-2.0
# How a test is added: flashrnn_add_test(<name> SOURCES <files> [LIBRARIES <targets>] [KOKKOS] [PLAIN] [LABELS <labels>]).
# KOKKOS: Kokkos is initialised around the tests. PLAIN: the sources include nothing of it (flashrnn_plain_sources).
# A test with the label no_gpu runs on machines that have neither a GPU nor its driver, in builds for GPUs too.

find_package(GTest REQUIRED)

function(flashrnn_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "KOKKOS;PLAIN" "" "SOURCES;LIBRARIES;LABELS")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR "flashrnn_add_test(${name}): SOURCES is needed; not understood: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(arg_PLAIN)
    add_executable(${name})
    flashrnn_plain_sources(${name} ${arg_SOURCES})
    set_target_properties(${name}_plain PROPERTIES UNITY_BUILD OFF)  # each test file may use names of its own
  else()
    add_executable(${name} ${arg_SOURCES})
  endif()
  flashrnn_target_defaults(${name})
  if(arg_KOKKOS)
    set(main flashrnn_test_main_kokkos)
  else()
    set(main flashrnn_test_main)
  endif()
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} ${main} GTest::gtest)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT 600)
  if("no_gpu" IN_LIST arg_LABELS)
    set_property(GLOBAL APPEND PROPERTY FLASHRNN_NO_GPU_PROGRAMS ${name})
  endif()
endfunction()
