# SPDX-License-Identifier: Apache-2.0
# What every build of the library needs: Kokkos, a JSON reader, BLAS.

include(FlashrnnKokkos)
find_package(nlohmann_json 3.7 REQUIRED)

find_package(BLAS REQUIRED)
find_path(FLASHRNN_CBLAS_INCLUDE_DIR cblas.h PATH_SUFFIXES openblas REQUIRED)
mark_as_advanced(FLASHRNN_CBLAS_INCLUDE_DIR)
if(NOT TARGET flashrnn_blas)
  add_library(flashrnn_blas INTERFACE)
  target_link_libraries(flashrnn_blas INTERFACE BLAS::BLAS)
  target_include_directories(flashrnn_blas SYSTEM INTERFACE $<BUILD_INTERFACE:${FLASHRNN_CBLAS_INCLUDE_DIR}>)
  add_library(flashrnn::blas ALIAS flashrnn_blas)
  set_target_properties(flashrnn_blas PROPERTIES EXPORT_NAME blas)
endif()

# The backends of this build: the host always, a vendor's where Kokkos has that vendor's devices.
set(FLASHRNN_BACKENDS host)
foreach(vendor CUDA HIP)
  if(vendor IN_LIST FLASHRNN_KOKKOS_DEVICES)
    string(TOLOWER ${vendor} backend)
    list(APPEND FLASHRNN_BACKENDS ${backend})
  endif()
endforeach()
