# SPDX-License-Identifier: Apache-2.0
# Provides Kokkos::kokkos and FLASHRNN_KOKKOS_DEVICES: from the parent project, else from an installed copy (which
# Kokkos_ROOT can name), else built here from the release tarball with the Kokkos_* options of this build.

include(kokkos_release)

set(flashrnn_wanted_devices "")
foreach(device CUDA HIP OPENMP THREADS SERIAL)
  if(Kokkos_ENABLE_${device})
    list(APPEND flashrnn_wanted_devices ${device})
  endif()
endforeach()

if(TARGET Kokkos::kokkos)
  message(STATUS "FlashRNN: Kokkos comes from the parent project")
else()
  find_package(Kokkos 5.0 QUIET CONFIG)
  if(Kokkos_FOUND)
    message(STATUS "FlashRNN: Kokkos ${Kokkos_VERSION} is installed in ${Kokkos_DIR}")
  endif()
endif()

if(NOT TARGET Kokkos::kokkos)
  include(FetchContent)
  set(Kokkos_ENABLE_SERIAL ON CACHE BOOL "Kokkos: the serial execution space")
  set(Kokkos_ARCH_NATIVE ${FLASHRNN_NATIVE} CACHE BOOL "Kokkos: compile for this machine's processor")
  if(NOT FETCHCONTENT_SOURCE_DIR_KOKKOS)
    flashrnn_download_kokkos(flashrnn_kokkos_tarball)
  endif()
  # With cmake 3.25, SYSTEM is only understood as the first argument.
  FetchContent_Declare(
    Kokkos SYSTEM
    URL ${flashrnn_kokkos_tarball}
    URL_HASH SHA256=${FLASHRNN_KOKKOS_SHA256}
    DOWNLOAD_EXTRACT_TIMESTAMP TRUE)
  FetchContent_MakeAvailable(Kokkos)
endif()

# An installed Kokkos names its devices in Kokkos_DEVICES; one in the same build keeps them in its own folder.
if(Kokkos_DEVICES)
  set(FLASHRNN_KOKKOS_DEVICES ${Kokkos_DEVICES})
else()
  get_directory_property(FLASHRNN_KOKKOS_DEVICES DIRECTORY ${Kokkos_SOURCE_DIR} DEFINITION KOKKOS_ENABLED_DEVICES)
endif()
list(TRANSFORM FLASHRNN_KOKKOS_DEVICES TOUPPER)
message(STATUS "FlashRNN: Kokkos devices ${FLASHRNN_KOKKOS_DEVICES}")

foreach(device IN LISTS flashrnn_wanted_devices)
  if(NOT device IN_LIST FLASHRNN_KOKKOS_DEVICES)
    message(FATAL_ERROR "FlashRNN: Kokkos_ENABLE_${device} is on, but the Kokkos that was found has only "
                        "${FLASHRNN_KOKKOS_DEVICES} (${Kokkos_DIR}). Name another with -DKokkos_ROOT=<prefix>, or "
                        "have one built here with -DCMAKE_DISABLE_FIND_PACKAGE_Kokkos=ON.")
  endif()
endforeach()

# Programs then run on a machine that has a driver but no CUDA toolkit.
if(TARGET Kokkos::CUDA)
  get_target_property(flashrnn_kokkos_cuda Kokkos::CUDA ALIASED_TARGET)  # built in this build, not found
  if(NOT flashrnn_kokkos_cuda)
    set(flashrnn_kokkos_cuda Kokkos::CUDA)
  endif()
  set_target_properties(${flashrnn_kokkos_cuda} PROPERTIES INTERFACE_LINK_LIBRARIES "CUDA::cuda_driver;CUDA::cudart_static")
endif()
