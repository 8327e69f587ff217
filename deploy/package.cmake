# What `cmake --install` gives to operators beside the programs: commented sample
# configurations, the seed of the registry, and the script that checks a receipt
# without Gaceta.
install(FILES ${CMAKE_CURRENT_LIST_DIR}/hub.textproto ${CMAKE_CURRENT_LIST_DIR}/node.textproto
  DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples COMPONENT deploy)
install(DIRECTORY ${CMAKE_CURRENT_LIST_DIR}/registry
  DESTINATION ${CMAKE_INSTALL_DATADIR}/gaceta COMPONENT deploy)
install(PROGRAMS ${CMAKE_CURRENT_LIST_DIR}/verify-receipt TYPE BIN COMPONENT deploy)
