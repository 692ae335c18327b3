"""Makes the tables of indexer/text again, from OpenCC and pypinyin (development dependencies):

    python -m indexer.text.build_tables

fold.tsv maps every Han character to one simplified character. OpenCC's Taiwan and Hong Kong variants are taken back
first, then traditional becomes simplified; Japanese forms are taken back only outside GB 2312, so that 欠 and 弁, which
are whole characters in Chinese, stay. Then come our own glyph variants.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from unicodedata import combining, normalize

from indexer.text.tables import FOLDER, rows

HAN = (*range(0x3400, 0x4DC0), *range(0x4E00, 0xA000), *range(0x20000, 0x323B0))
HAN_BMP = frozenset((0x3007, *range(0x3400, 0x4DC0), *range(0x4E00, 0xA000)))
Convert = Callable[[str], str]


def in_gb2312(character: str) -> bool:
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def fold_character(character: str, to_simplified: Convert, back: list[Convert], glyphs: dict[str, str]) -> str:
    """The end of the chain of replacements that begins with the character."""
    for _ in range(8):
        following = glyphs.get(character) or to_simplified(character)
        if following == character and not in_gb2312(character):
            following = next((to_simplified(t) for t in (b(character) for b in back) if t != character), character)
        if following == character or len(following) != 1:
            return character
        character = following
    raise SystemExit(f"The replacements of {character} (U+{ord(character):04X}) go round in a circle.")


def make_simplified() -> dict[str, str]:
    """Variant → folded character."""
    import opencc

    convert: dict[str, Convert] = {name: opencc.OpenCC(name).convert for name in ("t2s", "tw2t", "hk2t", "jp2t")}
    glyphs = {variant: target for target, variants in rows("glyph_variants.tsv") for variant in variants}
    fold = partial(
        fold_character,
        to_simplified=convert["t2s"],
        back=[convert[name] for name in ("tw2t", "hk2t", "jp2t")],
        glyphs=glyphs,
    )
    candidates = {chr(code) for code in HAN} | set(glyphs)
    folded = {c: fold(c) for c in candidates if normalize("NFKC", c) == c}
    return {character: target for character, target in folded.items() if character != target}


def make_traditional(targets: set[str]) -> dict[str, str]:
    """Folded character → its traditional form; nothing where the character itself may be meant (后, 里, 干)."""
    import opencc

    to_traditional: Convert = opencc.OpenCC("s2t").convert
    back: Convert = opencc.OpenCC("t2s").convert
    forms = {target: to_traditional(target) for target in targets}
    # A character that is itself a traditional one beside its simplified use can't be told without the word.
    shared = set("后里干台面范松几斗谷丑冲表系征郁云只余卜苏着著咸曲板志才回向舍准出别游采制注占岳困厂广个")
    return {
        c: form for c, form in forms.items() if len(form) == 1 and form != c and back(form) == c and c not in shared
    }


def toneless(syllable: str) -> str:
    """hóng → hong, lǜ → lü."""
    plain = normalize("NFD", syllable.lower()).replace("u\u0308", "ü")
    return "".join(c for c in plain if not combining(c))


def make_readings(simplified: dict[str, str]) -> dict[str, str]:
    """Folded character → its first reading in pypinyin."""
    from pypinyin.constants import PINYIN_DICT

    readings = {}
    for code, marked in PINYIN_DICT.items():
        character, syllable = chr(code), toneless(marked.split(",")[0])
        if code in HAN_BMP and character not in simplified and syllable.replace("ü", "u").isascii():
            readings[character] = syllable
    return readings


def make_phrases(simplified: dict[str, str], readings: dict[str, str]) -> dict[str, str]:
    """Folded phrase → its syllables, where they differ from the characters' own."""
    from pypinyin.constants import PHRASES_DICT

    table = str.maketrans(simplified)
    differing: dict[str, tuple[str, ...]] = {}
    for phrase, marked in sorted(PHRASES_DICT.items()):
        folded = phrase.translate(table)
        syllables = tuple(toneless(candidates[0]) for candidates in marked)
        plain = tuple(readings.get(c, "") for c in folded)
        differs = len(folded) == len(syllables) > 1 and "" not in plain and syllables != plain
        # Of a phrase and its traditional twin, the simplified one is the better kept.
        if differs and (phrase == folded or folded not in differing):
            differing[folded] = syllables
    return {phrase: " ".join(syllables) for phrase, syllables in differing.items()}


def make_tables() -> Iterator[tuple[str, str]]:
    """(file name, its whole text) of every table."""
    simplified = make_simplified()
    variants: dict[str, list[str]] = defaultdict(list)
    for character, target in simplified.items():
        variants[target].append(character)
    forms = make_traditional(set(variants))
    yield (
        "fold.tsv",
        _text(
            "Made from OpenCC's dictionaries (Apache-2.0) and glyph_variants.tsv. "
            "Folded character, the characters that become it, its traditional form where it needs no context.",
            (f"{target}\t{''.join(sorted(found))}\t{forms.get(target, '')}" for target, found in variants.items()),
        ),
    )
    readings = make_readings(simplified)
    by_syllable: dict[str, list[str]] = defaultdict(list)
    for character, syllable in readings.items():
        by_syllable[syllable].append(character)
    yield (
        "pinyin_characters.tsv",
        _text(
            "Made from pypinyin (MIT). Syllable, the folded characters that are usually read so.",
            (f"{syllable}\t{''.join(sorted(found))}" for syllable, found in by_syllable.items()),
        ),
    )
    yield (
        "pinyin_phrases.tsv",
        _text(
            "Made from pypinyin (MIT). Phrases that are not read character by character, folded.",
            (f"{phrase}\t{reading}" for phrase, reading in make_phrases(simplified, readings).items()),
        ),
    )


def _text(source: str, lines: Iterator[str]) -> str:
    return f"# {source}\n" + "".join(f"{line}\n" for line in sorted(lines))


def main() -> None:
    for name, text in make_tables():
        (FOLDER / name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"{name}: {text.count(chr(10)) - 1} lines\n")


if __name__ == "__main__":
    main()
