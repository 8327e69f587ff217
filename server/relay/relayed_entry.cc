#include "server/relay/relayed_entry.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "gaceta/v1/relay.pb.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"
#include "verify/statement.h"

namespace gaceta {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;

constexpr std::uint32_t BytesTag(int field) {
  return WireFormatLite::MakeTag(field,
                                 WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
}
constexpr std::uint32_t VarintTag(int field) {
  return WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_VARINT);
}

constexpr std::uint32_t kEntriesTag =
    BytesTag(v1::SubscribeResponse::kEntriesFieldNumber);
constexpr std::uint32_t kPositionTag =
    VarintTag(v1::Entry::kPositionFieldNumber);
constexpr std::uint32_t kLeafTag = BytesTag(v1::Entry::kLeafFieldNumber);
constexpr std::uint32_t kPayloadTag = BytesTag(v1::Entry::kPayloadFieldNumber);
constexpr std::uint32_t kOmissionTag =
    VarintTag(v1::Entry::kOmissionFieldNumber);
constexpr std::uint32_t kHeaderTag = BytesTag(v1::Leaf::kHeaderFieldNumber);
constexpr std::uint32_t kPublisherTag =
    BytesTag(v1::StatementHeader::kPublisherFieldNumber);
constexpr std::uint32_t kPayloadTypeTag =
    BytesTag(v1::StatementHeader::kPayloadTypeFieldNumber);
constexpr std::uint32_t kAudienceTag =
    BytesTag(v1::StatementHeader::kAudienceFieldNumber);

std::size_t BytesFieldSize(absl::string_view bytes) {
  if (bytes.empty()) return 0;
  return 1 +
         CodedOutputStream::VarintSize32(
             static_cast<std::uint32_t>(bytes.size())) +
         bytes.size();
}

std::uint8_t* WriteBytesField(std::uint32_t tag, absl::string_view bytes,
                              std::uint8_t* out) {
  if (bytes.empty()) return out;
  out = CodedOutputStream::WriteTagToArray(tag, out);
  out = CodedOutputStream::WriteVarint32ToArray(
      static_cast<std::uint32_t>(bytes.size()), out);
  std::memcpy(out, bytes.data(), bytes.size());
  return out + bytes.size();
}

std::uint32_t BodySize(Position position, const EntryView& entry) {
  std::size_t body = BytesFieldSize(entry.leaf) + BytesFieldSize(entry.payload);
  if (position != 0) {
    body += 1 + CodedOutputStream::VarintSize64(position);
  }
  if (entry.omission != v1::Entry::OMISSION_UNSPECIFIED) body += 2;
  return static_cast<std::uint32_t>(body);
}

std::size_t EncodedSize(Position position, const EntryView& entry) {
  const std::uint32_t body = BodySize(position, entry);
  return 1 + CodedOutputStream::VarintSize32(body) + body;
}

// Encodes an entry as the field of a SubscribeResponse. Messages are
// concatenations of such fields, so an entry is encoded once for all of them.
void Encode(Position position, const EntryView& entry, std::uint8_t* out) {
  out = CodedOutputStream::WriteTagToArray(kEntriesTag, out);
  out = CodedOutputStream::WriteVarint32ToArray(BodySize(position, entry), out);
  if (position != 0) {
    out = CodedOutputStream::WriteTagToArray(kPositionTag, out);
    out = CodedOutputStream::WriteVarint64ToArray(position, out);
  }
  out = WriteBytesField(kLeafTag, entry.leaf, out);
  out = WriteBytesField(kPayloadTag, entry.payload, out);
  if (entry.omission != v1::Entry::OMISSION_UNSPECIFIED) {
    out = CodedOutputStream::WriteTagToArray(kOmissionTag, out);
    CodedOutputStream::WriteVarint32ToArray(entry.omission, out);
  }
}

grpc::Slice EncodedSlice(Position position, const EntryView& entry) {
  grpc::Slice slice(EncodedSize(position, entry));
  // Nobody else has the slice yet, so writing through is safe.
  Encode(position, entry, const_cast<std::uint8_t*>(slice.begin()));
  return slice;
}

// Calls `field` with the tag and the bytes of each field of `message` that has
// a length; false if it is no message.
template <typename Field>
bool ForEachField(absl::string_view message, Field field) {
  CodedInputStream in(reinterpret_cast<const std::uint8_t*>(message.data()),
                      static_cast<int>(message.size()));
  while (const std::uint32_t tag = in.ReadTag()) {
    if (WireFormatLite::GetTagWireType(tag) !=
        WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      if (!WireFormatLite::SkipField(&in, tag)) return false;
      continue;
    }
    int size = 0;
    if (!in.ReadVarintSizeAsInt(&size)) return false;
    const auto begin = static_cast<std::size_t>(in.CurrentPosition());
    if (!in.Skip(size)) return false;
    field(tag, message.substr(begin, static_cast<std::size_t>(size)));
  }
  return in.ConsumedEntireMessage();
}

// What decides about most entries. To make a v1::StatementHeader of the bytes
// takes half a microsecond more.
struct HeaderFacts {
  absl::string_view publisher;
  absl::string_view payload_type;
  bool has_audience = false;
};

// As protobuf does, takes the last of fields that come twice. Of bytes that do
// not parse, which only damage can leave, nothing: no filter passes them.
HeaderFacts FactsOf(absl::string_view leaf) {
  absl::string_view header;
  HeaderFacts facts;
  const bool parsed =
      ForEachField(leaf,
                   [&header](std::uint32_t tag, absl::string_view bytes) {
                     if (tag == kHeaderTag) header = bytes;
                   }) &&
      ForEachField(header,
                   [&facts](std::uint32_t tag, absl::string_view bytes) {
                     if (tag == kPublisherTag) facts.publisher = bytes;
                     if (tag == kPayloadTypeTag) facts.payload_type = bytes;
                     if (tag == kAudienceTag) facts.has_audience = true;
                   });
  return parsed ? facts : HeaderFacts{};
}

absl::string_view View(const grpc::Slice& slice, std::size_t begin,
                       std::size_t size) {
  return {reinterpret_cast<const char*>(slice.begin()) + begin, size};
}

}  // namespace

RelayedEntry::RelayedEntry(Position position, const EntryView& stored)
    : RelayedEntry(position, stored.leaf.size(), stored.payload.size(),
                   stored.omission, EncodedSlice(position, stored)) {}

RelayedEntry::RelayedEntry(Position position, std::size_t leaf_size,
                           std::size_t payload_size,
                           v1::Entry::Omission omission, grpc::Slice full)
    : position_(position),
      omission_(omission),
      leaf_size_(leaf_size),
      payload_size_(payload_size),
      full_(std::move(full)) {
  const std::size_t omission_size =
      omission_ == v1::Entry::OMISSION_UNSPECIFIED ? 0 : 2;
  payload_begin_ = full_.size() - omission_size - payload_size_;
  leaf_begin_ = full_.size() - omission_size -
                BytesFieldSize(View(full_, payload_begin_, payload_size_)) -
                leaf_size_;
  const HeaderFacts facts = FactsOf(View(full_, leaf_begin_, leaf_size_));
  is_registry_ = facts.publisher == kSecretariat &&
                 facts.payload_type == kRegistryChangePayloadType;
  is_update_ = facts.payload_type == kUpdatePayloadType;
  has_audience_ = facts.has_audience;
}

void EntryBatch::Add(const EntryView& entry) {
  const std::size_t begin = bytes_.size();
  bytes_.resize(begin + EncodedSize(end(), entry));
  Encode(end(), entry, reinterpret_cast<std::uint8_t*>(&bytes_[begin]));
  entries_.push_back(
      {bytes_.size(), entry.leaf.size(), entry.payload.size(), entry.omission});
}

std::vector<RelayedEntryPtr> EntryBatch::Make() const {
  const grpc::Slice all(bytes_);
  std::vector<RelayedEntryPtr> made;
  made.reserve(entries_.size());
  std::size_t begin = 0;
  Position position = begin_;
  for (const Encoded& entry : entries_) {
    made.push_back(std::make_shared<RelayedEntry>(
        position++, entry.leaf_size, entry.payload_size, entry.omission,
        all.sub(begin, entry.end)));
    begin = entry.end;
  }
  return made;
}

const v1::StatementHeader& RelayedEntry::header() const {
  std::call_once(header_once_, [this] {
    header_ = std::make_unique<v1::StatementHeader>(
        HeaderOfLeaf(View(full_, leaf_begin_, leaf_size_))
            .value_or(v1::StatementHeader()));
  });
  return *header_;
}

const v1::Update* RelayedEntry::update() const {
  if (!is_update_ || payload_size_ == 0) return nullptr;
  std::call_once(update_once_, [this] {
    auto update = std::make_unique<v1::Update>();
    const absl::string_view payload =
        View(full_, payload_begin_, payload_size_);
    if (update->ParseFromArray(payload.data(),
                               static_cast<int>(payload.size()))) {
      update_ = std::move(update);
    }
  });
  return update_.get();
}

grpc::Slice RelayedEntry::BareSlice(v1::Entry::Omission omission) const {
  EntryView bare;
  bare.leaf = View(full_, leaf_begin_, leaf_size_);
  bare.omission = omission;
  return EncodedSlice(position_, bare);
}

v1::Entry RelayedEntry::ToProto(v1::Entry::Omission omission) const {
  v1::Entry entry;
  entry.set_position(position_);
  entry.set_leaf(std::string(View(full_, leaf_begin_, leaf_size_)));
  if (omission == v1::Entry::OMISSION_UNSPECIFIED) {
    entry.set_payload(std::string(View(full_, payload_begin_, payload_size_)));
    entry.set_omission(omission_);
  } else {
    entry.set_omission(omission);
  }
  return entry;
}

}  // namespace gaceta
