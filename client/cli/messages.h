// The few words that people read while they publish and follow, in the four
// languages of the OAS. All other text is English, and so is everything that
// programs read.
#ifndef GACETA_CLIENT_CLI_MESSAGES_H_
#define GACETA_CLIENT_CLI_MESSAGES_H_

#include "absl/strings/string_view.h"

namespace gaceta::cli {

enum class Language { kEnglish, kSpanish, kPortuguese, kFrench };

// Returns the language of a locale's name, as `es_HN.UTF-8` or `pt`; English
// for all that we do not speak.
Language LanguageOfLocale(absl::string_view locale);

// Returns the language of LC_ALL, LC_MESSAGES or LANG, the first that is set.
Language LanguageOfEnvironment();

// What can be said. Where a comment names $0, $1, …, the text is for
// absl::Substitute().
enum class Phrase {
  // Before an error's and a warning's text.
  kError,
  kWarning,
  // What became of one update.
  kPublished,
  kAlreadyPublished,
  kPending,
  kRefused,
  kInvalid,
  kValid,
  // $0 published, $1 pending, $2 with errors, $3 skipped.
  kPublishSummary,
  // $0 updates of another state were left out; this profile is of $1.
  kOtherStates,
  // The journal $0 is of another node's life.
  kJournalStale,
  // A document's upload: $0 the file.
  kUploading,
  // Marks of an entry.
  kVerified,
  kRestricted,
  kErased,
  // Stops everything: $0 says what did not verify.
  kVerificationFailed,
  // The stream has reached the end of the log, at $0.
  kLive,
  // The connection was lost ($0) and is made again.
  kReconnecting,
  // No quorum of witnesses has vouched for the log since the time $0.
  kQuorumStale,
  // Witnesses vouched last at $0 by their clocks, and this computer's says $1.
  kClocksDiffer,
  // A quorum of witnesses has vouched for the log again, at $0.
  kQuorumAgain,
  // What a receipt shows. $0 the log, $1 its size; $0 cosignatures; $0 the
  // position; $0 the publisher; $0 the sequence number.
  kReceiptForm,
  kReceiptCheckpoint,
  kReceiptQuorum,
  kReceiptInclusion,
  kReceiptSigner,
  kReceiptSignature,
  kReceiptPayload,
  // Beside a receipt whose payload this reader may not see.
  kPayloadNotShown,
  // Behind a bar.
  kEntriesVerified,
  kEntriesExported,
  // The end of an audit.
  kAuditHolds,
  // $0 entries are in the folder $1, $2 of them new.
  kExported,
  // Number of phrases.
  kCount,
};

// Returns a phrase in a language.
absl::string_view Say(Language language, Phrase phrase);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_MESSAGES_H_
