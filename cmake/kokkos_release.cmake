# SPDX-License-Identifier: Apache-2.0
# The release of Kokkos that is fetched where none is installed, and how to get it.

include(${CMAKE_CURRENT_LIST_DIR}/FlashrnnDownload.cmake)

set(FLASHRNN_KOKKOS_VERSION 5.0.2)
set(FLASHRNN_KOKKOS_SHA256 188817bb452ca805ee8701f1c5adbbb4fb83dc8d1c50624566a18a719ba0fa5e)

# flashrnn_download_kokkos(<out>): sets <out> to the verified release tarball.
macro(flashrnn_download_kokkos out)
  set(_release https://github.com/kokkos/kokkos/releases/download/${FLASHRNN_KOKKOS_VERSION})
  flashrnn_download(
    ${out}
    NAME kokkos-${FLASHRNN_KOKKOS_VERSION}.tar.gz
    SHA256 ${FLASHRNN_KOKKOS_SHA256}
    URL ${_release}/kokkos-${FLASHRNN_KOKKOS_VERSION}.tar.gz
    DEBIAN_POOL pool/main/k/kokkos/kokkos_${FLASHRNN_KOKKOS_VERSION}.orig.tar.gz)
endmacro()
