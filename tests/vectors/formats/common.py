"""What the builders of vectors share: the primitives of the other references, and the form of a vector."""

import importlib.util
import pathlib
import struct

HERE = pathlib.Path(__file__).parent


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PROTOCOL = load("protocol_reference", HERE.parent / "protocol" / "reference.py")
SEALING = PROTOCOL.SEALING
H, KDF, varint, seal, blake3 = SEALING.H, SEALING.KDF, SEALING.varint, SEALING.seal, SEALING.blake3
le, string, listed, optional = PROTOCOL.le, PROTOCOL.string, PROTOCOL.listed, PROTOCOL.optional
public, sign, device = PROTOCOL.public, PROTOCOL.sign, PROTOCOL.device
SALT, TIME = PROTOCOL.SALT, PROTOCOL.TIME


def hexed(data):
    return PROTOCOL.short(data) if data else ""


# The order of the base point of Ed25519, and encodings of points of low order.
L = 2**252 + 27742317777372353535851937790883648493
IDENTITY, BASE = b"\1" + bytes(31), b"\x58" + b"\x66" * 31
IDENTITY_AGAIN = b"\xee" + b"\xff" * 30 + b"\x7f"
MINUS_ONE = b"\xec" + b"\xff" * 30 + b"\x7f"


def fixed(number):
    return struct.pack("<I", number)


class Vectors(list):
    """A list of vectors that all have the same fields beside their bytes."""

    def read(self, name, data, read=None, **fields):
        self.append({"name": name, **fields, "bytes": hexed(data), "read": read or {}})

    def refused(self, fault, name, data, step, error, **fields):
        vector = {"name": f"{fault} {name}", **fields, "bytes": hexed(data), "refused": step, "error": error}
        self.append(vector)


def wrong(what, rule):
    """The beginning of a refusal of the canonical encoding."""
    return f'Malformed {{ what: "{what}", wrong: {rule}'


def unsupported(what, value):
    return f'Unsupported {{ what: "{what}", value: {value} }}'


def flip(data, at, mask=1):
    altered = bytearray(data)
    altered[at] ^= mask
    return bytes(altered)
