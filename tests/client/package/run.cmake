# Run by ctest; see CMakeLists.txt.
file(REMOVE_RECURSE ${WORK})
set(prefix ${WORK}/prefix)
set(doc ${prefix}/share/doc/gaceta)
set(flags "")
if(SANITIZE)
  set(flags -fsanitize=${SANITIZE})
endif()

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# Builds a project with CMake's defaults: neither it nor this says C++20.
function(build project folder)
  run(${CMAKE_COMMAND} -S ${project} -B ${folder} -G ${GENERATOR}
    -D CMAKE_PREFIX_PATH=${prefix} -D CMAKE_CXX_FLAGS=${flags}
    -D CMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER})
  run(${CMAKE_COMMAND} --build ${folder} --parallel 2)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})

# Everything of the source tree that is installed as it is.
foreach(pair
    README.md=${doc}/README.md LICENSE=${doc}/LICENSE
    client/GETTING_STARTED.md=${doc}/GETTING_STARTED.md
    proto/FORMATS.md=${doc}/proto/FORMATS.md proto/UPDATES.md=${doc}/proto/UPDATES.md
    client/examples/cpp/CMakeLists.txt=${doc}/examples/cpp/CMakeLists.txt
    client/examples/cpp/follow_corridor.cc=${doc}/examples/cpp/follow_corridor.cc
    client/examples/cpp/publish_update.cc=${doc}/examples/cpp/publish_update.cc
    client/examples/python/follow_corridor.py=${doc}/examples/python/follow_corridor.py
    client/examples/node/follow_corridor.js=${doc}/examples/node/follow_corridor.js
    client/examples/node/package.json=${doc}/examples/node/package.json
    client/examples/node/package-lock.json=${doc}/examples/node/package-lock.json
    deploy/hub.textproto=${doc}/examples/hub.textproto
    deploy/node.textproto=${doc}/examples/node.textproto
    deploy/registry/README.md=${prefix}/share/gaceta/registry/README.md
    deploy/registry/corridors.json=${prefix}/share/gaceta/registry/corridors.json
    deploy/registry/members.json=${prefix}/share/gaceta/registry/members.json
    deploy/registry/topics.json=${prefix}/share/gaceta/registry/topics.json
    deploy/verify-receipt=${prefix}/bin/verify-receipt)
  string(REPLACE "=" ";" pair ${pair})
  run(${CMAKE_COMMAND} -E compare_files ${SOURCE}/${pair})
endforeach()
file(GLOB_RECURSE protos RELATIVE ${SOURCE}/proto ${SOURCE}/proto/gaceta/*.proto
  ${SOURCE}/proto/google/*.proto)
foreach(proto ${protos})
  run(${CMAKE_COMMAND} -E compare_files ${SOURCE}/proto/${proto}
    ${prefix}/share/gaceta/proto/${proto})
endforeach()
foreach(program gaceta gaceta-hub gaceta-node)
  run(${prefix}/bin/${program} --version)
endforeach()

build(${PROJECT} ${WORK}/build)
# Without options it says what is missing.
execute_process(COMMAND ${WORK}/build/follow
  ERROR_VARIABLE said RESULT_VARIABLE code)
if(NOT code EQUAL 1 OR NOT said MATCHES "federation: is empty")
  message(FATAL_ERROR "follow ended with ${code} and said: ${said}")
endif()

build(${doc}/examples/cpp ${WORK}/examples)
run(${WORK}/examples/follow_corridor --help)
