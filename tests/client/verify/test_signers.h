// Signers of notes whose keys are the same in every run.
#ifndef GACETA_TESTS_CLIENT_VERIFY_TEST_SIGNERS_H_
#define GACETA_TESTS_CLIENT_VERIFY_TEST_SIGNERS_H_

#include <string>

#include "verify/keys.h"
#include "verify/note.h"

namespace gaceta::testing {

// An Ed25519 key, always the same of one seed.
SigningKey KeyOfSeed(int seed);

// Signers with such keys. WitnessOf("hn") is named `node.hn.gaceta.example`.
NoteSigner LogSigner(const std::string& name = "hub.gaceta.example/log");
NoteSigner WitnessOf(const std::string& state);

}  // namespace gaceta::testing

#endif  // GACETA_TESTS_CLIENT_VERIFY_TEST_SIGNERS_H_
