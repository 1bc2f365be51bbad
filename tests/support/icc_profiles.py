"""Colour profiles made by hand: a wide gamut, a grey, sRGB."""

import struct

ADOBE_GAMMA = 0x0233
"""2.19921875, as the curve of Adobe RGB has it: 563 / 256."""

ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
"""XYZ under D50 of Adobe RGB's red, green and blue: a gamut wider than sRGB's."""

SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))


def gamma_curve(gamma=ADOBE_GAMMA):
    return struct.pack(">4sIIH", b"curv", 0, 1, gamma)


def sampled_curve(values):
    return struct.pack(f">4sII{len(values)}H", b"curv", 0, len(values), *values)


def parametric_curve(kind, *numbers):
    fixed = [round(number * 65536) for number in numbers]
    return struct.pack(f">4sIHH{len(fixed)}i", b"para", 0, kind, 0, *fixed)


SRGB_CURVE = parametric_curve(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def rgb_profile(primaries=ADOBE, curve=None):
    """Return an RGB profile of a matrix and one curve for all channels."""
    curve = gamma_curve() if curve is None else curve
    tags = {b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    for name, primary in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True):
        tags[name] = _xyz(primary)
    return _profile(b"RGB ", tags)


def grey_profile(curve=None):
    return _profile(b"GRAY", {b"kTRC": gamma_curve() if curve is None else curve})


def _xyz(values):
    return struct.pack(">4sI3i", b"XYZ ", 0, *(round(value * 65536) for value in values))


def _profile(space, tags):
    tags = {
        b"wtpt": _xyz((0.9642, 1.0, 0.8249)),
        b"desc": struct.pack(">4sII12s67x", b"desc", 0, 12, b"made by hand"),
        b"cprt": struct.pack(">4sI4s", b"text", 0, b"none"),
        **tags,
    }
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        content += b"\0" * (-len(content) % 4)
        table += struct.pack(">4sII", name, start + len(body), len(content))
        body += content
    head = struct.pack(
        ">I4sI4s4s4s12x4s4x4x4x4x8xI3i",
        *(start + len(body), b"none", 0x02400000, b"mntr", space, b"XYZ ", b"acsp"),
        *(0, 63190, 65536, 54061),
    )
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
