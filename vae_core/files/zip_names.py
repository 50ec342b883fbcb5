"""How the names in a zip are written, where the zip does not say.

The format knows UTF-8, by a flag, and code page 437. Windows writes the code page of its country
instead, such as 932 in Japan, and says nothing of it.
"""

from __future__ import annotations

import codecs
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress

from vae_core.errors import ConfigError

UTF8 = "utf-8"
ENCODINGS = {  # as they are called, the likelier first
    "cp437": "Western, oldest",
    "cp850": "Western, DOS",
    "cp1252": "Western",
    "cp866": "Cyrillic, DOS",
    "cp1251": "Cyrillic",
    "cp932": "Japanese",
    "gb18030": "Chinese",
    "cp950": "Chinese, traditional",
    "cp949": "Korean",
}
MOST_LOOKED_AT = 1_000  # parts of names
_UTF8_FLAG, _UNICODE_PATH = 0x800, 0x7075  # a flag and an extra field of the format
_NO_LETTER, _RARE, _IMPOSSIBLE = 9.0, 12.0, 20.0  # nats
_RARER = {"cp950": 2.0, "cp949": 3.0}


def said_name(member: zipfile.ZipInfo) -> str | None:
    """A file's name, if the archive says how it is written, or if it is plain ASCII."""
    name = member.orig_filename
    if member.flag_bits & _UTF8_FLAG:
        return name
    with suppress(UnicodeDecodeError):
        if found := _unicode_path(member.extra, packed_name(member)):
            return found
    return name if name.isascii() else None


def packed_name(member: zipfile.ZipInfo) -> bytes:
    """The bytes of a name without the flag, which zipfile reads as of code page 437."""
    return member.orig_filename.encode("cp437", "replace")


def name_of(member: zipfile.ZipInfo, encoding: str) -> str:
    """A file's name; `encoding` is that of names of which the archive does not say it."""
    said = said_name(member)
    return packed_name(member).decode(encoding) if said is None else said


def unsaid_names(members: Iterable[zipfile.ZipInfo]) -> list[bytes]:
    """The names of which an archive does not say how they are written."""
    return [packed_name(member) for member in members if said_name(member) is None]


def likely_encodings(names: Sequence[bytes], among: Iterable[str] = ENCODINGS) -> list[str]:
    """In what all of these names can be written, the likeliest first; UTF-8 alone if in that."""
    if all(_is_in(UTF8, name) for name in names):
        return [UTF8]
    possible = [each for each in among if all(_is_in(each, name) for name in names)]
    parts = {part for name in names for part in name.split(b"/")}
    looked_at = [part for part in sorted(parts) if not part.isascii()][:MOST_LOOKED_AT]
    slashes = any(b"/" in name for name in names)  # beside which no backslash stands

    def unlikely(encoding: str) -> float:
        nats = sum(_unlikely(part, encoding, slashes) for part in looked_at)
        return nats + _RARER.get(encoding, 0)

    return sorted(possible, key=unlikely)


def check_encoding(encoding: str) -> None:
    """ConfigError for what is no encoding of text that Python knows."""
    try:
        if codecs.lookup(encoding).name and b"a/b".decode(encoding) == "a/b":
            return
    except (LookupError, UnicodeError, ValueError):
        pass
    known = ", ".join(ENCODINGS)
    raise ConfigError(f"{encoding[:40]!r} is no encoding of names; choose one such as {known}.")


def _is_in(encoding: str, name: bytes) -> bool:
    try:
        name.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _unlikely(part: bytes, encoding: str, slashes: bool) -> float:
    """How unlikely `part` is as text in an encoding, in nats, by rough shares of letters."""
    text = part.decode(encoding)
    nats = 6.0 * text.count("\\") * slashes
    for before, c, after in zip(" " + text, text, text[1:] + " ", strict=False):
        if c.isupper() and before.islower() and not (c + before).isascii():
            nats += 4
        if c.isascii():
            continue
        beside_ascii = any(each.isascii() and each.isalpha() for each in (before, after))
        beside_other = before.isalpha() and not before.isascii()
        if encoding in ("cp437", "cp850", "cp1252"):
            nats += _western(c) + 1.5 * beside_other
        elif encoding in ("cp866", "cp1251"):
            nats += _cyrillic(c) + 4 * beside_ascii
        else:
            nats += _eastern(c, encoding) + 2 * beside_ascii
    return nats


def _western(c: str) -> float:
    if c == "€":
        return 5
    if not c.isalpha() or c in "ªº":
        return _NO_LETTER
    if "LATIN" not in unicodedata.name(c, ""):
        return 8
    return 5.0 if c.isupper() else 6.0 if c in "ðþýÿ" else 3.5


def _cyrillic(c: str) -> float:
    usual = c.lower() in "абвгдежзийклмнопрстуфхцчшщъыьэюяё"
    if not usual and not (c.isalpha() and "CYRILLIC" in unicodedata.name(c, "")):
        return _NO_LETTER
    return (3.5 if usual else 5.5) + c.isupper()


def _eastern(c: str, encoding: str) -> float:
    """Of the usual characters, those that a standard has put first, one is as likely as another."""
    name, packed = unicodedata.name(c, ""), c.encode(encoding)
    if len(packed) > 2 or not name:
        return _IMPOSSIBLE
    lead, trail = packed[0], packed[-1]
    if encoding == "cp932":
        if name.startswith(("HIRAGANA", "KATAKANA")):
            return 4.5
        usual, nats = 0x88 <= lead <= 0x97, 8.0
        if name.startswith("HALFWIDTH"):
            return 6
    elif encoding == "gb18030":
        usual, nats = 0xB0 <= lead <= 0xD7 and trail >= 0xA1, 8.2
    elif encoding == "cp950":
        usual, nats = 0xA4 <= lead <= 0xC6, 8.6
    else:
        plain = (ord(c) - 0xAC00) % 28 in (0, 1, 4, 8, 16, 17, 19, 21)  # how a syllable ends
        usual, nats = 0xB0 <= lead <= 0xC8 and trail >= 0xA1, 7.2 if plain else 9.5
    if usual:
        return nats
    return _RARE if c.isalpha() else _NO_LETTER


def _unicode_path(extra: bytes, packed: bytes) -> str | None:
    """The name in UTF-8 that Info-ZIP puts beside one of an old code page, unless it is stale."""
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == _UNICODE_PATH and field[:5] == b"\1" + struct.pack("<L", zlib.crc32(packed)):
            return field[5:].decode()
    return None
