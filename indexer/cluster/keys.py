"""Match keys (匹配键): what two records must share to be compared at all. A key proposes and proves nothing.

Several kinds, so that a mistake in one element leaves another to meet by: identifiers; reading of the title with the
year; with the author; and of long titles either end with the author, past a typo in the other. Keys of text are made of
readings (toneless pinyin), so that scripts, romanised records and homophone slips meet; the comparison decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

MAX_KEYS_A_KIND = 6
LONG_READING = 24  # letters; about nine characters of Chinese, the length from which a typo is forgiven
END = 12


def hash63(text: str) -> int:
    """A stable number of the text: 0 ≤ n < 2**63, as a BIGINT holds it."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def match_keys(
    readings: Iterable[str],
    author: str,
    when: str,
    isbns: Iterable[int],
    issns: Iterable[str],
    numbers: Iterable[str],
) -> tuple[int, ...]:
    """The keys, ascending and without doubles.

    `readings` of the title: core, then core with subtitle. `author`: the reading of the first. `when`: the year; of a
    serial "s", since its first year is often told differently. All may be "". `numbers` as "type:value".
    """
    texts = [f"i {isbn}" for isbn in list(isbns)[:MAX_KEYS_A_KIND]]
    texts += [f"s {issn}" for issn in list(issns)[:MAX_KEYS_A_KIND]]
    texts += [f"n {number}" for number in list(numbers)[:MAX_KEYS_A_KIND]]
    core = ""
    for reading in readings:
        if not reading:
            continue
        core = core or reading
        if when:
            texts.append(f"y {reading} {when}")
        if author:
            texts.append(f"a {reading} {author}")
    if len(core) >= LONG_READING:
        other = author or when
        texts += (f"h {core[:END]} {other}", f"e {core[-END:]} {other}")
    return tuple(sorted({hash63(text) for text in texts}))


def split_key(year: int, publisher: str, volume: str) -> int:
    """The second key, by which a block above the limit is split."""
    return hash63(f"{year} {publisher} {volume}")
