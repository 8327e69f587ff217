// Prints every update of a corridor's states, from the first on, and goes on
// where it stopped when it is started again.
//
//   follow_corridor SERVER SERVER_ID CERTIFICATE KEY ROOT FEDERATION CORRIDOR
//
// SERVER_ID is as spiffe://mx.gaceta.example/node, CORRIDOR as
// central-america-north. The place is kept in ./follow_corridor.cursor.
// With GACETA_COUNT=N it ends after N updates.
#include <cstdlib>
#include <iostream>

#include "gaceta/subscriber.h"

int main(int argc, char** argv) {
  if (argc != 8) {
    std::cerr << "usage: follow_corridor SERVER SERVER_ID CERTIFICATE KEY ROOT "
                 "FEDERATION CORRIDOR\n";
    return 2;
  }
  gaceta::client::SubscriberOptions options;
  options.source.connection = {argv[1], argv[2], argv[3], argv[4], argv[5]};
  options.source.federation = argv[6];
  options.filter.add_corridors()->set_corridor(argv[7]);
  options.cursor_file = "follow_corridor.cursor";
  options.on_disconnect = [](const absl::Status& why, absl::Duration wait) {
    std::cerr << why << "; next try in " << wait << "\n";
  };
  auto subscriber = gaceta::client::Subscriber::Create(std::move(options));
  if (!subscriber.ok()) {
    std::cerr << subscriber.status() << "\n";
    return 1;
  }
  const char* count = std::getenv("GACETA_COUNT");
  long left = count == nullptr ? -1 : std::strtol(count, nullptr, 10);
  while (left != 0) {
    // What comes here has been verified.
    auto delivery = (*subscriber)->Next();
    if (!delivery.ok()) {
      std::cerr << delivery.status() << "\n";
      return absl::IsDataLoss(delivery.status()) ? 3 : 1;
    }
    for (const gaceta::VerifiedEntry& entry : delivery->entries) {
      if (entry.update == nullptr) continue;
      const gaceta::v1::Instrument& law = entry.update->instrument();
      std::cout << entry.position << " " << entry.header.publisher() << " "
                << law.uri() << " " << law.titles(0).text() << std::endl;
      if (left > 0) --left;
    }
    // After this, a restart goes on behind what was printed.
    auto kept = (*subscriber)->Acknowledge(delivery->next_position);
    if (!kept.ok()) std::cerr << kept << "\n";
  }
}
