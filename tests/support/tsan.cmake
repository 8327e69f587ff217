# Included by builds with GACETA_SANITIZE=thread: see tsan_mutex.cc.
add_library(gaceta_tsan_mutex SHARED ${CMAKE_CURRENT_LIST_DIR}/tsan_mutex.cc)
target_link_libraries(gaceta_tsan_mutex PRIVATE absl::synchronization)
# First of all libraries of every program, so that its symbols are found first.
link_libraries($<BUILD_INTERFACE:gaceta_tsan_mutex>)
add_compile_options(
  "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-include ${CMAKE_CURRENT_LIST_DIR}/tsan_protobuf.h>")
set(GACETA_TEST_ENVIRONMENT
  "TSAN_OPTIONS=suppressions=${CMAKE_CURRENT_LIST_DIR}/tsan.supp")
