# What `cmake --install` gives to programs that use the library: headers, the
# wire contract, static libraries, and the CMake package `gaceta` with the
# target gaceta::client. Include lines are the same as in this tree.
set(include_folder ${CMAKE_INSTALL_INCLUDEDIR}/gaceta-client)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/gaceta)

# --- Libraries --------------------------------------------------------------------
set(libraries base proto grpc errors grpc_errors verify client)
foreach(name ${libraries})
  list(APPEND targets gaceta_${name})
  set_target_properties(gaceta_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(gaceta_${name} INTERFACE
    $<INSTALL_INTERFACE:${include_folder}>)
endforeach()
install(TARGETS ${targets} EXPORT gaceta
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT client)
install(EXPORT gaceta NAMESPACE gaceta:: FILE gaceta-targets.cmake
  DESTINATION ${package_folder} COMPONENT client)

# --- Headers ----------------------------------------------------------------------
set(headers
  errors/errors.h errors/grpc_status.h
  gaceta/backoff.h gaceta/connection.h gaceta/documents.h
  gaceta/evidence_folder.h gaceta/log_audit.h gaceta/log_export.h
  gaceta/log_reader.h gaceta/log_source.h gaceta/publisher.h gaceta/reader.h
  gaceta/registry_client.h gaceta/subscriber.h gaceta/whole_log.h
  verify/checkpoint.h verify/digest.h verify/entry_verifier.h
  verify/federation.h verify/keys.h verify/log_policy.h verify/log_receipt.h
  verify/merkle.h verify/note.h verify/openssl_ptr.h verify/receipt_checker.h
  verify/registry_state.h verify/spiffe_id.h verify/statement.h)
foreach(header ${headers})
  cmake_path(GET header PARENT_PATH folder)
  install(FILES ${CMAKE_CURRENT_LIST_DIR}/${header}
    DESTINATION ${include_folder}/${folder} COMPONENT client)
endforeach()
install(DIRECTORY ${PROJECT_BINARY_DIR}/gen/ DESTINATION ${include_folder}
  COMPONENT client FILES_MATCHING PATTERN "*.pb.h"
  PATTERN "cli" EXCLUDE PATTERN "server" EXCLUDE PATTERN "grpc" EXCLUDE)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/proto/
  DESTINATION ${CMAKE_INSTALL_DATADIR}/gaceta/proto
  COMPONENT client FILES_MATCHING PATTERN "*.proto"
  PATTERN "grpc" EXCLUDE)

# --- Documentation and examples ---------------------------------------------------
install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/LICENSE
  ${CMAKE_CURRENT_LIST_DIR}/GETTING_STARTED.md
  DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT client)
install(FILES ${PROJECT_SOURCE_DIR}/proto/FORMATS.md ${PROJECT_SOURCE_DIR}/proto/UPDATES.md
  DESTINATION ${CMAKE_INSTALL_DOCDIR}/proto COMPONENT client)
# By name: npm and Python leave files in the folders of the source tree.
set(examples
  cpp/CMakeLists.txt cpp/follow_corridor.cc cpp/publish_update.cc
  python/follow_corridor.py
  node/follow_corridor.js node/package.json node/package-lock.json)
foreach(example ${examples})
  cmake_path(GET example PARENT_PATH folder)
  install(FILES ${CMAKE_CURRENT_LIST_DIR}/examples/${example}
    DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples/${folder} COMPONENT client)
endforeach()

# --- Package ----------------------------------------------------------------------
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/gaceta-config.cmake.in
  ${PROJECT_BINARY_DIR}/gaceta-config.cmake
  INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/gaceta-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/gaceta-config.cmake
  ${PROJECT_BINARY_DIR}/gaceta-config-version.cmake
  DESTINATION ${package_folder} COMPONENT client)
