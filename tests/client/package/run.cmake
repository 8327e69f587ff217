# Run by ctest; see CMakeLists.txt.
file(REMOVE_RECURSE ${WORK})
set(prefix ${WORK}/prefix)
set(flags "")
if(SANITIZE)
  set(flags -fsanitize=${SANITIZE})
endif()

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix} --component client)
run(${CMAKE_COMMAND} -S ${PROJECT} -B ${WORK}/build -G ${GENERATOR}
  -D CMAKE_PREFIX_PATH=${prefix} -D CMAKE_CXX_FLAGS=${flags}
  -D CMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER})
run(${CMAKE_COMMAND} --build ${WORK}/build --parallel 2)

# Without options it says what is missing.
execute_process(COMMAND ${WORK}/build/follow
  ERROR_VARIABLE said RESULT_VARIABLE code)
if(NOT code EQUAL 1 OR NOT said MATCHES "federation: is empty")
  message(FATAL_ERROR "follow ended with ${code} and said: ${said}")
endif()
