"""RFC 6962 trees and C2SP checkpoints, straight from the texts that define them:
slow, short, and with no line in common with what it checks."""

import base64
import hashlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def leaf_hash(leaf):
    return hashlib.sha256(b"\0" + leaf).digest()


def _split(size):
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def root(hashes):
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = _split(len(hashes))
    return hashlib.sha256(b"\1" + root(hashes[:k]) + root(hashes[k:])).digest()


def inclusion(index, hashes):
    if len(hashes) <= 1:
        return []
    k = _split(len(hashes))
    if index < k:
        return inclusion(index, hashes[:k]) + [root(hashes[k:])]
    return inclusion(index - k, hashes[k:]) + [root(hashes[:k])]


def consistency(old, hashes):
    """From the first `old` to all of them."""
    return [] if old in (0, len(hashes)) else _subproof(old, hashes, True)


def _subproof(old, hashes, whole):
    if old == len(hashes):
        return [] if whole else [root(hashes)]
    k = _split(len(hashes))
    if old <= k:
        return _subproof(old, hashes[:k], whole) + [root(hashes[k:])]
    return _subproof(old - k, hashes[k:], False) + [root(hashes[:k])]


def cover(begin, end, hashes):
    """The largest full subtrees of [begin, end)."""
    found = []
    while begin < end:
        width = begin & -begin if begin else 1 << 62
        while width > end - begin:
            width //= 2
        found.append(root(hashes[begin:begin + width]))
        begin += width
    return found


def folded_root(size, covers):
    """The root of [0, size) from cover(0, size)."""
    value = None
    for one in reversed(covers):
        value = one if value is None else hashlib.sha256(b"\1" + one + value).digest()
    return value if size else hashlib.sha256(b"").digest()


def extends(old, old_root, new, new_root, proof):
    """Whether the tree of `new` leaves begins with that of `old` (RFC 9162, 2.1.4.2)."""
    if old == new:
        return not proof and old_root == new_root
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    first, second = old - 1, new - 1
    while first & 1:
        first, second = first >> 1, second >> 1
    if not path:
        return False
    left = right = path[0]
    for one in path[1:]:
        if second == 0:
            return False
        if first & 1 or first == second:
            left = hashlib.sha256(b"\1" + one + left).digest()
            right = hashlib.sha256(b"\1" + one + right).digest()
            while first and not first & 1:
                first, second = first >> 1, second >> 1
        else:
            right = hashlib.sha256(b"\1" + right + one).digest()
        first, second = first >> 1, second >> 1
    return left == old_root and right == new_root and second == 0


def included(leaf, index, size, tree_root, proof):
    """Whether the hash of a leaf is at `index` of a tree (RFC 9162, 2.1.3.2)."""
    if index >= size:
        return False
    first, second, value = index, size - 1, leaf
    for one in proof:
        if second == 0:
            return False
        if first & 1 or first == second:
            value = hashlib.sha256(b"\1" + one + value).digest()
            while first and not first & 1:
                first, second = first >> 1, second >> 1
        else:
            value = hashlib.sha256(b"\1" + value + one).digest()
        first, second = first >> 1, second >> 1
    return second == 0 and value == tree_root


# --- Checkpoints ----------------------------------------------------------------------

def _key_id(name, kind, public):
    return hashlib.sha256(name.encode() + b"\n" + kind + public).digest()[:4]


def sign_checkpoint(origin, hashes, key_file):
    """A note, signed with the hub's log key."""
    with open(key_file, "rb") as file:
        key = serialization.load_pem_private_key(file.read(), None)
    public = key.public_key().public_bytes(serialization.Encoding.Raw,
                                           serialization.PublicFormat.Raw)
    text = f"{origin}\n{len(hashes)}\n{base64.b64encode(root(hashes)).decode()}\n"
    signature = _key_id(origin, b"\1", public) + key.sign(text.encode())
    return f"{text}\n— {origin} {base64.b64encode(signature).decode()}\n".encode()


def open_checkpoint(note, verifier_keys):
    """Checks the signature of each key that signed. Returns origin, size, root and
    who signed or cosigned: by name the time, None for the log, which states none."""
    text, _, lines = note.decode().partition("\n\n")
    text += "\n"
    keys = {}
    for line in verifier_keys:
        name, key_id, key = line.strip().split("+", 2)
        raw = base64.b64decode(key)
        assert _key_id(name, raw[:1], raw[1:]).hex() == key_id, line
        keys[name, key_id] = raw
    names = {}
    for line in lines.splitlines():
        _, name, value = line.split(" ")
        data = base64.b64decode(value)
        raw = keys.get((name, data[:4].hex()))
        if raw is None:
            continue
        signature, message, seconds = data[4:], text, None
        if raw[0] == 4:
            seconds = int.from_bytes(data[4:12], "big")
            signature, message = data[12:], f"cosignature/v1\ntime {seconds}\n{text}"
        Ed25519PublicKey.from_public_bytes(raw[1:]).verify(signature, message.encode())
        names[name] = seconds
    origin, size, value = text.splitlines()
    return origin, int(size), base64.b64decode(value), names
