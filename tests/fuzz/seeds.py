"""Writes the first seeds of every corpus beside it, from the vectors, the samples and a few lines here.

`python3 seeds.py` adds what is not there. A seed that a search found is kept by hand, under a name that says what it is.
"""

import io
import json
import pathlib
import re
import struct
import zipfile

HERE = pathlib.Path(__file__).parent
VECTORS, SAMPLES = HERE.parent / "vectors", HERE.parent.parent / "cli" / "samples"
SEED_BYTES_MAX = 16 << 10


def parse(text):
    tokens = (token.partition("*") for token in text.split() if token != "-")
    return b"".join(bytes.fromhex(digits) * int(times or 1) for digits, _, times in tokens)


def vectors(format):
    return json.loads((VECTORS / "formats" / f"{format}.json").read_text())["vectors"]


def plain(file, operations):
    for case in re.split(r"^\[", (VECTORS / "protocol" / file).read_text(), flags=re.M)[1:]:
        operation, field = case.split("]")[0], re.search(r"^bytes: (.*)$", case, re.M)
        if operation in operations and field:
            yield parse(field[1])


def of(format, kept=lambda vector: True, before=b""):
    return [before + parse(vector["bytes"]) for vector in vectors(format) if kept(vector)]


def zipped(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def patched(vector):
    pieces = b""
    for at, replaced in vector["patches"]:
        data = bytes.fromhex(replaced)
        for start in range(0, len(data), 255):
            if at + start < 65536:
                pieces += struct.pack("<HB", at + start, len(data[start : start + 255])) + data[start : start + 255]
    return pieces


def is_read(vector):
    return "read" in vector


APPLE = b"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE HealthData [<!ELEMENT HealthData (ExportDate,Me,Record*)>]>
<HealthData locale="fr_FR"><ExportDate value="2026-01-02 10:00:00 +0100"/>
<Me HKCharacteristicTypeIdentifierDateOfBirth="1984-02-29"/>
<Record type="HKQuantityTypeIdentifierHeartRate" sourceName="Montre" unit="count/min" creationDate="2026-01-01 10:00:00 +0100"
 startDate="2026-01-01 10:00:00 +0100" endDate="2026-01-01 10:00:00 +0100" value="61.5"><MetadataEntry key="k" value="v"/></Record>
<Record type="HKCategoryTypeIdentifierSleepAnalysis" sourceName="Montre" startDate="2026-01-01 22:00:00 +0100"
 endDate="2026-01-02 06:00:00 +0100" value="HKCategoryValueSleepAnalysisAsleepCore"/>
<Workout workoutActivityType="HKWorkoutActivityTypeRunning" duration="30" durationUnit="min" sourceName="Montre"
 startDate="2026-01-01 10:00:00 +0100" endDate="2026-01-01 10:30:00 +0100"/></HealthData>
"""
PATIENT = {"resourceType": "Patient", "id": "p", "name": [{"family": "Martin", "given": ["Camille"]}], "birthDate": "1984-02-29"}
OBSERVATION = {
    "resourceType": "Observation", "id": "o", "status": "final", "subject": {"reference": "Patient/p"}, "effectiveDateTime": "2026-01-01",
    "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}, "valueQuantity": {"value": 61.50, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
}
ALLERGY = {"resourceType": "AllergyIntolerance", "patient": {"reference": "Patient/p"}, "code": {"text": "pollen"}, "clinicalStatus": {"coding": [{"code": "active"}]}}
BUNDLE = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in (PATIENT, OBSERVATION, ALLERGY)]}
CDA = (SAMPLES / "laboratoire.xml").read_bytes()
FHIR_XML = b'<Patient xmlns="http://hl7.org/fhir"><id value="p"/><name><family value="Martin"/></name><birthDate value="1984-02-29"/></Patient>'
CODE = b"0123-4567-89AB-CDEF"


def seeds():
    few = lambda many, count: many[:: max(1, len(many) // count)]  # noqa: E731
    yield "envelope", few(of("envelope", before=b"\0"), 12) + [bytes([kind]) + b"\x09\x01\x07a change" for kind in (1, 3, 5, 9, 17)] + of("batch", is_read, b"\x09")[:3]
    yield "frame", of("frame", is_read) + of("exchange", is_read) + few(of("frame", lambda v: v.get("refused") == "body"), 10)
    yield "feed", [bytes(range(0, 12, 2)), bytes((0, 2, 5, 4, 6, 9, 8)), bytes((1, 0, 3, 2)), b"\x0a\0"]
    yield "op", few(list(plain("operation.txt", ("operation", "operation-decode"))), 30) + list(plain("part.txt", ("part", "proved-wrap")))
    yield "front_area", [piece for piece in map(patched, vectors("vault")) if 0 < len(piece) < 4096][:30]
    yield "block_header", [bytes(8) + struct.pack("<Q", length) for length in (0, 1, 4096, 1 << 40)] + [bytes(16) + bytes([1]) * n for n in (9, 64, 320)]
    yield "attached_file", [struct.pack("<QQB", size, index, padding) + bytes(32) for size, index, padding in ((0, 0, 0), (1, 0, 1), (65536, 0, 0), (65537, 1, 1), (1 << 40, 1 << 20, 0), ((1 << 64) - 1, 0, 1))]
    yield "batch", of("batch", is_read) + few(of("batch", lambda v: v.get("refused") == "columns"), 10)
    yield "automerge", of("change") + of("snapshot", is_read) + few(of("snapshot"), 6)
    yield "fhir", [json.dumps(one).encode() for one in (PATIENT, OBSERVATION, ALLERGY, BUNDLE)] + [FHIR_XML, b'{"resourceType": "Bundle"}']
    yield "cda", [CDA[:SEED_BYTES_MAX], CDA[:2000], re.sub(rb"<component>.*</component>", b"", CDA, flags=re.S)]
    yield "apple_xml", [APPLE, APPLE[:400], APPLE.replace(b"61.5", b"&#54;1,5"), APPLE.replace(b"fr_FR", b"&a;")]
    yield "zip_intake", of("export")[:3] + few(of("export"), 10) + [zipped({"apple_health_export/export.xml": APPLE}), zipped({"a.json": json.dumps(BUNDLE), "b.xml": CDA[:9000]})]
    yield "ticket_and_code", of("ticket", lambda v: len(v["bytes"]) < 4000) + of("address", lambda v: len(v["bytes"]) < 4000) + [CODE, CODE.lower(), b"oI2345 6789abcdef"]


def main():
    for name, several in seeds():
        folder = HERE / "corpus" / name
        folder.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(dict.fromkeys(one for one in several if len(one) <= SEED_BYTES_MAX)):
            path = folder / f"seed-{number:03}"
            if not path.exists():
                path.write_bytes(seed)
        print(f"{name}: {len(list(folder.iterdir()))} seeds")


if __name__ == "__main__":
    main()
