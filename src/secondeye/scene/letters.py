"""A small bitmap alphabet, 5 x 7 dots, for printed pages and signs in the worlds."""

import numpy as np
from numpy.typing import NDArray

GLYPHS = {
    "A": "0E 11 11 1F 11 11 11",
    "B": "1E 11 11 1E 11 11 1E",
    "C": "0E 11 10 10 10 11 0E",
    "D": "1E 11 11 11 11 11 1E",
    "E": "1F 10 10 1E 10 10 1F",
    "F": "1F 10 10 1E 10 10 10",
    "G": "0E 11 10 17 11 11 0F",
    "H": "11 11 11 1F 11 11 11",
    "I": "0E 04 04 04 04 04 0E",
    "J": "07 02 02 02 02 12 0C",
    "K": "11 12 14 18 14 12 11",
    "L": "10 10 10 10 10 10 1F",
    "M": "11 1B 15 15 11 11 11",
    "N": "11 19 15 13 11 11 11",
    "O": "0E 11 11 11 11 11 0E",
    "P": "1E 11 11 1E 10 10 10",
    "Q": "0E 11 11 11 15 12 0D",
    "R": "1E 11 11 1E 14 12 11",
    "S": "0F 10 10 0E 01 01 1E",
    "T": "1F 04 04 04 04 04 04",
    "U": "11 11 11 11 11 11 0E",
    "V": "11 11 11 11 11 0A 04",
    "W": "11 11 11 15 15 1B 11",
    "X": "11 11 0A 04 0A 11 11",
    "Y": "11 11 0A 04 04 04 04",
    "Z": "1F 01 02 04 08 10 1F",
    "0": "0E 11 13 15 19 11 0E",
    "1": "04 0C 04 04 04 04 0E",
    "2": "0E 11 01 06 08 10 1F",
    "3": "1E 01 01 0E 01 01 1E",
    "4": "02 06 0A 12 1F 02 02",
    "5": "1F 10 1E 01 01 11 0E",
    "6": "06 08 10 1E 11 11 0E",
    "7": "1F 01 02 04 08 08 08",
    "8": "0E 11 11 0E 11 11 0E",
    "9": "0E 11 11 0F 01 02 0C",
}
"""Seven rows of five dots each, the leftmost dot in bit 4; what is missing is blank."""


def line(text: str) -> NDArray[np.float64]:
    """(9, 6 n) dots of a line of text, with room around each glyph."""
    dots = np.zeros((9, 6 * len(text)))
    for i, letter in enumerate(text):
        for y, row in enumerate(GLYPHS.get(letter, "").split()):
            dots[y + 1, 6 * i : 6 * i + 5] = [(int(row, 16) >> (4 - x)) & 1 for x in range(5)]
    return dots


def page(lines: list[str], edge_px: int) -> NDArray[np.float64]:
    """(edge, edge) ink 0 or 1: the lines spread over a square page with a margin."""
    width = max(len(text) for text in lines)
    dots = np.concatenate([line(text.ljust(width)) for text in lines])
    dots = np.pad(dots, ((2, 2), (4, 3)))
    rows = (np.arange(edge_px) * dots.shape[0] // edge_px)[:, None]
    ink: NDArray[np.float64] = dots[rows, np.arange(edge_px) * dots.shape[1] // edge_px]
    return ink
