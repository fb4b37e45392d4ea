"""Text files as plain UTF-8: unpacked, translated from Windows-1252 or UTF-16, and bounded while at it."""

import codecs
import gzip
import re
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

CHUNK = 4 * 1024 * 1024
RATIO_FROM = 64 * 1024 * 1024
MOST_RATIO = 250
SPARE_BYTES = 100 * 1024 * 1024
# Sequences that are letters in UTF-8 and no sense in Windows-1252. Not every pair that UTF-8 allows is one:
# `ß”` and `é »` are such pairs too.
UTF8_LETTERS = re.compile(
    rb"\xc2[\xa1-\xbf]|\xc3[\x80-\xbf]|[\xc4\xc5][\x80-\xbf][a-z]|\xe2\x80[\x90-\xbf]|\xe2\x82\xac|\xf0\x9f"
    rb"|(?:[\xcc-\xd9][\x80-\xbf]){3}|(?:[\xe3-\xed][\x80-\xbf]{2}){3}"
)
CODECS = {"utf-8": "utf-8", "windows-1252": "cp1252", "utf-16": "utf-16"}


class FileProblemError(Exception):
    """A file cannot be read; the message names it, says where and why, and what to do."""


def as_plain_utf8(path: Path, scratch: Path, *, encoding: str | None, limit_bytes: int) -> Path:
    """The file itself where it is plain UTF-8 already, or a translated copy in `scratch`.

    Without a stated encoding: a byte order mark decides, then UTF-8 if the file is it throughout, else
    Windows-1252; a file that mixes the two is refused with the byte and line where they meet.
    """
    plain = path.resolve()
    if path.name.casefold().endswith(".gz"):
        plain = _unpack(path, scratch / f"{path.name}.plain", limit_bytes)
    named = encoding or _detect(path.name, plain)
    if named != "utf-8":
        return _translate(path.name, plain, scratch / f"{path.name}.utf8", named)
    if encoding is not None:
        _check(path.name, plain)
    return plain


def _unpack(path: Path, target: Path, limit_bytes: int) -> Path:
    packed, written = max(path.stat().st_size, 1), 0
    try:
        with gzip.open(path, "rb") as source, target.open("wb") as out:
            while piece := source.read(CHUNK):
                written += len(piece)
                _bound(path, target, packed, written, limit_bytes)
                out.write(piece)
    except (OSError, EOFError, zlib.error) as error:
        target.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno:
            raise
        raise FileProblemError(f"{path.name} is not a whole gzip file: {error}. Export it again.") from error
    except FileProblemError:
        target.unlink(missing_ok=True)
        raise
    return target


def _bound(path: Path, target: Path, packed: int, written: int, limit_bytes: int) -> None:
    if written > limit_bytes:
        raise FileProblemError(
            f"{path.name} unpacks to more than {limit_bytes // 1_000_000:,} MB. Split it, or raise "
            "HEED_UPLOAD_LIMIT_MB."
        )
    if written > RATIO_FROM and written > packed * MOST_RATIO:
        raise FileProblemError(
            f"{path.name} unpacks to more than {MOST_RATIO} times its size, as only a trap does. "
            "Unpack it yourself if it is not."
        )
    if shutil.disk_usage(target.parent).free < SPARE_BYTES:
        raise FileProblemError(f"The disk is nearly full while unpacking {path.name}. Free some space.")


def _detect(name: str, path: Path) -> str:
    with path.open("rb") as file:
        mark = file.read(4)
    if mark.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    first_bad, seen_utf8 = _scan(path)
    if first_bad is None:
        return "utf-8"
    if seen_utf8 or mark.startswith(codecs.BOM_UTF8):
        byte, line = first_bad
        raise FileProblemError(
            f"{name} mixes encodings: it is UTF-8 in places, but not at byte {byte:,} in line {line:,}. "
            'Save it in one encoding, or state encoding = "windows-1252" in the mapping.'
        )
    return "windows-1252"


def _scan(path: Path) -> tuple[tuple[int, int] | None, bool]:
    """The first place that is not UTF-8 (byte from 0, line from 1), and whether any letter is UTF-8."""
    first_bad: tuple[int, int] | None = None
    seen_utf8 = False
    offset, lines, rest = 0, 1, b""
    for piece in _pieces(path):
        held = rest + piece
        bad = _first_bad(held)
        if bad is not None and first_bad is None:
            first_bad = (offset + bad, lines + held.count(b"\n", 0, bad))
        if not held.isascii():
            seen_utf8 = seen_utf8 or UTF8_LETTERS.search(held) is not None
        if first_bad is not None and seen_utf8:
            return first_bad, True
        rest = _unfinished(held)
        done = len(held) - len(rest)
        offset, lines = offset + done, lines + held.count(b"\n", 0, done)
    if rest and first_bad is None:
        first_bad = (offset, lines)
    return first_bad, seen_utf8


def _first_bad(held: bytes) -> int | None:
    try:
        codecs.utf_8_decode(held, "strict", False)
    except UnicodeDecodeError as error:
        return error.start
    return None


def _unfinished(held: bytes) -> bytes:
    """The start of a character that the next piece may finish."""
    for back in range(1, min(4, len(held)) + 1):
        byte = held[-back]
        if byte >= 0xC2:
            need = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return held[-back:] if need > back else b""
        if byte < 0x80:
            return b""
    return b""


def _check(name: str, path: Path) -> None:
    bad, _ = _scan(path)
    if bad is not None:
        raise FileProblemError(
            f"{name} is not UTF-8 at byte {bad[0]:,} in line {bad[1]:,}. Save it as UTF-8, or state its own."
        )


def _translate(name: str, path: Path, target: Path, encoding: str) -> Path:
    decoder = codecs.getincrementaldecoder(CODECS[encoding])("strict")
    offset, lines = 0, 1
    with target.open("w", encoding="utf-8", newline="") as out:
        for piece in _pieces(path):
            try:
                text = decoder.decode(piece)
            except UnicodeDecodeError as error:
                out.close()
                target.unlink()
                line = lines + piece.count(b"\n", 0, error.start)
                raise FileProblemError(
                    f"{name} is not {encoding} at byte {offset + error.start:,} in line {line:,}. "
                    "Save it as UTF-8."
                ) from error
            out.write(text)
            offset, lines = offset + len(piece), lines + piece.count(b"\n")
    return target


def _pieces(path: Path) -> Iterator[bytes]:
    file: IO[bytes]
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            yield piece
