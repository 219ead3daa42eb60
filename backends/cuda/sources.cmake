# SPDX-License-Identifier: Apache-2.0
# What makes programs for NVRTC and compiles them: needs the CUDA toolkit's headers, but no GPU, driver or Kokkos. Sets
# FLASHRNN_CUDA_PROGRAM_SOURCES; flashrnn_embed_kernels(<target>) builds the kernels' texts into a target.
set(flashrnn_cuda_dir ${CMAKE_CURRENT_LIST_DIR})
set(FLASHRNN_CUDA_PROGRAM_SOURCES jit/cubin_cache.cpp jit/nvrtc.cpp jit/sources.cpp native_cell.cpp
                                  program_text.cpp small_heads/program.cpp spread_heads/program.cpp
                                  tiling/small_heads.cpp tiling/spread_heads.cpp)
list(TRANSFORM FLASHRNN_CUDA_PROGRAM_SOURCES PREPEND ${flashrnn_cuda_dir}/)

function(flashrnn_embed_kernels target)
  set(include_dir ${flashrnn_SOURCE_DIR}/core/include)
  file(GLOB kernels CONFIGURE_DEPENDS ${flashrnn_cuda_dir}/kernels/*.cuh ${flashrnn_cuda_dir}/kernels/*.hpp)
  file(GLOB headers CONFIGURE_DEPENDS ${include_dir}/flashrnn/cells/*.hpp)
  list(APPEND headers ${include_dir}/flashrnn/layout.hpp ${include_dir}/flashrnn/types.hpp)
  set(entries "")
  foreach(file IN LISTS kernels)
    get_filename_component(name ${file} NAME)
    list(APPEND entries "${name}=${file}")
  endforeach()
  foreach(file IN LISTS headers)
    file(RELATIVE_PATH name ${include_dir} ${file})
    list(APPEND entries "${name}=${file}")
  endforeach()
  list(JOIN entries "|" entries)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/embedded_kernels_of_${target}.cpp)
  add_custom_command(
    OUTPUT ${source}
    COMMAND ${CMAKE_COMMAND} "-DFILES=${entries}" -DOUT=${source} -P ${flashrnn_cuda_dir}/jit/embed_sources.cmake
    DEPENDS ${kernels} ${headers} ${flashrnn_cuda_dir}/jit/embed_sources.cmake
    COMMENT "Embedding the texts of the CUDA kernels"
    VERBATIM)
  # A library of its own, because the target may belong to another folder, which does not know this rule.
  add_library(${target}_kernel_texts OBJECT ${source})
  target_compile_features(${target}_kernel_texts PRIVATE cxx_std_20)
  target_include_directories(${target}_kernel_texts PRIVATE ${flashrnn_cuda_dir}/jit)
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:${target}_kernel_texts>)
  target_include_directories(${target} PRIVATE ${flashrnn_cuda_dir} ${flashrnn_cuda_dir}/jit)
endfunction()
