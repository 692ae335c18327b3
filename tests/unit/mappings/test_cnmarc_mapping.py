"""cnmarc.yaml and unimarc.yaml on records with the habits and slips of real ones."""

from __future__ import annotations

from marc_text import CNMARC_LEADER, record

from mappings.crosswalk import builtin, dialect_of
from mappings.model import (
    Agent,
    BibRecord,
    Classification,
    Holding,
    Identifier,
    Item,
    Link,
    Note,
    Relation,
    Series,
    Subject,
    Title,
)

PLAIN = """
001 012012000001
010 ##$a978-7-101-10528-5$b精装$dCNY156.00
099 ##$aCAL 012000594459
100 ##$a20150209d2015    em y0chiy50      ea
101 1 $achi$cfre
102 ##$aCN$b110000
200 1 $a杜诗详注$9du shi xiang zhu$b专著$d= Poems of Du Fu$e校注本$f(唐)杜甫撰$g(清)仇兆鳌注$h第三册$i诗余$zeng
205 ##$a2版
210 ##$a北京$c中华书局$d2015.06
215 ##$a3册(50,23,1942页)$d22cm
225 2 $a中国古典文学丛书$AZhong guo gu dian wen xue cong shu$v12$x0453-2899
300 ##$a附录年谱
312 ##$a封面英文题名:Du Fu annotated。
330 ##$a本书精选了杜甫经典诗作。
333 ##$a古典文学研究者
517 1 $a杜少陵集详注$9du shao ling ji xiang zhu
606 0 $a杜诗$x注释
610 0 $a杜甫；唐诗
690 ##$aI222.742$v5
692 ##$a28.24$v3
701 #0$c(唐)$a杜甫$9du fu$f(712-770)$4撰
702 #0$c(清)$a仇兆鳌$9qiu zhao ao$f(1638-1717)$4注
856 4 $uhttp://example.cn/1$z全文
856 4 $ujavascript:alert(1)
905 ##$aTJL$b00236515-7$dI222.742$e12
"""


def cnmarc(text: str, leader: str = CNMARC_LEADER) -> BibRecord:
    return builtin("cnmarc").apply(record(text, leader))


def test_a_plain_record_comes_through_whole() -> None:
    assert cnmarc(PLAIN) == BibRecord(
        "cnmarc",
        local_id="012012000001",
        title="杜诗详注",
        title_pinyin="du shi xiang zhu",
        subtitle="校注本",
        part_number="第三册",
        part_name="诗余",
        responsibility="(唐)杜甫撰 ; (清)仇兆鳌注",
        titles=(
            Title("Poems of Du Fu", "parallel"),
            Title("Du Fu annotated"),
            Title("杜少陵集详注", pinyin="du shao ling ji xiang zhu"),
        ),
        series=(Series("中国古典文学丛书", "12", "0453-2899", "Zhong guo gu dian wen xue cong shu"),),
        agents=(
            Agent("杜甫", roles=("aut",), primary=True, dates="712-770", pinyin="du fu"),
            Agent("仇兆鳌", roles=("cwt",), dates="1638-1717", pinyin="qiu zhao ao"),
        ),
        identifiers=(Identifier("isbn", "9787101105285", "精装"), Identifier("calis", "CAL 012000594459")),
        year=2015,
        date_text="2015.06",
        languages=("chi",),
        original_languages=("fre",),
        country="CN",
        places=("北京",),
        publishers=("中华书局",),
        edition="2版",
        extent="3册(50,23,1942页)",
        pages=1942,
        subjects=(Subject("杜诗--注释"), Subject("杜甫", "keyword"), Subject("唐诗", "keyword")),
        classes=(Classification("clc", "I222.742", "5"), Classification("las", "28.24", "3")),
        notes=(
            Note("附录年谱"),
            Note("封面英文题名:Du Fu annotated。"),
            Note("本书精选了杜甫经典诗作。", "abstract"),
            Note("古典文学研究者", "audience"),
        ),
        links=(Link("http://example.cn/1", "全文"),),
        holdings=(Holding("TJL", call_number="I222.742/12", items=tuple(Item(f"0023651{n}") for n in (5, 6, 7))),),
    )


def test_200_a_in_capitals_is_pinyin() -> None:
    found = cnmarc("200 1 $a'94中国发展报告$A'94 Zhong Guo Fa Zhan Bao Gao$f国家统计局编$FGuo Jia Tong Ji Ju Bian")
    assert found.title == "'94中国发展报告"
    assert found.title_pinyin == "'94 Zhong Guo Fa Zhan Bao Gao"
    assert found.titles == ()


def test_two_works_without_a_common_title() -> None:
    found = cnmarc("200 1 $a呐喊$a彷徨$c边城$f鲁迅著")
    assert found.title == "呐喊"
    assert found.titles == (Title("彷徨"), Title("边城"))


def test_other_title_information_of_the_parallel_title_is_not_ours() -> None:
    found = cnmarc("200 1 $a过程管理$e供应链的增值$dProcess management$ecreating value$f威斯纳著$zeng")
    assert found.subtitle == "供应链的增值"


def test_two_authors_in_one_701_and_a_repeated_c() -> None:
    found = cnmarc("200 1 $a软件水印\n701 #0$a科尔伯格$c(美)$c(Collberg, Christian)$4 著$a纳格拉$4着")
    assert found.agents == (
        Agent("科尔伯格", roles=("aut",), primary=True, alt="Collberg, Christian"),
        Agent("纳格拉", roles=("aut",), primary=True),
    )


def test_without_any_7xx_the_statement_is_read() -> None:
    found = cnmarc("200 1 $a小王子$f(法)安托万·德·圣·埃克苏佩里著$g李玉民译")
    assert found.agents == (
        Agent("安托万·德·圣·埃克苏佩里", roles=("aut",), primary=True),
        Agent("李玉民", roles=("trl",)),
    )
    assert cnmarc("200 1 $a年鉴$f国家统计局编").agents == (Agent("国家统计局", "body", roles=("edt",), primary=True),)


def test_joined_606_and_690() -> None:
    found = cnmarc(
        "200 1 $a尘肺病\n606 0 $a尘肺－护理；尘肺－康复\n606 ##$a经济发展 概况 中国 1997\n690 ##$aR473.59；R598.209$v5"
    )
    assert [s.value for s in found.subjects] == ["尘肺--护理", "尘肺--康复", "经济发展--概况--中国--1997"]
    assert [c.value for c in found.classes] == ["R473.59", "R598.209"]


def test_numbers_in_the_wrong_field() -> None:
    found = cnmarc("010 ##$a10019·1974\n011 ##$a978-7-115-33066-6$dCNY\n091 ##$aCN11-1532/N\n200 1 $a爸爸给我讲故事")
    assert found.identifiers == (
        Identifier("tyshuhao", "10019·1974"),
        Identifier("isbn", "9787115330666"),
        Identifier("cn", "11-1532/N"),
    )


def test_an_isbn_of_the_set_and_a_wrong_one() -> None:
    found = cnmarc("010 ##$a7-113-05198-7$d￥66.00（全三册）\n010 ##$a978-7-101-10528-6$z7101105280\n200 1 $a史记")
    assert found.identifiers == (
        Identifier("isbn", "9787113051983", "全三册", whole_set=True),
        Identifier("isbn", "978-7-101-10528-6", status="invalid"),
        Identifier("isbn", "7101105280", status="cancelled"),
    )
    assert found.flags == ("bad_isbn",)


def test_years_of_a_reign_and_old_editions() -> None:
    found = cnmarc("100 ##$a20150209d        em y0chiy50\n101 0 $achi\n200 1 $a红楼梦\n210 ##$d清光绪十年[1884]")
    assert (found.year, found.material) == (1884, "rare_book")
    found = cnmarc("101 0 $achi\n200 1 $a红楼梦\n210 ##$d民國二十五年")
    assert (found.year, found.material) == (1936, "book")


def test_material_and_carrier() -> None:
    title = "200 1 $a某书\n"
    for text, leader, expected in [
        ("", CNMARC_LEADER, ("book", "print")),
        ("", "00000nas0 2200000   450 ", ("serial", "print")),
        ("", "00000naa0 2200000   450 ", ("article", "print")),
        ("", "00000num0 2200000   450 ", ("rubbing", "print")),
        ("", "00000nvm0 2200000   450 ", ("rare_book", "print")),
        ("", "00000njm0 2200000   450 ", ("audio", "print")),
        ("001 312012000001", CNMARC_LEADER, ("rare_book", "print")),
        ("001 人天639-3500", CNMARC_LEADER, ("book", "print")),
        ("328 ##$a北京大学博士学位论文", CNMARC_LEADER, ("thesis", "print")),
        ("106 ##$at", CNMARC_LEADER, ("book", "microform")),
        ("135 ##$adrbn#---auaua", CNMARC_LEADER, ("book", "online")),
        ("135 ##$adobn#---auaua", CNMARC_LEADER, ("book", "electronic")),
        ("215 ##$a在线资源(393页)", CNMARC_LEADER, ("book", "online")),
        ("", "00000nlm0 2200000   450 ", ("electronic", "electronic")),
    ]:
        found = cnmarc(title + text, leader)
        assert (found.material, found.carrier) == expected, (text, leader)
    electronic = cnmarc("200 1 $a'97中国发展报告$b电子资源$f国家统计局编")
    assert (electronic.material, electronic.carrier) == ("book", "electronic")


def test_a_serial() -> None:
    found = cnmarc(
        """
        011 ##$a0453-2899
        100 ##$a20150209a1959####em y0chiy50
        110 ##$aafaz   0xx0
        200 1 $a考古$AKao gu
        207 #0$aNo.1 (1959)-
        326 ##$a月刊
        430 #1$12001 $a考古通讯
        440 #1$1011##$a1000-131X$12001 $a考古新刊
        905 ##$aCAS$v1959-1966$y1972-2020$sK87/1
        """,
        "00000nas0 2200000   450 ",
    )
    assert (found.material, found.level, found.year, found.year_end) == ("serial", "s", 1959, 9999)
    assert found.coverage == "No.1 (1959)-"
    assert found.notes == (Note("月刊", "frequency"),)
    assert found.relations == (Relation("preceding", "考古通讯"), Relation("succeeding", "考古新刊", "1000-131X"))
    assert found.holdings == (Holding("CAS", call_number="K87/1", coverage="1959-1966 1972-2020"),)


def test_a_series_from_410_where_there_is_no_225() -> None:
    found = cnmarc("200 1 $a某书\n410 #0$12001 $a中国发展报告书$v3")
    assert found.series == (Series("中国发展报告书", "3"),)
    assert cnmarc("200 1 $a某书\n225 2 $a报告书\n410 #0$12001 $a中国发展报告书").series == (Series("报告书"),)


def test_dialects_of_holdings() -> None:
    title = "200 1 $a某书\n"
    for text, expected in [
        ("905 ##$aST$fI/469", Holding("ST", call_number="I/469")),
        (
            "905 ##$a总馆$b001$b002$dK2$e7$f2",
            Holding("总馆", call_number="K2/7", copies=2, items=(Item("001"), Item("002"))),
        ),
        ("905 ##$aBNU$cbk$sF124/26", Holding("BNU", "bk", "F124/26")),
        ("096 ##$aI565.8$baks", Holding(call_number="I565.8/aks")),
        ("090 ##$aF124$b26$uF124/26$zbcp", Holding(call_number="F124/26")),
        ("852 ##$aCLCN$b北馆$cA区$jK204$p9001", Holding("北馆", "A区", "K204", items=(Item("9001"),))),
        ("252 ##$aNLC$b文津街$j2015/K1", Holding("文津街", call_number="2015/K1")),
        ("AVE ##$m超星电子图书$eAvailable", Holding(location="超星电子图书", status="available")),
    ]:
        assert cnmarc(title + text).holdings == (expected,), text


def test_alma_tells_the_copies_that_905_repeats() -> None:
    found = cnmarc(
        """
        200 1 $a某书
        905 ##$aBNU$sF124/26
        906 ##$b1683011
        935 ##$b1683011-3
        AVA ##$a86BNU_INST$bMDMP$c中文书$dF124 26$eavailable$f2$vfrom:1995 until:1998
        """
    )
    assert found.holdings == (Holding("MDMP", "中文书", "F124 26", "1995-1998", 2, "available"),)


def test_unimarc_of_other_countries() -> None:
    source = record(
        """
        100 ##$a19961119d1996    ||||0itac50      ba
        101 ##$aita
        102 ##$aIT
        200 1 $a\x88L'\x89altra faccia della spirale$fIsaac Asimov
        454 #0$12001 $aSecond foundation.$1700 1$aAsimov$b, Isaac
        700 #1$aAsimov$b, Isaac$4070
        995 ##$bBM$cSalle$fB001$k823 ASI
        """
    )
    assert dialect_of(source) == "unimarc"
    found = builtin("unimarc").apply(source)
    assert found.title == "L'altra faccia della spirale"
    assert found.agents == (Agent("Asimov, Isaac", roles=("aut",), primary=True),)
    assert found.relations == (Relation("translation", "Second foundation"),)
    assert found.holdings == (Holding("BM", "Salle", "823 ASI", items=(Item("B001"),)),)
