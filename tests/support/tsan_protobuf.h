// Included before each source of builds for the thread sanitizer.
//
// protobuf's map_field.h gives MapFieldBase two more members in code that is
// built for the sanitizer. Debian's libprotobuf is not, so that the messages
// with maps that it brings (google.protobuf.Struct) would have two layouts in
// one program. Here the header is read as that library has read it.
#ifndef GACETA_TESTS_SUPPORT_TSAN_PROTOBUF_H_
#define GACETA_TESTS_SUPPORT_TSAN_PROTOBUF_H_

// First, since std::shared_ptr has to see the macro.
#include <memory>

#pragma push_macro("__SANITIZE_THREAD__")
#undef __SANITIZE_THREAD__
#include <google/protobuf/map_field.h>
#pragma pop_macro("__SANITIZE_THREAD__")

#endif  // GACETA_TESTS_SUPPORT_TSAN_PROTOBUF_H_
