// The end of a log as readers may see it.
#ifndef GACETA_SERVER_LOG_LOG_HEAD_H_
#define GACETA_SERVER_LOG_LOG_HEAD_H_

#include <cstdint>
#include <memory>
#include <string>

#include "verify/checkpoint.h"

namespace gaceta {

// Immutable: a newer one takes its place.
struct LogHead {
  // The newest checkpoint, and its note.
  Checkpoint checkpoint;
  std::string note;
  // The note of the newest checkpoint that a quorum of witnesses has cosigned,
  // and its size; empty and 0 if there is none. Witnesses cosign again what has
  // not grown, so the number counts the notes.
  std::string cosigned_note;
  std::int64_t cosigned_size = 0;
  std::int64_t cosigned_number = 0;
};

// Null while the log is empty.
using LogHeadPtr = std::shared_ptr<const LogHead>;

}  // namespace gaceta

#endif  // GACETA_SERVER_LOG_LOG_HEAD_H_
