"""A second reader of Carnet's formats, written from docs/format.md and docs/protocol.md, in Python and nothing else.

    python3 docs/second_reader.py tests/vectors/formats     compares itself with the vectors of the formats it reads
    python3 docs/second_reader.py EXPORT.zip                says what an export holds, when all of it is as it must be

It reads envelopes, batches and exports, and refuses at the step where Carnet does. It takes no care of secrets or time.
"""
import calendar, datetime, fractions, hashlib, io, json, pathlib, re, struct, sys, zipfile, zlib
M32, M64 = 2**32 - 1, 2**64 - 1
class Refused(Exception): """Bytes that Carnet refuses. The argument names the step."""
def need(true, step):
    if not true: raise Refused(step)
def attempt(step, call, *errors):
    try: return call()
    except errors as error: raise Refused(step) from error
# BLAKE3 (its paper, 2.1 to 2.5); H(label, parts): format.md, "Hashes".
IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
ORDER = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
QUARTERS = [(i, 4 + (i + k) % 4, 8 + (i + 2 * k) % 4, 12 + (i + 3 * k) % 4) for k in (0, 1) for i in range(4)]
def compress(chain, block, counter, flags):
    m, v = struct.unpack("<16I", block.ljust(64, b"\0")), [*chain, *IV[:4], counter, 0, len(block), flags]
    for _ in range(7):
        for i, (a, b, c, d) in enumerate(QUARTERS):
            for word, far, near in ((m[2 * i], 16, 12), (m[2 * i + 1], 8, 7)):
                v[a] = v[a] + v[b] + word & M32
                v[d] = (v[d] ^ v[a]) >> far | (v[d] ^ v[a]) << 32 - far & M32
                v[c] = v[c] + v[d] & M32
                v[b] = (v[b] ^ v[c]) >> near | (v[b] ^ v[c]) << 32 - near & M32
        m = [m[i] for i in ORDER]
    return [v[i] ^ v[i + 8] for i in range(8)]
def blake3(data, key=IV, mode=0):
    nodes, count = [], max(1, -(-len(data) // 1024))
    for number in range(count):
        chain, chunk = key, data[1024 * number : 1024 * number + 1024]
        last = max(0, (len(chunk) - 1) // 64)
        for i in range(last + 1):
            flags = mode | (i == 0) | (i == last) << 1 | (i == last and count == 1) << 3
            chain = compress(chain, chunk[64 * i : 64 * i + 64], number, flags)
        nodes.append(chain)
    while len(nodes) > 1:
        flags, pairs, odd = mode | 4 | (len(nodes) == 2) << 3, zip(nodes[::2], nodes[1::2]), nodes[len(nodes) & ~1 :]
        nodes = [compress(key, struct.pack("<16I", *left, *right), 0, flags) for left, right in pairs] + odd
    return struct.pack("<8I", *nodes[0])
def varint(number):
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + varint(number >> 7)
def H(label, *parts):
    key = struct.unpack("<8I", blake3(b"carnet/1 " + label.encode(), mode=32))
    return blake3(b"".join(varint(len(part)) + part for part in parts), key, 64)
# XChaCha20-Poly1305 (RFC 8439, draft-irtf-cfrg-xchacha-03): format.md, "Sealing".
def rounds(state):
    s = list(state)
    for a, b, c, d in QUARTERS * 10:
        for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = s[x] + s[y] & M32
            s[z] = (s[z] ^ s[x]) << n & M32 | (s[z] ^ s[x]) >> 32 - n
    return s
def open_sealed(key, nonce, context, sealed):
    text, tag, start = sealed[:-16], sealed[-16:], struct.unpack("<4I", b"expand 32-byte k")
    inner = rounds((*start, *struct.unpack("<12I", key + nonce[:16])))
    def stream(block):
        state = (*start, *inner[:4], *inner[12:], block, 0, *struct.unpack("<2I", nonce[16:]))
        return struct.pack("<16I", *(a + b & M32 for a, b in zip(rounds(state), state)))
    r, total = int.from_bytes(stream(0)[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF, 0
    padded = b"".join(part + bytes(-len(part) % 16) for part in (context, text))
    padded += struct.pack("<2Q", len(context), len(text))
    for i in range(0, len(padded), 16):
        total = (total + int.from_bytes(padded[i : i + 16] + b"\1", "little")) * r % (2**130 - 5)
    need((total + int.from_bytes(stream(0)[16:32], "little")) % 2**128 == int.from_bytes(tag, "little"), "seal")
    return bytes(a ^ b for i in range(0, len(text), 64) for a, b in zip(text[i : i + 64], stream(1 + i // 64)))
# Ed25519 (RFC 8032, 5.1), strict: protocol.md, section 2.
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
def add(p, q):
    k = D * p[0] * p[1] * q[0] * q[1]
    return (p[0] * q[1] + q[0] * p[1]) * pow(1 + k, -1, P) % P, (p[1] * q[1] + p[0] * q[0]) * pow(1 - k, -1, P) % P
def times(number, point):
    rest = times(number // 2, add(point, point)) if number else (0, 1)
    return add(rest, point) if number % 2 else rest
def point(data):
    y, sign = int.from_bytes(data, "little") % 2**255, data[31] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x * (1 if x * x % P == square else pow(2, (P - 1) // 4, P)) % P
    x = x if x % 2 == sign else P - x
    need(y < P and x * x % P == square and times(8, (x, y)) != (0, 1), "signature")  # a point, and not of low order
    return x, y
def verify(key, message, signature):
    s, base = int.from_bytes(signature[32:], "little"), point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    need(s < L and times(s, base) == add(point(signature[:32]), times(k, point(key))), "signature")
# format.md, "Encoding".
class Bytes:
    def __init__(self, data, step):
        self.data, self.at, self.step = data, 0, step
    def take(self, count):
        need(count <= len(self.data) - self.at, self.step)
        self.at += count
        return self.data[self.at - count : self.at]
    def number(self, least=0, most=255):
        value = self.take(1)[0]
        need(least <= value <= most, self.step)
        return value
    def varint(self, least, most):
        value, shift, byte = 0, 0, 128
        while byte > 127:
            byte = self.number()
            value, shift = value | (byte & 127) << shift, shift + 7
            need(shift <= 70 and (byte or shift == 7), self.step)
        need(least <= value <= most, self.step)
        return value
    def string(self, most, least=0): return self.take(self.varint(least, most))
    def end(self, read):
        need(self.at == len(self.data), self.step)
        return read
def seen(at):
    at.take(8), at.varint(0, 2**64 - 1), at.varint(0, 2**32 - 1)
    for _ in range(2):
        nowhere = at.varint(0, 2**32 - 1) == 0
        need(at.take(16) == bytes(16) or not nowhere, at.step)
# protocol.md, section 7. What the header does not hold in full is in the case: the receiver knows it.
def read_envelope(data, case):
    at = Bytes(data, "header")
    need(len(data) <= 1 << 20, "header")
    first, feed, seq, epoch, flags = at.number(17, 19), at.take(8), at.varint(1, 2097151), at.take(4), at.number()
    kind, volume = first & 15, at.varint(31, M32) if flags >> 3 == 31 else flags >> 3
    heads = at.take(8) if flags & 1 else None
    need((heads or seq > 1) and not (kind == 3 and (volume or flags & 2)), "header")
    length = at.varint(128, 1048439)
    header, nonce, sealed, signature = at.end((data[: at.at], at.take(24), at.take(length + 16), at.take(64)))
    names = ("record", "section", "key", "incarnation", "previous", "heads", "section-key", "salt")
    record, section, key, incarnation, previous, all_heads, secret, salt = (parse(case[name]) for name in names)
    place, all_epoch = (struct.pack("<I", case["volume"]), bytes([case["kind"]])), H("kc", secret)
    own_feed = H("feed", H("device", salt, key)[:16], incarnation, section, *place)
    need((kind, volume, feed, epoch) == (case["kind"], case["volume"], own_feed[:8], all_epoch[:4]), "context")
    need(heads in (None, all_heads[:8]) and (seq == 1) == (previous == bytes(32)), "context")
    context = (record, section, *place, key, incarnation, previous, all_heads, all_epoch, header)
    name = H("env", *context, blake3(nonce + sealed))
    verify(key, H("sign", b"\1", b"env", record, name), signature)
    need(kind != 3, "drop")
    padded = open_sealed(H("key section envelope", secret), nonce, b"".join(context), sealed)
    content = padded.rstrip(b"\0")
    power = len(content).bit_length() - 1
    unit = 128 if len(content) <= 1024 else 1 << power - power.bit_length()
    need(content[-1:] == b"\x80" and len(padded) == len(content) + -len(content) % unit, "padding")
    at = Bytes(content[:-1], "plaintext")
    payload, _ = at.end((at.string(8 << 20), seen(at) if flags & 4 else None))
    if flags & 2:
        stream = zlib.decompressobj(-15)
        payload = attempt("inflate", lambda: stream.decompress(payload, (8 << 20) + 1), zlib.error)
        need(stream.eof and not stream.unused_data and len(payload) <= 8 << 20, "inflate")
    if kind == 2: return {"id": name.hex()} | read_batch(payload)
    at = Bytes(payload, "changes")
    return {"id": name.hex(), "changes": at.end([at.string(8 << 20, 1).hex() for _ in range(at.varint(1, 1024))])}
# One numeric column: pco 4.1 (docs/format.md of pcodec), as far as format.md, "Batches", allows it.
def read_column(data, count):
    at = 0
    def bits(width):
        nonlocal at
        need(at + width <= 8 * len(data), "column")
        at += width
        return int.from_bytes(data[(at - width) // 8 : (at + 7) // 8], "little") >> (at - width) % 8 & (1 << width) - 1
    start, hint, filler = bits(48), bits(bits(6) + 1), bits(-at % 8)
    stated = bits(16), bits(8), bits(24) + 1
    need((start, hint, filler, *stated) == (0x03216F6370, count, 0, 0x104, 4, count), "column")
    mode = bits(4)
    base, delta = bits(64) if mode == 1 else 1, bits(4)
    order = bits(3) if delta == 1 else 0
    window, kept = (bits(5) + 1, bits(4)) if delta == 2 else (0, 0)
    moments, second = 1 << kept if delta == 2 else order, bits(1) if delta else 0
    need(mode < 2 and delta < 3 and bool(order) == (delta == 1) and kept <= window <= 16, "column")
    latents = [(32, 0)] * (delta == 2) + [(64, moments)] + [(64, moments * second)] * mode
    tables = []
    for width, _ in latents:
        log, bins = bits(4), range(bits(15))
        bins = [(bits(log) + 1, bits(width), bits(width.bit_length())) for _ in bins] or [(1, 0, 0)]
        size, seen, table = 1 << log, [weight for weight, _, _ in bins], []
        need(sum(seen) == size and (len(bins) > 1 or log == 0) and all(bin[2] <= width for bin in bins), "column")
        symbols, spread = [0] * size, [symbol for symbol, weight in enumerate(seen) for _ in range(weight)]
        for i, symbol in enumerate(spread):
            symbols[i * (3 * size // 5 | 1) % size] = symbol
        for symbol in symbols:
            more = log + 1 - seen[symbol].bit_length()
            table.append((*bins[symbol][1:], more, (seen[symbol] << more) - size))
            seen[symbol] += 1
        tables.append((log, table))
    need(bits(-at % 8) == 0, "column")
    pages = [([bits(w) for _ in range(n)], [bits(log) for _ in range(4)]) for (w, n), (log, _) in zip(latents, tables)]
    need(bits(-at % 8) == 0, "column")
    past, numbers = [[0] * ((1 << window) - len(own)) + own if delta == 2 else own for own, _ in pages], []
    for first in range(0, count, 256):
        batch, found = min(256, count - first), []
        for which, ((width, states), (_, table), (_, places)) in enumerate(zip(latents, tables, pages)):
            ahead, drawn = moments if width == 32 else states, []
            for i in range(max(0, min(batch, count - first - ahead))):
                lower, offset, more, following = table[places[i % 4]]
                places[i % 4] = following + bits(more)
                drawn.append((lower, offset))
            values = [lower + bits(offset) & (1 << width) - 1 for lower, offset in drawn]
            if width == 32:
                need(all(1 <= back <= 1 << window for back in values), "column")
            elif states and delta == 2:
                for value, back in zip(values, found[0]):
                    past[which].append(value + 2**63 + past[which][-back] & M64)
                values = past[which][(1 << window) - states + first :][:batch]
            elif states:
                values = [value + 2**63 & M64 for value in values] + [0] * (batch - len(values))
                for level in reversed(range(states)):
                    for i, value in enumerate(values):
                        values[i], past[which][level] = past[which][level], past[which][level] + value & M64
            found.append(values)
        numbers += [(one[0] * base + sum(one[1:]) & M64) - 2**63 for one in zip(*found[delta == 2 :])]
    need(bits(-at % 8) == 0 and bits(8) == 0 and at == 8 * len(data), "column")
    return numbers
# format.md, "Batches" and "Measure columns".
def read_batch(payload, _=None):
    at = Bytes(payload, "batch")
    count, (rest, starts, lengths, values) = at.end((at.varint(0, 65536), [at.string(len(payload)) for _ in range(4)]))
    starts, values = read_column(starts, count), read_column(values, count)
    lengths = read_column(lengths, count) if lengths else []
    at = Bytes(rest, "columns")
    _, kind, *_ = at.number(1, 1), *[attempt("columns", at.string(256).decode, UnicodeDecodeError) for _ in range(4)]
    month, _, stated, form = at.varint(12, 119999), at.varint(0, 65535), at.varint(1, 65536), at.number(0, 1)
    scale, odd, codes, runs = at.number(0, 9) if form == 0 else 0, {}, [], [(0, None)]
    for _ in range(at.varint(0, 1024 if form else stated)):
        if form:
            codes.append(attempt("columns", at.string(64, 1).decode, UnicodeDecodeError))
            continue
        place, text = at.varint(max(odd, default=-1) + 1, stated - 1), at.string(21).decode("latin-1")
        need(re.fullmatch(r"(?!-0$)-?(0|[1-9]\d*)(\.\d{0,17}[1-9])?", text, re.ASCII), "columns")
        odd[place], places = fractions.Fraction(text), len(text.partition(".")[2])
        need(abs(odd[place]) * 10**places < 10**18 and (scale == 9 if places > 9 else places <= scale), "columns")
        need(places > 9 or abs(odd[place]) * 10**scale >= 10**18, "columns")
    for _ in range(at.varint(0, stated)):
        runs.append((at.varint(1, stated - sum(run for run, _ in runs)), at.varint(0, 2161)))
        need(runs[-1][1] != runs[-2][1], "columns")
    if at.number(0, 1): need(any([at.take(16) if at.number(0, 1) else b"" for _ in range(stated)]), "columns")
    has_lengths = at.end(at.number(0, 1))
    need((len(starts), len(lengths), len(values)) == (stated, stated * has_lengths, stated), "columns")
    need(sum(run for run, _ in runs) == stated and sorted(set(codes)) == codes, "columns")
    first = (datetime.date(month // 12, month % 12 + 1, 1).toordinal() - 719163) * 86400000
    after = first + calendar.monthrange(month // 12, month % 12 + 1)[1] * 86400000
    need(any(lengths) == bool(has_lengths) and all(first <= start < after for start in starts), "columns")
    need(sorted(set(values)) == list(range(len(codes))) if form else all(abs(v) < 10**18 for v in values), "columns")
    told = [codes[v] if form else odd.get(i, fractions.Fraction(v, 10**scale)) for i, v in enumerate(values)]
    is_widest = scale == 0 or any((value * 10 ** (scale - 1)).denominator > 1 for value in told)
    keys = [(start, start + length, value) for start, length, value in zip(starts, lengths or [0] * stated, told)]
    need(is_widest and all(values[i] == 0 for i in odd) and all(a < b for a, b in zip(keys, keys[1:])), "columns")
    need(all(start <= end <= 253402300799999 for start, end, _ in keys), "columns")
    canonical = rest + b"".join(struct.pack(f"<{len(column)}q", *column) for column in (starts, lengths, values))
    return {"batch": H("batch", canonical).hex(), "kind": kind, "samples": stated}
# format.md, "Export".
def read_export(data, _=None):
    broken = zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError
    archive = attempt("archive", lambda: zipfile.ZipFile(io.BytesIO(data)), *broken)
    names = {info.filename.replace("\\", "/"): info for info in archive.infolist() if not info.is_dir()}
    for name, info in names.items():
        need(not info.flag_bits & 1 and info.compress_type in (0, 8) and info.external_attr >> 28 in (0, 8), "archive")
        need(name[:1] != "/" and name[1:2] != ":" and ".." not in name.split("/"), "archive")
    need(len({name.lower() for name in names}) == len([i for i in archive.infolist() if not i.is_dir()]), "archive")
    content = attempt("archive", lambda: {name: archive.read(info) for name, info in names.items()}, *broken)
    mark = objects(content.get("carnet.json", b""), "mark")
    need(len(mark) == 1 and mark[0].get("format") == "carnet.archive/1" and mark[0].get("exported_at"), "mark")
    need("entries.ndjson" in content, "mark")
    entries, parts, samples, files = objects(content["entries.ndjson"], "entries"), [], 0, 0
    need(all(re.fullmatch("[0-9a-f]{32}", str(entry.get("id"))) for entry in entries), "entries")
    for entry in sorted(entries, key=lambda entry: entry["id"]):
        parts.append(canonical(entry))
        if entry.get("kind") == "document" and f"files/{entry.get('sha256')}" in content:
            need(hashlib.sha256(content["files/" + entry["sha256"]]).hexdigest() == entry["sha256"], "files")
            files += 1
    for name in sorted(name for name in content if name.startswith("samples/")):
        (series, *lines), month = objects(content[name], "samples") or [{}], None
        for sample in lines:
            value = sample.get("value") if isinstance(sample.get("value"), dict) else {}
            shape = [type(sample.get("start_ms")), type(sample.get("end_ms")), *map(type, value.values())]
            need(shape == [int, int, str] and set(value) < {"number", "code"} and series, "samples")
            day = datetime.date(1970, 1, 1) + datetime.timedelta(milliseconds=sample["start_ms"])
            parts += [canonical(series)] * (month != day.replace(day=1)) + [canonical(sample)]
            samples, month = samples + 1, day.replace(day=1)
    digest = H("canonical export", *parts).hex()
    need(mark[0].get("digest", digest) == digest, "digest")
    return {"entries": len(entries), "files": files, "samples": samples, "digest": digest}
def canonical(value): return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
def objects(text, step):
    load = lambda line: json.loads(line, parse_constant=lambda _: need(False, step))
    lines = attempt(step, lambda: [load(line) for line in text.decode().split("\n")[:-1]], ValueError)
    need(text[-1:] in (b"\n", b"") and all(isinstance(line, dict) for line in lines), step)
    return lines
# The vectors: tests/vectors/formats/README.md.
def parse(text):
    tokens = (token.partition("*") for token in text.split())
    return b"".join(bytes.fromhex(digits) * int(times or 1) for digits, _, times in tokens)
def compare(folder):
    agreed = []
    for name, reader in {"envelope": read_envelope, "batch": read_batch, "export": read_export}.items():
        for case in json.loads((folder / f"{name}.json").read_text())["vectors"]:
            try: said = {"read": reader(parse(case["bytes"]), case)}
            except Refused as refused: said = {"refused": str(refused)}
            agreed.append(all(case.get(key) == said.get(key) for key in ("read", "refused")))
            if not agreed[-1]: print(f"{name}: {case['name']}: {said}")
    print(f"{sum(agreed)} vectors agree, {len(agreed) - sum(agreed)} do not")
    return 0 if agreed and all(agreed) else 1
if __name__ == "__main__":
    path = pathlib.Path(sys.argv[1])
    sys.exit(compare(path) if path.is_dir() else print(read_export(path.read_bytes())))
