"""Frames between nodes, what a relay signs, files of exchange, addresses of relays and tickets."""

import base64

from common import H, PROTOCOL, TIME, Vectors, fixed, flip, hexed, le, listed, optional, public, sign, string, unsupported, varint, wrong

RECORD, SECTION, DEVICE, SLOT, OBJECT = b"\1" * 32, b"\2" * 16, b"\3" * 16, b"\4" * 16, b"\5" * 32
PROOF, HASH = b"\6" * 64, b"\7" * 32
KIB, BODY = 1 << 10, (1 << 20) + (1 << 16)
RELAY = 200


def cursor(position=7, hint=b"\x11" * 8):
    return le(position, 6) + hint


def slots(*names, padding=0):
    return b"".join(bytes([name]) * 8 + cursor() for name in names) + bytes(22 * padding)


def receipt(position=3):
    return varint(1) + varint(position) + le(TIME, 6) + PROOF


def carried(op=b"operation", parts=(b"part",), receipts=None):
    return string(op) + listed([string(part) for part in parts]) + listed([receipt()] if receipts is None else receipts)


def view(*heads):
    return listed([bytes([head]) * 32 for head in heads])


def batch(operations=1, views=(view(1, 2),)):
    return listed([carried()] * operations) + listed(list(views))


def head(position=9, chain=b"\x42" * 32):
    return varint(position) + chain


def leaf(index, known=False):
    return varint(index) + bytes([index]) * 16 + optional(None if known else head())


def short(leaves=b"\0"):
    return varint(1) + le(TIME, 6) + PROOF + leaves


def partial(total=5, visible=(0, 2), siblings=2, membership=True, total_bytes=None):
    out = b"\1" + optional(head() if membership else None) + (total_bytes or varint(total))
    return out + listed([leaf(index) for index in visible]) + listed([HASH] * siblings)


def entry(feed, seq=5):
    return bytes([feed]) * 8 + varint(seq) + b"\x21" * 4


def part(total=100, start=10, content=b"\x09" * 20):
    return OBJECT + varint(total) + varint(start) + string(content)


# Kind: its byte, its limit, a body, and the field that a body without its last byte lacks.
FRAMES = {
    "Hello": (0x01, 256, b"\1" + RECORD + DEVICE + PROOF, "proof"),
    "Create": (0x02, 16 * KIB, b"\1" + optional(b"\x0a" * 16) + PROOF + carried(), "receipts"),
    "RootHello": (0x03, 256, b"\1" + RECORD + PROOF, "proof"),
    "SlotEnter": (0x04, 256, b"\1" + SLOT, "slot"),
    "Pull": (0x10, 16 * KIB, varint(1) + b"\1" + cursor() + varint(3) + slots(1, 2, padding=14), "slots"),
    "Reconcile": (0x11, 256 * KIB, SECTION + listed([entry(1), entry(2)]), "entries"),
    "Push": (0x12, BODY, b"\0" + carried() + b"\1" + view(1) + b"\2" + SECTION + string(b"envelope") + varint(4) + string(b"another"), "envelope"),
    "Subscribe": (0x13, 0, b"", None),
    "ObjectAsked": (0x14, 32, OBJECT, "object"),
    "ObjectPut": (0x15, BODY, part(), "part"),
    "ObjectWanted": (0x16, 64, OBJECT + varint(0) + varint(1024), "bytes"),
    "SlotOpen": (0x17, 64, SLOT + varint(900000), "lifetime"),
    "SlotPost": (0x18, 16 * KIB, SLOT + b"\1" + string(b"message"), "message"),
    "SlotRead": (0x19, 64, SLOT + b"\1" + varint(30000), "wait"),
    "PartsWanted": (0x1A, 16 * KIB, listed([b"\1" * 32, b"\2" * 32]), "ids"),
    "Refused": (0x40, 0, b"", None),
    "Welcome": (0x41, 0, b"", None),
    "Genesis": (0x42, 16 * KIB, carried(receipts=[]), "receipts"),
    "Operations": (0x50, BODY, batch(), "heads"),
    "Tail": (0x51, BODY, SECTION + optional(listed([b"\1" * 16 + varint(9) + HASH])) + string(b"envelope") + string(b"another"), "envelope"),
    "Pulled": (0x52, 256 * KIB, b"\0" + listed([varint(0), varint(3)]) + optional(short(partial())), "siblings"),
    "Vector": (0x53, 64 * KIB, SECTION + listed([entry(1)]), "entries"),
    "Pushed": (0x54, 512 * KIB, listed([varint(0) + receipt()]) + listed([varint(1) + b"\6", varint(2) + b"\7"]) + short(), "leaves"),
    "ObjectState": (0x55, 64, OBJECT + varint(1000) + varint(999) + b"\0", "complete"),
    "ObjectPart": (0x56, BODY, part(), "part"),
    "SlotContent": (0x57, 32 * KIB, b"\1\1" + listed([string(b"one"), string(b"two")]), "message"),
    "Parts": (0x58, BODY, batch(), "heads"),
    "Denied": (0x5E, 1, b"\3", "reason"),
    "Busy": (0x5F, 0, b"", None),
    "PeerHello": (0x80, 256, b"\1" + RECORD + DEVICE + PROOF, "proof"),
    "PeerState": (0x81, 1 << 20, view(1, 2) + listed([SECTION + listed([entry(1)])]), "entries"),
    "PeerOperationsWanted": (0x82, 64 * KIB, listed([b"\1" * 32]), "ids"),
    "PeerOperations": (0x83, BODY, batch(), "heads"),
    "PeerEnvelopes": (0x84, BODY, SECTION + string(b"envelope"), "envelope"),
    "PeerObjectWanted": (0x85, 64, OBJECT + varint(0) + varint(1024), "bytes"),
    "PeerObjectPart": (0x86, BODY, part(), "part"),
    "PeerDone": (0x87, 0, b"", None),
    "PeerRefused": (0x88, 0, b"", None),
}


def frame(kind, body=None, length=None):
    byte, _, whole, _ = FRAMES[kind]
    body = whole if body is None else body
    return bytes([byte]) + le(len(body) if length is None else length, 3) + body


def frames():
    out = Vectors()
    for kind in ("Hello", "Create", "Pull", "Push", "Subscribe", "Operations", "Tail", "Pulled", "Pushed", "SlotContent", "PeerState", "PeerDone"):
        out.read(kind, frame(kind), {"kind": kind})
    out.refused("B2", "no byte", b"", "header", wrong("frame", "Truncated"))
    out.refused("B2", "three bytes of a header", b"\x13\0\0", "header", wrong("frame", "Truncated"))
    for byte in (0x00, 0x05, 0x1B, 0x43, 0x59, 0x7F, 0x89, 0xFF):
        out.refused("C1", f"kind {byte:02x}", bytes([byte, 0, 0, 0]), "header", unsupported("frame", byte))
    for kind, (_, limit, body, last) in FRAMES.items():
        rule = wrong("frame", f"TooLarge {{ limit: {limit} }}")
        out.refused("C1", f"{kind} of a byte above its limit", frame(kind, b"", limit + 1), "header", rule)
        if last:
            out.refused("B2", f"{kind} without its last byte", frame(kind, body[:-1]), "body", wrong(last, "TooLarge" if last == "slots" else "Truncated"))
            out.refused("C1", f"{kind} that is announced and missing", frame(kind)[: 4 + len(body) // 2], "body", wrong("frame", "Truncated"))
    frame_faults(out)
    return out


def frame_faults(out):
    def refused(fault, name, kind, body, what, rule):
        out.refused(fault, f"{kind}: {name}", frame(kind, body), "body", wrong(what, rule))

    for kind in ("Hello", "ObjectAsked", "SlotRead", "PartsWanted", "Pulled", "PeerState"):
        limit = FRAMES[kind][1]
        if len(FRAMES[kind][2]) < limit:
            refused("B6", "a byte more", kind, FRAMES[kind][2] + b"\0", "frame", "Trailing")
    for kind in ("Hello", "Create", "RootHello", "SlotEnter", "PeerHello"):
        out.refused("C5", f"{kind} of version 2", frame(kind, b"\2" + FRAMES[kind][2][1:]), "body", unsupported("frame version", 2))
    refused("B6", "a token that is neither there nor not", "Create", b"\1\2" + b"\x0a" * 16 + PROOF + carried(), "token", "Value")
    refused("B5", "an operation above its limit", "Push", b"\0" + varint((128 << 10) + 1) + bytes(200), "operation", "TooLarge")
    refused("B5", "257 parts", "Operations", varint(1) + string(b"op") + varint(257), "parts", "TooLarge")
    refused("B5", "17 receipts", "Operations", varint(1) + string(b"op") + b"\0" + varint(17), "receipts", "TooLarge")
    refused("B5", "4097 operations", "Operations", varint(4097), "operations", "TooLarge")
    refused("B5", "4096 operations without bytes", "Operations", varint(4096), "operations", "Truncated")
    refused("B5", "1025 views", "Operations", b"\0" + varint(1025), "views", "TooLarge")
    refused("B5", "a view of nothing", "Operations", b"\0" + listed([view()]) + bytes(32), "heads", "TooSmall")
    refused("B6", "a view out of order", "Operations", b"\0" + listed([view(2, 1)]), "heads", "Order")
    refused("B6", "one head twice", "Operations", b"\0" + listed([view(1, 1)]), "heads", "Order")
    refused("B5", "nine heads", "Operations", b"\0" + listed([view(*range(1, 10))]), "heads", "TooLarge")
    begin = varint(1) + b"\1" + cursor() + varint(3)
    refused("B6", "fifteen slots", "Pull", begin + slots(1, padding=14), "slots", "TooLarge")
    refused("B6", "sixteen slots of padding", "Pull", begin + slots(padding=16), "slots", "Value")
    refused("B6", "more padding than needed", "Pull", begin + slots(1, padding=31), "slots", "Value")
    refused("B6", "a slot after the padding", "Pull", begin + slots(1) + bytes(22) + slots(2, padding=13), "slots", "Order")
    refused("B6", "slots out of order", "Pull", begin + slots(2, 1, padding=14), "slots", "Order")
    refused("B6", "a section twice", "Pull", begin + slots(1, 1, padding=14), "slots", "Order")
    refused("B5", "528 slots", "Pull", begin + bytes(22 * 528), "slots", "TooLarge")
    refused("B6", "snapshots neither taken nor not", "Pull", varint(1) + b"\2" + cursor() + varint(3), "snapshots", "Value")
    refused("B6", "a store epoch not minimal", "Pull", b"\x81\0\1" + cursor() + varint(3), "store epoch", "NotMinimal")
    refused("B5", "views beyond 48 bits", "Pull", varint(1) + b"\1" + cursor() + varint(1 << 48), "views", "TooLarge")
    refused("B5", "513 entries", "Reconcile", SECTION + varint(513), "entries", "TooLarge")
    refused("B6", "entries out of order", "Reconcile", SECTION + listed([entry(2), entry(1)]), "entries", "Order")
    refused("B6", "a feed twice", "Vector", SECTION + listed([entry(1), entry(1)]), "entries", "Order")
    refused("B5", "a position beyond the last", "Vector", SECTION + listed([entry(1, 2097152)]), "seq", "TooLarge")
    refused("B5", "slot 512 of a pull", "Push", varint(515) + string(b"envelope"), "item", "TooLarge")
    refused("B5", "an envelope above 1 MiB", "Push", b"\2" + SECTION + varint((1 << 20) + 1), "envelope", "TooLarge")
    refused("B5", "an envelope above 1 MiB", "Tail", SECTION + b"\0" + varint((1 << 20) + 1), "envelope", "TooLarge")
    refused("B6", "bases out of order", "Tail", SECTION + optional(listed([bytes([n]) * 16 + varint(9) + HASH for n in (2, 1)])), "bases", "Order")
    refused("B5", "a part of no byte wanted", "ObjectWanted", OBJECT + varint(0) + varint(0), "bytes", "TooSmall")
    refused("B5", "a part above 1 MiB wanted", "ObjectWanted", OBJECT + varint(0) + varint((1 << 20) + 1), "bytes", "TooLarge")
    refused("B5", "a start above 4 GiB", "ObjectWanted", OBJECT + varint((4 << 30) + 1) + varint(1), "start", "TooLarge")
    refused("B5", "more stored than there is", "ObjectState", OBJECT + varint(9) + varint(10) + b"\0", "stored", "TooLarge")
    refused("B6", "complete neither yes nor no", "ObjectState", OBJECT + varint(9) + varint(9) + b"\2", "complete", "Value")
    refused("B5", "a start behind the end", "ObjectPart", part(start=101), "start", "TooLarge")
    refused("B5", "a part beyond the end", "ObjectPart", part(start=90), "part", "TooLarge")
    refused("B5", "a total above 4 GiB", "ObjectPut", part(total=(4 << 30) + 1), "total", "TooLarge")
    refused("B5", "a lifetime above 48 hours", "SlotOpen", SLOT + varint(48 * 3600 * 1000 + 1), "lifetime", "TooLarge")
    refused("B5", "a third message", "SlotPost", SLOT + b"\2" + string(b"message"), "index", "TooLarge")
    refused("B5", "a message above 8 KiB", "SlotPost", SLOT + b"\0" + varint(8 * KIB + 1) + bytes(100), "message", "TooLarge")
    refused("B5", "a wait above 30 seconds", "SlotRead", SLOT + b"\1" + varint(30001), "wait", "TooLarge")
    refused("B5", "three messages seen", "SlotRead", SLOT + b"\3" + varint(1), "seen", "TooLarge")
    refused("B5", "three messages left", "SlotContent", b"\1\3\0", "own", "TooLarge")
    refused("B5", "three messages", "SlotContent", b"\1\1" + varint(3) + bytes(30), "messages", "TooLarge")
    refused("B6", "ids out of order", "PartsWanted", listed([b"\2" * 32, b"\1" * 32]), "ids", "Order")
    refused("B5", "257 ids", "PartsWanted", varint(257), "ids", "TooLarge")
    refused("B5", "a fourth cause", "Pulled", b"\3\0\0", "cause", "Value")
    refused("B6", "mismatches out of order", "Pulled", b"\0" + listed([varint(3), varint(0)]) + b"\0", "mismatches", "Order")
    refused("B5", "a mismatch of slot 512", "Pulled", b"\0" + listed([varint(513)]) + b"\0", "mismatch", "TooLarge")
    for code in (0, 8):
        refused("B5", f"reason {code}", "Denied", bytes([code]), "reason", "Value")
    for code in (0, 15):
        refused("B5", f"refusal {code}", "Pushed", b"\0" + listed([varint(1) + bytes([code])]) + short(), "refusal", "Value")
    refused("B6", "receipts out of order", "Pushed", listed([varint(2) + receipt(), varint(1) + receipt()]) + b"\0" + short(), "receipts", "Order")
    refused("B5", "an index beyond all items", "Pushed", b"\0" + listed([varint(8192) + b"\1"]) + short(), "index", "TooLarge")
    refused("B5", "1025 sections", "PeerState", b"\0" + varint(1025), "sections", "TooLarge")
    refused("B6", "sections out of order", "PeerState", b"\0" + listed([bytes([n]) * 16 + b"\0" for n in (2, 1)]), "sections", "Order")
    refused("B5", "257 heads", "PeerState", varint(257), "heads", "TooLarge")
    refused("B5", "1025 ids", "PeerOperationsWanted", varint(1025), "ids", "TooLarge")


# --- What a relay signs ---


def checkpoint(record=RECORD, epoch=3, time=TIME, position=12, chain=b"\x41" * 32, root=HASH, n=RELAY, domain="checkpoint", signed=None):
    said = {"record": record, "epoch": epoch, "time": time, "position": position, "chain": chain, "root": root} | (signed or {})
    hashed = H("checkpoint", said["record"], le(said["epoch"], 8), le(said["time"], 8), le(said["position"], 8), said["chain"], said["root"])
    return record + varint(epoch) + le(time, 6) + varint(position) + chain + root + sign(n, domain, record, hashed)


def signed_receipt(record=RECORD, op=HASH, epoch=3, position=5, time=TIME, n=RELAY, domain="receipt", signed=None):
    said = {"epoch": epoch, "position": position, "time": time, "op": op} | (signed or {})
    hashed = H("receipt", record, le(said["epoch"], 8), le(said["position"], 8), le(said["time"], 8), said["op"])
    return varint(epoch) + varint(position) + le(time, 6) + sign(n, domain, record, hashed)


def checkpoints():
    out = Vectors()
    relay = {"relay": hexed(public(RELAY)), "record": hexed(RECORD), "op": hexed(HASH)}

    def read(name, what, data):
        out.read(name, data, {}, what=what, **relay)

    def refused(fault, name, what, data, step, error):
        out.refused(fault, name, data, step, error, what=what, **relay)

    read("a checkpoint", "checkpoint", checkpoint())
    read("a checkpoint of an empty membership log", "checkpoint", checkpoint(position=0, chain=bytes(32)))
    read("a receipt", "receipt", signed_receipt())
    read("a short checkpoint, all known", "short", short())
    read("a short checkpoint that shows two sections of five", "short", short(partial()))

    good = checkpoint()
    refused("B6", "an empty log with a running hash", "checkpoint", checkpoint(position=0), "encoding", wrong("running hash", "Value"))
    refused("B6", "a store epoch not minimal", "checkpoint", good[:32] + b"\x83\0" + good[33:], "encoding", wrong("store epoch", "NotMinimal"))
    refused("B5", "a position beyond 48 bits", "checkpoint", checkpoint(position=1 << 48), "encoding", wrong("position", "TooLarge"))
    refused("B2", "cut in the signature", "checkpoint", good[:-1], "encoding", wrong("signature", "Truncated"))
    refused("B2", "cut in the root", "checkpoint", good[:-70], "encoding", wrong("root", "Truncated"))
    refused("B6", "a byte more", "checkpoint", good + b"\0", "encoding", wrong("checkpoint", "Trailing"))
    for name, changed in {"another time": {"time": TIME + 1}, "another store epoch": {"epoch": 4}, "another position": {"position": 13},
                          "another running hash": {"chain": b"\x40" * 32}, "other sections": {"root": b"\x08" * 32}, "another record": {"record": b"\2" * 32}}.items():
        refused("ATK-1", f"a checkpoint signed for {name}", "checkpoint", checkpoint(signed=changed), "signature", "BadSignature")
    refused("ATK-35", "a checkpoint of another relay", "checkpoint", checkpoint(n=201), "signature", "BadSignature")
    refused("ATK-4", "a checkpoint signed as a receipt", "checkpoint", checkpoint(domain="receipt"), "signature", "BadSignature")
    refused("ATK-5", "a bit of the signature", "checkpoint", flip(good, len(good) - 40), "signature", "BadSignature")

    mine = signed_receipt()
    refused("D9", "a receipt for another operation", "receipt", signed_receipt(op=b"\x08" * 32), "signature", "BadSignature")
    refused("D9", "a receipt for another record", "receipt", signed_receipt(record=b"\2" * 32), "signature", "BadSignature")
    refused("D9", "a receipt of another relay", "receipt", signed_receipt(n=201), "signature", "BadSignature")
    for name, changed in {"another position": {"position": 6}, "another time": {"time": TIME - 1}, "another store epoch": {"epoch": 2}}.items():
        refused("D9", f"a receipt signed for {name}", "receipt", signed_receipt(signed=changed), "signature", "BadSignature")
    refused("D9", "a receipt signed as a checkpoint", "receipt", signed_receipt(domain="checkpoint"), "signature", "BadSignature")
    refused("B5", "a receipt at a position beyond 48 bits", "receipt", signed_receipt(position=1 << 48), "encoding", wrong("position", "TooLarge"))
    refused("B2", "a receipt cut short", "receipt", mine[:-1], "encoding", wrong("signature", "Truncated"))
    refused("B6", "a receipt with a byte more", "receipt", mine + b"\0", "encoding", wrong("receipt", "Trailing"))

    def small(fault, name, leaves, what, rule):
        refused(fault, f"short: {name}", "short", short(leaves), "encoding", wrong(what, rule))

    small("B6", "leaves neither known nor shown", b"\2", "leaves", "Value")
    small("B5", "1025 sections", partial(total=1025), "sections", "TooLarge")
    small("B6", "leaves out of order", partial(visible=(2, 0)), "visible leaves", "Order")
    small("B6", "a leaf twice", partial(visible=(2, 2)), "visible leaves", "Order")
    small("B5", "a leaf beyond the sections", partial(visible=(0, 5)), "index", "TooLarge")
    small("B5", "more leaves than sections", partial(total=1, visible=(0, 1)), "visible leaves", "TooLarge")
    small("B5", "1025 siblings", partial(siblings=0)[:-1] + varint(1025), "siblings", "TooLarge")
    small("B2", "siblings that are missing", partial(siblings=0)[:-1] + varint(3) + HASH, "siblings", "Truncated")
    small("B6", "a head neither there nor not", b"\1\2", "head", "Value")
    small("B6", "a byte more", b"\0\0", "checkpoint", "Trailing")
    return out


# --- Files of exchange ---

MAGIC = b"carnet share\n"


def exchange_head(record=b"", magic=MAGIC, version=1):
    return magic + bytes([version]) + record + b"\x0d" * 16


def exchanges():
    """The record of the vault that reads stands where `record` says: the test puts it in."""
    out = Vectors()
    state, done = frame("PeerState", b"\0\0"), frame("PeerDone")
    empty = frame("PeerOperations", b"\0\0")
    ours = bytes(32)

    def read(name, *rest):
        out.read(name, exchange_head(ours) + b"".join(rest), {}, record=14)

    def refused(fault, name, data, step, error, record=14):
        out.refused(fault, name, data, step, error, record=record)

    read("nothing to hand over", state, done)
    read("operations that nobody signed are put aside", state, frame("PeerOperations", listed([carried(b"no operation", (), [])]) + b"\0"), done)
    read("envelopes of a section that is not known wait", state, empty, frame("PeerEnvelopes"), done)
    read("an object that nobody lacks is passed over", state, frame("PeerObjectPart", part(start=0)), done)

    for fault, name, head in (
        ("B2", "no byte", b""), ("B2", "a head cut short", exchange_head(ours)[:-1]), ("B5", "another beginning", exchange_head(ours, b"carnet shore\n")),
        ("C5", "version 0", exchange_head(ours, version=0)), ("C5", "version 2", exchange_head(ours, version=2)),
    ):
        error = "LaterFile" if name == "version 2" else "NotThisRecord"
        refused(fault, name, head + (state + done if len(head) == 62 else b""), "head", error, 0)
    refused("D11", "of another record", exchange_head(b"\x0e" * 32) + state + done, "head", "NotThisRecord", 0)

    def body(fault, name, *rest, error="Malformed"):
        refused(fault, name, exchange_head(ours) + b"".join(rest), "frames", error)

    body("B2", "no frame", error="File(UnexpectedEof)")
    body("B2", "no end", state, error="File(UnexpectedEof)")
    body("B2", "cut in a header", state, done[:3], error="File(UnexpectedEof)")
    body("B2", "cut in a body", state, frame("PeerEnvelopes")[:-1], error="File(UnexpectedEof)")
    body("B6", "a byte after the end", state, done, b"\0")
    body("B6", "a second file after the first", state, done, exchange_head(ours), state, done)
    for kind in ("Hello", "Pull", "Push", "Subscribe", "Operations", "Tail", "Refused", "PeerHello", "PeerOperationsWanted", "PeerObjectWanted", "PeerRefused"):
        body("C2", f"{kind}, which has no place in a file", state, frame(kind), done)
    body("C1", "a frame of no kind", state, b"\xee\0\0\0", done)
    body("C1", "a frame above its limit", state, frame("PeerDone", b"", 1), done)
    body("C1", "a state of a version vector out of order", frame("PeerState", b"\0" + listed([SECTION + listed([entry(2), entry(1)])])), done)
    body("B5", "operations without bytes", state, frame("PeerOperations", varint(4096)), done)
    body("B5", "a part beyond its object", state, frame("PeerObjectPart", part(start=90)), done)
    body("B6", "a frame with a byte more", state, frame("PeerOperations", b"\0\0\0"), done)
    return out


# --- Addresses and tickets ---

KEY_TEXT = "ab" * 32
RELAY_TEXT = f"{KEY_TEXT}@127.0.0.1:4000"


def addresses():
    out = Vectors()

    def read(name, text, said=None):
        out.read(name, text.encode(), {"text": said or text})

    def refused(fault, name, text, error):
        out.refused(fault, name, text.encode(), "address", error)

    read("one address", RELAY_TEXT)
    read("two addresses, put in order", f"{KEY_TEXT}@[::1]:1,127.0.0.1:4000", f"{KEY_TEXT}@127.0.0.1:4000,[::1]:1")
    read("with a token", f"{RELAY_TEXT}/{'0f' * 16}")
    for fault, name, text, error in (
        ("E7", "nothing", "", "Socket"), ("E7", "no address", KEY_TEXT, "Socket"), ("E7", "an empty address", KEY_TEXT + "@", "Socket"),
        ("E7", "a name of a host", f"{KEY_TEXT}@localhost:1", "Socket"), ("E7", "no port", f"{KEY_TEXT}@127.0.0.1", "Socket"),
        ("E7", "port 65536", f"{KEY_TEXT}@127.0.0.1:65536", "Socket"), ("E7", "a comma at the end", RELAY_TEXT + ",", "Socket"),
        ("E7", "a space", f"{KEY_TEXT}@ 127.0.0.1:1", "Socket"), ("B5", "nine addresses", f"{KEY_TEXT}@" + ",".join(["127.0.0.1:1"] * 9), "Socket"),
        ("B5", "a long text", f"{KEY_TEXT}@" + "1" * 9000, "Socket"), ("B6", "a key in capitals", f"{'AB' * 32}@127.0.0.1:1", "Key"),
        ("E7", "a short key", "ab@127.0.0.1:1", "Key"), ("E7", "a key of other letters", f"{'zz' * 32}@127.0.0.1:1", "Key"),
        ("E7", "an empty token", RELAY_TEXT + "/", "Token"), ("E7", "a short token", RELAY_TEXT + "/00", "Token"), ("B6", "a token in capitals", f"{RELAY_TEXT}/{'0F' * 16}", "Token"),
        ("E7", "a text that is no ASCII", f"{'é' * 32}@127.0.0.1:1", "Key"),
    ):
        refused(fault, name, text, error)
    return out


def ticket_bytes(expires=TIME, secret=bytes(range(32)), relay=RELAY_TEXT, inviter="", offer=None, after=b""):
    out = le(expires, 6) + secret + string(relay.encode()) + string(inviter.encode())
    return out + (optional(offer) if not isinstance(offer, int) else bytes([offer])) + after


def ticket(data, prefix="carnet1:", alphabet=base64.urlsafe_b64encode, keep=False):
    text = alphabet(data).decode()
    return prefix + (text if keep else text.rstrip("="))


def tickets():
    """`now` is the clock of whoever reads."""
    out = Vectors()
    offer = RECORD + b"\x0f" * 32 + string(RELAY_TEXT.encode()) + public(1)

    def read(name, text, now=TIME, **said):
        out.read(name, text.encode(), {"relay": None, "inviter": None} | said, now=now)

    def refused(fault, name, text, error="NotATicket", now=TIME):
        out.refused(fault, name, text if isinstance(text, bytes) else text.encode(), "ticket", error, now=now)

    good = ticket(ticket_bytes(offer=offer))
    read("with an offer", good, relay=RELAY_TEXT)
    read("without an offer", ticket(ticket_bytes()), relay=RELAY_TEXT)
    read("to the inviter directly", ticket(ticket_bytes(relay="", inviter=RELAY_TEXT, offer=offer)), inviter=RELAY_TEXT)
    read("with spaces around it", f"  {good}\n", relay=RELAY_TEXT)
    refused("ATK-13", "a millisecond too late", good, "Expired", TIME + 1)
    refused("ATK-13", "years too late", good, "Expired", TIME * 2)
    for fault, name, text in (
        ("E7", "nothing", ""), ("E7", "the prefix alone", "carnet1:"), ("C5", "another version", good.replace("carnet1", "carnet2")),
        ("E7", "no prefix", good[8:]), ("E7", "a prefix in capitals", good.replace("carnet", "CARNET")), ("E7", "a space inside", good[:40] + " " + good[40:]),
        ("B2", "without its last characters", good[:-4]), ("B6", "four characters more", good + "AAAA"), ("B6", "padding", ticket(ticket_bytes(after=b"")[:-2], keep=True)),
        ("B6", "the other alphabet", ticket(ticket_bytes(secret=b"\xff" * 32), alphabet=base64.b64encode)), ("B6", "bits that belong to no byte", good[:-1] + ("B" if good[-1] != "B" else "D")),
        ("B2", "no secret", ticket(le(TIME, 6))), ("B2", "half a secret", ticket(le(TIME, 6) + bytes(16))),
        ("B6", "an offer neither there nor not", ticket(ticket_bytes(offer=2))), ("B2", "an offer cut short", ticket(ticket_bytes(offer=offer[:-1]))),
        ("B6", "a byte after the offer", ticket(ticket_bytes(offer=offer, after=b"\0"))), ("B6", "a byte after no offer", ticket(ticket_bytes(after=b"\0"))),
        ("B6", "a relay that is no address", ticket(ticket_bytes(relay="relay.example:4000"))), ("B6", "a relay with a name", ticket(ticket_bytes(relay=f"{KEY_TEXT}@localhost:1"))),
        ("B5", "an address above its limit", ticket(ticket_bytes(relay="a" * 600))), ("B6", "an address that is no text", ticket(le(TIME, 6) + bytes(32) + string(b"\xff\xfe") + b"\0\0")),
        ("B6", "a length not minimal", ticket(le(TIME, 6) + bytes(32) + b"\x80\0" + b"\0\0")), ("B5", "4097 characters", "carnet1:" + "A" * 4097),
        ("B6", "an offer with a relay that is none", ticket(ticket_bytes(offer=RECORD + bytes(32) + string(b"nowhere") + public(1)))),
    ):
        refused(fault, name, text)
    return out


FILES = {
    "frame": ("Frames: header and body of one frame.", "docs/frames.md", frames),
    "checkpoint": ("Checkpoints, short checkpoints and receipts.", "docs/frames.md, Logs, cursors, checkpoints", checkpoints),
    "exchange": ("Files of exchange.", "docs/frames.md, Two devices", exchanges),
    "address": ("Addresses of relays.", "docs/frames.md, Address of a relay", addresses),
    "ticket": ("Tickets of an invitation.", "docs/format.md, Pairing", tickets),
}
