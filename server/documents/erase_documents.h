// Carries out what the registry says of documents.
#ifndef GACETA_SERVER_DOCUMENTS_ERASE_DOCUMENTS_H_
#define GACETA_SERVER_DOCUMENTS_ERASE_DOCUMENTS_H_

#include "server/documents/document_store.h"
#include "verify/federation.h"

namespace gaceta {

// Erases all documents that `registry` says are erased. What fails is logged,
// and done at the next call.
void EraseDocuments(const Federation& registry, DocumentStore* store);

}  // namespace gaceta

#endif  // GACETA_SERVER_DOCUMENTS_ERASE_DOCUMENTS_H_
