from __future__ import annotations

from mappings.crosswalk import builtin, dialect_of
from mappings.fields import SourceRecord
from mappings.model import Agent, Identifier, Link, Note, Relation, Subject, Title


def dublin_core(*elements: tuple[str, str]) -> SourceRecord:
    return SourceRecord("", tuple((name, "", (("", value),)) for name, value in elements))


def test_an_oai_dc_record() -> None:
    source = dublin_core(
        ("identifier", "http://hdl.handle.net/123456789/8007"),
        ("identifier", "urn:isbn:9787101105285"),
        ("title", "敦煌写本研究"),
        ("title", "Studies of Dunhuang manuscripts"),
        ("creator", "王重民; 向达"),
        ("contributor", "Li, Ming"),
        ("subject", "敦煌学；写本"),
        ("subject", "K870.6"),
        ("description", "&lt;p&gt;敦煌&amp;nbsp;写本&lt;/p&gt;"),
        ("publisher", "北京大学"),
        ("date", "2015-10-22T08:04:27Z"),
        ("date", "2014-06"),
        ("type", "博士学位论文"),
        ("format", "231页"),
        ("language", "zh_CN"),
        ("relation", "http://example.cn/series/1"),
        ("isPartOf", "敦煌丛刊"),
        ("rights", "公开"),
    )
    assert dialect_of(source) == "dublin_core"
    found = builtin("dublin_core").apply(source)
    assert found.local_id == "http://hdl.handle.net/123456789/8007"
    assert found.title == "敦煌写本研究"
    assert found.titles == (Title("Studies of Dunhuang manuscripts"),)
    assert found.agents == (
        Agent("王重民", roles=("cre",), primary=True),
        Agent("向达", roles=("cre",), primary=True),
        Agent("Li, Ming", roles=("ctb",)),
    )
    assert found.identifiers == (Identifier("isbn", "9787101105285"),)
    assert found.subjects == (Subject("敦煌学"), Subject("写本"), Subject("K870.6"))
    assert [c.value for c in found.classes] == ["K870.6"]
    assert found.notes == (Note("敦煌 写本", "abstract"),)
    assert (found.year, found.date_text) == (2014, "2014-06")
    assert (found.material, found.carrier, found.pages) == ("thesis", "online", 231)
    assert found.languages == ("chi",)
    assert found.links == (Link("http://hdl.handle.net/123456789/8007"), Link("http://example.cn/series/1"))
    assert found.relations == (Relation("host", "敦煌丛刊"),)


def test_addresses_that_are_no_web_addresses_make_no_link() -> None:
    found = builtin("dublin_core").apply(
        dublin_core(("title", "书"), ("identifier", "javascript:alert(1)"), ("identifier", "http://a.cn/<b>"))
    )
    assert found.links == ()
