"""A second implementation of the formats of docs/protocol.md and docs/membership.md, which shares no code with the first.

`python3 reference.py` builds every vector beside it from plain values and says how many agree with the files; it ends
with status 1 if one does not. `python3 reference.py write` writes the files. It needs the package `cryptography` (48 or
later) for Ed25519; BLAKE3 is taken from the reference of the sealing formats.
"""

import importlib.util
import pathlib
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HERE = pathlib.Path(__file__).parent
SPEC = importlib.util.spec_from_file_location("sealing", HERE.parent / "seal" / "reference.py")
SEALING = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(SEALING)
H, varint, blake3_words = SEALING.H, SEALING.varint, SEALING.blake3


def blake3(data):
    return blake3_words(data)


# --- Encoding ---


def le(number, size):
    return number.to_bytes(size, "little", signed=number < 0)


def string(data):
    return varint(len(data)) + data


def listed(items):
    return varint(len(items)) + b"".join(items)


def optional(data):
    return b"\0" if data is None else b"\1" + data


# --- Keys and names ---

SALT = b"\x09" * 32


def seed(n):
    return bytes([n]) * 32


def public(n):
    return Ed25519PrivateKey.from_private_bytes(seed(n)).public_key().public_bytes_raw()


def sign(n, domain, record, hashed):
    message = H("sign", b"\x01", domain.encode(), record, hashed)
    return Ed25519PrivateKey.from_private_bytes(seed(n)).sign(message)


def device(n):
    return H("device", SALT, public(n))[:16]


def principal(n):
    return H("principal", SALT, public(n))[:16]


def feed(dev, incarnation, section, volume, kind):
    return H("feed", dev, incarnation, section, le(volume, 4), bytes([kind]))[:16]


def heads_digest(heads):
    return H("heads", *sorted(heads))


def kem(n):
    return H("kem", bytes([n]) * 1216)


def recipients_digest(readers):
    return H("recipients", listed([sid + listed([d + k for d, k in sorted(who)]) for sid, who in sorted(readers)]))


def wrap_leaf(recipient, sealed):
    return H("wrap", recipient, sealed)


def merkle(leaves):
    row = list(leaves)
    while len(row) > 1:
        row = [H("merkle", *row[i : i + 2]) if len(row[i : i + 2]) == 2 else row[i] for i in range(0, len(row), 2)]
    return H("merkle root", le(len(leaves), 8), row[0] if row else bytes(32))


# --- Envelopes ---


def header(kind, feed_id, seq, epoch, volume, heads, length, deflated=0, checkpoint=0, version=1):
    small = volume if volume < 31 else 31
    flags = (heads is not None) | deflated << 1 | checkpoint << 2 | small << 3
    out = bytes([version << 4 | kind]) + feed_id[:8] + varint(seq) + epoch[:4] + bytes([flags])
    out += varint(volume) if small == 31 else b""
    return out + (heads[:8] if heads is not None else b"") + varint(length)


class Context:
    def __init__(self, n=2, seq=1, **changed):
        self.n, self.seq = n, seq
        self.record, self.section, self.volume, self.kind = b"\x71" * 32, b"\x72" * 16, 0, 1
        self.incarnation, self.previous = b"\x73" * 8, bytes(32) if seq == 1 else b"\x74" * 32
        self.heads, self.epoch = heads_digest([b"\x75" * 32]), b"\x76" * 32
        for name, value in changed.items():
            setattr(self, name, value)

    def full(self):
        return [self.record, self.section, le(self.volume, 4), bytes([self.kind]), public(self.n), self.incarnation]

    def feed(self):
        return feed(device(self.n), self.incarnation, self.section, self.volume, self.kind)

    def header(self, length=128, with_heads=True, **flags):
        heads = self.heads if with_heads else None
        return header(self.kind, self.feed(), self.seq, self.epoch, self.volume, heads, length, **flags)

    def aead(self, head):
        return b"".join([*self.full(), self.previous, self.heads, self.epoch, head])

    def id(self, head, sealed):
        return H("env", *self.full(), self.previous, self.heads, self.epoch, head, blake3(sealed))

    def envelope(self, content=0x80, length=128, **flags):
        head = self.header(length, **flags)
        sealed = b"\x07" * 24 + bytes([content]) * (length + 16)
        name = self.id(head, sealed)
        return head + sealed + sign(self.n, "env", self.record, name), name, head

    def signed_header(self, content, with_heads=True):
        _, name, head = self.envelope(content, with_heads=with_heads)
        sealed = blake3(b"\x07" * 24 + bytes([content]) * 144)
        body = string(head) + self.previous + self.heads + self.epoch + sealed
        return name, body + sign(self.n, "env", self.record, name)


def context_fields(c):
    return {
        "record": c.record,
        "section": c.section,
        "volume": str(c.volume),
        "kind": str(c.kind),
        "seed": seed(c.n),
        "salt": SALT,
        "incarnation": c.incarnation,
        "previous": c.previous,
        "heads": c.heads,
        "epoch": c.epoch,
    }


def envelope_vectors():
    cases = []

    def known(name, c, **how):
        bytes_, id_, head = c.envelope(**how)
        fields = context_fields(c)
        fields |= {"header": head, "aead": c.aead(head), "bytes": bytes_, "id": id_}
        cases.append(("envelope", name, fields))

    known("the first of a feed", Context())
    known("a later one, same view, without heads", Context(seq=2), with_heads=False)
    known("the last position", Context(seq=2097151))
    known("deflated, with its checkpoint", Context(seq=300), deflated=1, checkpoint=1)
    known("volume 30, the last small one", Context(volume=30))
    known("volume 31, the first that follows", Context(volume=31))
    known("a rebased volume", Context(volume=4294967295))
    known("a batch", Context(kind=2, seq=128))
    known("a drop", Context(kind=3))
    known("a long payload", Context(), length=16384)

    good, _, head = Context(seq=5).envelope(with_heads=False)
    first, _, _ = Context().envelope()

    def refused(name, data, expect):
        cases.append(("envelope-decode", name, {"bytes": data, "expect": expect}))

    def wrong(what, rule):
        return f'Malformed {{ what: "{what}", wrong: {rule}'

    def cut(new_head):
        return new_head + good[len(head) :]

    refused("B5 version 0", bytes([0x01]) + good[1:], 'Unsupported { what: "version", value: 0 }')
    refused("B5 version 2", bytes([0x21]) + good[1:], 'Unsupported { what: "version", value: 2 }')
    refused("B5 version 15", bytes([0xF1]) + good[1:], 'Unsupported { what: "version", value: 15 }')
    for kind in (0, 4, 15):
        refused(f"B5 kind {kind}", bytes([0x10 | kind]) + good[1:], f'Unsupported {{ what: "envelope kind", value: {kind} }}')
    refused("B5 seq 0", cut(Context(seq=0, previous=b"\x74" * 32).header()), wrong("seq", "TooSmall"))
    refused("B5 seq beyond the last", cut(Context(seq=2097152).header()), wrong("seq", "TooLarge { limit: 2097151 }"))
    refused("B6 seq not minimal", cut(head[:9] + b"\x85\x00" + head[10:]), wrong("seq", "NotMinimal"))
    refused("B6 the first position without heads", cut(Context().header(with_heads=False)), wrong("membership heads", "Value"))
    flags = 14
    small = head[:flags] + bytes([31 << 3]) + b"\x1e" + head[flags + 1 :]
    refused("B6 a small volume written long", cut(small), wrong("volume", "NotMinimal"))
    large = head[:flags] + bytes([31 << 3]) + varint(1 << 32) + head[flags + 1 :]
    refused("B5 a volume beyond 32 bits", cut(large), wrong("volume", "TooLarge { limit: 4294967295 }"))
    drop = Context(kind=3, seq=2).header(with_heads=False)
    refused("B6 a drop in a volume", cut(drop[:flags] + bytes([1 << 3]) + drop[flags + 1 :]), wrong("flags", "Value"))
    refused("B6 a deflated drop", cut(drop[:flags] + bytes([2]) + drop[flags + 1 :]), wrong("flags", "Value"))
    name = "length of the ciphertext"
    for length, rule in ((0, "TooSmall"), (1, "TooSmall"), (127, "TooSmall"), (129, None), (1048440, "TooLarge { limit: 1048439 }"), (2**32 - 1, "TooLarge"), (2**63, "TooLarge")):
        bad = cut(head[: flags + 1] + varint(length))
        refused(f"B5 length {length}", bad, wrong(name, rule) if rule else wrong("signature", "Truncated"))
    refused("B6 length not minimal", cut(head[: flags + 1] + b"\x80\x81\x00"), wrong(name, "NotMinimal"))
    refused("B6 one byte more", good + b"\0", wrong("envelope", "Trailing"))
    refused("B5 one byte less", good[:-1], wrong("signature", "Truncated"))
    refused("B5 no byte", b"", wrong("version and kind", "Truncated"))
    refused("B5 only the header", head, wrong("nonce", "Truncated"))
    refused("B5 a length with no bytes behind it", head[: flags + 1] + varint(1048439) + good[len(head) :], wrong("ciphertext", "Truncated"))
    refused("B5 longer than any envelope", b"\0" * 1048577, wrong("envelope", "TooLarge { limit: 1048576 }"))

    def moved(name, expect, data=first, **changed):
        fields = context_fields(Context(**changed)) | {"bytes": data, "expect": expect}
        cases.append(("envelope-verify", name, fields))

    moved("as it was", "ok")
    moved("ATK-4 in another record", "Signature", record=b"\x70" * 32)
    moved("ATK-4 in another section", 'Contradicts("feed")', section=b"\x70" * 16)
    moved("ATK-4 in another volume", 'Contradicts("volume")', volume=1)
    moved("ATK-4 as another kind", 'Contradicts("kind")', kind=2)
    moved("ATK-4 in another epoch", 'Contradicts("epoch")', epoch=b"\x70" * 32)
    moved("ATK-36 in another epoch with the same hint", "Signature", epoch=b"\x76" * 31 + b"\x70")
    moved("ATK-4 with another view", 'Contradicts("membership heads")', heads=b"\x70" * 32)
    heads = Context().heads
    moved("ATK-36 with another view under the same hint", "Signature", heads=heads[:31] + bytes([heads[31] ^ 1]))
    moved("ATK-4 after another predecessor", 'Contradicts("predecessor")', previous=b"\x70" * 32)
    moved("ATK-17 as of another device", 'Contradicts("feed")', n=3)
    moved("ATK-18 as of another incarnation", 'Contradicts("feed")', incarnation=b"\x70" * 8)
    for name, at in (("position", 9), ("flags", 14), ("nonce", 40), ("ciphertext", 100), ("tag", len(first) - 70), ("signature", len(first) - 1)):
        flipped = bytearray(first)
        flipped[at] ^= 2
        expect = {"position": 'Contradicts("predecessor")'}.get(name, "Signature")
        moved(f"ATK-5 a bit of the {name} flipped", expect, data=bytes(flipped))
    return cases


# --- Operations ---

GENESIS = {}
NOTES, LETTERS = b"\x11" * 16, b"\x12" * 16


def device_keys(n, generation=0):
    return public(n) + kem(n) + varint(generation) + bytes([n]) * 32 + bytes([n]) * 8


def relay_keys(n, addresses=(b"relay.example:4433",)):
    return public(n) + kem(n) + bytes([n]) * 32 + listed([string(a) for a in addresses])


def root_key(kind, n):
    return bytes([kind]) + public(n) + kem(n)


def position(seq=7, fill=0x21, end=0x31):
    return bytes([fill]) * 16 + varint(seq) + bytes([end]) * 32


def unsigned(body, author, counter, time, parents, version=1, suite=1):
    head = bytes([version, suite]) + listed(parents)
    return head + device(author) + varint(counter) + le(time, 6) + body


TIME = 1_800_000_000_000


def operation(body, author=1, counter=1, time=TIME, parents=None, record=None, **other):
    data = unsigned(body, author, counter, time, [GENESIS["id"]] if parents is None else parents, **other)
    name = H("op", data)
    return data + sign(author, "op", record or name if parents == [] else GENESIS["id"], name), name


def genesis_body(relay=True, roots=None):
    roots = [root_key(0, 100), root_key(1, 101)] if roots is None else roots
    body = b"\x01" + SALT + listed(roots) + device_keys(1) + le(2026, 2)
    return body + optional(relay_keys(200) if relay else None)


def cited():
    record, root = GENESIS["id"], H("leaf", NOTES, le(9, 8), b"\x42" * 32)
    hashed = H("checkpoint", record, le(3, 8), le(TIME, 8), le(12, 8), b"\x41" * 32, root)
    out = record + varint(3) + le(TIME, 6) + varint(12) + b"\x41" * 32 + root + sign(200, "checkpoint", record, hashed)
    return out + varint(1) + listed([varint(0) + NOTES + varint(9) + b"\x42" * 32]) + listed([])


def grant(who=10, role=2, scopes=((NOTES, 3),), not_after=None, dormant=0, lease=None):
    body = b"\x02" + principal(who) + bytes([role]) + listed([sid + bytes([bits]) for sid, bits in scopes])
    body += optional(None if not_after is None else le(not_after, 6)) + bytes([dormant])
    return body + optional(None if lease is None else le(lease, 4))


def removal(targets, frontier=(), cite=None, hidden=0, reason=0):
    out = listed(list(targets)) + listed(list(frontier)) + optional(cite)
    return out + le(hidden, 4) + bytes([reason])


def rekey(sections, recipients=b"\x51" * 32, wraps=b"\x52" * 32):
    return listed(sections) + recipients + wraps


def section_rekey(sid=NOTES, parents=(), epoch=b"\x61" * 32, ladder=None, inbox=None):
    steps = None if ladder is None else b"".join(ladder)
    return sid + listed(list(parents)) + epoch + optional(steps) + optional(inbox)


def fork_body(n=1, seq=1, frontier=None, swap=False):
    c = Context(n=n, seq=seq, record=GENESIS["id"])
    pair = sorted([c.signed_header(0x81), c.signed_header(0x82)], reverse=swap)
    out = device(n) + c.incarnation + c.section + le(c.volume, 4) + bytes([c.kind]) + pair[0][1] + pair[1][1]
    return b"\x0c" + out + optional(frontier(c) if frontier else None) + optional(None), c


def bodies():
    target_p, target_d, target_s = b"\0" + principal(10), b"\1" + device(11), b"\2" + principal(10) + NOTES
    step = b"\x62" * 48
    yield "Grant", "to a writer", grant()
    yield "Grant", "with an expiry and a lease", grant(role=3, scopes=((NOTES, 1), (LETTERS, 1)), not_after=TIME, lease=86400)
    yield "Grant", "to a sleeper that may drop and read", grant(role=2, scopes=((NOTES, 9),), dormant=1)
    yield "Grant", "to another owner", grant(role=0, scopes=())
    yield "DeviceAdd", "a new device", b"\x03" + principal(1) + device_keys(2)
    yield "DeviceAdd", "a new generation", b"\x03" + principal(1) + device_keys(1, 300)
    yield "Remove", "one device", b"\x04" + removal([target_d])
    yield "Remove", "everything there is to say", b"\x04" + removal([target_p, target_d, target_s], [position()], cited(), 4, 3)
    yield "Adopt", "an envelope and an operation", b"\x05" + listed([b"\0" + NOTES + position(), b"\1" + b"\x22" * 32])
    yield "Rekey", "a section begins", b"\x06" + rekey([section_rekey()])
    two = [section_rekey(parents=[b"\x60" * 32, b"\x6f" * 32], ladder=[step, step], inbox=b"\x63" * 32), section_rekey(LETTERS, [b"\x60" * 32])]
    yield "Rekey", "a ladder of two steps, an inbox, and a cut", b"\x06" + rekey(two)
    pair = NOTES + b"\x61" * 32
    yield "Wrap", "keys for a device", b"\x07\0" + device(2) + listed([pair]) + optional(b"\x64" * 32)
    yield "Wrap", "a request", b"\x07\0" + device(1) + listed([pair]) + optional(None)
    yield "Wrap", "a ladder step again", b"\x07\1" + b"\x61" * 32 + b"\x60" * 32 + step + listed([pair]) + optional(None)
    cover = listed([position(fill=0x20), position(fill=0x21)])
    at = varint(9) + b"\x42" * 32
    yield "Seal", "a snapshot", b"\x08" + NOTES + le(2, 4) + cover + b"\0" + b"\x65" * 32 + optional(at)
    both = listed([position(7), position(8)])
    yield "Seal", "a merged batch", b"\x08" + NOTES + le(0, 4) + both + b"\3" + b"\x66" * 32 + b"\x65" * 32 + optional(None)
    yield "Rebase", "to a base change", b"\x09" + NOTES + le(0, 4) + cover + optional(b"\x65" * 32)
    yield "Rebase", "to nothing", b"\x09" + NOTES + le(0, 4) + listed([]) + optional(None)
    yield "SetRelay", "with two addresses", b"\x0a" + relay_keys(201, (b"a.example:1", b"b.example:2"))
    yield "Recover", "with everything", b"\x0b" + removal([target_d], [position()], cited(), 1, 3) + principal(1) + device_keys(3) + rekey([section_rekey(parents=[b"\x60" * 32], ladder=[step])]) + listed([root_key(0, 102), root_key(1, 103)]) + listed([b"\x22" * 32])
    yield "Recover", "with the least", b"\x0b" + removal([]) + principal(3) + device_keys(3) + rekey([]) + listed([]) + listed([])
    yield "ForkProof", "without a frontier", fork_body()[0]
    yield "ForkProof", "with a frontier", fork_body(frontier=lambda c: c.feed() + varint(1) + c.envelope(0x81)[1])[0]
    yield "Join", "of two heads", b"\x0d"
    yield "End", "of the record", b"\x0e"


def operation_vectors():
    cases = []
    data, name = operation(genesis_body(), counter=0, parents=[])
    GENESIS["id"] = name

    def known(kind, story, data, name, author):
        fields = {"seed": seed(author), "salt": SALT, "record": GENESIS["id"], "body": kind, "bytes": data, "id": name}
        cases.append(("operation", story, fields))

    known("Genesis", "the record begins", data, name, 1)
    made = {}
    for kind, story, body in bodies():
        author = 100 if kind in ("Recover", "End") else 1
        parents = sorted([GENESIS["id"], b"\x23" * 32]) if kind == "Join" else None
        made[kind, story], name = operation(body, author, parents=parents)
        known(kind, story, made[kind, story], name, author)

    def refused(name, data, expect):
        cases.append(("operation-decode", name, {"bytes": data, "expect": expect}))

    def wrong(what, rule):
        return f'Malformed {{ what: "{what}", wrong: {rule}'

    def bad(name, body, what, rule, **other):
        refused(name, operation(body, **other)[0], wrong(what, rule))

    join = made["Join", "of two heads"]
    for at, what in ((0, "version"), (1, "suite")):
        for value in (0, 2, 255):
            other = bytearray(join)
            other[at] = value
            refused(f"ATK-25 {what} {value}", bytes(other), f'Unsupported {{ what: "{what}", value: {value} }}')
    for number in (0, 15, 255):
        refused(f"B5 operation {number}", operation(bytes([number]))[0], f'Unsupported {{ what: "operation", value: {number} }}')
    many = [bytes([n]) * 32 for n in range(9)]
    bad("B5 nine parents", b"\x0d", "parents", "TooLarge { limit: 8 }", parents=many)
    bad("B6 parents out of order", b"\x0d", "parents", "Order", parents=[many[2], many[1]])
    bad("B6 a parent twice", b"\x0d", "parents", "Order", parents=[many[1], many[1]])
    refused("B5 no parents", operation(b"\x0d", parents=[])[0], wrong("parents", "Value"))
    refused("B6 a genesis with parents", operation(genesis_body())[0], wrong("parents", "Value"))
    refused("B5 2^63 parents with no bytes behind them", join[:2] + varint(2**63) + join[3:], wrong("parents", "TooLarge { limit: 8 }"))
    refused("B6 counter not minimal", join[:83] + b"\x81\x00" + join[84:], wrong("counter", "NotMinimal"))
    refused("B5 counter beyond 32 bits", join[:83] + varint(2**32) + join[84:], wrong("counter", "TooLarge { limit: 4294967295 }"))
    refused("B6 one byte more", join + b"\0", wrong("operation", "Trailing"))
    refused("B5 one byte less", join[:-1], wrong("signature", "Truncated"))
    refused("B5 no byte", b"", wrong("version", "Truncated"))
    refused("B5 longer than any operation", bytes(131073), wrong("operation", "TooLarge { limit: 131072 }"))
    for length in (1, 3, 40, 82, 88):
        what = {1: "suite", 3: "parents", 40: "parents", 82: "author", 88: "time"}[length]
        refused(f"B5 cut after {length} bytes", join[:length], wrong(what, "Truncated"))

    bad("B5 a genesis without root", genesis_body(roots=[]), "roots", "TooSmall", parents=[])
    swapped = [root_key(1, 101), root_key(0, 100)]
    bad("B6 roots out of order", genesis_body(roots=swapped), "roots", "Order", parents=[])
    bad("B6 a root class twice", genesis_body(roots=[root_key(0, 100)] * 2), "roots", "Order", parents=[])
    bad("B5 three roots", genesis_body(roots=[root_key(0, 100)] * 3), "roots", "TooLarge { limit: 2 }", parents=[])
    bad("B5 an unknown root class", genesis_body(roots=[root_key(2, 100)]), "root class", "Value", parents=[])
    bad("B6 presence that is neither 0 nor 1", genesis_body()[:-147 - 18] + b"\x02", "relay", "Value", parents=[])

    bad("B5 an unknown role", grant(role=4), "role", "Value")
    bad("B6 an owner with scopes", grant(role=0), "scopes", "Value")
    bad("B6 a delegate without scopes", grant(scopes=()), "scopes", "Value")
    bad("B6 scopes out of order", grant(scopes=((LETTERS, 1), (NOTES, 1))), "scopes", "Order")
    bad("B6 a section twice", grant(scopes=((NOTES, 1), (NOTES, 3))), "scopes", "Order")
    for bits in (0, 2, 4, 5, 6, 16, 255):
        bad(f"B5 scope {bits}", grant(scopes=((NOTES, bits),)), "scope", "Value")
    bad("B5 a lease too short", grant(lease=86399), "lease", "Value")
    bad("B5 a lease too long", grant(lease=604801), "lease", "Value")
    bad("B6 an owner that expires", grant(role=0, scopes=(), not_after=TIME), "lease", "Value")
    bad("B6 a dormant owner", grant(role=0, scopes=(), dormant=1), "lease", "Value")
    sixty_five = tuple((bytes([n]) * 16, 1) for n in range(65))
    bad("B5 65 sections", grant(scopes=sixty_five), "scopes", "TooLarge { limit: 64 }")

    target_d, target_p = b"\1" + device(11), b"\0" + principal(10)
    bad("B5 a removal of nobody", b"\x04" + removal([]), "targets", "TooSmall")
    bad("B6 targets out of order", b"\x04" + removal([target_d, target_p]), "targets", "Order")
    bad("B6 a target twice", b"\x04" + removal([target_d, target_d]), "targets", "Order")
    bad("B5 an unknown target", b"\x04" + removal([b"\3" + device(11)]), "target", "Value")
    bad("B6 a feed twice in a frontier", b"\x04" + removal([target_d], [position(7), position(8)]), "frontier", "Order")
    bad("B5 a frontier at position 0", b"\x04" + removal([target_d], [position(0)]), "seq", "TooSmall")
    bad("B5 a frontier beyond the last position", b"\x04" + removal([target_d], [position(2097152)]), "seq", "TooLarge")
    bad("B5 an unknown reason", b"\x04" + removal([target_d], reason=6), "reason", "Value")
    huge = b"\x04" + listed([target_d]) + varint(2049) + b"\0" * 4096
    bad("B5 2049 entries in a frontier", huge, "frontier", "TooLarge { limit: 2048 }")
    empty = b"\x04" + listed([target_d]) + varint(2000)
    bad("B5 2000 entries with no bytes behind them", empty, "frontier", "Truncated")

    bad("B5 nothing adopted", b"\x05" + listed([]), "adopted", "TooSmall")
    bad("B5 an unknown thing adopted", b"\x05" + listed([b"\2" + b"\x22" * 32]), "adopted", "Value")
    bad("B6 adopted out of order", b"\x05" + listed([b"\1" + b"\x22" * 32, b"\1" + b"\x21" * 32]), "adopted", "Order")

    bad("B5 a rekey of nothing", b"\x06" + rekey([]), "sections", "TooSmall")
    bad("B6 sections out of order", b"\x06" + rekey([section_rekey(LETTERS), section_rekey(NOTES)]), "sections", "Order")
    bad("B6 a ladder without parents", b"\x06" + rekey([section_rekey(ladder=[])]), "ladder", "Value")
    parents = [b"\x60" * 32, b"\x5f" * 32]
    bad("B6 epoch parents out of order", b"\x06" + rekey([section_rekey(parents=parents)]), "parents", "Order")
    nine = [bytes([n]) * 32 for n in range(9)]
    bad("B5 nine epoch parents", b"\x06" + rekey([section_rekey(parents=nine)]), "parents", "TooLarge { limit: 8 }")

    pair = NOTES + b"\x61" * 32
    bad("B5 a wrap of nothing", b"\x07\0" + device(2) + listed([]) + optional(None), "epochs", "Value")
    bad("B5 an unknown wrap target", b"\x07\2" + device(2) + listed([pair]) + optional(None), "wrap target", "Value")
    step = b"\x61" * 32 + b"\x60" * 32 + b"\x62" * 48
    bad("B6 a step with a part", b"\x07\1" + step + listed([pair]) + optional(b"\x64" * 32), "epochs", "Value")
    other = NOTES + b"\x60" * 32
    bad("B6 a step for two epochs", b"\x07\1" + step + listed([other, pair]) + optional(None), "epochs", "Value")
    bad("B6 epochs out of order", b"\x07\0" + device(2) + listed([pair, other]) + optional(None), "epochs", "Order")

    both = listed([position(7), position(8)])
    bad("B6 a snapshot with one feed twice", b"\x08" + NOTES + le(0, 4) + both + b"\0" + b"\x65" * 32 + optional(None), "cover", "Order")
    back = listed([position(8), position(7)])
    bad("B6 inputs of a merged batch out of order", b"\x08" + NOTES + le(0, 4) + back + b"\3" + b"\x66" * 32 + b"\x65" * 32 + optional(None), "cover", "Order")
    bad("B5 an unknown object", b"\x08" + NOTES + le(0, 4) + listed([]) + b"\4" + b"\x65" * 32 + optional(None), "object kind", "Value")

    bad("B6 addresses out of order", b"\x0a" + relay_keys(201, (b"b", b"a")), "addresses", "Order")
    bad("B6 an address that is no text", b"\x0a" + relay_keys(201, (b"\xff",)), "address", "Value")
    bad("B5 an address of 513 bytes", b"\x0a" + relay_keys(201, (b"a" * 513,)), "address", "TooLarge { limit: 512 }")
    bad("B5 nine addresses", b"\x0a" + relay_keys(201, tuple(bytes([97 + n]) for n in range(9))), "addresses", "TooLarge { limit: 8 }")

    voided = [b"\x22" * 32, b"\x21" * 32]
    least = removal([]) + principal(3) + device_keys(3) + rekey([]) + listed([])
    bad("B6 voided out of order", b"\x0b" + least + listed(voided), "voided", "Order")

    frontier, _ = fork_body(frontier=lambda c: b"\x20" * 16 + varint(1) + b"\x21" * 32)
    bad("B6 a frontier of another feed", frontier, "frontier", "Value")
    body, c = fork_body()
    data = bytearray(body)
    data[1 + 16 + 8 + 16 + 4] = 9
    refused("B5 a fork of an unknown kind", operation(bytes(data))[0], 'Unsupported { what: "envelope kind", value: 9 }')
    bad("B6 a header with bytes left over", body[:46] + bytes([body[46] + 1]) + body[47 : 47 + body[46]] + b"\0" + body[47 + body[46] :], "header", "Trailing")

    def proof(name, body, expect):
        data, _ = operation(body)
        fields = {"record": GENESIS["id"], "seed": seed(1), "bytes": data, "expect": expect}
        cases.append(("fork-proof", name, fields))

    proof("two headers for one position", fork_body()[0], "ok")
    proof("ATK-18 the headers in the other order", fork_body(swap=True)[0], "Order")
    twice = bytearray(body)
    length = (len(body) - 46 - 2) // 2
    twice[46 + length : 46 + 2 * length] = twice[46 : 46 + length]
    proof("ATK-18 one header twice", bytes(twice), "Order")
    broken = bytearray(body)
    broken[-3] ^= 1
    proof("ATK-18 a signature that is not valid", bytes(broken), "Signature")
    return cases


# --- Names, parts, payloads ---


def digest_vectors():
    cases = []

    def known(operation, name, **fields):
        cases.append((operation, name, fields))

    known("device-id", "of a key", salt=SALT, seed=seed(1), id=device(1))
    known("principal-id", "of the same key", salt=SALT, seed=seed(1), id=principal(1))
    inc = b"\x73" * 8
    for kind, volume, counted in ((1, 0, 0), (1, 2, 2), (2, 2, 2), (3, 2, 0)):
        known("feed-id", f"kind {kind}, volume {volume}", device=device(1), incarnation=inc, section=NOTES, volume=str(volume), kind=str(kind), id=feed(device(1), inc, NOTES, counted, kind))
    one, two = b"\x01" * 32, b"\x02" * 32
    known("heads", "of nothing", heads=[], id=heads_digest([]))
    known("heads", "of one", heads=[one], id=heads_digest([one]))
    known("heads", "of two, in any order, one of them twice", heads=[two, one, two], id=heads_digest([one, two]))
    known("recipients", "of two readers", section=NOTES, devices=[device(1), device(2)], kems=[kem(1), kem(2)], id=recipients_digest([(NOTES, [(device(1), kem(1)), (device(2), kem(2))])]))
    known("recipients", "of nobody", section=NOTES, devices=[], kems=[], id=recipients_digest([(NOTES, [])]))
    for count in (0, 1, 2, 3, 5, 8):
        leaves = [bytes([n]) * 32 for n in range(count)]
        known("merkle", f"of {count} leaves", leaves=leaves, root=merkle(leaves))
    for year, genesis, volume in ((2026, 2026, 0), (2025, 2026, 1), (2027, 2026, 2), (1966, 2026, 119), (2126, 2026, 200), (-32768, 32767, 131069), (32767, -32768, 131070)):
        known("volume", f"of {year}, begun in {genesis}", year=str(year), genesis=str(genesis), number=str(volume))
    for fill in (0x00, 0x7F, 0xFF):
        number = int.from_bytes(bytes([fill]) * 4, "little") % (2**32 - 2**20) + 2**20
        known("rebased", f"by {fill:02x}", op=bytes([fill]) * 32, number=str(number))
    return cases


def part_vectors():
    cases = []
    key = bytes([5]) * 1216
    sealed = bytes([6]) * 1200
    kem_part, inbox_part = b"\1\1\1" + key, b"\1\1\2" + key
    wrap_part = b"\1\1\3" + device(2) + string(sealed)
    for name, data, hashed in (("a KEM key", kem_part, H("kem", key)), ("an inbox key", inbox_part, H("inbox", key)), ("a wrap", wrap_part, wrap_leaf(device(2), sealed))):
        cases.append(("part", name, {"bytes": data, "hash": hashed}))
    leaves = [wrap_leaf(device(n), bytes([n]) * 1200) for n in sorted((2, 3, 4), key=device)]
    order = sorted((2, 3, 4), key=device)
    paths = [[leaves[1], leaves[2]], [leaves[0], leaves[2]], [H("merkle", leaves[0], leaves[1])]]
    for index, n in enumerate(order):
        data = b"\1\1\4" + device(n) + string(bytes([n]) * 1200) + varint(index) + varint(3) + listed(paths[index])
        cases.append(("proved-wrap", f"number {index} of 3", {"bytes": data, "root": merkle(leaves), "expect": "ok"}))
        cases.append(("proved-wrap", f"ATK-14 number {index} under another root", {"bytes": data, "root": bytes(32), "expect": "not proved"}))
    moved = b"\1\1\4" + device(order[0]) + string(bytes([order[0]]) * 1200) + varint(1) + varint(3) + listed(paths[0])
    cases.append(("proved-wrap", "ATK-14 at another index", {"bytes": moved, "root": merkle(leaves), "expect": "not proved"}))

    def refused(name, data, expect):
        cases.append(("part-decode", name, {"bytes": data, "expect": expect}))

    refused("ATK-25 version 2", b"\2" + kem_part[1:], 'Unsupported { what: "version", value: 2 }')
    refused("ATK-25 suite 2", b"\1\2" + kem_part[2:], 'Unsupported { what: "suite", value: 2 }')
    refused("B5 an unknown part", b"\1\1\0" + key, 'Unsupported { what: "detached part", value: 0 }')
    refused("B5 a key one byte short", kem_part[:-1], 'Malformed { what: "KEM key", wrong: Truncated')
    refused("B6 a key one byte long", kem_part + b"\0", 'Malformed { what: "detached part", wrong: Trailing')
    refused("B5 a wrap beyond its limit", b"\1\1\3" + device(2) + varint(16385), 'Malformed { what: "wrap", wrong: TooLarge { limit: 16384 }')
    refused("B5 a wrap with no bytes behind it", b"\1\1\3" + device(2) + varint(16384), 'Malformed { what: "wrap", wrong: Truncated')
    return cases


def payload_vectors():
    cases = []
    life = b"\x51" * 8 + varint(3) + varint(1)
    seen = life + varint(7) + b"\x41" * 16 + varint(9) + b"\x42" * 16
    cases.append(("plaintext", "alone", {"payload": b"payload", "seen": b"", "bytes": string(b"payload")}))
    cases.append(("plaintext", "with its checkpoint", {"payload": b"payload", "seen": seen, "bytes": string(b"payload") + seen}))
    cases.append(("plaintext", "empty", {"payload": b"", "seen": b"", "bytes": b"\0"}))
    cases.append(("changes", "three", {"changes": [b"a", b"bc", b"d" * 200], "bytes": listed([string(b"a"), string(b"bc"), string(b"d" * 200)])}))

    def refused(operation, name, data, expect, **more):
        cases.append((operation, name, {"bytes": data, "expect": expect} | more))

    refused("plaintext-decode", "B5 a checkpoint that is missing", string(b"payload"), 'Malformed { what: "checkpoint", wrong: Truncated', checkpoint="1")
    refused("plaintext-decode", "B5 a checkpoint cut in its last hash", string(b"payload") + seen[:-1], 'Malformed { what: "checkpoint", wrong: Truncated', checkpoint="1")
    refused("plaintext-decode", "B6 a checkpoint whose life is not minimal", string(b"payload") + seen[:8] + b"\x83\0" + seen[9:], 'Malformed { what: "checkpoint", wrong: NotMinimal', checkpoint="1")
    refused("plaintext-decode", "B5 a checkpoint with a position beyond 32 bits", string(b"payload") + life + varint(1 << 32) + seen[11:], 'Malformed { what: "checkpoint", wrong: TooLarge { limit: 4294967295 }', checkpoint="1")
    refused("plaintext-decode", "B5 a checkpoint trusted again beyond 32 bits", string(b"payload") + seen[:9] + varint(1 << 32) + seen[10:], 'Malformed { what: "checkpoint", wrong: TooLarge { limit: 4294967295 }', checkpoint="1")
    refused("plaintext-decode", "B6 a checkpoint with a hash where nothing was seen", string(b"payload") + life + varint(0) + seen[11:], 'Malformed { what: "checkpoint", wrong: Value', checkpoint="1")
    refused("plaintext-decode", "B6 a checkpoint that was not announced", string(b"payload") + seen, 'Malformed { what: "plaintext", wrong: Trailing', checkpoint="0")
    refused("plaintext-decode", "B6 padding that was left on", string(b"payload") + b"\0", 'Malformed { what: "plaintext", wrong: Trailing', checkpoint="0")
    refused("plaintext-decode", "B5 a length beyond the limit", varint(8388609), 'Malformed { what: "payload", wrong: TooLarge { limit: 8388608 }', checkpoint="0")
    refused("plaintext-decode", "B6 a length not minimal", b"\x87\x00payload", 'Malformed { what: "payload", wrong: NotMinimal', checkpoint="0")
    refused("changes-decode", "B5 none", b"\0", 'Malformed { what: "changes", wrong: TooSmall')
    refused("changes-decode", "B5 an empty one", listed([string(b"ab"), string(b"")]), 'Malformed { what: "change", wrong: TooSmall')
    refused("changes-decode", "B5 1025 of them", varint(1025) + b"\1a" * 1025, 'Malformed { what: "changes", wrong: TooLarge { limit: 1024 }')
    refused("changes-decode", "B5 1024 with no bytes behind them", varint(1024), 'Malformed { what: "changes", wrong: Truncated')
    refused("changes-decode", "B6 bytes left over", listed([string(b"a")]) + b"\0", 'Malformed { what: "changes", wrong: Trailing')
    refused("changes-decode", "B6 a length not minimal", b"\1\x81\x00a", 'Malformed { what: "change", wrong: NotMinimal')
    return cases


# --- Files ---

FILES = {
    "envelope.txt": ("Envelopes: known ones, one fault each, and each moved out of its context.", envelope_vectors),
    "operation.txt": ("Operations: one of every kind, one fault each, and proofs of forks.", operation_vectors),
    "digest.txt": ("Names made by hashing, and numbers of volumes.", digest_vectors),
    "part.txt": ("Detached parts of operations, and wraps proved under a root.", part_vectors),
    "payload.txt": ("What lies inside an envelope once opened.", payload_vectors),
}


def short(data):
    """Hexadecimal; a run of 24 equal bytes or more is written HH*N."""
    out, i, run = [], 0, ""
    while i < len(data):
        j = i
        while j < len(data) and data[j] == data[i]:
            j += 1
        if j - i >= 24:
            if run:
                out.append(run)
            out.append(f"{data[i]:02x}*{j - i}")
            run = ""
        else:
            run += data[i:j].hex()
        i = j
    return " ".join(out + [run] if run else out) or "-"


def text(value):
    if isinstance(value, list):
        return ", ".join(short(one) for one in value) or "none"
    return short(value) if isinstance(value, bytes) else value


def render(title, cases):
    out = [f"# {title} Written by reference.py.", ""]
    for operation, name, fields in cases:
        out.append(f"[{operation}] {name}")
        out += [f"{field}: {text(value)}" for field, value in fields.items()]
        out.append("")
    return "\n".join(out)


def main():
    agreed = wrong = 0
    for file, (title, build) in FILES.items():
        cases = build()
        made = render(title, cases)
        path = HERE / file
        if sys.argv[1:] == ["write"]:
            path.write_text(made, encoding="ascii", newline="\n")
        same = path.exists() and path.read_text(encoding="ascii") == made
        agreed, wrong = agreed + same * len(cases), wrong + (not same) * len(cases)
        if not same:
            print(f"{file}: differs")
    print(f"{agreed} vectors agree, {wrong} do not")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
