// What the fuzz targets share. Each target is one function, which takes any
// bytes and must come back: it parses them, and requires of what parses that it
// is the same when written and parsed again. It ends the program if not.
#ifndef GACETA_TESTS_FUZZ_FUZZ_H_
#define GACETA_TESTS_FUZZ_FUZZ_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/string_view.h"

// Called by libFuzzer, or by driver.cc where that is not at hand.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);

namespace gaceta::fuzz {

inline absl::string_view TextOf(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Whoever runs the target keeps the input that ends the program.
inline void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace gaceta::fuzz

#endif  // GACETA_TESTS_FUZZ_FUZZ_H_
