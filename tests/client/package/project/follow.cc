// Prints what is published: SERVER SERVER_ID CERTIFICATE KEY ROOT FEDERATION.
#include <iostream>

#include "gaceta/subscriber.h"

int main(int argc, char** argv) {
  gaceta::client::SubscriberOptions options;
  if (argc == 7) {
    options.source.connection = {argv[1], argv[2], argv[3], argv[4], argv[5]};
    options.source.federation = argv[6];
  }
  auto subscriber = gaceta::client::Subscriber::Create(options);
  while (subscriber.ok()) {
    auto delivery = (*subscriber)->Next();
    if (!delivery.ok()) subscriber = delivery.status();
    if (!delivery.ok()) break;
    for (const gaceta::VerifiedEntry& entry : delivery->entries) {
      std::cout << entry.position << " " << entry.header.publisher() << "\n";
    }
  }
  std::cerr << subscriber.status() << "\n";
  return 1;
}
