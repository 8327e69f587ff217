"""Reads an exported log (C2SP tlog-tiles) as a stranger does: with nothing of the
product, from files alone."""

import base64
import hashlib
import os


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def root_of(hashes):
    """RFC 6962, 2.1, from the hashes of the leaves."""
    if not hashes:
        return sha256()
    if len(hashes) == 1:
        return hashes[0]
    half = 1 << (len(hashes) - 1).bit_length() - 1
    return sha256(b"\1", root_of(hashes[:half]), root_of(hashes[half:]))


def tile_path(level, index, width):
    """`tile/0/x001/234.p/5`; level None is that of entries."""
    groups = []
    while not groups or index > 0:
        groups.insert(0, f"{index % 1000:03}")
        index //= 1000
    path = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
    return f"tile/{'entries' if level is None else level}/{path}" + (
        "" if width == 256 else f".p/{width}")


class StaticLog:
    """One folder. All reading raises if a file is missing or not what it must be."""

    def __init__(self, folder):
        self.folder = folder
        note = self.read("checkpoint").decode()
        text, _, signatures = note.partition("\n\n")
        self.origin, size, root = text.split("\n")
        self.size, self.root = int(size), base64.b64decode(root)
        self.signers = [line.split(" ")[1] for line in signatures.splitlines()]

    def read(self, name):
        with open(os.path.join(self.folder, name), "rb") as file:
            return file.read()

    def leaves(self):
        leaves = []
        for index in range(0, self.size, 256):
            bundle = self.read(tile_path(None, index // 256, min(256, self.size - index)))
            while bundle:
                size = int.from_bytes(bundle[:2], "big")
                assert len(bundle) >= 2 + size, "a bundle ends inside a leaf"
                leaves.append(bundle[2:2 + size])
                bundle = bundle[2 + size:]
        return leaves

    def hashes(self, level):
        count = self.size >> 8 * level
        tiles = [self.read(tile_path(level, index // 256, min(256, count - index)))
                 for index in range(0, count, 256)]
        joined = b"".join(tiles)
        assert len(joined) == 32 * count, f"level {level} has {len(joined)} bytes"
        return [joined[i:i + 32] for i in range(0, len(joined), 32)]

    def check(self):
        """All tiles have the checkpoint's root. Returns the leaves."""
        leaves = self.leaves()
        hashes = [sha256(b"\0", leaf) for leaf in leaves]
        assert len(leaves) == self.size, f"{len(leaves)} entries, expected {self.size}"
        assert root_of(hashes) == self.root, "the entries have another root"
        level = 0
        while self.size >> 8 * level:
            assert self.hashes(level) == hashes, f"tiles of level {level} are others"
            hashes = [root_of(hashes[i:i + 256]) for i in range(0, len(hashes) - 255, 256)]
            level += 1
        return leaves

    def blobs(self):
        """Names of the payloads and documents, each of which is what it says."""
        names = os.listdir(os.path.join(self.folder, "blob", "sha256"))
        # What a run that was killed had begun to write.
        names = [name for name in names if not name.endswith((".tmp", ".part"))]
        for name in names:
            assert sha256(self.read(f"blob/sha256/{name}")).hex() == name, name
        return set(names)
