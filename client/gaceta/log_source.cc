#include "gaceta/log_source.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "gaceta/file_io.h"

namespace gaceta::client {

absl::StatusOr<OpenedSource> OpenSource(const LogSource& source) {
  if (source.federation.empty()) {
    return InvalidField("federation",
                        "is empty, expected a domain as gaceta.example");
  }
  std::string root_pem = source.root_pem;
  if (root_pem.empty()) {
    if (source.connection.root_file.empty()) {
      return InvalidField("root_file",
                          "is empty, expected the path of a PEM file");
    }
    auto read = ReadFile(source.connection.root_file);
    if (!read.ok()) return Annotate(read.status(), "root_file");
    root_pem = *std::move(read);
  }
  auto empty = Federation::Create(root_pem, source.federation);
  if (!empty.ok()) return empty.status();

  std::shared_ptr<grpc::Channel> channel = source.channel;
  if (channel == nullptr) {
    auto connected = Connect(source.connection);
    if (!connected.ok()) return connected.status();
    channel = *std::move(connected);
  }
  return OpenedSource{std::move(channel), *std::move(empty),
                      source.log_origin.empty()
                          ? absl::StrCat("hub.", source.federation, "/log")
                          : source.log_origin};
}

}  // namespace gaceta::client
