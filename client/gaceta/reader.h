// Looks up updates one by one.
#ifndef GACETA_CLIENT_GACETA_READER_H_
#define GACETA_CLIENT_GACETA_READER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gaceta/backoff.h"
#include "gaceta/log_source.h"
#include "gaceta/registry_client.h"
#include "gaceta/v1/updates.grpc.pb.h"
#include "verify/entry_verifier.h"

namespace gaceta::client {

// Reads entries of the log from a hub or node and verifies each: its signature
// by a key of its publisher at that position, the digest of its payload, and
// that the log has it there, under a checkpoint that the log's key signed.
//
// Leaves open what single answers do not show: whether a list is complete, and
// whether the checkpoint extends those seen before. A Subscriber checks chains
// and checkpoints, a LogReader checkpoints.
//
// Thread safety: all methods may be called concurrently.
//
// Errors: kDataLoss, reason as of Registry::Verify() or `WRONG_ENTRY`, if an
// entry does not verify or is not the one asked for: the whole call fails.
// kUnavailable is tried again with growing waits until the deadline, but for
// reason `NO_LOG_POLICY`: the registry does not say yet who signs the log. All
// other errors of the server are returned as they are.
class UpdateReader {
 public:
  struct Page {
    std::vector<VerifiedEntry> entries;
    // For the next page; empty on the last.
    std::string next_page_token;
  };

  // Connects on first use. Errors as of OpenSource().
  static absl::StatusOr<std::unique_ptr<UpdateReader>> Create(
      const LogSource& source, BackoffOptions backoff = {});

  // One page of the updates that pass a filter. A page may be empty before the
  // last.
  absl::StatusOr<Page> List(const v1::ListUpdatesRequest& request,
                            absl::Time deadline = absl::InfiniteFuture());

  // The entry at `position`. kOutOfRange if the log ends before.
  absl::StatusOr<VerifiedEntry> Get(
      std::int64_t position, absl::Time deadline = absl::InfiniteFuture());
  // The entry of a statement. kNotFound if there is none.
  absl::StatusOr<VerifiedEntry> Get(
      const std::string& statement_id,
      absl::Time deadline = absl::InfiniteFuture());

  // What the entries are verified with, as far as it was read.
  const Registry& registry() const { return *registry_; }

 private:
  UpdateReader(std::shared_ptr<grpc::Channel> channel,
               std::unique_ptr<Registry> registry, BackoffOptions backoff);

  absl::StatusOr<VerifiedEntry> Get(const v1::GetUpdateRequest& request,
                                    absl::Time deadline);

  const std::unique_ptr<v1::UpdatesService::Stub> stub_;
  const std::unique_ptr<Registry> registry_;
  const BackoffOptions backoff_;
};

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_READER_H_
