#include "server/documents/erase_documents.h"

#include <string>

#include "spdlog/spdlog.h"

namespace gaceta {

void EraseDocuments(const Federation& registry, DocumentStore* store) {
  for (const auto& [sha256, in_force] : registry.document_erasures()) {
    if (absl::Status s = store->Erase(sha256, in_force.erasure.ground());
        !s.ok()) {
      spdlog::error("cannot erase a document sha256={} error=\"{}\"", sha256,
                    std::string(s.message()));
    }
  }
}

}  // namespace gaceta
