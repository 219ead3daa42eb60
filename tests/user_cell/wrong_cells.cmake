# SPDX-License-Identifier: Apache-2.0
# What the compiler says about each struct of wrong_cells.cpp, for every host compiler found.
set(wrong_cells
    "Right|"
    "RightSaving|"
    "RightFinal|"
    "Empty|lacks one of them"
    "MissingStates|static constexpr int states"
    "MissingGates|static constexpr int gates"
    "VariableStates|static constexpr int states"
    "MissingMask|static constexpr unsigned recurrent_gates"
    "NegativeMask|static constexpr unsigned recurrent_gates"
    "MaskBeyondGates|a gate that does not exist"
    "NumberAsName|static constexpr const char"
    "NoStates|at least one state"
    "ManyGates|between 1 and 31 gates"
    "NoRecurrence|receives R*h"
    "NoInput|receives the input x"
    "MissingForward|static function template forward<Math>"
    "ForwardOfFloats|static function template forward<Math>"
    "ForwardOfFixedType|static function template forward<Math>"
    "ForwardOfAnObject|static function template forward<Math>"
    "SwappedForward|static function template forward<Math>"
    "SavingUndeclared|static function template forward<Math>"
    "NothingSaved|`saved` of a cell"
    "SavedText|`saved` of a cell"
    "SavedWithoutBackward|has its own backward"
    "SavedButNotTaken|static function template forward<Math>"
    "BackwardWithoutSaved|the backward of this cell"
    "WrongBackward|the backward of this cell"
    "BackwardOfFloats|the backward of this cell")

set(compilers ${CMAKE_CXX_COMPILER})
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  find_program(FLASHRNN_CLANG NAMES clang++ clang++-19 clang++-18 clang++-17 clang++-16 clang++-15 clang++-14)
  mark_as_advanced(FLASHRNN_CLANG)
  if(FLASHRNN_CLANG)
    list(APPEND compilers ${FLASHRNN_CLANG})
  else()
    message(STATUS "clang++ not found: its messages about wrong cells are not tested")
  endif()
endif()

foreach(compiler IN LISTS compilers)
  get_filename_component(compiler_name ${compiler} NAME)
  foreach(entry IN LISTS wrong_cells)
    string(REGEX MATCH "^([A-Za-z]+)\\|(.*)$" ignored "${entry}")
    set(cell ${CMAKE_MATCH_1})
    set(name user_cell_${cell}_${compiler_name})
    add_test(
      NAME ${name}
      COMMAND ${CMAKE_COMMAND} "-DMESSAGE=${CMAKE_MATCH_2}" -P ${CMAKE_CURRENT_SOURCE_DIR}/check_message.cmake --
              ${compiler} -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -DCELL=${cell}
              -I${PROJECT_SOURCE_DIR}/core/include ${CMAKE_CURRENT_SOURCE_DIR}/wrong_cells.cpp)
    set_tests_properties(${name} PROPERTIES LABELS user_cell TIMEOUT 300)
  endforeach()
endforeach()
