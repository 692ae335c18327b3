"""What the analysis costs: microseconds a record, in all and by part.

    python -m bench.analysis [records]

The records are typical ones: a title, two authors, three subjects, a publisher, three holders, no abstract; six in ten
Chinese, a tenth of those traditional. Publishers and subjects repeat as in a catalogue, titles and authors hardly.
"""

from __future__ import annotations

import gc
import random
import sys
from collections import deque
from collections.abc import Callable
from time import process_time

from indexer.document import brief_of, document_of, documents
from indexer.text.fold import fold
from indexer.text.highlight import Highlighter
from indexer.text.pinyin import syllables
from indexer.text.planner import plan_words
from indexer.text.tokens import prefix_key, prefixes, single_tokens, tokens
from mappings.model import (
    Agent,
    BibRecord,
    Classification,
    Holder,
    Holding,
    Identifier,
    Subject,
    UnionRecord,
    encode,
    union_id,
)

HAN = (
    "中国文学历史研究社会经济思想理论现代古代教育科学技术方法概论基础应用"
    "数学物理化学生物地理环境艺术音乐戏曲小说诗歌散文"
)
TRADITIONAL = "中國文學歷史研究社會經濟思想理論現代古代教育科學技術方法概論基礎應用數學物理紅樓夢詩詞戲曲書畫"
SURNAMES, GIVEN = "王李张刘陈杨赵黄周吴曾单解", "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英"
LATIN = ("history", "theory", "modern", "introduction", "science", "culture", "society", "economics", "data")


def make_union(number: int, dice: random.Random) -> UnionRecord:
    kind = dice.random()
    if kind < 0.6:
        letters = TRADITIONAL if kind < 0.06 else HAN
        title = "".join(dice.choices(letters, k=dice.randint(4, 16)))
        names = ["".join([dice.choice(SURNAMES), *dice.choices(GIVEN, k=2)]) for _ in range(2)]
        subjects = ["".join(dice.choices(HAN[:20], k=4)) for _ in range(3)]
        publisher, language = f"{dice.choice(HAN[:30])}{dice.choice(HAN[:30])}出版社", "chi"
    else:
        title = " ".join(dice.choices(LATIN, k=dice.randint(3, 9))).capitalize()
        names = [f"{dice.choice(LATIN).title()}{dice.randint(1, 5000)}, {dice.choice(LATIN).title()}" for _ in range(2)]
        subjects = [" ".join(dice.choices(LATIN, k=2)) for _ in range(3)]
        publisher, language = f"{dice.choice(LATIN).title()} Press {dice.randint(1, 300)}", "eng"
    bib = BibRecord(
        "cnmarc", title=title, responsibility=", ".join(names), year=dice.randint(1950, 2025), languages=(language,),
        agents=tuple(Agent(name, roles=("aut",)) for name in names), publishers=(publisher,),
        places=("北京",), subjects=tuple(map(Subject, subjects)),
        classes=(Classification("clc", f"I{dice.randint(200, 299)}.{dice.randint(1, 9)}"),),
        identifiers=(Identifier("isbn", f"978{dice.randint(10**9, 10**10 - 1)}"),), extent="320页",
    )  # fmt: skip
    holders = tuple(Holder(f"LIB{n}", (Holding(call_number=f"I242/{number}"),)) for n in dice.sample(range(96), 3))
    return UnionRecord(union_id(number), bib, holders=holders)


def cost(work: Callable[[], object], count: int) -> float:
    """Microseconds of processor time for each of `count` pieces of the work."""
    begun = process_time()
    work()
    return (process_time() - begun) / count * 1e6


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    dice = random.Random(1)
    unions = [make_union(number, dice) for number in range(count)]
    packed = [(encode(union), 1) for union in unions]
    titles = [union.bib.title for union in unions]
    folded = [fold(title) for title in titles]
    gc.freeze()  # the sample itself is no garbage: looking through it again and again would be counted
    marks = Highlighter("文学历史 现代")
    parts: dict[str, Callable[[], object]] = {
        "document_of": lambda: deque((document_of(union, 1) for union in unions), 0),
        "documents (from JSON, by 250)": lambda: [len(documents(packed[at : at + 250])) for at in range(0, count, 250)],
        "brief as JSON": lambda: [encode(brief_of(union)) for union in unions],
        "fold a title": lambda: [fold(title) for title in titles],
        "tokens of a title": lambda: [tokens(text) for text in folded],
        "single characters of a title": lambda: [single_tokens("t", text) for text in folded],
        "syllables of a title": lambda: [syllables(title) for title in titles],
        "prefixes of a title": lambda: [prefixes(prefix_key(text)) for text in folded],
        "highlight a title": lambda: [marks.mark(title) for title in titles],
    }
    for name, work in parts.items():
        print(f"{name:34} {cost(work, count):8.1f} µs")
    print(f"{'plan a query':34} {cost(lambda: [plan_words('红楼梦 曹雪芹') for _ in range(2000)], 2000):8.1f} µs")
    size = sum(len(text) for union in unions for text in document_of(union, 1).text.values()) / count
    print(f"{'text of a document':34} {size:8.0f} characters")


if __name__ == "__main__":
    main()
