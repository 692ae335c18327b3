"""From source records to the one normal form (规范化)."""

from indexer.normalise.crosswalks import Crosswalks
from indexer.normalise.preview import PreviewReport, PreviewRow, preview
from indexer.normalise.raw import normalise_raw
from indexer.normalise.record import NO_TITLE, NOT_BIBLIOGRAPHIC, UNKNOWN_DIALECT, Rejection, normalise

__all__ = [
    "NOT_BIBLIOGRAPHIC",
    "NO_TITLE",
    "UNKNOWN_DIALECT",
    "Crosswalks",
    "PreviewReport",
    "PreviewRow",
    "Rejection",
    "normalise",
    "normalise_raw",
    "preview",
]
