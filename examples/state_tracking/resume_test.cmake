# SPDX-License-Identifier: Apache-2.0
# cmake -DPROGRAM=<state_tracking> -DFOLDER=<scratch> -P resume_test.cmake: training in one go, and stopped half-way and
# resumed by another process, write the same checkpoint, bit by bit. The half-way one is another file, or nothing was
# shown.
file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER})

function(train cell)
  execute_process(COMMAND ${PROGRAM} --cell ${cell} --no-baseline --steps 80 --test-steps 160 --test-sequences 16 ${ARGN}
                  WORKING_DIRECTORY ${FOLDER} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "training failed with ${status}:\n${output}")
  endif()
endfunction()

foreach(cell lstm slstm)
  train(${cell} --save ${cell}_whole.safetensors)
  train(${cell} --stop-after 40 --save ${cell}_half.safetensors)
  train(${cell} --resume ${cell}_half.safetensors --save ${cell}_resumed.safetensors)
  foreach(name whole half resumed)
    file(SHA256 ${FOLDER}/${cell}_${name}.safetensors ${name})
  endforeach()
  if(NOT whole STREQUAL resumed)
    message(FATAL_ERROR "${cell}: the resumed training ends with another checkpoint than the one in one go")
  endif()
  if(whole STREQUAL half)
    message(FATAL_ERROR "${cell}: the second half of the training changed nothing")
  endif()
endforeach()

# A checkpoint of another training is refused, and the message says in what it differs.
execute_process(COMMAND ${PROGRAM} --cell lstm --no-baseline --steps 80 --seed 2 --resume lstm_half.safetensors
                WORKING_DIRECTORY ${FOLDER} RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE message)
if(NOT status EQUAL 2 OR NOT message MATCHES "of a training with seed 1, expected 2")
  message(FATAL_ERROR "a checkpoint of another seed: status ${status}, message:\n${message}")
endif()
