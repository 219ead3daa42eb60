# SPDX-License-Identifier: Apache-2.0
# What makes programs for NVRTC and compiles them: needs the CUDA toolkit's headers, but no GPU, driver or Kokkos. Sets
# FLASHRNN_CUDA_PROGRAM_SOURCES; flashrnn_embed_kernels(<target>) builds the kernels' texts into a target, and
# flashrnn_embed_cubins(<target>) their machine code for common problems.
set(flashrnn_cuda_dir ${CMAKE_CURRENT_LIST_DIR})
set(FLASHRNN_CUDA_PROGRAM_SOURCES first_programs.cpp jit/compiler_record.cpp jit/cubin_cache.cpp jit/nvrtc.cpp jit/replace_file.cpp jit/sources.cpp native_cell.cpp
                                  program_text.cpp small_heads/program.cpp spread_heads/program.cpp
                                  tiling/device_facts.cpp tiling/embedded_tilings.cpp tiling/kernel_choice.cpp tiling/small_heads.cpp tiling/spread_heads.cpp)
list(TRANSFORM FLASHRNN_CUDA_PROGRAM_SOURCES PREPEND ${flashrnn_cuda_dir}/)
# Beside nvcc, which calls it.
find_program(FLASHRNN_PTXAS ptxas HINTS ${CUDAToolkit_BIN_DIR} REQUIRED)
mark_as_advanced(FLASHRNN_PTXAS)

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

function(flashrnn_embed_cubins target)
  if(NOT FLASHRNN_CUDA_EMBEDDED_ARCHITECTURES)
    flashrnn_plain_sources(${target} jit/no_embedded_cubins.cpp)
    return()
  endif()
  add_executable(embed_cubins ${flashrnn_cuda_dir}/embed/embed_cubins.cpp ${flashrnn_cuda_dir}/embed/ptx.cpp ${flashrnn_cuda_dir}/jit/no_embedded_cubins.cpp
                              ${FLASHRNN_CUDA_PROGRAM_SOURCES} $<TARGET_OBJECTS:flashrnn_tile_search>)
  set_target_properties(embed_cubins PROPERTIES UNITY_BUILD OFF)
  flashrnn_embed_kernels(embed_cubins)
  target_compile_features(embed_cubins PRIVATE cxx_std_20)
  target_include_directories(
    embed_cubins PRIVATE ${flashrnn_SOURCE_DIR}/core/include ${flashrnn_SOURCE_DIR}/core/recurrence/include
                         ${CUDAToolkit_INCLUDE_DIRS})
  target_compile_definitions(embed_cubins PRIVATE FLASHRNN_CUDA_MAJOR=${CUDAToolkit_VERSION_MAJOR})
  target_link_libraries(embed_cubins PRIVATE constrint::constrint ${CMAKE_DL_LIBS})
  set(source ${CMAKE_CURRENT_BINARY_DIR}/embedded_cubins.cpp)
  add_custom_command(
    OUTPUT ${source} ${CMAKE_CURRENT_BINARY_DIR}/embedded_cubins.bin
    COMMAND embed_cubins ${FLASHRNN_PTXAS} ${source} ${FLASHRNN_CUDA_EMBEDDED_ARCHITECTURES}
    DEPENDS embed_cubins
    COMMENT "Compiling the CUDA kernels of common problems (a minute)"
    USES_TERMINAL VERBATIM)
  add_library(${target}_cubins OBJECT ${source})
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/embedded_cubins.bin)
  target_compile_features(${target}_cubins PRIVATE cxx_std_20)
  target_include_directories(${target}_cubins PRIVATE ${flashrnn_cuda_dir} ${flashrnn_cuda_dir}/jit
                                                      ${flashrnn_SOURCE_DIR}/core/recurrence/include)
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:${target}_cubins>)
endfunction()
