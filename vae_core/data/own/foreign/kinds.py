"""What a file is that is not read, told by its content: its right name, and what to do."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

HEAD_BYTES = 512  # as many of a file's first bytes as are needed

_PNG = "save it as PNG or JPEG"
# Formats of single images: what each begins with, what it is called, what to do.
_IMAGES = (
    (rb".{128}DICM", "DICOM", "save it as 16-bit PNG"),
    (rb"SIMPLE  =", "FITS", "save its array by np.savez"),
    (rb"\x5c\x01\0\0.{340}n[i+]1\0", "NIfTI", "save its array by np.savez"),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "JPEG XL", _PNG),
    (rb"8BPS", "Photoshop's", _PNG),
    (rb"\x76\x2f\x31\x01", "OpenEXR", _PNG),
    (rb"DDS ", "DDS", _PNG),
    (rb"\x0a[\0-\5]\x01[\1\2\4\x08]", "PCX", _PNG),
    (rb"\x01\xda[\0\1][\1\2]", "SGI", _PNG),
    (rb"qoif", "QOI", _PNG),
    (rb"icns", "an icon", _PNG),
    (rb"\s*#define \S+_width ", "XBM", _PNG),
    (rb"%!PS-Adobe", "PostScript, a drawing", _PNG),
    (rb"\0\0[\1\2]\0[^\0]\0", "an icon", _PNG),
    (rb"\s*(<\?xml[^<]*)?(<!--.*?-->\s*)?(<!DOCTYPE svg[^>]*>\s*)?<svg", "SVG, a drawing", _PNG),
)
_RAW = (".dng", ".nef", ".cr2", ".cr3", ".arw", ".orf", ".rw2", ".raf", ".pef")
_OTHERS = (
    (rb"7z\xbc\xaf", "a 7z archive", "unpack it, and give the folder or a zip of it"),
    (rb"Rar!", "a RAR archive", "unpack it, and give the folder or a zip of it"),
    (rb"BZh", "a bzip2 archive", "unpack it, and give the folder or a zip of it"),
    (rb"\xfd7zXZ", "an xz archive", "unpack it, and give the folder or a zip of it"),
    (rb"\x28\xb5\x2f\xfd", "a zstd archive", "unpack it, and give the folder or a zip of it"),
    (rb".{4}ftyp|\x1a\x45\xdf\xa3|RIFF.{4}AVI ", "a film", "save its frames as images"),
    (rb"%PDF", "a PDF", "save its images as PNG or JPEG"),
    (rb"\x80[\2-\5]", "a pickle, which is never loaded", "save its array by np.savez"),
    (rb"ARROW1|\xff\xff\xff\xff", "an Arrow file", "save it as parquet"),
    (rb"SQLite format 3", "a database", "save its images as files"),
)


def unread_image(head: bytes, path: str) -> str:
    """What an image file is that is not read, and what to do, as a clause; empty for any other."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in _RAW:  # in which Pillow would find a thumbnail
        return "is a camera's raw file, which is not read; develop it to PNG or JPEG"
    for pattern, kind, remedy in _IMAGES:
        if re.match(pattern, head, re.DOTALL):
            return f"is {kind}, which is not read; {remedy}"
    if suffix == ".tga":
        return f"is TGA, which is not read; {_PNG}"
    return ""


def unread_file(head: bytes, path: str) -> str:
    """As `unread_image`, of anything that may be given in the place of images."""
    if clause := unread_image(head, path):
        return clause
    for pattern, kind, remedy in _OTHERS:
        if re.match(pattern, head, re.DOTALL):
            return f"is {kind}; {remedy}"
    return ""
