# SPDX-License-Identifier: Apache-2.0
"""Feeds the parser of WebSocket frames with what clients may send: python3 fuzz_frames.py
FOLDER SEED. Whole messages come out however their bytes are cut; anything else ends in
Broken, and is never kept past its bound."""
import random
import sys

sys.path.insert(0, sys.argv[1])
from dayfly_guest.websocket import Broken, Parser, closing  # noqa: E402

MAX = 5000
rng = random.Random(int(sys.argv[2]))


def frame(first, payload, masked=True):
    size = len(payload)
    mark = 0x80 if masked else 0
    head = bytes((first,)) + (
        bytes((mark | size,)) if size < 126 else bytes((mark | 126,)) + size.to_bytes(2, "big"))
    mask = bytes(rng.randrange(256) for _ in range(4))
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def message():
    """One message in fragments with control frames in between, and what it is."""
    opcode = rng.choice((1, 2))
    parts = [rng.randbytes(rng.choice((0, 1, 3, 125, 126, 700)))
             if hasattr(rng, "randbytes") else bytes(rng.randrange(256) for _ in range(130))
             for _ in range(rng.randrange(1, 5))]
    data, want = b"", []
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        data += frame((0x80 if last else 0) | (0 if index else opcode), part)
        if not last and rng.random() < 0.3:
            data += frame(0x89, b"p")
            want.append((9, b"p"))
    return data, want + [(opcode, b"".join(parts))]


def feed(data):
    parser, out = Parser(MAX), []
    while data:
        cut = rng.randrange(1, len(data) + 1) if rng.random() < 0.9 else 1
        out += parser.feed(data[:cut])
        assert len(parser._buffer) <= MAX + 14 + cut, len(parser._buffer)
        assert sum(map(len, parser._parts)) <= MAX
        data = data[cut:]
    return out


broken = 0
for _ in range(1500):
    data, want = message()
    assert feed(data) == want, (data, want)
    hostile = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        hostile[rng.randrange(len(hostile))] = rng.randrange(256)
    try:
        for opcode, payload in feed(bytes(hostile)):
            if opcode == 8:
                closing(payload)
    except Broken as exc:
        assert exc.code in (1002, 1007, 1009), exc.code
        broken += 1
print(broken)
