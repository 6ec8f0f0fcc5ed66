"""The vault file, feeds, changes and snapshots.

What Automerge wrote is in `automerge.json`, made once with automerge 0.12: changes on the constant first change, the
document of them, and the same as bombs.
"""

import hashlib
import json
import struct

from common import H, HERE, KDF, PROTOCOL, SALT, Vectors, fixed, flip, hexed, le, listed, public, seal, sign, string, varint, wrong

GOLDEN = (HERE.parent.parent / "golden" / "v1" / "vault.carnet").read_bytes()
GOLDEN_KEY = b"\x2a" * 32
COPY, HEADERS, DATA = 32768, 65536, 73728
TAG, SLOTS, SLOT = 48, 80, 128
FILE_ID = GOLDEN[32:48]


def open_block(key, place, sealed):
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    nonce, tag, text = sealed[:24], sealed[24:40], sealed[40:]
    cipher = ChaCha20Poly1305(PROTOCOL.SEALING.hchacha20(KDF("store block", key, FILE_ID), nonce[:16]))
    return cipher.decrypt(bytes(4) + nonce[16:], text + tag, place)


def seal_block(key, place, nonce, plain, file_id=FILE_ID):
    sealed = seal(KDF("store block", key, file_id), nonce, place, plain)
    return nonce + sealed[-16:] + sealed[:-16]


def place(kind, index):
    return bytes([1, kind]) + struct.pack("<Q", index)


KINDS = [GOLDEN[SLOTS + SLOT * n] for n in range(8)]
KEY_SLOT, PASSPHRASE_SLOT = SLOTS + SLOT * KINDS.index(2), SLOTS + SLOT * KINDS.index(1)
MASTER = open_block(GOLDEN_KEY, place(1, 2), GOLDEN[KEY_SLOT + 4 : KEY_SLOT + 76])


# A lock for a key store, in a place that is free.
STORE_KEY, STORE_NAME, STORE_SLOT = b"\x3c" * 32, bytes(range(0x60, 0x70)), SLOTS + SLOT * 5


def store_slot(kind=3, index=3, file_id=FILE_ID):
    return bytes([kind, 0, 0, 0]) + STORE_NAME + seal_block(STORE_KEY, place(1, index), bytes(range(0x40, 0x58)), MASTER, file_id)


def tagged(copy):
    tag = H("front", KDF("store front", MASTER, FILE_ID), copy[:TAG] + copy[TAG + 32 :])
    return copy[:TAG] + tag + copy[TAG + 32 :]


class File:
    """The golden vault with some of its bytes replaced."""

    def __init__(self):
        self.data, self.length = bytearray(GOLDEN), None

    def put(self, at, data):
        self.data[at : at + len(data)] = data
        return self

    def both(self, at, data):
        return self.put(at, data).put(COPY + at, data)

    def flip(self, at):
        return self.put(at, bytes([self.data[at] ^ 1]))

    def flip_both(self, at):
        return self.flip(at).flip(COPY + at)

    def tag(self):
        for start in (0, COPY):
            self.put(start, tagged(bytes(self.data[start : start + COPY])))
        return self

    def header(self, slot, at, data):
        """A header slot, sealed for real, with something else in it."""
        start = HEADERS + 4096 * slot
        sealed = GOLDEN[start : start + 4096]
        plain = bytearray(open_block(MASTER, place(1, slot), sealed))
        plain[at : at + len(data)] = data
        return self.put(start, seal_block(MASTER, place(1, slot), bytes([slot + 1]) * 24, bytes(plain)))

    def headers(self, at, data):
        return self.header(0, at, data).header(1, at, data)

    def cut(self, length):
        self.length = length
        return self

    def patches(self):
        out, at = [], 0
        while at < len(GOLDEN):
            if self.data[at] == GOLDEN[at]:
                at += 1
                continue
            end = at
            while any(self.data[end + n] != GOLDEN[end + n] for n in range(16) if end + n < len(GOLDEN)):
                end += 16
            end = min(end, len(GOLDEN))
            out.append([at, bytes(self.data[at:end]).hex()])
            at = end
        return out


def vault_files():
    out = Vectors()

    def read(name, file, key=GOLDEN_KEY):
        out.append({"name": name, "key": hexed(key), "patches": file.patches(), "length": file.length, "read": {}})

    def refused(fault, name, file, step, error, key=GOLDEN_KEY):
        vector = {"name": f"{fault} {name}", "key": hexed(key), "patches": file.patches(), "length": file.length}
        out.append(vector | {"refused": step, "error": error})

    def of_store(vector):
        return {"name": vector.pop("name"), "keystore": True} | vector

    read("as it was written", File())
    read("with its first copy gone", File().put(0, bytes(16)))
    read("with its second copy of another version", File().put(COPY + 16, fixed(2)))
    read("with a tag computed again", File().tag())

    refused("B1", "neither copy begins as a vault", File().flip_both(3), "front", "NotAVault")
    for version in (0, 2, 2**32 - 1):
        refused("B5", f"version {version}", File().both(16, fixed(version)), "front", f"Unsupported {{ version: {version} }}")
    refused("B2", "no byte", File().cut(0), "front", "NotAVault")
    refused("B2", "a byte less than both copies", File().cut(2 * COPY - 1), "front", "NotAVault")
    refused("C6", "another key", File(), "lock", "Foreign", b"\x2b" * 32)
    refused("B1", "a bit of the key slot", File().flip_both(KEY_SLOT + 50), "lock", "Foreign")
    refused("B1", "a bit of the nonce of the key slot", File().flip_both(KEY_SLOT + 5), "lock", "Foreign")
    refused("B3", "another file id", File().flip_both(33), "lock", "Foreign")
    refused("B5", "no key slot", File().both(KEY_SLOT, bytes(SLOT)).tag(), "lock", "Foreign")

    def damaged(fault, name, file):
        refused(fault, name, file, "damage", "Store(Damaged)")

    for stride in (0, 4096, 4137, 2**32 - 1):
        damaged("B5", f"stride {stride}", File().both(20, fixed(stride)))
    for kind in (4, 255):
        damaged("B5", f"a slot of kind {kind}", File().both(SLOTS + 5 * SLOT, bytes([kind])))
    damaged("B6", "a slot with filler", File().both(SLOTS + 5 * SLOT + 1, b"\1"))
    for what, at, values in (("KiB of memory", 0, (0, 19455, (1 << 20) + 1, 2**32 - 1)), ("passes", 4, (0, 1, 17, 2**32 - 1)), ("lanes", 8, (0, 5, 2**32 - 1))):
        for value in values:
            damaged("B7", f"{value} {what}", File().both(PASSPHRASE_SLOT + 4 + at, fixed(value)))
    with_store = lambda: File().both(STORE_SLOT, store_slot())
    read("with a lock for a key store", with_store().tag(), STORE_KEY)
    out[-1] = of_store(out[-1])
    read("with a lock for a key store, opened with the key of the other", with_store().tag())
    refused("C6", "the key of a key store as a key for a time", with_store().tag(), "lock", "Foreign", STORE_KEY)
    for name, file in (
        ("a key for a time as the key of a key store", with_store().both(STORE_SLOT + 20, GOLDEN[KEY_SLOT + 4 : KEY_SLOT + 76])),
        ("a lock for a key store of another file", File().both(STORE_SLOT, store_slot(file_id=bytes(16)))),
        ("a lock for a key store under another number", File().both(STORE_SLOT, store_slot(index=2))),
    ):
        refused("C6", name, file.tag(), "lock", "Foreign", STORE_KEY)
        out[-1] = of_store(out[-1])
    refused("B1", "a bit of the lock for a key store", with_store().flip_both(STORE_SLOT + 70).tag(), "lock", "Foreign", STORE_KEY)
    out[-1] = of_store(out[-1])
    for name, file in (("a lock for a key store, under the old tag", with_store()), ("a bit of the name of the key", with_store().tag().flip_both(STORE_SLOT + 4))):
        refused("B7", name, file, "damage", "Store(Damaged)", STORE_KEY)
        out[-1] = of_store(out[-1])
    damaged("B1", "a bit of both tags", File().flip_both(TAG + 7))
    damaged("B1", "a bit of both counters", File().flip_both(24))
    damaged("B1", "a bit that is not used, in both copies", File().flip_both(COPY - 1))
    damaged("B7", "the passphrase slot gone, under the old tag", File().both(PASSPHRASE_SLOT, bytes(SLOT)))
    first, second = GOLDEN[KEY_SLOT : KEY_SLOT + SLOT], GOLDEN[PASSPHRASE_SLOT : PASSPHRASE_SLOT + SLOT]
    damaged("B3", "two slots exchanged, under the old tag", File().both(KEY_SLOT, second).both(PASSPHRASE_SLOT, first))
    damaged("B7", "a cheaper passphrase slot, under the old tag", File().both(PASSPHRASE_SLOT + 4, fixed(19456)).both(PASSPHRASE_SLOT + 8, fixed(2 + 1)))
    damaged("B2", "no header slot", File().cut(HEADERS))
    damaged("B2", "no data", File().cut(DATA))
    damaged("B2", "without its last block", File().cut(len(GOLDEN) - 4136))
    damaged("B2", "a byte less", File().cut(len(GOLDEN) - 1))
    damaged("B1", "a bit of both header slots", File().flip(HEADERS + 100).flip(HEADERS + 4196))
    headers = GOLDEN[HEADERS + 4096 : DATA] + GOLDEN[HEADERS : HEADERS + 4096]
    damaged("B3", "the header slots exchanged", File().put(HEADERS, headers))
    damaged("B3", "the newer header slot in both places", File().put(HEADERS, GOLDEN[HEADERS : HEADERS + 4096] * 2).flip(HEADERS + 100))
    for length, name in ((0, "of 0"), (4096 * 3 + 1, "that is no multiple of 4096"), (len(GOLDEN) * 2 // 4096 * 4096, "beyond the file"), (2**63, "of 2^63"), (2**64 - 4096, "of nearly 2^64")):
        damaged("B5", f"a logical length {name}", File().headers(8, struct.pack("<Q", length)))
    damaged("B5", "counter 0", File().headers(0, bytes(8)))
    return out


# --- Feeds ---


class Link(PROTOCOL.Context):
    """One envelope of a feed after another."""

    def __init__(self, seq, previous, content=0x80):
        super().__init__(n=2, seq=seq, previous=previous)
        self.data, self.name, _ = self.envelope(content)


def feeds():
    """`held` is the chain that is held, `bytes` the envelope that comes, `previous` the one that it names before it."""
    out = Vectors()
    chain, previous = [], bytes(32)
    for seq in range(1, 5):
        chain.append(Link(seq, previous))
        previous = chain[-1].name
    context = chain[0]
    known = {name: hexed(value) for name, value in {
        "record": context.record, "section": context.section, "key": public(2), "salt": SALT, "incarnation": context.incarnation,
        "heads": context.heads, "epoch": context.epoch}.items()}

    def case(name, held, link, standing, fault=None, error=None):
        fields = known | {"held": [hexed(one.data) for one in chain[:held]], "previous": hexed(link.previous)}
        if fault:
            out.refused(fault, name, link.data, standing, error, **fields)
        else:
            out.read(name, link.data, {"order": standing}, **fields)

    case("the first", 0, chain[0], "next")
    case("the fourth", 3, chain[3], "next")
    case("the last again", 3, chain[2], "duplicate")
    case("the first again", 3, chain[0], "duplicate")
    case("the third before the first", 0, chain[2], "gap", "C4", "Gap { missing_from: 1 }")
    case("the fourth after the second", 2, chain[3], "gap", "C4", "Gap { missing_from: 3 }")
    case("another first", 1, Link(1, bytes(32), 0x81), "equivocation", "ATK-18", "Equivocation")
    case("another second, when three are held", 3, Link(2, chain[0].name, 0x81), "equivocation", "ATK-6", "Equivocation")
    case("another third", 3, Link(3, chain[1].name, 0x81), "equivocation", "ATK-32", "Equivocation")
    case("a third on another second", 2, Link(3, Link(2, chain[0].name, 0x81).name), "other branch", "ATK-6", "OtherBranch")
    case("a second on nothing that was ever there", 1, Link(2, b"\x70" * 32), "other branch", "ATK-6", "OtherBranch")
    return out


# --- Changes and snapshots ---

AUTOMERGE = json.loads((HERE / "automerge.json").read_text())
CHANGES = [bytes.fromhex(change) for change in AUTOMERGE["changes"]]
DOCUMENT = bytes.fromhex(AUTOMERGE["document"])


def chunk(kind, body, checksum=None, length=None):
    tail = bytes([kind]) + varint(len(body) if length is None else length) + body
    return b"\x85\x6f\x4a\x83" + (checksum or hashlib.sha256(tail).digest()[:4]) + tail


def body_of(data):
    at = 9
    while data[at] & 0x80:
        at += 1
    return data[at + 1 :]


def columns_at(body):
    """Where the number of columns stands in a change without dependencies of its own actors: after all before it."""
    at = 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = body[at]
            at += 1
            value, shift = value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value

    def skip(size=1):
        nonlocal at
        length = number()
        at += size * length

    skip(32)
    skip()
    for _ in range(3):
        number()
    skip()
    for _ in range(number()):
        skip()
    return at


def changes():
    out = Vectors()

    def payload(*several):
        return listed([string(one) for one in several])

    out.read("three changes", payload(*CHANGES), {"changes": 3, "operations": 45})
    out.read("one change", payload(CHANGES[0]), {"changes": 1, "operations": 15})
    first = CHANGES[0]
    body = body_of(first)
    assert chunk(1, body) == first
    at = columns_at(body)

    def refused(fault, name, data, error):
        out.refused(fault, name, payload(data), "change", f'"{error}')

    malformed, other = "the chunk is malformed", "the chunk is of a type that is not allowed here"
    refused("B1", "a wrong check sum", chunk(1, body, bytes(4)), malformed)
    refused("B5", "another beginning", b"\x85\x6f\x4a\x84" + first[4:], malformed)
    for kind, name in ((0, "a document"), (2, "a compressed change"), (3, "a bundle"), (9, "nothing")):
        refused("ATK-19", f"a chunk of {name}", chunk(kind, body), other)
    refused("B5", "a length beyond what is there", chunk(1, body, length=len(body) + 1), malformed)
    refused("B5", "a length of 2^63", chunk(1, body, length=2**63), malformed)
    refused("B6", "a byte after the chunk", first + b"\0", "bytes follow the last chunk")
    refused("B6", "two chunks in one change", first + CHANGES[1], "bytes follow the last chunk")
    refused("B2", "a body cut in half", chunk(1, body[: len(body) // 2]), malformed)
    refused("B2", "a chunk of nothing", chunk(1, b""), malformed)
    refused("B5", "2^40 dependencies", chunk(1, varint(2**40) + body[1:]), malformed)
    refused("B5", "an actor longer than the chunk", chunk(1, body[:33] + varint(200) + body[34:]), malformed)
    refused("B5", "a number of 70 bits", chunk(1, body[:50] + b"\xff" * 10 + body[51:]), malformed)
    refused("B5", "65 columns", chunk(1, body[:at] + varint(65) + b"\x15\0" * 65), malformed)
    refused("B5", "a column longer than the chunk", chunk(1, body[:at] + varint(1) + b"\x15" + varint(9999) + body[-20:]), malformed)
    deflated = chunk(1, body[:at] + varint(1) + varint(0x15 | 8) + varint(4) + b"\1\0\0\0")
    refused("ATK-19", "a compressed column", deflated, "a column of a change is compressed")
    run = chunk(1, body[:at] + varint(1) + varint(0x15) + varint(11) + b"\xff\xff\xff\xff\xff\xff\xff\x3f\x01k" + b"\0")
    refused("ATK-34", "a run of 2^55 in a few bytes", run, "the changes hold more operations than the limit")
    refused("ATK-34", "200001 operations in 142 bytes", bytes.fromhex(AUTOMERGE["a change of 200001 operations"]), "the changes hold more operations than the limit")
    keys = b"".join(b"\xc0\x9a\x0c" + varint(2000) + b"k" * 2000 for _ in range(1))
    long_keys = chunk(1, body[:at] + varint(1) + varint(0x15) + varint(len(keys)) + keys)
    refused("ATK-34", "a key of 2000 bytes, 200000 times", long_keys, "the changes hold more operations than the limit")
    keys = b"\xd0\x86\x03" + varint(2000) + b"k" * 2000
    long_keys = chunk(1, body[:at] + varint(1) + varint(0x15) + varint(len(keys)) + keys)
    refused("ATK-34", "a key of 2000 bytes, 50000 times", long_keys, "the columns inflate beyond the limit")
    literals = chunk(1, body[:at] + varint(1) + varint(0x42) + varint(3) + b"\x80\x80\x7f")
    refused("B5", "more literals than bytes", literals, malformed)
    return out


def snapshots():
    out = Vectors()
    anchor = b"\1" * 32 + b"\2" * 32 + string(b"envelope")

    def content(document=DOCUMENT, anchors=(anchor, anchor), after=b""):
        return string(document) + listed(list(anchors)) + after

    out.read("a document with two anchors", content(), {"anchors": 2})
    out.read("a document that is not compressed", content(bytes.fromhex(AUTOMERGE["plain document"])), {"anchors": 2})
    out.read("without an anchor", content(anchors=()), {"anchors": 0})
    alone = bytes.fromhex(AUTOMERGE["a document without the constant"])
    out.read("a document whose only change follows nothing", content(alone), {"anchors": 2})

    def refused(fault, name, data, what, rule):
        out.refused(fault, name, data, "snapshot", wrong(what, rule))

    good = content()
    refused("B2", "nothing", b"", "document", "Truncated")
    refused("B2", "a document cut short", good[:200], "document", "Truncated")
    refused("B5", "a document above 32 MiB", varint((32 << 20) + 1) + DOCUMENT, "document", "TooLarge")
    refused("B6", "a length not minimal", bytes([good[0], good[1] | 0x80, 0]) + good[2:], "document", "NotMinimal")
    refused("B2", "anchors cut short", good[:-1], "envelope", "Truncated")
    refused("B5", "2049 anchors", string(DOCUMENT) + varint(2049), "anchors", "TooLarge")
    refused("B5", "2048 anchors without bytes", string(DOCUMENT) + varint(2048), "anchors", "Truncated")
    refused("B5", "an anchor above 1 MiB", content(anchors=(b"\1" * 64 + varint((1 << 20) + 1),)), "envelope", "TooLarge")
    refused("B6", "a byte after the anchors", content(after=b"\0"), "snapshot", "Trailing")

    def document(fault, name, data):
        out.refused(fault, name, content(data), "document", "Document")

    document("B2", "no document", b"")
    document("B1", "a bit of the document", flip(DOCUMENT, 300))
    document("B1", "a wrong check sum of the document", flip(DOCUMENT, 5))
    document("B2", "a document without its end", DOCUMENT[:-1])
    document("B6", "a byte after the document", DOCUMENT + b"\0")
    document("ATK-33", "a change after the document", DOCUMENT + CHANGES[0])
    document("ATK-33", "a document with orphans", bytes.fromhex(AUTOMERGE["a document with orphans"]))
    document("B6", "two documents", DOCUMENT * 2)
    document("ATK-16", "a change in place of the document", CHANGES[0])
    document("ATK-34", "2200011 operations in 769 bytes", bytes.fromhex(AUTOMERGE["a document of 2200011 operations"]))
    return out


FILES = {
    "vault": ("The vault file: front area and header slots.", "docs/format.md, The vault file", vault_files),
    "feed": ("Feeds: how an envelope stands to what is held.", "docs/protocol.md, 6", feeds),
    "change": ("Changes: counted before they are applied.", "docs/protocol.md, 8, steps 9 and 10", changes),
    "snapshot": ("Snapshots, opened and without padding.", "docs/format.md, Snapshots", snapshots),
}
