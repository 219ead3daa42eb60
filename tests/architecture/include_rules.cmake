# SPDX-License-Identifier: Apache-2.0
# cmake -DROOT=<source tree> -P include_rules.cmake: who may include whom. Fails with one line per broken rule.
#
#   cells/*.hpp, layout.hpp, types.hpp   nothing but cells/cell.hpp, so that NVRTC takes them too;
#                             differentiate.hpp, which is made of parts, others of cells/
#   solver/                   itself and the C++ standard library
#   hardware_models/          is data and holds no source
#   core/                     itself, constrint in one file only, and no vendor's SDK
#   backends/<name>/          itself, core, and that vendor's SDK
#   tests/, bench/            public headers; a file may open the internals of one folder
#   examples/                 public headers
# And headers of core and backends hold no KOKKOS_LAMBDA.

cmake_minimum_required(VERSION 3.25)
if(NOT IS_DIRECTORY "${ROOT}")
  message(FATAL_ERROR "include_rules.cmake: -DROOT=<source tree> is not a folder: '${ROOT}'")
endif()

set(violations "")
set(checked 0)

macro(report file include reason)
  list(APPEND violations "${file}: includes ${include}: ${reason}")
endmacro()

# The folder that owns a file: solver, core, backends/cuda, tests, …
function(owner_of file out)
  if(file MATCHES "^(backends/[^/]+)/")
    set(${out} "${CMAKE_MATCH_1}" PARENT_SCOPE)
  elseif(file MATCHES "^([^/]+)/")
    set(${out} "${CMAKE_MATCH_1}" PARENT_SCOPE)
  else()
    set(${out} "" PARENT_SCOPE)
  endif()
endfunction()

# Public headers stand in a folder named include, directly in solver or at any depth in core.
function(is_public file out)
  set(${out} FALSE PARENT_SCOPE)
  if(file MATCHES "^(core|solver)/([^/]+/)*include/")
    set(${out} TRUE PARENT_SCOPE)
  endif()
endfunction()

file(GLOB_RECURSE files RELATIVE "${ROOT}"
     "${ROOT}/core/*" "${ROOT}/solver/*" "${ROOT}/backends/*" "${ROOT}/tests/*" "${ROOT}/bench/*"
     "${ROOT}/examples/*" "${ROOT}/hardware_models/*")
list(FILTER files INCLUDE REGEX "\\.(c|h|cc|hh|cpp|hpp|cu|cuh|hip)(\\.in)?$")
set(headers ${files})
list(FILTER headers INCLUDE REGEX "\\.(h|hh|hpp|cuh)$")

# Finds the header of this project that an include of <file> means, or sets <out> to "". Several may end in the
# same name: then the including file's own folder comes first, and after it its owner's headers.
function(resolve file include out)
  get_filename_component(folder "${file}" DIRECTORY)
  cmake_path(SET beside NORMALIZE "${folder}/${include}")
  if(beside IN_LIST headers)
    set(${out} "${beside}" PARENT_SCOPE)
    return()
  endif()
  owner_of("${file}" owner)
  string(REGEX REPLACE "([][+.*()^$?|\\])" "\\\\\\1" pattern "${include}")
  set(candidates ${headers})
  list(FILTER candidates INCLUDE REGEX "(^|/)${pattern}$")
  set(own ${candidates})
  list(FILTER own INCLUDE REGEX "^${owner}/")
  set(ordered ${own} ${candidates})
  if(ordered)
    list(GET ordered 0 first)
    set(${out} "${first}" PARENT_SCOPE)
  else()
    set(${out} "" PARENT_SCOPE)
  endif()
endfunction()

# The vendor whose SDK a foreign header belongs to, or "".
function(vendor_of include out)
  if(include MATCHES "^(cuda|cublas|cudnn|nvrtc|nvJitLink|cooperative_groups|cub/|cute/|cutlass|nvToolsExt|mma\\.h)")
    set(${out} cuda PARENT_SCOPE)
  elseif(include MATCHES "^(hip|rocblas|hipblas|miopen|rocm|roctracer|rocwmma)")
    set(${out} hip PARENT_SCOPE)
  else()
    set(${out} "" PARENT_SCOPE)
  endif()
endfunction()

set(core_users_of_constrint "")
foreach(file IN LISTS files)
  math(EXPR checked "${checked} + 1")
  owner_of("${file}" owner)
  if(owner STREQUAL "hardware_models")
    list(APPEND violations "${file}: hardware_models/ is data and holds no source")
    continue()
  endif()
  file(STRINGS "${ROOT}/${file}" lines REGEX "^[ \t]*#[ \t]*include[ \t]*[<\"]")
  string(REGEX REPLACE "[][]" "" lines "${lines}")  # which CMake's lists would trip over
  if(owner MATCHES "^(core|backends/.*)$" AND file IN_LIST headers)
    file(STRINGS "${ROOT}/${file}" lambdas REGEX "KOKKOS_(CLASS_)?LAMBDA" LIMIT_COUNT 1)
    if(lambdas)
      set(reason "nvcc's extended lambdas call null where several source files instantiate their function")
      list(APPEND violations "${file}: kernels of headers are functors: ${reason}")
    endif()
  endif()
  set(opened_folders "")
  foreach(line IN LISTS lines)
    string(REGEX REPLACE "^[ \t]*#[ \t]*include[ \t]*[<\"]([^>\"]*)[>\"].*$" "\\1" include "${line}")
    resolve("${file}" "${include}" target)
    owner_of("${target}" target_owner)
    is_public("${target}" target_is_public)
    vendor_of("${include}" vendor)

    if(file MATCHES "/flashrnn/(cells/[^/]*|layout|types)\\.hpp$")
      if(file MATCHES "/cells/differentiate\\.hpp$" AND target MATCHES "/flashrnn/cells/[^/]*\\.hpp$")
        continue()
      endif()
      if(file MATCHES "/cells/cell\\.hpp$" OR NOT target MATCHES "/flashrnn/cells/cell\\.hpp$")
        report(${file} ${include} "cells, layout and types include nothing but cells/cell.hpp")
      endif()

    elseif(owner STREQUAL "solver")
      if(target AND NOT target_owner STREQUAL "solver")
        report(${file} ${include} "solver uses nothing of the other folders")
      elseif(NOT target AND NOT include MATCHES "^[a-z_0-9]+$")
        report(${file} ${include} "solver uses the standard library alone")
      endif()

    elseif(owner STREQUAL "core" OR owner MATCHES "^backends/")
      if(target AND NOT target_owner MATCHES "^(core|solver)$" AND NOT target_owner STREQUAL owner)
        report(${file} ${include} "${owner} uses itself and core, never ${target_owner}")
      elseif(target_owner STREQUAL "solver")
        if(NOT owner STREQUAL "core")
          report(${file} ${include} "only core, in one file, uses constrint")
        elseif(NOT target_is_public)
          report(${file} ${include} "constrint is used through its public headers")
        else()
          list(APPEND core_users_of_constrint ${file})
        endif()
      elseif(NOT target AND vendor AND NOT owner STREQUAL "backends/${vendor}")
        report(${file} ${include} "the ${vendor} SDK is used in backends/${vendor} alone")
      endif()

    elseif(target AND NOT target_is_public AND NOT target_owner STREQUAL owner)
      if(owner MATCHES "^(tests|bench)$")
        get_filename_component(opened "${target}" DIRECTORY)
        string(REGEX REPLACE "^(core/[^/]+|backends/[^/]+|[^/]+).*$" "\\1" opened "${opened}")
        list(APPEND opened_folders ${opened})
      else()
        report(${file} ${include} "${owner} uses public headers")
      endif()
    endif()
  endforeach()
  list(REMOVE_DUPLICATES opened_folders)
  list(LENGTH opened_folders count)
  if(count GREATER 1)
    list(JOIN opened_folders ", " opened)
    list(APPEND violations "${file}: opens the internals of ${opened}: one folder at most")
  endif()
endforeach()

list(REMOVE_DUPLICATES core_users_of_constrint)
list(LENGTH core_users_of_constrint count)
if(count GREATER 1)
  list(JOIN core_users_of_constrint ", " users)
  list(APPEND violations "${users}: core uses constrint in one file only")
endif()

if(checked EQUAL 0)
  message(FATAL_ERROR "include_rules.cmake: no source file in ${ROOT}, so nothing was checked")
endif()
if(violations)
  list(JOIN violations "\n" text)
  message("${text}")
  message(FATAL_ERROR "Include rules are broken; the lines above say where.")
endif()
message(STATUS "${checked} files keep the include rules")
