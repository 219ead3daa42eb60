# SPDX-License-Identifier: Apache-2.0
# cmake -DPROGRAMS=<program>;... -P check_driver_free.cmake: no program needs the driver's library, which is missing
# where there is no GPU.
if(NOT PROGRAMS)
  message(FATAL_ERROR "no program to check")
endif()
foreach(program IN LISTS PROGRAMS)
  file(
    GET_RUNTIME_DEPENDENCIES
    EXECUTABLES ${program}
    RESOLVED_DEPENDENCIES_VAR found
    UNRESOLVED_DEPENDENCIES_VAR missing)
  set(libraries ${found} ${missing})
  if(NOT libraries MATCHES "libc[.]so")
    message(FATAL_ERROR "${program}: its libraries cannot be read: ${libraries}")
  endif()
  if(libraries MATCHES "libcuda[.]so")
    message(FATAL_ERROR "${program} needs libcuda.so, but its test has the label no_gpu")
  endif()
  message(STATUS "${program}: needs no driver")
endforeach()
