#include "tests/fuzz/fuzz.h"
#include "verify/merkle.h"
#include "verify/tile.h"

namespace gaceta::fuzz {
namespace {

void FuzzTile(absl::string_view bytes) {
  const auto tile = ParseTilePath(bytes);
  if (tile.ok()) {
    Require(TilePath(*tile) == bytes, "a tile has one path");
    Require(tile->width >= 1 && tile->width <= kTileWidth, "tiles are narrow");
    Require(tile->index >= 0, "tiles begin at 0");
  }
  const auto leaves = ParseEntryBundle(bytes);
  if (leaves.ok()) {
    Require(FormatEntryBundle(*leaves).value() == bytes,
            "a bundle of entries has one form");
  }
  const auto hashes = SplitHashes(bytes);
  if (hashes.ok()) Require(JoinHashes(*hashes) == bytes, "hashes are joined");
}

}  // namespace
}  // namespace gaceta::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gaceta::fuzz::FuzzTile(gaceta::fuzz::TextOf(data, size));
  return 0;
}
