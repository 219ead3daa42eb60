# SPDX-License-Identifier: Apache-2.0
# cmake -DWORK=<folder> -P include_rules_test.cmake: every include rule is reported when it is broken, and a tree
# that keeps them all passes.

cmake_minimum_required(VERSION 3.25)
set(tests 0)

# Runs the rules over a small tree of "<path>|<include>" files; <expected> is a regular expression of the error,
# or "" if the tree is good.
function(expect name expected)
  set(tree "${WORK}/${name}")
  file(REMOVE_RECURSE "${tree}")
  foreach(header core/include/flashrnn/cells/cell.hpp core/include/flashrnn/layout.hpp core/include/flashrnn/plan.hpp
                 core/src/engine.hpp core/recurrence/kernel.hpp solver/include/constrint/model.hpp solver/src/trail.hpp
                 backends/host/probe.hpp backends/cuda/jit.hpp)
    file(WRITE "${tree}/${header}" "#pragma once\n")
  endforeach()
  foreach(entry IN LISTS ARGN)
    string(REGEX REPLACE "^(.*)\\|(.*)$" "\\1" file "${entry}")
    string(REGEX REPLACE "^(.*)\\|(.*)$" "\\2" include "${entry}")
    file(APPEND "${tree}/${file}" "  # include ${include} // [a comment\n")
  endforeach()
  execute_process(COMMAND ${CMAKE_COMMAND} -DROOT=${tree} -P ${CMAKE_CURRENT_LIST_DIR}/include_rules.cmake
                  RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(expected STREQUAL "")
    if(NOT status EQUAL 0)
      message(SEND_ERROR "${name}: a tree that keeps the rules was refused:\n${output}")
    endif()
  elseif(status EQUAL 0 OR NOT output MATCHES "${expected}")
    message(SEND_ERROR "${name}: expected an error like '${expected}', got status ${status}:\n${output}")
  endif()
  math(EXPR count "${tests} + 1")
  set(tests ${count} PARENT_SCOPE)
endfunction()

expect(all_rules_kept ""
       "core/include/flashrnn/cells/lstm.hpp|\"cell.hpp\"" "core/include/flashrnn/layout.hpp|\"cells/cell.hpp\""
       "core/src/tiling.cpp|<constrint/model.hpp>"
       "core/src/tiling.cpp|<vector>" "core/src/plan.cpp|\"engine.hpp\"" "solver/src/trail.cpp|\"trail.hpp\""
       "solver/src/trail.cpp|<cstdint>" "backends/cuda/jit.cpp|<nvrtc.h>" "backends/cuda/jit.cpp|\"flashrnn/plan.hpp\""
       "backends/cuda/jit.cpp|\"engine.hpp\"" "tests/core/plan_test.cpp|\"engine.hpp\""
       "tests/core/plan_test.cpp|<gtest/gtest.h>" "bench/plan.cpp|<flashrnn/plan.hpp>"
       "examples/plan.cpp|<flashrnn/plan.hpp>" "examples/plan.cpp|<constrint/model.hpp>")
expect(cell_uses_standard_library "lstm.hpp: includes cmath: cells, layout and types"
       "core/include/flashrnn/cells/lstm.hpp|<cmath>")
expect(cell_uses_library "lstm.hpp: includes flashrnn/plan.hpp: cells, layout and types"
       "core/include/flashrnn/cells/lstm.hpp|\"flashrnn/plan.hpp\"")
expect(contract_includes_something "cell.hpp: includes cstddef: cells, layout and types"
       "core/include/flashrnn/cells/cell.hpp|<cstddef>")
expect(layout_includes_something "layout.hpp: includes cstddef: cells, layout and types"
       "core/include/flashrnn/layout.hpp|<cstddef>")
expect(types_include_something "types.hpp: includes cstdint: cells, layout and types"
       "core/include/flashrnn/types.hpp|<cstdint>")
expect(solver_uses_core "trail.cpp: includes flashrnn/plan.hpp: solver uses nothing"
       "solver/src/trail.cpp|<flashrnn/plan.hpp>")
expect(solver_uses_a_library "trail.cpp: includes nlohmann/json.hpp: solver uses the standard"
       "solver/src/trail.cpp|<nlohmann/json.hpp>")
expect(solver_uses_the_system "trail.cpp: includes unistd.h: solver uses the standard"
       "solver/src/trail.cpp|<unistd.h>")
expect(header_with_a_lambda "loss.hpp: kernels of headers are functors"
       "core/include/flashrnn/training/loss.hpp|<vector> // KOKKOS_LAMBDA")
expect(hardware_models_hold_code "hardware_models/ is data" "hardware_models/h200.cpp|<vector>")
expect(core_uses_constrint_twice "plan.cpp, core/src/tiling.cpp: core uses constrint in one"
       "core/src/tiling.cpp|<constrint/model.hpp>" "core/src/plan.cpp|<constrint/model.hpp>")
expect(core_uses_solver_internals "tiling.cpp: includes trail.hpp: constrint is used through its public"
       "core/src/tiling.cpp|\"trail.hpp\"")
expect(core_uses_a_backend "plan.cpp: includes jit.hpp: core uses itself and core, never backends/cuda"
       "core/src/plan.cpp|\"jit.hpp\"")
expect(core_uses_an_sdk "plan.cpp: includes cuda_runtime.h: the cuda SDK"
       "core/src/plan.cpp|<cuda_runtime.h>")
expect(backend_uses_another "probe.cpp: includes backends/cuda/jit.hpp: backends/host uses itself and core, never"
       "backends/host/probe.cpp|\"backends/cuda/jit.hpp\"")
expect(backend_uses_another_sdk "probe.cpp: includes hip/hip_runtime.h: the hip SDK"
       "backends/host/probe.cpp|<hip/hip_runtime.h>")
expect(backend_uses_constrint "jit.cpp: includes constrint/model.hpp: only core"
       "backends/cuda/jit.cpp|<constrint/model.hpp>")
expect(test_opens_two_folders "plan_test.cpp: opens the internals of core/src, core/recurrence"
       "tests/core/plan_test.cpp|\"engine.hpp\"" "tests/core/plan_test.cpp|\"kernel.hpp\"")
expect(example_opens_internals "plan.cpp: includes engine.hpp: examples uses public"
       "examples/plan.cpp|\"engine.hpp\"")

message(STATUS "${tests} trees were checked")
