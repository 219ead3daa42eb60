# SPDX-License-Identifier: Apache-2.0
# cmake -P cmake/download_kokkos.cmake: prints the path of Kokkos' verified release tarball as the last line.
include(${CMAKE_CURRENT_LIST_DIR}/kokkos_release.cmake)
flashrnn_download_kokkos(tarball)
execute_process(COMMAND ${CMAKE_COMMAND} -E echo "${tarball}")
