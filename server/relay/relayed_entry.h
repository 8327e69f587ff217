// One entry as the relay sees it: its facts, for filters, and its bytes on the
// wire, encoded once and shared by every stream that sends it.
#ifndef GACETA_SERVER_RELAY_RELAYED_ENTRY_H_
#define GACETA_SERVER_RELAY_RELAYED_ENTRY_H_

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gaceta/v1/statement.pb.h"
#include "gaceta/v1/update.pb.h"
#include "grpcpp/support/slice.h"
#include "server/log/log_store.h"
#include "verify/statement.h"

namespace gaceta {

// Immutable but for the header and the update, which are parsed by the first
// who asks: most entries leave for most readers without either.
//
// Thread safety: all methods may be called concurrently.
class RelayedEntry {
 public:
  RelayedEntry(Position position, const EntryView& stored);
  // `full` is what full_slice() is to be.
  RelayedEntry(Position position, std::size_t leaf_size,
               std::size_t payload_size, v1::Entry::Omission omission,
               grpc::Slice full);

  Position position() const { return position_; }
  const v1::StatementHeader& header() const;
  // Of the secretariat's registry: passes every filter.
  bool is_registry() const { return is_registry_; }
  bool is_update() const { return is_update_; }
  // Whether everybody may read the payload.
  bool is_public() const { return !has_audience_ || IsPublic(header()); }
  v1::Entry::Omission stored_omission() const { return omission_; }

  // Null if the payload is not kept or is no update.
  const v1::Update* update() const;

  // Field 1 of a SubscribeResponse: tag, length and the bytes of v1::Entry.
  const grpc::Slice& full_slice() const { return full_; }
  // The same without payload, for a reader who gets the header only.
  grpc::Slice BareSlice(v1::Entry::Omission omission) const;
  // For unary answers.
  v1::Entry ToProto(v1::Entry::Omission omission) const;

  std::size_t bytes() const { return full_.size(); }

 private:
  Position position_;
  bool is_registry_;
  bool is_update_;
  bool has_audience_;
  v1::Entry::Omission omission_;
  // Where leaf and payload are within full_.
  std::size_t leaf_size_, payload_size_, leaf_begin_, payload_begin_;
  grpc::Slice full_;
  mutable std::unique_ptr<const v1::StatementHeader> header_;
  mutable std::once_flag header_once_;
  mutable std::unique_ptr<const v1::Update> update_;
  mutable std::once_flag update_once_;
};

using RelayedEntryPtr = std::shared_ptr<const RelayedEntry>;

// Makes entries that follow each other, with their bytes in one piece of
// memory: that is less work than a piece for each, but it is there until the
// last of them is gone.
class EntryBatch {
 public:
  explicit EntryBatch(Position begin) : begin_(begin) {}

  void Add(const EntryView& entry);
  // The position after the last one.
  Position end() const {
    return begin_ + static_cast<Position>(entries_.size());
  }
  std::vector<RelayedEntryPtr> Make() const;

 private:
  struct Encoded {
    // Where its bytes end.
    std::size_t end;
    std::size_t leaf_size, payload_size;
    v1::Entry::Omission omission;
  };

  const Position begin_;
  std::string bytes_;
  std::vector<Encoded> entries_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_RELAY_RELAYED_ENTRY_H_
