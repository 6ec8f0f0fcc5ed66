"""Envelopes, batches and exports: what docs/second_reader.py reads too."""

import hashlib
import json
import zlib

from common import (
    BASE, H, IDENTITY, IDENTITY_AGAIN, KDF, L, MINUS_ONE, PROTOCOL, SALT, SEALING, TIME, HERE, Vectors, blake3, device,
    fixed, flip, hexed, le, listed, public, seal, sign, string, unsupported, varint, wrong,
)

KEY = bytes(range(32))
OTHER_KEY = bytes(range(32, 64))
NONCE = bytes(range(0x40, 0x58))
SEEN = b"\x51" * 8 + varint(3) + varint(0) + varint(7) + b"\x41" * 16 + varint(9) + b"\x42" * 16


def deflated(data, bits=-15):
    stream = zlib.compressobj(0, zlib.DEFLATED, bits)
    return stream.compress(data) + stream.flush()


def pad(content, to=None):
    length = to or SEALING.padded_len(len(content) + 1)
    return (content + b"\x80").ljust(length, b"\0")


class Sent(PROTOCOL.Context):
    """An envelope in its context, sealed for real."""

    def __init__(self, seq=1, **changed):
        super().__init__(n=2, seq=seq, epoch=H("kc", KEY), **changed)

    def fields(self, **changed):
        fields = {
            "record": self.record, "section": self.section, "volume": self.volume, "kind": self.kind,
            "key": public(self.n), "salt": SALT, "incarnation": self.incarnation, "previous": self.previous,
            "heads": self.heads, "section-key": KEY,
        } | {name.replace("_", "-"): value for name, value in changed.items()}
        return {name: hexed(value) if isinstance(value, bytes) else value for name, value in fields.items()}

    def seal(self, padded, key=KEY, label="section envelope", aead=None, nonce=NONCE, **flags):
        head = self.header(len(padded), **flags)
        return head, nonce + seal(KDF(label, key), nonce, self.aead(head) if aead is None else aead, padded)

    def signed(self, head, sealed, domain="env", record=None):
        self.name = self.id(head, sealed)
        return head + sealed + sign(self.n, domain, record or self.record, self.name)

    def whole(self, payload, seen=b"", **flags):
        content = string(payload) + seen
        return self.signed(*self.seal(pad(content), checkpoint=bool(seen), **flags))


def changes(*several):
    return listed([string(one) for one in several])


def envelopes():
    out = Vectors()
    one, two = b"a change", b"another change, a little longer"

    def read(name, context, payload, said, **how):
        data = context.whole(payload, **how)
        out.read(name, data, {"id": context.name.hex()} | said, **context.fields())

    listing = {"changes": [one.hex(), two.hex()]}
    read("the first of a feed", Sent(), changes(one, two), listing)
    read("a later one, without heads", Sent(5), changes(one, two), listing, with_heads=False)
    read("deflated", Sent(), deflated(changes(one, two)), listing, deflated=1)
    read("with the checkpoint last seen", Sent(), changes(one, two), listing, seen=SEEN)
    read("deflated, with a checkpoint", Sent(300), deflated(changes(one)), {"changes": [one.hex()]}, deflated=1, seen=SEEN)
    read("in volume 31", Sent(volume=31), changes(one), {"changes": [one.hex()]})
    read("in a rebased volume", Sent(volume=4294967295), changes(one), {"changes": [one.hex()]})
    long = bytes(range(256)) * 5
    read("longer than 1024 bytes", Sent(), changes(long), {"changes": [long.hex()]})
    read("a batch", Sent(kind=2), batch(), {"batch": batch_id(), "kind": "heart-rate", "samples": 2})

    first, later = Sent(), Sent(5)
    good, second = first.whole(changes(one, two)), later.whole(changes(one, two), with_heads=False)
    head, sealed = first.seal(pad(string(changes(one, two))))

    def refused(fault, name, data, step, error, context=first, **changed):
        out.refused(fault, name, data, step, error, **context.fields(**changed))

    header_faults(refused, good, second, later)
    context_faults(refused, good, second, later)
    signature_faults(refused, first, head, sealed)
    seal_faults(refused, first, one)
    payload_faults(refused, first, one)
    return out


def header_faults(refused, good, second, later):
    head = later.header(128, with_heads=False)

    def cut(new):
        return new + second[len(head) :]

    for version in (0, 2, 15):
        refused("B5", f"version {version}", bytes([version << 4 | 1]) + good[1:], "header", unsupported("version", version))
    for kind in (0, 4):
        refused("B5", f"kind {kind}", bytes([0x10 | kind]) + good[1:], "header", unsupported("envelope kind", kind))
    refused("B5", "position 0", flip(good, 9), "header", wrong("seq", "TooSmall"))
    refused("B5", "position 2^21", cut(Sent(2097152).header(with_heads=False)), "header", wrong("seq", "TooLarge"), later)
    refused("B6", "position not minimal", cut(head[:9] + b"\x85\0" + head[10:]), "header", wrong("seq", "NotMinimal"), later)
    refused("B6", "the first without heads", cut(Sent().header(with_heads=False)), "header", wrong("membership heads", "Value"))
    small = head[:14] + b"\xf8\x1e" + head[15:]
    refused("B6", "volume 30 written long", cut(small), "header", wrong("volume", "NotMinimal"), later)
    large = head[:14] + b"\xf8" + varint(2**32) + head[15:]
    refused("B5", "volume 2^32", cut(large), "header", wrong("volume", "TooLarge"), later)
    for length, rule in ((0, "TooSmall"), (127, "TooSmall"), (1048440, "TooLarge"), (2**63, "TooLarge")):
        bad = cut(head[:15] + varint(length))
        refused("B5", f"ciphertext of {length}", bad, "header", wrong("length of the ciphertext", rule), later)
    bad = cut(head[:15] + b"\x80\x81\0")
    refused("B6", "length not minimal", bad, "header", wrong("length of the ciphertext", "NotMinimal"), later)
    refused("B2", "nothing", b"", "header", wrong("version and kind", "Truncated"))
    refused("B2", "the header alone", head, "header", wrong("nonce", "Truncated"), later)
    refused("B2", "cut in the ciphertext", good[:100], "header", wrong("ciphertext", "Truncated"))
    refused("B2", "cut in the signature", good[:-1], "header", wrong("signature", "Truncated"))
    refused("B2", "a byte more", good + b"\0", "header", wrong("envelope", "Trailing"))
    refused("B5", "above 1 MiB", good + bytes(1048577 - len(good)), "header", wrong("envelope", "TooLarge"))


def context_faults(refused, good, second, later):
    def contradicts(what):
        return f'Contradicts("{what}")'

    other = b"\x70"
    refused("B3", "in another section", good, "context", contradicts("feed"), section=other * 16)
    refused("B3", "in another volume", good, "context", contradicts("volume"), volume=1)
    refused("B3", "as another kind", good, "context", contradicts("kind"), kind=2)
    refused("B3", "in another epoch", good, "context", contradicts("epoch"), section_key=OTHER_KEY)
    refused("B3", "with another view", good, "context", contradicts("membership heads"), heads=other * 32)
    refused("B3", "after a predecessor that it does not have", good, "context", contradicts("predecessor"), previous=other * 32)
    refused("B3", "as the first when it is not", second, "context", contradicts("predecessor"), later, previous=bytes(32))
    refused("ATK-17", "of another device", good, "context", contradicts("feed"), key=public(3))
    refused("ATK-18", "of another incarnation", good, "context", contradicts("feed"), incarnation=other * 8)
    refused("B3", "of a record with another salt", good, "context", contradicts("feed"), salt=other * 32)
    refused("B3", "in another record", good, "signature", "Signature", record=other * 32)
    refused("ATK-6", "after another predecessor", second, "signature", "Signature", later, previous=other * 32)
    hidden = later.heads[:31] + bytes([later.heads[31] ^ 1])
    refused("ATK-36", "with another view that the hint does not tell", good, "signature", "Signature", heads=hidden)


def signature_faults(refused, first, head, sealed):
    good = first.signed(head, sealed)
    body, signature = good[:-64], good[-64:]
    places = {"the nonce": len(head), "the ciphertext": len(head) + 30, "the tag": len(body) - 1, "R": len(body), "S": len(body) + 33}
    for name, at in places.items():
        refused("ATK-5", f"a bit of {name}", flip(good, at), "signature", "Signature")
    s = int.from_bytes(signature[32:], "little")
    refused("B6", "S and the order of the group", body + signature[:32] + (s + L).to_bytes(32, "little"), "signature", "Signature")
    refused("B1", "no signature", body + bytes(64), "signature", "Signature")
    refused("ATK-4", "signed as an operation", first.signed(head, sealed, domain="op"), "signature", "Signature")
    refused("ATK-4", "signed for another record", first.signed(head, sealed, record=b"\x70" * 32), "signature", "Signature")
    name = first.id(head, sealed)
    refused("C6", "the id itself signed, without a domain", body + raw_sign(2, name), "signature", "Signature")
    message = H("sign", b"\1", b"env", first.record, name)
    for what, r in (("R of low order", IDENTITY), ("R of low order, written otherwise", IDENTITY_AGAIN)):
        k = int.from_bytes(hashlib.sha512(r + public(2) + message).digest(), "little")
        refused("C6", what, body + r + (k * scalar(2) % L).to_bytes(32, "little"), "signature", "Signature")
    for what, key in (("the neutral point", IDENTITY), ("the neutral point written otherwise", IDENTITY_AGAIN), ("a point of order two", MINUS_ONE)):
        forged_in(refused, what, key)


def forged_in(refused, what, key):
    """Under a key of low order R = B, S = 1 is a signature of many messages, for whoever does not look."""
    for seq in range(1, 40):
        context = Sent(seq)
        feed = H("feed", H("device", SALT, key)[:16], context.incarnation, context.section, fixed(0), b"\1")[:16]
        padded = pad(string(changes(b"forged")))
        head = PROTOCOL.header(1, feed, seq, context.epoch, 0, context.heads, len(padded))
        full = [context.record, context.section, fixed(0), b"\1", key, context.incarnation, context.previous, context.heads, context.epoch, head]
        sealed = NONCE + seal(KDF("section envelope", KEY), NONCE, b"".join(full), padded)
        message = H("sign", b"\1", b"env", context.record, H("env", *full, blake3(sealed)))
        k = int.from_bytes(hashlib.sha512(BASE + key + message).digest(), "little") % L
        if k % 2 == 0:
            break
    data = head + sealed + BASE + (1).to_bytes(32, "little")
    refused("C6", f"a key that is {what}", data, "signature", "Signature", context, key=key)


def scalar(n):
    digest = bytearray(hashlib.sha512(PROTOCOL.seed(n)).digest()[:32])
    digest[0] &= 248
    digest[31] = digest[31] & 127 | 64
    return int.from_bytes(digest, "little")


def raw_sign(n, message):
    return PROTOCOL.Ed25519PrivateKey.from_private_bytes(PROTOCOL.seed(n)).sign(message)


def seal_faults(refused, first, one):
    padded = pad(string(changes(one)))

    def resigned(fault, name, head, sealed):
        refused(fault, name, first.signed(head, sealed), "seal", "Seal")

    head, sealed = first.seal(padded)
    resigned("B1", "a bit of the ciphertext, signed again", head, flip(sealed, 30))
    resigned("B1", "a bit of the nonce, signed again", head, flip(sealed, 3))
    resigned("B1", "a bit of the tag, signed again", head, flip(sealed, len(sealed) - 1))
    resigned("C6", "sealed under the key of another epoch", *first.seal(padded, key=OTHER_KEY))
    resigned("C6", "sealed as an object", *first.seal(padded, label="section object"))
    resigned("B3", "sealed without a context", *first.seal(padded, aead=b""))
    resigned("B3", "sealed at another position", *first.seal(padded, aead=Sent(2).aead(Sent(2).header(len(padded)))))
    resigned("B3", "sealed in another section", *first.seal(padded, aead=Sent(section=b"\x70" * 16).aead(head)))
    longer = Sent(2).header(len(padded), with_heads=False)
    resigned("B3", "sealed with another header", *first.seal(padded, aead=first.aead(longer)))


def payload_faults(refused, first, one):
    good = string(changes(one))

    def sealed(fault, name, padded, step, error, **flags):
        refused(fault, name, first.signed(*first.seal(padded, **flags)), step, error)

    for name, padded in {
        "zeros only": bytes(128), "no mark": good.ljust(128, b"\1"), "another mark": pad(good).replace(b"\x80", b"\x81"),
        "a byte after the mark": pad(good)[:-1] + b"\1", "128 bytes too many": pad(good, 256),
        "a step that only small ones have": pad(string(changes(bytes(1100))), 1152 + 128), "no content": b"\x80".ljust(256, b"\0"),
    }.items():
        sealed("B6", name, padded, "padding", "Padding")

    def plain(fault, name, content, error, **flags):
        sealed(fault, name, pad(content), "plaintext", error, **flags)

    plain("B5", "a payload longer than what is there", varint(900) + good[1:], wrong("payload", "Truncated"))
    plain("B5", "a payload of 8 MiB and one", varint((8 << 20) + 1) + good[1:], wrong("payload", "TooLarge"))
    plain("B6", "a length not minimal", bytes([good[0] | 0x80, 0]) + good[1:], wrong("payload", "NotMinimal"))
    plain("B6", "a byte after the payload", good + b"\0\1", wrong("plaintext", "Trailing"))
    plain("B5", "a checkpoint that is announced and missing", good, wrong("checkpoint", "Truncated"), checkpoint=1)
    plain("B5", "a checkpoint cut short", good + SEEN[:-1], wrong("checkpoint", "Truncated"), checkpoint=1)
    plain("B6", "a checkpoint that is not announced", good + SEEN, wrong("plaintext", "Trailing"))

    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = bomb.compress(bytes((8 << 20) + 1)) + bomb.flush()
    listing = changes(one)
    for fault, name, stream in (
        ("B6", "a payload that is not deflated", listing), ("B2", "no stream", b""), ("B2", "a stream without its end", deflated(listing)[:-3]),
        ("B2", "only a block that is not the last", b"\0\1\0\xfe\xffa"), ("B6", "a byte after the stream", deflated(listing) + b"\0"),
        ("B6", "two streams", deflated(listing) * 2), ("B6", "a zlib header before it", deflated(listing, 15)),
        ("ATK-19", "8 MiB and one byte in a few", bomb),
    ):
        sealed(fault, name, pad(string(stream)), "inflate", "Inflate", deflated=1)

    for fault, name, payload, error in (
        ("B5", "no change", b"\0", wrong("changes", "TooSmall")), ("B5", "an empty change", changes(one, b""), wrong("change", "TooSmall")),
        ("ATK-19", "1025 changes", varint(1025) + b"\1a" * 1025, wrong("changes", "TooLarge")),
        ("B5", "1024 changes without bytes", varint(1024), wrong("changes", "Truncated")),
        ("B6", "a byte after the changes", listing + b"\0", wrong("changes", "Trailing")),
        ("B6", "a count not minimal", b"\x81\0" + listing[1:], wrong("changes", "NotMinimal")),
        ("B2", "a change cut short", listing[:-1], wrong("change", "Truncated")), ("B2", "an empty payload", b"", wrong("changes", "Truncated")),
    ):
        sealed(fault, name, pad(string(payload)), "changes", error)

    measured = Sent(kind=2)
    for fault, name, payload, step, error in (
        ("ATK-29", "changes where a batch should be", listing, "batch", wrong("starts", "Truncated")),
        ("ATK-29", "a batch out of order", batch(starts=[MONTH + 1, MONTH]), "columns", "Unsorted"),
        ("ATK-29", "a batch of another count", batch(count=3), "column", "Column"),
    ):
        refused(fault, name, measured.whole(payload), step, error, measured)


# --- Batches ---

MONTH = 1767225600000  # 2026-01-01T00:00:00Z
DAY = 86400000


class Packed:
    """One column in pco's own form, the plainest there is: one bin, no delta. Every part of it can be made wrong."""

    def __init__(self, numbers, **changed):
        self.start, self.version, self.kind, self.mode, self.delta, self.after = b"pco!\3\0", b"\4\1", 4, 0, (), b"\0"
        self.hint = self.stated = len(numbers)
        self.log, self.weights, self.offset_bits, self.filler, self.end, self.chunks = 0, (1,), None, 0, b"", 1
        self.numbers, self.bits = numbers, []
        self.__dict__.update(changed)

    def add(self, *pairs):
        for value, width in pairs:
            self.bits += [value >> i & 1 for i in range(width)]

    def align(self, filler=0):
        while len(self.bits) % 8:
            self.bits.append(filler)

    def taken(self):
        self.align()
        data = bytes(sum(bit << i for i, bit in enumerate(self.bits[at : at + 8])) for at in range(0, len(self.bits), 8))
        self.bits = []
        return data

    def chunk(self):
        latents = [number + 2**63 for number in self.numbers]
        least = min(latents, default=0)
        width = self.offset_bits if self.offset_bits is not None else max((n - least for n in latents), default=0).bit_length()
        self.add((self.kind, 8), (self.stated - 1 & 0xFFFFFF, 24), (self.mode, 4), *(self.delta or [(0, 4)]))
        self.add((self.log, 4), (len(self.weights), 15))
        for weight in self.weights:
            self.add((weight - 1, self.log), (least, 64), (width, 7))
        self.align(self.filler)
        self.add(*((0, self.log),) * 4)
        self.align(self.filler)
        self.add(*((latent - least, min(width, 64)) for latent in latents))
        return self.taken()

    def bytes(self):
        self.add((max(self.hint.bit_length(), 1) - 1, 6), (self.hint, max(self.hint.bit_length(), 1)))
        return self.start + self.taken() + self.version + self.chunk() * self.chunks + self.after + self.end


def pack(numbers, **changed):
    return Packed(numbers, **changed).bytes()


def zigzag(minutes):
    return 0 if minutes is None else (2 * minutes if minutes >= 0 else -2 * minutes - 1) + 1


def columns(**changed):
    """The canonical columns without their numbers; what is not said is as in the example of docs/format.md."""
    c = {
        "version": 1, "names": [b"heart-rate", "Santé".encode(), b"Montre", b"count/min"], "month": varint(2026 * 12), "part": varint(0),
        "stated": varint(2), "form": 0, "scale": 1, "odd": [], "codes": [], "runs": [(1, zigzag(60)), (1, 0)], "own": b"\0", "has_lengths": 1, "end": b"",
    } | changed
    out = bytes([c["version"]]) + b"".join(string(name) for name in c["names"]) + c["month"] + c["part"] + c["stated"] + bytes([c["form"]])
    if c["form"] == 1:
        out += c.get("codes_count", varint(len(c["codes"]))) + b"".join(string(code) for code in c["codes"])
    else:
        out += bytes([c["scale"]]) + c.get("odd_count", varint(len(c["odd"]))) + b"".join(varint(at) + string(text) for at, text in c["odd"])
    out += c.get("runs_count", varint(len(c["runs"]))) + b"".join(varint(length) + varint(code) for length, code in c["runs"])
    return out + c["own"] + bytes([c["has_lengths"]]) + c["end"]


EXAMPLE = {"starts": [MONTH, MONTH], "lengths": [0, 1000], "values": [615, 700]}


def batch(count=None, packed=None, after=b"", **changed):
    if changed.get("has_lengths") == 0:
        changed.setdefault("lengths", [])
    numbers = {name: changed.pop(name, column) for name, column in EXAMPLE.items()}
    rest = changed.pop("rest", None)
    rest = columns(**changed) if rest is None else rest
    made = {name: pack(column) if column or name != "lengths" else b"" for name, column in numbers.items()} | (packed or {})
    return varint(len(numbers["starts"]) if count is None else count) + string(rest) + b"".join(string(made[name]) for name in EXAMPLE) + after


def batch_id(rest=None, **numbers):
    numbers = EXAMPLE | numbers
    return H("batch", (columns() if rest is None else rest) + b"".join(le(n, 8) for name in EXAMPLE for n in numbers[name])).hex()


def one(**changed):
    """A batch of one sample at one instant, without an offset."""
    plain = {"stated": varint(1), "scale": 0, "runs": [(1, 0)], "has_lengths": 0, "starts": [MONTH], "values": [61], "lengths": []}
    return batch(**(plain | changed))


def batches():
    out = Vectors()

    def read(name, kind=b"heart-rate", packed=None, **changed):
        rest = columns(**{key: value for key, value in changed.items() if key not in EXAMPLE})
        numbers = {key: changed.get(key, column) for key, column in EXAMPLE.items()}
        said = {"batch": batch_id(rest, **numbers), "kind": "heart-rate", "samples": len(numbers["starts"])}
        out.read(name, batch(packed=packed, **changed), said)

    read("the example of the format")
    single = {"stated": varint(1), "scale": 0, "runs": [(1, 0)], "has_lengths": 0, "starts": [MONTH], "values": [-7], "lengths": []}
    read("one sample below zero", **single)
    read("the last instant of a month, in part 65535", **single | {"starts": [MONTH + 31 * DAY - 1], "part": varint(65535)})
    read("codes", form=1, codes=["endormi".encode(), "éveillé".encode()], values=[1, 0], starts=[MONTH, MONTH + 1])
    odd = [(0, b"0.0123456789"), (1, b"1234567890.5")]
    read("numbers that do not fit a column", scale=9, odd=odd, values=[0, 0])
    read("offsets as far as they go", runs=[(1, zigzag(-1080)), (1, zigzag(1080))])
    read("own identifiers, one of them missing", own=b"\1\1" + bytes(16) + b"\0")
    read("in the year 1", **single | {"month": varint(12), "starts": [-62135596800000]})
    read("at the end of 9999", **single | {"month": varint(9999 * 12 + 11), "starts": [253402300799999]})
    read("names of no byte", names=[b"heart-rate", b"", b"", b""])
    for name, many in json.loads((HERE / "packed.json").read_text()).items():
        starts, values = series(name)
        count = len(starts)
        read(f"as pco wrote it: {name}", packed={key: bytes.fromhex(many[key]) for key in ("starts", "values")}, starts=starts, values=values,
             lengths=[], has_lengths=0, stated=varint(count), scale=0, runs=[(count, 0)])
    batch_faults(out)
    column_faults(out)
    columns_faults(out)
    return out


def series(name):
    """The numbers of `packed.json`, which pco compressed each in its own way."""
    if name == "a regular beat":
        return [MONTH + 1000 * n for n in range(700)], [60 + n % 40 for n in range(700)]
    if name == "noise":
        return [MONTH + 977 * n + n * n % 31 for n in range(600)], [n * 6364136223846793005 % 2**64 >> 54 for n in range(600)]
    if name == "multiples":
        pairs = sorted((MONTH + 60000 * (n + n * n % 7), 1000 * (n * 2654435761 % 2**32 >> 22)) for n in range(600))
        return [start for start, _ in pairs], [value for _, value in pairs]
    if name == "a pattern that comes back":
        steps = [n * n * 7919 % 100003 for n in range(97)]
        return [MONTH + 60000 * n for n in range(900)], [steps[n % 97] for n in range(900)]
    raise KeyError(name)


def batch_faults(out):
    def refused(fault, name, data, error):
        out.refused(fault, name, data, "batch", error)

    good = batch()
    refused("B2", "nothing", b"", wrong("samples", "Truncated"))
    refused("B6", "a count not minimal", b"\x82\0" + good[1:], wrong("samples", "NotMinimal"))
    refused("ATK-29", "65537 samples", varint(65537) + good[1:], wrong("samples", "TooLarge"))
    refused("B2", "columns cut short", good[:20], wrong("header", "TooLarge"))
    refused("B2", "no starts", good[: 1 + len(string(columns()))], wrong("starts", "Truncated"))
    refused("B2", "values cut short", good[:-1], wrong("values", "Truncated"))
    refused("B6", "a byte after the values", good + b"\0", wrong("batch", "Trailing"))


def column_faults(out):
    def refused(fault, name, made, column="values"):
        out.refused(fault, name, batch(packed={column: made}), "column", "Column")

    numbers = EXAMPLE["values"]
    out.refused("ATK-29", "fewer numbers than samples", batch(count=3), "column", "Column")
    out.refused("ATK-29", "no sample", batch(count=0), "column", "Column")
    refused("B2", "no starts in the column", b"", "starts")
    refused("B2", "no values in the column", b"")
    refused("B6", "numbers that are not compressed", b"".join(le(n, 8) for n in numbers))
    refused("B5", "another beginning", pack(numbers, start=b"pcq!\3\0"))
    refused("B5", "another standalone version", pack(numbers, start=b"pco!\2\0"))
    refused("B6", "a type for the whole file", pack(numbers, start=b"pco!\3\4"))
    refused("B6", "a hint of another count", pack(numbers, hint=3))
    refused("B5", "another version of the format", pack(numbers, version=b"\5\0"))
    for kind, name in ((2, "unsigned"), (6, "floating point"), (3, "of 32 bits")):
        refused("B5", f"numbers {name}", pack(numbers, kind=kind))
    refused("ATK-29", "a chunk of fewer numbers", pack(numbers, stated=1))
    refused("ATK-29", "a chunk of more numbers", pack(numbers, stated=3))
    refused("ATK-29", "a chunk of 2^24 numbers", pack(numbers, stated=1 << 24))
    refused("B6", "a second chunk", pack(numbers, chunks=2))
    refused("B6", "no end", pack(numbers, after=b""))
    refused("B6", "a byte after the end", pack(numbers, end=b"\0"))
    for mode, name in ((2, "multiples of a fraction"), (3, "rounded fractions"), (4, "a dictionary of 2^25 numbers"), (9, "no mode")):
        bits = [(0x1FFFFFF, 25)] if mode == 4 else [(0, 4)]
        refused("ATK-29", f"a mode that is not written: {name}", pack(numbers, mode=mode, delta=bits))
    for delta, name in (([(2, 4), (16, 5), (0, 4), (0, 1)], "a window of 2^17"), ([(2, 4), (23, 5), (0, 4), (0, 1)], "a window of 2^24"),
                        ([(2, 4), (3, 5), (5, 4), (0, 1)], "a state larger than its window"), ([(3, 4), (0, 5), (0, 64), (0, 5), (0, 32)], "a convolution"),
                        ([(1, 4), (0, 3), (0, 1)], "differences of order 0"), ([(7, 4)], "no delta")):
        refused("ATK-29", f"a delta that is not written: {name}", pack(numbers, delta=delta))
    refused("B5", "a table of 2 for one bin", pack(numbers, log=1, weights=(2,)))
    refused("B5", "bins that do not fill their table", pack(numbers, log=2, weights=(1, 2)))
    refused("B5", "more bins than places", pack(numbers, log=1, weights=(1, 1, 1)))
    refused("B5", "65 bits beyond the least number", pack(numbers, offset_bits=65))
    refused("B6", "filler that is not zero", pack(numbers, filler=1))
    refused("B2", "a column cut short", pack(numbers)[:-2])


def columns_faults(out):
    def refused(fault, name, error, **changed):
        out.refused(fault, name, batch(**changed), "columns", error)

    def alone(fault, name, error, **changed):
        out.refused(fault, name, one(**changed), "columns", error)

    def canonical(what):
        return f'NotCanonical("{what}")'

    def over(what):
        return f'OverLimit("{what}")'

    for version in (0, 2):
        refused("B5", f"columns of version {version}", "UnknownVersion", version=version)
    refused("B5", "a name of 257 bytes", over("name"), names=[b"a" * 257, b"", b"", b""])
    refused("B6", "a name that is no text", canonical("text"), names=[b"\xff\xfe", b"", b"", b""])
    for number in (11, 120000, 2**40):
        refused("B5", f"month {number}", canonical("month"), month=varint(number))
    refused("B6", "a month not minimal", canonical("varint"), month=bytes([varint(2026 * 12)[0], varint(2026 * 12)[1], varint(2026 * 12)[2] | 0x80, 0]))
    refused("B5", "part 65536", over("parts"), part=varint(65536))
    refused("B5", "a number of 70 bits", canonical("varint"), part=b"\xff" * 10 + b"\0")
    refused("ATK-29", "columns of no sample", canonical("empty"), stated=varint(0))
    refused("ATK-29", "columns of 65537 samples", over("samples"), stated=varint(65537))
    alone("ATK-29", "columns of fewer samples than the batch", canonical("columns of different length"), starts=[MONTH, MONTH], values=[1, 2])
    refused("B5", "a third form", canonical("form"), form=2)
    refused("B5", "scale 10", over("scale"), scale=10)
    refused("B6", "a scale that no value needs", canonical("scale"), scale=2, values=[6150, 7000])
    refused("B6", "a scale of nines that no value needs", canonical("scale"), scale=9, values=[6150, 7000])
    refused("ATK-29", "a number of 19 digits", over("digits"), values=[615, 10**18])
    refused("B5", "more exceptions than samples", over("exceptions"), odd_count=varint(3))
    refused("B5", "an exception for no sample", over("exception"), scale=9, odd=[(2, b"0.0123456789")])
    for text in (b"abc", b"", b" 1", b"1,5", b"1.", b"0x10"):
        refused("B6", f"an exception that is no number: {text.decode() or 'nothing'}", canonical("number") if text not in (b"1.",) else canonical("exception"), scale=9, odd=[(0, text)], values=[0, 1])
    for text in (b"1.50", b"+1", b"1e3", b"-0", b"007"):
        refused("B6", f"an exception in another form: {text.decode()}", canonical("exception"), scale=9, odd=[(0, text)], values=[0, 1])
    refused("B5", "an exception of 22 bytes", over("number"), scale=9, odd=[(0, b"0." + b"1" * 20)], values=[0, 1])
    refused("B6", "an exception that fits", canonical("exception"), odd=[(0, b"61.5")], values=[0, 700])
    refused("B6", "an exception beside a number", canonical("exception"), scale=9, odd=[(0, b"0.0123456789")], values=[5, 7])
    refused("B6", "exceptions out of order", canonical("exception"), scale=9, odd=[(1, b"0.0123456789"), (0, b"0.0123456789")], values=[0, 0])
    codes = {"form": 1, "starts": [MONTH, MONTH + 1]}
    refused("B6", "an empty code", canonical("codes"), **codes, codes=[b"", b"b"], values=[0, 1])
    refused("B5", "a code of 65 bytes", over("code"), **codes, codes=[b"a" * 65, b"b"], values=[0, 1])
    refused("B6", "codes out of order", canonical("codes"), **codes, codes=[b"b", b"a"], values=[0, 1])
    refused("B6", "a code twice", canonical("codes"), **codes, codes=[b"a", b"a"], values=[0, 1])
    refused("B6", "a code that nothing uses", canonical("unused code"), **codes, codes=[b"a", b"b"], values=[0, 0])
    refused("B5", "a code beyond the list", canonical("code"), **codes, codes=[b"a"], values=[0, 1])
    refused("B5", "a code below the list", canonical("code"), **codes, codes=[b"a"], values=[-1, 0])
    refused("B5", "1025 codes", over("codes"), **codes, codes_count=varint(1025), codes=[], values=[0, 1])
    refused("B6", "a run of nothing", canonical("runs"), runs=[(0, 1), (2, 0)])
    refused("B6", "two runs that are one", canonical("runs"), runs=[(1, 0), (1, 0)])
    refused("B6", "runs that end too early", canonical("runs"), runs=[(1, 0)])
    refused("B5", "runs beyond the samples", over("run"), runs=[(1, 0), (2, 3)])
    refused("B5", "more runs than samples", over("runs"), runs_count=varint(3))
    for minutes in (1081, -1081):
        refused("ATK-29", f"an offset of {minutes} minutes", "Unsound", runs=[(1, zigzag(minutes)), (1, 0)])
    refused("B5", "an offset beyond 16 bits", "Unsound", runs=[(1, 2**17), (1, 0)])
    refused("B6", "a flag of own identifiers that is 2", canonical("flag"), own=b"\2")
    refused("B6", "own identifiers, all missing", canonical("own ids"), own=b"\1\0\0")
    refused("B6", "an own identifier with flag 2", canonical("flag"), own=b"\1\2\0")
    out.refused("B2", "own identifiers cut short", batch(rest=columns(own=b"\1\1" + bytes(16) + b"\1" + bytes(16))[:-6]), "columns", "Truncated")
    refused("B6", "a flag of lengths that is 2", canonical("flag"), has_lengths=2)
    refused("B6", "lengths that are all zero", canonical("lengths"), lengths=[0, 0])
    refused("B5", "lengths that are announced and missing", canonical("columns of different length"), packed={"lengths": b""})
    refused("B5", "lengths that are not announced", canonical("columns of different length"), has_lengths=0, lengths=[0, 1000])
    refused("B6", "a byte after the columns", "TrailingBytes", end=b"\0")
    out.refused("B2", "columns that end in a name", batch(rest=columns()[:9]), "columns", "Truncated")
    out.refused("B2", "columns of no byte", batch(rest=b""), "columns", "Truncated")
    alone("ATK-29", "a sample before its month", "OutsideMonth", starts=[MONTH - 1])
    alone("ATK-29", "a sample after its month", "OutsideMonth", starts=[MONTH + 31 * DAY])
    refused("ATK-29", "samples out of order", "Unsorted", starts=[MONTH + 1, MONTH], has_lengths=0)
    refused("ATK-29", "samples out of order by their end", "Unsorted", lengths=[1000, 0])
    refused("ATK-29", "samples out of order by their value", "Unsorted", has_lengths=0, values=[700, 615])
    refused("ATK-29", "a sample twice", "Unsorted", has_lengths=0, values=[615, 615])
    refused("ATK-29", "an end before its start", "Unsound", lengths=[-1, 1000])
    refused("ATK-29", "an end after the year 9999", "Unsound", lengths=[0, 253402300800000 - MONTH])
    refused("ATK-29", "an end beyond all numbers", "Unsound", lengths=[0, 2**63 - 1])


FILES = {
    "envelope": ("Envelopes: read, verified, opened, down to their changes or samples.", "docs/protocol.md, 7; docs/format.md, Sealing, Padding", envelopes),
    "batch": ("Batches: the payload of an envelope of kind 2.", "docs/format.md, Batches and Measure columns", batches),
}
