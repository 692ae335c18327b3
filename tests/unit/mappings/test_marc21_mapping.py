"""marc21.yaml: western records, Chinese ones in two scripts, and the fields of holdings."""

from __future__ import annotations

from marc_text import MARC21_LEADER, record

from mappings.crosswalk import builtin
from mappings.model import Agent, BibRecord, Classification, Holding, Identifier, Item, Relation, Series, Subject, Title

LIU_HUI = """
008 960118s1994    cc            000 0bchi
020 ##$a7305022149 :$cRMBY12.50
050 #0$aQA28$b.Z467 1994
100 1 $6880-01$aZhou, Hanguang,$d1950-
245 10$6880-02$aLiu Hui ping zhuan :$bfu Qin Jiushao ping zhuan = Liu Hui, a life /$cZhou Hanguang zhu.
250 ##$6880-03$aDi 1 ban.
260 ##$6880-04$aNanjing Shi :$bNanjing da xue chu ban she,$c1994.
300 ##$a8, 4, 362 p. ;$c21 cm.
490 1 $6880-05$aZhongguo si xiang jia ;$v110
650 #0$aMathematicians$zChina$vBiography.
700 1 $aKong, Guoping,$eauthor.
700 12$6880-06$aZhou, Hanguang.$tLi Ye ping zhuan.
880 1 $6100-01/$1$a周瀚光,$d1950-
880 10$6245-02/$1$a刘徽评传 :$b附秦九韶评传 /$c周瀚光著.
880 ##$6250-03/$1$a第1版.
880 ##$6260-04/$1$a南京市 :$b南京大学出版社,$c1994.
880 1 $6490-05/$1$a中国思想家 ;$v110
880 ##$6500-00/$1$a附录.
"""


def marc21(text: str, leader: str = MARC21_LEADER) -> BibRecord:
    # In a test's text a `$1` inside $6 would be read as a subfield, as it is not in a record.
    return builtin("marc21").apply(record(text.replace("/$1", "/(B"), leader))


def test_twins_of_two_scripts_find_each_other() -> None:
    found = marc21(LIU_HUI)
    assert (found.title, found.title_alt) == ("Liu Hui ping zhuan", "刘徽评传")
    assert found.subtitle == "fu Qin Jiushao ping zhuan"
    assert found.agents == (
        Agent("Zhou, Hanguang", primary=True, alt="周瀚光", dates="1950-"),
        Agent("Kong, Guoping", roles=("aut",)),
    )
    assert found.titles == (
        Title("Liu Hui, a life", "parallel"),
        Title("Li Ye ping zhuan", "contents"),
        Title("刘徽评传 : 附秦九韶评传"),
    )
    assert found.edition == "Di 1 ban"
    assert found.places == ("Nanjing Shi", "南京市")
    assert found.publishers == ("Nanjing da xue chu ban she", "南京大学出版社")
    assert found.series == (Series("Zhongguo si xiang jia", "110"), Series("中国思想家", "110"))
    assert [note.value for note in found.notes] == ["附录"]  # 880-00: no partner, but text
    assert (found.year, found.country, found.languages, found.pages) == (1994, "CN", ("chi",), 362)
    assert found.classes == (Classification("lcc", "QA28"),)
    assert found.subjects == (Subject("Mathematicians--China--Biography", scheme="lcsh"),)


def test_a_twin_without_partner_is_the_title() -> None:
    assert marc21("880 10$6245-00/$1$a红楼梦 /$c曹雪芹著.").title == "红楼梦"
    found = marc21("245 10$aHong lou meng\n880 10$6245-07/$1$a红楼梦")
    assert (found.title, found.title_alt) == ("Hong lou meng", "红楼梦")  # $6 was lost in 245
    found = marc21("245 10$aHong lou meng\n880 1 $7 100-01$a曹雪芹")
    assert (found.title, found.agents) == ("Hong lou meng", ())  # an 880 without $6 stands for nothing


def test_marks_that_only_sort_go() -> None:
    assert marc21("245 10$a\x98The \x9cart of war").title == "The art of war"
    assert marc21("245 10$a¬Die ¬Kunst").title == "Die Kunst"


def test_text_is_composed() -> None:
    assert marc21("245 10$aE\u0301tude").title == "Étude"


def test_numbers() -> None:
    found = marc21(
        """
        010 ##$a   63058425
        020 ##$a9789651321337 (v. 1 : alk. paper)
        020 ##$a9651321334$qset$z7305022140
        022 0 $a0028-0836$z0302-2889
        024 7 $a10.1000/182$2doi
        024 3 $a9787101105285
        035 ##$a(OCoLC)ocm07947282
        035 ##$a4083985
        099 ##$aQA76.9
        245 10$aNature
        """
    )
    assert found.identifiers == (
        Identifier("lccn", "63058425"),
        Identifier("isbn", "9789651321337", "v. 1 : alk. paper"),
        Identifier("isbn", "9789651321337", "set", whole_set=True),
        Identifier("isbn", "7305022140", status="cancelled"),
        Identifier("issn", "0028-0836"),
        Identifier("issn", "0302-2889", status="cancelled"),
        Identifier("doi", "10.1000/182"),
        Identifier("isbn", "9787101105285"),
        Identifier("oclc", "7947282"),
    )


def test_languages_packed_and_plain() -> None:
    found = marc21("008 960118s1994    cc            000 0bchi\n041 1 $aengfre$hger$achi\n245 10$aX")
    assert found.languages == ("chi", "eng", "fre")
    assert found.original_languages == ("ger",)


def test_dates_fall_back_to_what_is_printed() -> None:
    assert marc21("245 10$aX\n264 #1$c[2014]\n264 #4$c©2013").year == 2014
    assert marc21("008 960118suuuu    cc\n245 10$aX\n260 ##$cc1987.").year == 1987
    found = marc21("008 960118q19501959cc\n245 10$aX")
    assert (found.year, found.year_end) == (1950, 1959)
    found = marc21("008 960118m19639999ru\n245 10$aX")
    assert (found.year, found.year_end) == (1963, 9999)
    assert marc21("008 960118r19941911cc\n245 10$aX").year == 1994


def test_the_publication_comes_before_other_statements_in_264() -> None:
    found = marc21("245 10$aX\n264 #3$aTaibei :$bPrinter,$c2001\n264 #1$aBeijing :$bPublisher,$c2000")
    assert (found.places, found.publishers, found.date_text) == (("Beijing",), ("Publisher",), "2000")


def test_material_and_carrier() -> None:
    for text, leader, expected in [
        ("", MARC21_LEADER, ("book", "print")),
        ("008 960118s1994    cc      o     000 0 chi", MARC21_LEADER, ("book", "online")),
        ("007 cr |||", MARC21_LEADER, ("book", "online")),
        ("007 hd|afu---buuu", "00000cas a2200000 a 4500", ("serial", "microform")),
        ("338 ##$aonline resource$bcr", MARC21_LEADER, ("book", "online")),
        ("007 co |||\n338 ##$bnc", MARC21_LEADER, ("book", "print")),
        ("502 ##$aThesis (Ph.D.)--北京大学", MARC21_LEADER, ("thesis", "print")),
        ("", "00000naa a2200000 a 4500", ("article", "print")),
        ("", "00000ntm a2200000 a 4500", ("manuscript", "print")),
        ("", "00000nem a2200000 a 4500", ("map", "print")),
        ("", "00000ncm a2200000 a 4500", ("score", "print")),
        ("", "00000ngm a2200000 a 4500", ("video", "print")),
        ("008 960118s1994    cc            o     chi", "00000nem a2200000 a 4500", ("map", "online")),
    ]:
        found = marc21("245 10$aX\n" + text, leader)
        assert (found.material, found.carrier) == expected, (text, leader)


def test_a_serial_and_its_relations() -> None:
    found = marc21(
        """
        008 880811c18699999enkwrzp       0   a0eng d
        245 10$aNature.
        310 ##$aWeekly
        362 0 $av. 1- Nov. 4, 1869-
        780 00$tNature notes$x1111-1119
        785 00$tNature today$w(OCoLC)1
        """,
        "00000cas a2200000   4500",
    )
    assert (found.material, found.level, found.year, found.year_end) == ("serial", "s", 1869, 9999)
    assert found.coverage == "v. 1- Nov. 4, 1869-"
    assert found.relations == (
        Relation("preceding", "Nature notes", "1111-1119"),
        Relation("succeeding", "Nature today"),
    )


def test_an_article_tells_its_host() -> None:
    found = marc21("245 10$a综述\n773 0 $t考古$x0453-2899$g2012, no. 3", "00000naa a2200000 a 4500")
    assert found.relations == (Relation("host", "考古", "0453-2899", "2012, no. 3"),)


def test_holdings_with_items_and_coverage() -> None:
    found = marc21(
        """
        245 10$aNature
        852 0 $aRUC$bLIB$cSTACKS$hQ1$i.N2$pA001$pA002
        866 #0$av. 1-20
        876 ##$pA003$jOn loan
        852 0 $aRUC$bLAW$hQ1
        """
    )
    assert found.holdings == (
        Holding(
            "LIB", "STACKS", "Q1 .N2", "v. 1-20", items=(Item("A001"), Item("A002"), Item("A003", status="on_loan"))
        ),
        Holding("LAW", call_number="Q1"),
    )


def test_chinese_systems_keep_905_in_western_records() -> None:
    found = marc21("245 10$aOn growth\n905 ##$aRUC$b7001-2$dQ1$eT46\n093 ##$aQ11\n690 ##$aLocal subject")
    assert found.holdings == (Holding("RUC", call_number="Q1/T46", items=(Item("7001"), Item("7002"))),)
    assert found.classes == (Classification("clc", "Q11"),)
