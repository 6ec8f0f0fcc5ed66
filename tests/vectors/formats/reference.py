"""Builds the vectors of this folder from plain values, with code that shares nothing with Carnet.

`python3 reference.py` says how many vectors agree with the files; it ends with status 1 if one does not.
`python3 reference.py write` writes the files. It needs the package `cryptography` (48 or later), as the references of
the other vectors do, whose primitives it uses. Compressed columns that pco itself wrote are in `packed.json`.
"""

import importlib.util
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main():
    files = {}
    for part in sorted(HERE.glob("build_*.py")):
        files |= load(part.stem, part).FILES
    agreed = wrong = 0
    for name, (title, specification, build) in files.items():
        vectors = build()
        names = [vector["name"] for vector in vectors]
        assert len(set(names)) == len(names), [name for name in names if names.count(name) > 1]
        head = {"title": title, "specification": specification}
        lines = ",\n".join(json.dumps(vector, ensure_ascii=False) for vector in vectors)
        made = json.dumps(head, ensure_ascii=False)[:-1] + ', "vectors": [\n' + lines + "\n]}\n"
        path = HERE / f"{name}.json"
        if sys.argv[1:] == ["write"]:
            path.write_text(made, encoding="utf-8", newline="\n")
        same = path.exists() and path.read_text(encoding="utf-8") == made
        agreed, wrong = agreed + same * len(vectors), wrong + (not same) * len(vectors)
        if not same:
            print(f"{name}.json: differs")
    print(f"{agreed} vectors agree, {wrong} do not")
    return 1 if wrong or not agreed else 0


if __name__ == "__main__":
    sys.exit(main())
