# SPDX-License-Identifier: Apache-2.0
# cmake -DMODULES=<cmake folder> -DWORK=<folder> -P download_test.cmake: a tarball is found at each of the places
# that are promised, in that order, and a file with another hash is reported and never used. No network: the home
# page and the mirrors are file:// addresses, and apt is given a configuration of the test's own.

cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${WORK})
set(good "the right bytes\n")
string(SHA256 hash "${good}")
set(pool pool/main/k/kokkos/kokkos_5.0.2.orig.tar.gz)
set(cases 0)

# The outcome of one download as "<status>" and everything it printed, after the places were set up by the caller.
function(download)
  file(WRITE ${WORK}/download.cmake
       "include(${MODULES}/FlashrnnDownload.cmake)\n"
       "flashrnn_download(found NAME kokkos.tar.gz SHA256 ${hash} URL file://${WORK}/home/kokkos.tar.gz"
       " DEBIAN_POOL ${pool})\nmessage(STATUS \"found=\${found}\")\n")
  execute_process(
    COMMAND ${CMAKE_COMMAND} -E env APT_CONFIG=${WORK}/apt.conf ${CMAKE_COMMAND}
            -DFLASHRNN_DOWNLOAD_CACHE=${WORK}/cache -DFLASHRNN_DOWNLOADS_DIR=${WORK}/folder -P ${WORK}/download.cmake
    RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  set(status "${status}" PARENT_SCOPE)
  set(output "${output}" PARENT_SCOPE)
endfunction()

function(expect name)
  foreach(pattern IN LISTS ARGN)
    if(NOT output MATCHES "${pattern}")
      message(SEND_ERROR "${name}: no match of '${pattern}' in (status ${status}):\n${output}")
    endif()
  endforeach()
  math(EXPR count "${cases} + 1")
  set(cases ${count} PARENT_SCOPE)
endfunction()

# Empty places, and an apt that knows the given lists.
function(reset)
  foreach(place cache home folder mirror_a mirror_b apt)
    file(REMOVE_RECURSE ${WORK}/${place})
  endforeach()
  file(MAKE_DIRECTORY ${WORK}/apt/sources.list.d)
  file(WRITE ${WORK}/apt.conf "Dir::Etc \"${WORK}/apt\";\nDir::Etc::sourcelist \"sources.list\";\n"
                              "Dir::Etc::sourceparts \"sources.list.d\";\n")
endfunction()

reset()
file(WRITE ${WORK}/cache/kokkos.tar.gz "${good}")
download()
expect(cache "found=${WORK}/cache/kokkos.tar.gz")
if(output MATCHES "downloading")
  message(SEND_ERROR "cache: something was downloaded although the cache had it:\n${output}")
endif()

reset()
file(WRITE ${WORK}/cache/kokkos.tar.gz "damaged")
file(WRITE ${WORK}/home/kokkos.tar.gz "${good}")
download()
expect(damaged_cache "the download cache: [^\n]*damaged or another file, and not used: its sha256 is"
       "from its home page" "found=${WORK}/cache/kokkos.tar.gz")
file(READ ${WORK}/cache/kokkos.tar.gz cached)
if(NOT cached STREQUAL good)
  message(SEND_ERROR "damaged_cache: the damaged file was not replaced")
endif()

reset()
file(WRITE ${WORK}/home/kokkos.tar.gz "a page of an error")
file(WRITE ${WORK}/apt/sources.list "# comment\ndeb [arch=amd64 signed-by=/k.gpg] file:${WORK}/mirror_a/ stable main\n")
file(WRITE ${WORK}/mirror_a/${pool} "${good}")
download()
expect(one_line_format "its home page: [^\n]*gave another file, and it is not used" "from the Debian mirror"
       "found=${WORK}/cache/kokkos.tar.gz")
file(GLOB left ${WORK}/cache/*.partial)
if(left)
  message(SEND_ERROR "one_line_format: left behind: ${left}")
endif()

reset()
file(WRITE ${WORK}/apt/sources.list.d/debian.sources
     "# comment\nTypes: deb\nEnabled: no\nURIs: file:${WORK}/disabled\nSuites: stable\nComponents: main\n\n"
     "Types: deb\n# comment\nURIs: file:${WORK}/mirror_b\n  file:${WORK}/mirror_a\nSuites: stable stable-updates\n")
file(WRITE ${WORK}/apt/sources.list.d/other.list "deb file:${WORK}/third_party nodistro main\n"
                                                 "deb file:${WORK}/flat ./\ndeb file:${WORK}/sec stable-security main\n")
file(WRITE ${WORK}/mirror_a/${pool} "${good}")
download()
expect(deb822_format "mirror_b/${pool}: [^\n]+\n.*mirror_a/${pool}" "found=${WORK}/cache/kokkos.tar.gz")
if(output MATCHES "disabled|third_party|flat|/sec/")
  message(SEND_ERROR "deb822_format: a place was asked that should not be:\n${output}")
endif()

reset()
file(WRITE ${WORK}/apt/mirrors "# comment\nfile:${WORK}/mirror_a\tpriority:1\nfile:${WORK}/mirror_b\n")
file(WRITE ${WORK}/apt/sources.list "deb mirror+file:${WORK}/apt/mirrors stable main\n")
file(WRITE ${WORK}/mirror_b/${pool} "${good}")
download()
expect(mirror_list "mirror_a/${pool}: [^\n]+\n.*mirror_b/${pool}" "found=${WORK}/cache/kokkos.tar.gz")

reset()
file(WRITE ${WORK}/folder/kokkos.tar.gz "${good}")
download()
expect(folder "no Debian mirror" "found=${WORK}/folder/kokkos.tar.gz")

reset()
file(WRITE ${WORK}/folder/kokkos.tar.gz "damaged")
file(WRITE ${WORK}/apt/sources.list "deb file:${WORK}/mirror_a stable main\n")
download()
string(REGEX REPLACE "[ \n]+" " " output "${output}")
expect(nowhere "was not found. Tried, in this order: the download cache: [^:]*does not exist its home page: .* \
the Debian mirror of this machine's apt: .* FLASHRNN_DOWNLOADS_DIR: .*not used: its sha256 is .*Download it from")
if(status EQUAL 0 OR output MATCHES "found=")
  message(SEND_ERROR "nowhere: a file was found:\n${output}")
endif()

message(STATUS "${cases} cases were checked")
