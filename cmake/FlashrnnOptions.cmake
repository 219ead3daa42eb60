# SPDX-License-Identifier: Apache-2.0
# What a user can choose, and the defaults. Built on its own, the project builds everything; as a part of
# another project it builds only its libraries and leaves the parent's choices alone.

option(FLASHRNN_BUILD_TOOLS "Build the command lines flashrnn and constrint" ${PROJECT_IS_TOP_LEVEL})
option(FLASHRNN_BUILD_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(FLASHRNN_BUILD_BENCHMARKS "Build the benchmarks" ${PROJECT_IS_TOP_LEVEL})
option(FLASHRNN_BUILD_EXAMPLES "Build the examples" ${PROJECT_IS_TOP_LEVEL})
option(FLASHRNN_INSTALL "Create the install rules" ${PROJECT_IS_TOP_LEVEL})
option(FLASHRNN_NATIVE
       "Compile for the processor of this machine; off, the CPU kernels are compiled for several instruction sets and one is picked at run time"
       ${PROJECT_IS_TOP_LEVEL})
option(FLASHRNN_UNITY_BUILD
       "Compile several files of a target at once: much less work where each reads Kokkos for a GPU, more to repeat after a change"
       OFF)
option(FLASHRNN_WARNINGS_AS_ERRORS "Treat compiler warnings as errors" OFF)

if(PROJECT_IS_TOP_LEVEL)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
  endif()
  set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
endif()

# The static library is linked into libflashrnn.so, so everything is position independent.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)

# Sanitizers are for the whole build, Kokkos included, because they change the layout of memory.
set(FLASHRNN_CUDA_EMBEDDED_ARCHITECTURES "sm_90a"
    CACHE STRING "Architectures whose machine code of common kernels is embedded, of sm_80, sm_90a and sm_100a")
set(FLASHRNN_SANITIZERS "" CACHE STRING "Sanitizers, as in -fsanitize=: address,undefined or thread")
if(FLASHRNN_SANITIZERS)
  add_compile_options(-fsanitize=${FLASHRNN_SANITIZERS} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${FLASHRNN_SANITIZERS})
endif()
