# SPDX-License-Identifier: Apache-2.0
# FLASHRNN_HOST_ISAS: the instruction sets that the host kernels are compiled for. A native build needs this machine's
# alone; any other gets all that the compiler knows and picks one when it runs.

include(CheckCXXSourceCompiles)

set(default_isas baseline)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(default_isas baseline avx2 avx512)
endif()
if(FLASHRNN_NATIVE)
  set(default_isas native)
endif()
set(FLASHRNN_HOST_ISAS "${default_isas}"
    CACHE STRING "Instruction sets of the host kernels: baseline, avx2, avx512, native (of this machine)")

# Compiler flags of each.
set(FLASHRNN_FLAGS_baseline "")
set(FLASHRNN_FLAGS_avx2 -mavx2 -mfma -mf16c)
set(FLASHRNN_FLAGS_avx512 -mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512dq -mavx512vl)
set(FLASHRNN_FLAGS_native -march=native)

# What native is: the same tests as in recurrence/host/isa.hpp.
if("native" IN_LIST FLASHRNN_HOST_ISAS)
  set(CMAKE_REQUIRED_FLAGS -march=native)
  set(CMAKE_REQUIRED_QUIET TRUE)
  set(avx512 "defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)")
  set(avx2 "defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)")
  foreach(isa avx512 avx2)
    check_cxx_source_compiles("#if !(${${isa}})\n#error\n#endif\nint main() { return 0; }" FLASHRNN_NATIVE_HAS_${isa})
  endforeach()
  unset(CMAKE_REQUIRED_FLAGS)
  unset(CMAKE_REQUIRED_QUIET)
  if(FLASHRNN_NATIVE_HAS_avx512)
    set(FLASHRNN_NATIVE_ISA avx512)
  elseif(FLASHRNN_NATIVE_HAS_avx2)
    set(FLASHRNN_NATIVE_ISA avx2)
  else()
    set(FLASHRNN_NATIVE_ISA baseline)
  endif()
endif()
