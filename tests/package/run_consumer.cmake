# SPDX-License-Identifier: Apache-2.0
# cmake -DBUILD=<folder> [-D…] -P run_consumer.cmake: configures the consumer project from nothing, builds it, and
# runs every program of it. OPTIONS are given to its configuration; INSTALL, if set, is where it is installed to.
cmake_minimum_required(VERSION 3.25)

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

if(FRESH)
  file(REMOVE_RECURSE ${BUILD})
endif()
run(${CMAKE_COMMAND} -G Ninja -S ${CMAKE_CURRENT_LIST_DIR}/consumer -B ${BUILD} ${OPTIONS})
run(${CMAKE_COMMAND} --build ${BUILD})
foreach(program ${PROGRAMS})
  run(${BUILD}/${program})
endforeach()
if(INSTALL)
  file(REMOVE_RECURSE ${INSTALL})
  run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${INSTALL})
endif()
