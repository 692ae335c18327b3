"""The language of crosswalks: what rules mean, and what a wrong one says."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from marc_text import MARC21_LEADER, record

from mappings.crosswalk import Crosswalk, CrosswalkError, builtin, load
from mappings.model import Agent, BibRecord, Holding, Item, Relation, Title

HEAD = "dialect: cnmarc\nfields:\n"


def crosswalk(tmp_path: Path, rules: str) -> Crosswalk:
    path = tmp_path / "mine.yaml"
    path.write_text(HEAD + rules, encoding="utf-8")
    return load(path)


def mapped(tmp_path: Path, rules: str, text: str) -> BibRecord:
    return crosswalk(tmp_path, rules).apply(record(text))


@pytest.mark.parametrize(
    ("rule", "title"),
    [
        ("200a", "红楼梦 石头记"),  # a repeated code is joined with a blank
        ("200a | first", "红楼梦"),
        ("200a | last", "石头记"),
        ("200a | rest", "石头记"),
        ("200a | join(/)", "红楼梦/石头记"),
        ("200ae | join( : )", "红楼梦 : 石头记 : 校注本"),
        ("200a--e", "红楼梦 石头记--校注本"),
        ("300a, 200e", "校注本"),  # the first alternative that gives something
        ("200|.1|a, 200|2.|e", "校注本"),
        ("200a[0-1] | first", "红楼"),
        ("200a[2] | first", "梦"),
        ("2XXe", "校注本"),
        ("200a | says(石头|西游) | first", "石头记"),
        ("200e | const(有校注)", "有校注"),
    ],
)
def test_an_expression_takes_what_it_names(tmp_path: Path, rule: str, title: str) -> None:
    text = "200 2#$a红楼梦$a石头记$e校注本"
    assert mapped(tmp_path, f'  title: "{rule}"\n', text).title == title


def test_the_first_item_of_a_list_of_rules_wins_whatever_the_order_of_fields(tmp_path: Path) -> None:
    rules = '  title: ["500a", "200a"]\n'
    assert mapped(tmp_path, rules, "200 1 $a红楼梦\n500 10$a石头记").title == "石头记"
    assert mapped(tmp_path, rules, "500 10$a石头记\n200 1 $a红楼梦").title == "石头记"
    assert mapped(tmp_path, rules, "200 1 $a红楼梦").title == "红楼梦"


def test_a_list_takes_all_values_once(tmp_path: Path) -> None:
    found = mapped(tmp_path, '  places: "210a, 620d | trim"\n', "210 ##$a北京 :$a上海\n620 ##$d北京")
    assert found.places == ("北京", "上海")


def test_when_asks_for_tags_and_leader(tmp_path: Path) -> None:
    rules = """\
  title: {from: "200a", when: {has: ['7X1'], not: ['856'], leader: {7: ms}}}
"""
    assert mapped(tmp_path, rules, "200 1 $a史记\n701 #0$a司马迁").title == "史记"
    assert mapped(tmp_path, rules, "200 1 $a史记").title == ""
    assert mapped(tmp_path, rules, "200 1 $a史记\n701 #0$a司马迁\n856 4 $uhttp://a.cn").title == ""
    other = record("200 1 $a史记\n701 #0$a司马迁", "00000naa0 2200000   450 ")
    assert crosswalk(tmp_path, rules).apply(other).title == ""


def test_a_block_makes_one_struct_a_field(tmp_path: Path) -> None:
    rules = """\
  agents:
    - each: "700 711"
      without: t
      name: "a | trim"
      kind: {by_tag: {700: person, "*": body}}
      primary: {tags: "700"}
      roles: ["4 | role", "=oth"]
"""
    found = mapped(tmp_path, rules, "700 #0$a鲁迅 $4着\n711 02$a作家协会\n700 #0$a某人$t某书")
    assert found.agents == (Agent("鲁迅", roles=("aut",), primary=True), Agent("作家协会", "body", roles=("oth",)))


def test_a_member_that_gives_several_values_makes_several_structs(tmp_path: Path) -> None:
    rules = '  subjects: {each: "606", value: "a--xy | subject"}\n'
    found = mapped(
        tmp_path, rules, "606 0 $a尘肺－护理；尘肺－康复\n606 0 $a经济发展$x概况$y中国\n606 0 $a经济 概况 1997"
    )
    assert [s.value for s in found.subjects] == ["尘肺--护理", "尘肺--康复", "经济发展--概况--中国", "经济--概况--1997"]


def test_a_literal_by_indicator(tmp_path: Path) -> None:
    rules = '  titles: {each: "517", value: "a", kind: {ind1: {"1": cover, "#": spine, "*": variant}}}\n'
    found = mapped(tmp_path, rules, "517 1 $a甲\n517 ##$a乙\n517 2 $a丙")
    assert found.titles == (Title("甲", "cover"), Title("乙", "spine"), Title("丙"))


def test_fields_embedded_in_subfield_1(tmp_path: Path) -> None:
    rules = """\
  relations:
    each: "461 463"
    embedded: "1"
    kind: {by_tag: {461: set, 463: host}}
    title: "200a, t, a | trim"
    identifier: "011a, x"
    number: "200v"
"""
    found = mapped(
        tmp_path,
        rules,
        "461 #0$1001012345$12001 $a中华大典 $v 3$1701 0$a某人\n463 #0$t考古$x0453-2899\n461 #0$1700 0$a某人",
    )
    # An embedded author is no title, though it stands in $a too.
    assert found.relations == (Relation("set", "中华大典", number="3"), Relation("host", "考古", "0453-2899"))


def test_one_field_that_holds_several_items(tmp_path: Path) -> None:
    rules = """\
  holdings:
    each: "985"
    group: a
    location: "b"
    items: {barcode: "a", volume: "h"}
"""
    found = mapped(tmp_path, rules, "985 ##$aT001$b文科$h上$aT002$b理科$h下")
    assert found.holdings == (
        Holding(location="文科", items=(Item("T001", volume="上"),)),
        Holding(location="理科", items=(Item("T002", volume="下"),)),
    )


def test_attached_fields_belong_to_the_holding_before(tmp_path: Path) -> None:
    rules = """\
  holdings:
    - {each: "905", branch: "a", items: {barcode: "b | all | barcodes"}}
    - {each: "935", attach: last, items: {barcode: "b | all | barcodes"}, coverage: "v"}
"""
    found = mapped(tmp_path, rules, "905 ##$aBNU$b1683011\n935 ##$b1683011-3$v第1卷")
    items = tuple(Item(str(number)) for number in (1683011, 1683012, 1683013))
    assert found.holdings == (Holding("BNU", coverage="第1卷", items=items),)
    alone = mapped(tmp_path, rules, "935 ##$b77")
    assert alone.holdings == (Holding(items=(Item("77"),)),)


def test_years_come_from_one_statement(tmp_path: Path) -> None:
    rules = '  years: ["100a[8-16] | coded(bg,a)", "210d | printed", "100a[8-16] | vague"]\n'
    for coded, printed, expected in [
        ("g19912000", "1991-2000", (1991, 2000)),
        ("a1957####", "1957-", (1957, 9999)),
        ("d1994    ", "1995", (1994, 0)),
        ("d########", "2014.06", (2014, 0)),
        ("f198u####", "[198-?]", (1980, 1989)),
        ("duuuu    ", "民國二十五年", (1936, 0)),
        ("        ", "", (0, 0)),
    ]:
        found = mapped(tmp_path, rules, f"100 ##$a20140718{coded}em y0chiy50      ea\n210 ##$d{printed}")
        assert (found.year, found.year_end) == expected, coded


def test_overrides_replace_a_rule_and_leave_the_rest() -> None:
    ours = builtin("cnmarc").with_overrides({"holdings": [{"each": "920", "branch": "a", "call_number": "k"}]}, "RUC")
    text = "200 1 $a史记\n905 ##$aRUC$sK204/1\n920 ##$a总馆$kK204/2"
    found = ours.apply(record(text))
    assert found.title == "史记"
    assert found.holdings == (Holding("总馆", call_number="K204/2"),)
    assert builtin("cnmarc").apply(record(text)).holdings == (Holding("RUC", call_number="K204/1"),)


def test_overrides_may_be_yaml_with_or_without_fields() -> None:
    for text in ('title: "517a"\n', 'fields:\n  title: "517a"\n'):
        found = builtin("cnmarc").with_overrides(text, "x.yaml").apply(record("200 1 $a甲\n517 1 $a乙"))
        assert found.title == "乙"


def test_an_empty_rule_takes_a_rule_away() -> None:
    found = builtin("cnmarc").with_overrides({"holdings": []}, "x").apply(record("200 1 $a史记\n905 ##$sK204"))
    assert found.holdings == ()


def test_a_crosswalk_can_extend_another(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text('extends: marc21\nfields:\n  edition: "251a"\n', encoding="utf-8")
    found = load(path).apply(record("245 10$a史记 /\n250 ##$a2版\n251 ##$a定本", MARC21_LEADER))
    assert (found.dialect, found.title, found.edition) == ("marc21", "史记", "定本")


def test_a_crosswalk_survives_pickling() -> None:
    ours = builtin("cnmarc").with_overrides({"edition": "205b"}, "RUC")
    again = pickle.loads(pickle.dumps(ours))
    source = record("200 1 $a史记\n205 ##$a2版$b修订本")
    assert again.apply(source) == ours.apply(source)
    assert again.apply(source).edition == "修订本"


def test_only_wanted_tags_are_in_the_table(tmp_path: Path) -> None:
    rules = '  title: "200a"\n  titles: {each: "51X", value: "a"}\n'
    assert crosswalk(tmp_path, rules).wanted_tags == {"200", *(f"51{digit}" for digit in range(10))}


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (
            '  agents:\n    - each: "700"\n      name: "a | trimm"\n',
            "5: agents.name: no step named 'trimm' (did you mean 'trim'?)",
        ),
        ('  titel: "200a"\n', "3: titel: the record has no field of that name (did you mean 'title'?)"),
        ('  title: "200a[9-2]"\n', "3: title: the positions [9-2] run backwards"),
        ('  title: "20a"\n', "3: title: no selector at '20a'"),
        ('  title: "200a; 245a"\n', "3: title: cannot read '200a; 245a'"),
        ('  title: "200a 245a"\n', "3: title: ',' or '|' is wanted before '245a'"),
        ('  title: "200a |"\n', "3: title: a step is wanted behind '|'"),
        ('  title: "200a | map"\n', "3: title: step 'map' wants an argument"),
        ('  title: "200a | trim(x)"\n', "3: title: step 'trim' takes no argument"),
        ('  title: "200a | map(rols)"\n', "3: title: no translation map named 'rols' (did you mean 'roles'?)"),
        ('  title: {form: "200a"}\n', "3: title: 'form' is none of from, when, twin (did you mean 'from'?)"),
        (
            '  title: {from: "200a", when: {hat: ["7XX"]}}\n',
            "3: title.when: `when` knows no 'hat' (did you mean 'has'?)",
        ),
        ('  title: {from: "200a", when: {leader: {77: a}}}\n', "3: title.when: a place in the leader"),
        ('  title: "200a"\n  title: "200b"\n', "4: title: stands here a second time"),
        ('  year: "210d"\n', "3: year: write `years:`"),
        ('  material: "200b | const(buch)"\n', "3: material: 'buch' is none of"),
        ('  notes: "300a"\n', "3: notes: a table (key: value) is wanted here"),
        ('  notes: {value: "a"}\n', "3: notes: a block needs `each:`"),
        ('  notes: {each: "30", value: "a"}\n', "3: notes.each: '30' is no tag"),
        ('  notes: {each: "300", kind: "=general"}\n', "3: notes: the block says nothing of `value`"),
        ('  notes: {each: "300", value: "a", kind: "=gen"}\n', "3: notes.kind: 'gen' is none of"),
        ('  notes: {each: "300", valeu: "a"}\n', "3: notes: Note has no member 'valeu' (did you mean 'value'?)"),
        ('  notes: {each: "300", value: "a", twins: maybe}\n', "3: notes.twins: 'maybe' is none of only, no, yes"),
        ('  notes: {each: "300", value: "a", attach: last}\n', "3: notes: only blocks of holdings"),
        ('  notes: {each: "300", value: "a", group: ab}\n', "3: notes.group: one subfield code is wanted"),
        ('  agents: {each: "700", name: "a", primary: "4"}\n', "3: agents.primary: this is yes or no"),
        (
            '  agents: {each: "700", name: "a", kind: {by_tag: {710: body}}}\n',
            "3: agents.kind: nothing is said of tag 700",
        ),
        ('  agents: {each: "700", name: "a", kind: {ind3: {"1": body}}}\n', "3: agents.kind: 'ind3' is none of"),
        ('  agents: {each: "700", name: ["=x", "a"]}\n', "3: agents.name: a literal must stand last"),
        ('  holdings: {each: "905", items: {location: "b"}}\n', "3: holdings.items: items need `barcode`"),
        ('  holdings: {each: "905", copies: "=two"}\n', "3: holdings.copies: this is a number, not 'two'"),
        (
            '  identifiers: {each: "010", type: "=isbm", value: "a"}\n',
            "3: identifiers.type: no type of number is called 'isbm'",
        ),
    ],
)
def test_a_wrong_rule_is_named_with_file_and_line(tmp_path: Path, rules: str, message: str) -> None:
    with pytest.raises(CrosswalkError) as caught:
        crosswalk(tmp_path, rules)
    assert str(caught.value).startswith(f"mine.yaml:{message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "mine.yaml:1: the file is empty"),
        ("a: [b", "mine.yaml:1: not YAML"),
        ("- a\n- b\n", "mine.yaml:1: a table (key: value) is wanted here"),
        ("dialect: cnmarc\n", "mine.yaml:1: `fields:` is missing"),
        ('fields:\n  title: "200a"\n', "mine.yaml:1: `dialect:` is missing"),
        ("dialect: cnmark\nfields: {}\n", "mine.yaml:1: dialect: 'cnmark' is none of"),
        ("dialect: cnmarc\nfeilds: {}\n", "mine.yaml:2: a crosswalk has no part 'feilds' (did you mean 'fields'?)"),
        ("extends: marc12\nfields: {}\n", "mine.yaml:1: extends: 'marc12' is none of"),
        ("dialect: cnmarc\nfields: &f\n  title: *f\n", "mine.yaml:"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CrosswalkError) as caught:
        load(path)
    assert str(caught.value).startswith(message)


def test_a_missing_file_and_an_unknown_crosswalk_say_so(tmp_path: Path) -> None:
    with pytest.raises(CrosswalkError, match="there is no such file"):
        load(tmp_path / "none.yaml")
    with pytest.raises(CrosswalkError, match="did you mean 'cnmarc'"):
        builtin("cnmark")


def test_an_override_without_file_names_its_source_and_rule() -> None:
    with pytest.raises(
        CrosswalkError, match=r"^RUC: holdings\.branch: no step named 'frist' \(did you mean 'first'\?\)"
    ):
        builtin("cnmarc").with_overrides({"holdings": [{"each": "905", "branch": "a | frist"}]}, "RUC")
