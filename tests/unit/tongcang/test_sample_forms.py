"""The three forms of Chinese text, and the table that they come from."""

from __future__ import annotations

import pytest

from tongcang.sample.forms import HERE, join, runs, text, western


@pytest.mark.parametrize(
    ("simple", "traditional", "pinyin"),
    [
        ("红楼梦", "紅樓夢", "hong lou meng"),
        ("长恨歌", "長恨歌", "chang hen ge"),
        ("重庆", "重慶", "chong qing"),
        ("仇兆鳌", "仇兆鰲", "qiu zhao ao"),
        ("数据结构(C语言版)", "數據結構(C語言版)", "shu ju jie gou (C yu yan ban )"),
    ],
)
def test_forms_of_known_texts(simple: str, traditional: str, pinyin: str) -> None:
    found = text(simple)
    assert (found.simple, found.traditional, found.pinyin) == (simple, traditional, pinyin)


def test_joined_texts_join_all_forms() -> None:
    title = join((text("敦煌"), text("文学理论"), western("2000")))
    assert title.simple == "敦煌文学理论2000"
    assert title.traditional == "敦煌文學理論2000"
    assert title.pinyin == "dun huang wen xue li lun 2000"


def test_the_table_has_every_run_of_the_data() -> None:
    """Fails when data or code changed and `python -m tongcang.sample.forms` was not run."""
    table = {line.split("\t")[0] for line in (HERE / "forms.tsv").read_text("utf-8").splitlines()}
    assert runs() <= table
