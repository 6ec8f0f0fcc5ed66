"""Exports: a ZIP archive, written by hand so that one thing of it can be wrong."""

import hashlib
import json
import struct
import zlib

from common import H, Vectors

ENTRY = {"id": "01" * 16, "kind": "allergy", "name": "pollen"}
PDF = b"%PDF-1.4 content"
DOCUMENT = {"id": "02" * 16, "kind": "document", "sha256": hashlib.sha256(PDF).hexdigest(), "size": 16, "title": "Compte rendu"}
SERIES = {"kind": "heart-rate", "source": {"application": "Santé", "device": "Montre"}, "unit": "count/min"}
MONTH = 1767225600000
SAMPLES = [
    {"start_ms": MONTH, "end_ms": MONTH, "value": {"number": "61.5"}, "offset_minutes": 60},
    {"start_ms": MONTH + 86400000, "end_ms": MONTH + 86401000, "value": {"number": "70"}},
    {"start_ms": MONTH + 31 * 86400000, "end_ms": MONTH + 31 * 86400000, "value": {"number": "58"}},
]
MARK = {"format": "carnet.archive/1", "exported_at": "2026-11-22T10:00:00Z"}
STORED, DEFLATED = 0, 8


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def lines(*values):
    return b"".join(json.dumps(value, ensure_ascii=False).encode() + b"\n" for value in values)


def digest(entries, *samples):
    """`samples` are series and samples of one month each, in the order of the archive."""
    parts = [canonical(entry) for entry in sorted(entries, key=lambda entry: entry["id"])]
    return H("canonical export", *parts, *(canonical(one) for month in samples for one in month)).hex()


class Member:
    """A member of an archive. What is given replaces what would be right."""

    def __init__(self, name, data, method=STORED, **wrong):
        self.name, self.data, self.method = name.encode(), data, method
        raw = zlib.compressobj(6, zlib.DEFLATED, -15)
        self.packed = raw.compress(data) + raw.flush() if method == DEFLATED else data
        self.flags, self.crc, self.size, self.mode, self.at = 0x800, zlib.crc32(data), len(data), 0o100644, None
        self.__dict__.update(wrong)

    def sizes(self):
        return struct.pack("<3I", self.crc, len(self.packed), self.size)

    def local(self):
        head = struct.pack("<4s5H", b"PK\3\4", 20, self.flags, self.method, 0, 33) + self.sizes()
        return head + struct.pack("<2H", len(self.name), 0) + self.name + self.packed

    def central(self, at):
        head = struct.pack("<4s6H", b"PK\1\2", 0x314, 20, self.flags, self.method, 0, 33) + self.sizes()
        place = at if self.at is None else self.at
        return head + struct.pack("<5H2I", len(self.name), 0, 0, 0, 0, self.mode << 16, place) + self.name


def zipped(members):
    body, directory = b"", b""
    for member in members:
        directory += member.central(len(body))
        body += member.local()
    count = len(members)
    return body + directory + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0)


def archive(entries=None, mark=None, files=None, samples=None, more=(), makers=None):
    content = {
        "files/" + DOCUMENT["sha256"]: PDF if files is None else files,
        "samples/0000-heart-rate.ndjson": lines(SERIES, *SAMPLES) if samples is None else samples,
        "entries.ndjson": lines(DOCUMENT, ENTRY) if entries is None else entries,
        "access-log.ndjson": b"",
        "carnet.json": lines(MARK) if mark is None else mark,
    }
    members = [(makers or {}).get(name.partition("/")[0], Member)(name, data) for name, data in content.items() if data is not False]
    return zipped([*members, *more])


def made(**wrong):
    return lambda name, data: Member(name, data, **wrong)


def exports():
    out = Vectors()

    def read(name, data, entries, files, samples, fingerprint):
        out.read(name, data, {"entries": entries, "files": files, "samples": samples, "digest": fingerprint})

    whole = digest([ENTRY, DOCUMENT], [SERIES, *SAMPLES[:2]], [SERIES, SAMPLES[2]])
    read("everything", archive(), 2, 1, 3, whole)
    read("with its digest", archive(mark=lines(MARK | {"digest": whole})), 2, 1, 3, whole)
    read("deflated", archive(makers={name: made(method=DEFLATED) for name in ("entries.ndjson", "samples", "files")}), 2, 1, 3, whole)
    read("entries alone", archive(files=False, samples=False, entries=lines(ENTRY)), 1, 0, 0, digest([ENTRY]))
    odd = ENTRY | {"a kind of later": {"b": [1, "é\"\n\u0001", None], "a": True}}
    read("a field that is not known", archive(files=False, samples=False, entries=lines(odd)), 1, 0, 0, digest([odd]))
    unknown = {"id": "03" * 16, "kind": "of-a-later-version", "text": "x"}
    read("a kind that is not known", archive(files=False, samples=False, entries=lines(unknown)), 1, 0, 0, digest([unknown]))
    coded = [{"start_ms": MONTH, "end_ms": MONTH + 1, "value": {"code": "asleep"}, "own_id": list(range(16))}]
    series = SERIES | {"kind": "sleep", "unit": ""}
    read("codes with own identifiers", archive(files=False, entries=lines(ENTRY), samples=lines(series, *coded)), 1, 0, 1, digest([ENTRY], [series, *coded]))
    archive_faults(out)
    content_faults(out)
    return out


def archive_faults(out):
    def refused(fault, name, data, why):
        out.refused(fault, name, data, "archive", f"Archive({why}" if why else "")

    good = archive()
    refused("B2", "cut in half", good[: len(good) // 2], "Damaged")
    refused("B2", "without its last byte", good[:-1], "Damaged")
    refused("B2", "without its directory", good[: good.index(b"PK\1\2")], "Damaged")
    refused("G2", "a wrong check sum of entries", archive(makers={"entries.ndjson": made(crc=7)}), "Damaged")
    refused("G2", "a wrong check sum of a file", archive(files=b"%PDF-1.5 content", makers={"files": made(crc=7)}), "Damaged")
    refused("G2", "an encrypted member", archive(makers={"entries.ndjson": made(flags=0x801)}), "Encrypted")
    refused("G2", "another compression", archive(makers={"entries.ndjson": made(method=12)}), "Unsupported")
    refused("G2", "deflated bytes that are none", archive(makers={"entries.ndjson": made(method=DEFLATED, packed=b"\xff" * 40)}), "Damaged")
    for name, place in {"climbs": "../x", "climbs on the way": "a/../../x", "is absolute": "/etc/x", "climbs with other slashes": "..\\x", "names a drive": "C:/x"}.items():
        refused("G2", f"a name that {name}", archive(more=[Member(place, b"x")]), "Name")
    refused("G2", "two members of one name", archive(more=[Member("carnet.json", lines(MARK))]), "D")
    refused("G2", "two members but for the case", archive(more=[Member("Entries.ndjson", b"")]), "DuplicateName")
    refused("G2", "a link", archive(more=[Member("x", b"carnet.json", mode=0o120777)]), "Link")
    refused("G2", "a device", archive(more=[Member("x", b"", mode=0o020666)]), "Device")
    refused("G2", "members that overlap", archive(more=[Member("x", PDF, at=0)]), "Overlap")
    refused("G2", "a size that is not its own", archive(makers={"entries.ndjson": made(size=99)}), "Damaged")


def content_faults(out):
    def refused(fault, name, step, error, **changed):
        out.refused(fault, name, archive(**changed), step, error)

    for fault, name, mark in (
        ("B5", "of another version", lines(MARK | {"format": "carnet.archive/2"})), ("B5", "without a version", lines({"exported_at": "2026-11-22T10:00:00Z"})),
        ("B6", "without its time", lines({"format": "carnet.archive/1"})), ("B6", "that is no JSON", b"carnet\n"), ("B6", "that is a list", lines([MARK])),
        ("B6", "twice", lines(MARK, MARK)), ("B2", "of no byte", b""),
    ):
        refused(fault, f"a mark {name}", "mark", "LaterArchive" if name == "of another version" else "CarnetArchive", mark=mark)
    refused("B2", "without entries", "mark", "CarnetArchive", entries=False)
    for fault, name, entries in (
        ("B2", "cut short", lines(ENTRY)[:-5]), ("B2", "without the end of its line", lines(ENTRY)[:-1]), ("B6", "that is a list", lines([ENTRY])),
        ("B6", "that is no JSON", b"{pollen}\n"), ("B6", "with a number that is none", b'{"id": "' + b"01" * 16 + b'", "kind": "allergy", "x": NaN}\n'),
        ("B6", "without an id", lines({"kind": "allergy"})), ("B6", "with a short id", lines(ENTRY | {"id": "01"})), ("B6", "with an id in capitals", lines(ENTRY | {"id": "AB" * 16})),
        ("B6", "with an id that is a number", lines(ENTRY | {"id": 7})), ("B6", "between empty lines", b"\n" + lines(ENTRY)), ("B6", "that is no text", b'{"id": "\xff"}\n'),
    ):
        refused(fault, f"an entry {name}", "entries", "Json", entries=entries)
    refused("B1", "a file that is not the one it is named after", "files", "CarnetArchive", files=b"%PDF-1.4 contend")
    refused("B2", "a file cut short", "files", "CarnetArchive", files=PDF[:-1])
    for fault, name, samples in (
        ("B2", "cut short", lines(SERIES, SAMPLES[0])[:-9]), ("B2", "without the end of its line", lines(SERIES, SAMPLES[0])[:-1]), ("B6", "that is a list", lines(SERIES, SAMPLES)),
        ("B6", "before its series", lines(*[[SAMPLES[0]]])), ("B6", "without a start", lines(SERIES, {"end_ms": 1, "value": {"number": "1"}})),
        ("B6", "with a start that is a text", lines(SERIES, SAMPLES[0] | {"start_ms": "1"})), ("B6", "with a start that is a fraction", lines(SERIES, SAMPLES[0] | {"start_ms": 1.5})),
        ("B6", "without a value", lines(SERIES, {"start_ms": 1, "end_ms": 1})), ("B6", "with a value of no form", lines(SERIES, SAMPLES[0] | {"value": {"text": "1"}})),
        ("B6", "with a value that is no text", lines(SERIES, SAMPLES[0] | {"value": {"number": 61}})), ("B6", "with a value of two forms", lines(SERIES, SAMPLES[0] | {"value": {"number": "1", "code": "a"}})),
    ):
        refused(fault, f"a sample {name}", "samples", "Json", samples=samples)


FILES = {"export": ("Exports: what an archive of Carnet holds.", "docs/format.md, Export", exports)}
