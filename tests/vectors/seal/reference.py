"""A second implementation of the sealing formats of docs/format.md, which shares no code with the first.

It reads the vector files beside it and recomputes every known answer; `python3 reference.py` says how many agreed and
ends with status 1 if one did not. It needs the package `cryptography` (48 or later) for ChaCha20-Poly1305, X25519,
Ed25519, ML-KEM-768 and Argon2id. BLAKE3, HChaCha20, HPKE and X-Wing are written out below.
"""

import hashlib
import hmac
import pathlib
import struct
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

# --- BLAKE3 (https://github.com/BLAKE3-team/BLAKE3-specs), one level of the tree at a time ---

IV = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19]
PERMUTATION = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
CHUNK_START, CHUNK_END, PARENT, ROOT, DERIVE_CONTEXT, DERIVE_MATERIAL = 1, 2, 4, 8, 32, 64
MASK = 0xFFFFFFFF


def rotate(x, n):
    return ((x >> n) | (x << (32 - n))) & MASK


def compress(cv, block, counter, length, flags):
    m = list(struct.unpack("<16I", block.ljust(64, b"\0")))
    v = list(cv) + IV[:4] + [counter & MASK, counter >> 32, length, flags]

    def mix(a, b, c, d, x, y):
        v[a] = (v[a] + v[b] + x) & MASK
        v[d] = rotate(v[d] ^ v[a], 16)
        v[c] = (v[c] + v[d]) & MASK
        v[b] = rotate(v[b] ^ v[c], 12)
        v[a] = (v[a] + v[b] + y) & MASK
        v[d] = rotate(v[d] ^ v[a], 8)
        v[c] = (v[c] + v[d]) & MASK
        v[b] = rotate(v[b] ^ v[c], 7)

    for turn in range(7):
        for i in range(4):
            mix(i, 4 + i, 8 + i, 12 + i, m[2 * i], m[2 * i + 1])
        for i in range(4):
            mix(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4, m[8 + 2 * i], m[9 + 2 * i])
        m = [m[i] for i in PERMUTATION]
    return [v[i] ^ v[i + 8] for i in range(8)]


def blake3(data, key=None, flags=0):
    key = key or IV
    chunks = [data[i : i + 1024] for i in range(0, len(data), 1024)] or [b""]
    nodes = []
    for number, chunk in enumerate(chunks):
        cv = key
        blocks = [chunk[i : i + 64] for i in range(0, len(chunk), 64)] or [b""]
        for i, block in enumerate(blocks):
            extra = (CHUNK_START if i == 0 else 0) | (CHUNK_END if i == len(blocks) - 1 else 0)
            if len(chunks) == 1 and i == len(blocks) - 1:
                extra |= ROOT
            cv = compress(cv, block, number, len(block), flags | extra)
        nodes.append(cv)
    while len(nodes) > 1:
        root = ROOT if len(nodes) == 2 else 0
        pairs = [nodes[i : i + 2] for i in range(0, len(nodes), 2)]
        nodes = [
            compress(key, struct.pack("<16I", *pair[0], *pair[1]), 0, 64, flags | PARENT | root)
            if len(pair) == 2
            else pair[0]
            for pair in pairs
        ]
    return struct.pack("<8I", *nodes[0])


# --- Encoding, hashes, derivations ---


def varint(number):
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def H(label, *parts):
    context = struct.unpack("<8I", blake3(("carnet/1 " + label).encode(), flags=DERIVE_CONTEXT))
    data = b"".join(varint(len(part)) + part for part in parts)
    return blake3(data, list(context), DERIVE_MATERIAL)


def KDF(label, key, *parts):
    return H("key " + label, key, *parts)


# --- XChaCha20-Poly1305 ---


def hchacha20(key, prefix):
    s = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *struct.unpack("<8I", key), *struct.unpack("<4I", prefix)]

    def quarter(a, b, c, d):
        for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = (s[x] + s[y]) & MASK
            s[z] ^= s[x]
            s[z] = ((s[z] << n) | (s[z] >> (32 - n))) & MASK

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<8I", *s[:4], *s[12:])


def seal(key, nonce, associated, plaintext):
    """XChaCha20-Poly1305: ciphertext and tag."""
    cipher = ChaCha20Poly1305(hchacha20(key, nonce[:16]))
    return cipher.encrypt(bytes(4) + nonce[16:], plaintext, associated)


def open_sealed(key, nonce, associated, sealed):
    cipher = ChaCha20Poly1305(hchacha20(key, nonce[:16]))
    return cipher.decrypt(bytes(4) + nonce[16:], sealed, associated)


# --- X-Wing (draft-connolly-cfrg-xwing-kem) and HPKE (RFC 9180, draft-ietf-hpke-pq) ---

XWING, HKDF_SHA256, CHACHA = 0x647A, 1, 3


def xwing_key(material):
    """DeriveKeyPair: SHAKE256.LabeledDerive(ikm, "DeriveKeyPair", "", 32)."""
    suite = b"KEM" + XWING.to_bytes(2)
    label = b"DeriveKeyPair"
    text = material + b"HPKE-v1" + suite + len(label).to_bytes(2) + label + (32).to_bytes(2)
    secret = hashlib.shake_256(text).digest(32)
    expanded = hashlib.shake_256(secret).digest(96)
    return MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), X25519PrivateKey.from_private_bytes(expanded[64:])


def xwing_public(pair):
    return pair[0].public_key().public_bytes_raw() + pair[1].public_key().public_bytes_raw()


def xwing_decapsulate(pair, encapsulation):
    point = encapsulation[1088:]
    shared_m = pair[0].decapsulate(encapsulation[:1088])
    shared_x = pair[1].exchange(X25519PublicKey.from_public_bytes(point))
    return hashlib.sha3_256(shared_m + shared_x + point + xwing_public(pair)[1184:] + b"\\.//^\\").digest()


def hpke_open(pair, info, sealed):
    suite = b"HPKE" + XWING.to_bytes(2) + HKDF_SHA256.to_bytes(2) + CHACHA.to_bytes(2)

    def extract(salt, label, ikm):
        return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, "sha256")

    def expand(prk, label, context, length):
        text = length.to_bytes(2) + b"HPKE-v1" + suite + label + context
        return hmac.digest(prk, text + b"\1", "sha256")[:length]

    context = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    secret = extract(xwing_decapsulate(pair, sealed[:1120]), b"secret", b"")
    key, nonce = expand(secret, b"key", context, 32), expand(secret, b"base_nonce", context, 12)
    return ChaCha20Poly1305(key).decrypt(nonce, sealed[1120:], b"")


# --- Padding, files, words, codes ---


def padded_len(length):
    if length <= 1024:
        return max(length, 1) + -max(length, 1) % 128
    exponent = length.bit_length() - 1
    step = 1 << (exponent - exponent.bit_length())
    return length + -length % step


def stream(key, prefix, context, content, padded):
    filled = content.ljust(padded_len(len(content)), b"\0") if padded else content
    pieces = [filled[i : i + 65536] for i in range(0, len(filled), 65536)] or [b""]
    out = prefix
    for index, piece in enumerate(pieces):
        last = index == len(pieces) - 1
        associated = context + (struct.pack("<Q", len(content)) if last else b"")
        nonce = prefix + index.to_bytes(7, "little") + bytes([last])
        out += seal(KDF("file chunks", key), nonce, associated, piece)
    return out


def argon2id(secret, salt, memory_kib, passes, lanes):
    return Argon2id(salt=salt, length=32, iterations=passes, lanes=lanes, memory_cost=memory_kib).derive(secret)


CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def code_bytes(shown):
    bits = 0
    for character in shown.replace("-", ""):
        bits = bits << 5 | CROCKFORD.index(character)
    return bits.to_bytes(10)


# --- The vectors ---


def parse(value):
    out = b""
    for token in value.split():
        if token != "-":
            digits, _, times = token.partition("*")
            out += bytes.fromhex(digits) * int(times or 1)
    return out


class Case(dict):
    def b(self, field):
        return parse(self[field])

    def items_of(self, field):
        return [] if self[field] == "none" else [parse(item) for item in self[field].split(",")]


def read(path):
    cases = []
    for line in path.read_text().splitlines():
        if line.startswith("["):
            operation, _, name = line[1:].partition("]")
            cases.append((operation, name.strip(), Case()))
        elif line.strip() and not line.startswith("#"):
            field, _, value = line.partition(": ")
            cases[-1][2][field] = value
    return cases


def device_pair(c):
    return xwing_key(KDF("device kem", c.b("seed"), bytes(32), bytes(4)))


def block_place(c):
    kind = {"header": 1, "data": 2}[c["kind"]]
    return bytes([1, kind]) + struct.pack("<Q", int(c["index"]))


def sealed_block(c):
    sealed = seal(KDF("store block", c.b("key"), c.b("file-id")), c.b("nonce"), block_place(c), c.b("plaintext"))
    return c.b("nonce") + sealed[-16:] + sealed[:-16]


def slot(c):
    cost = [int(c[field]) for field in ("memory-kib", "passes", "lanes")]
    params, salt, nonce = struct.pack("<3I", *cost), c.b("random")[:16], c.b("random")[16:]
    key = KDF("slot passphrase", argon2id(c.b("normalized"), salt, *cost))
    return params + salt + nonce + seal(key, nonce, c.b("context") + params + salt, c.b("key"))


def message(c):
    secret, nonce = c.b("secret"), c.b("random")
    sealed = seal(KDF("ticket seal", secret), nonce, c.b("context"), c.b("plaintext"))
    return nonce + sealed + H("ticket", KDF("ticket mac", secret), c.b("context"), nonce, sealed)


def public_of(seed):
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def section_seal(c, label):
    return seal(KDF(label, c.b("key")), c.b("random"), c.b("context"), c.b("plaintext"))


# For each operation with a known answer: what it says, and what was computed.
KNOWN = {
    "xchacha": lambda c: [(c.b("sealed"), seal(c.b("key"), c.b("nonce"), c.b("associated"), c.b("plaintext")))],
    "derive": lambda c: [(c.b("derived"), KDF(c["label"], c.b("key"), *c.items_of("parts")))],
    "device": lambda c: [
        (c.b("sign-public"), public_of(KDF("device sign", c.b("seed"), c.b("salt")))),
        (
            c.b("kem-public-hash"),
            blake3(
                xwing_public(
                    xwing_key(
                        KDF("device kem", c.b("seed"), c.b("salt"), struct.pack("<I", int(c["generation"])))
                    )
                )
            ),
        ),
        (c.b("transport"), KDF("device transport", c.b("seed"))),
        (c.b("transport-for"), KDF("record transport", c.b("seed"), c.b("salt"))),
    ],
    "root": lambda c: [
        (c.b("sign-public"), public_of(KDF("root sign", c.b("seed")))),
        (c.b("kem-public-hash"), blake3(xwing_public(xwing_key(KDF("root kem", c.b("seed")))))),
    ],
    "commitment": lambda c: [(c.b("epoch"), H("kc", c.b("key")))],
    "envelope-seal": lambda c: [(c.b("ciphertext"), section_seal(c, "section envelope"))],
    "object-seal": lambda c: [(c.b("object"), c.b("random") + section_seal(c, "section object"))],
    "step-seal": lambda c: [
        (
            c.b("step"),
            seal(KDF("section ladder", c.b("key")), H("kc", c.b("parent"))[:24], c.b("context"), c.b("parent")),
        )
    ],
    "wrap": lambda c: [
        (b"".join(c.items_of("keys")), hpke_open(device_pair(c), b"carnet/1 wrap\0" + c.b("info"), c.b("wrapped")))
    ],
    "drop-seal": lambda c: [
        (
            c.b("plaintext"),
            hpke_open(
                xwing_key(KDF("section inbox", c.b("key"))), b"carnet/1 drop\0" + c.b("info"), c.b("sealed")
            ),
        )
    ],
    "block-seal": lambda c: [(c.b("sealed"), sealed_block(c))],
    "front": lambda c: [(c.b("tag"), H("front", KDF("store front", c.b("key"), c.b("file-id")), c.b("front")))],
    "name": lambda c: [(c.b("name"), H("name", KDF("store name", c.b("key"), c.b("file-id")), c.b("id"))[:16])],
    "stream-seal": lambda c: [
        (
            c.b("sealed-hash"),
            blake3(
                stream(c.b("key"), c.b("random"), c.b("context"), c.b("content"), c["padding"] == "padded")
            ),
        )
    ],
    "pad": lambda c: [
        (c.b("padded"), (c.b("content") + b"\x80").ljust(padded_len(len(c.b("content")) + 1), b"\0"))
    ],
    "slot-seal": lambda c: [(c.b("slot"), slot(c))],
    "code": lambda c: [
        (
            c.b("secret"),
            KDF("ticket code", argon2id(code_bytes(c["shown"]), b"carnet/1 ticket\0", 65536, 3, 1)),
        )
    ],
    "ticket-slot": lambda c: [(c.b("slot"), KDF("ticket slot", c.b("secret"))[:16])],
    "ticket-seal": lambda c: [(c.b("message"), message(c))],
    "sas": lambda c: [
        (c["digits"], "%06d" % (int.from_bytes(H("sas", *c.items_of("parts")), "little") % 10**6))
    ],
    "commit": lambda c: [(c.b("commitment"), H("sas commit", c.b("nonce"), *c.items_of("parts")))],
    "token": lambda c: [(c["text"], c.b("token").hex()), (c.b("digest"), H("token", c.b("token")))],
}


def main():
    agreed = failed = 0
    for path in sorted(pathlib.Path(__file__).parent.glob("*.txt")):
        for operation, name, case in read(path):
            if operation not in KNOWN or case.get("expect", "ok") != "ok":
                continue
            try:
                wrong = [pair for pair in KNOWN[operation](case) if pair[0] != pair[1]]
            except InvalidTag:
                wrong = ["does not open"]
            agreed, failed = agreed + (not wrong), failed + bool(wrong)
            if wrong:
                print(f"{path.name}: [{operation}] {name}: {wrong}")
    print(f"{agreed} known answers agree, {failed} do not")
    return 1 if failed or not agreed else 0


if __name__ == "__main__":
    sys.exit(main())
