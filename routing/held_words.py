"""The words in which catalogues tell what they hold of a serial or a set: labels, months, gaps, and words that tell
nothing. Text is read in NFKC and lower case, with one kind of dash and western digits (`plain`).
"""

from __future__ import annotations

import re
import unicodedata

from mappings.dates import printed_year

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar janvier enero", "february feb febr februar fevrier", "march mar marz mrz mars",
            "april apr avril", "may mai mayo maj", "june jun juni juin", "july jul juli juillet",
            "august aug aout", "september sept sep septembre set", "october oct oktober okt octobre",
            "november nov novembre", "december dec dezember dez decembre",
        ),
        1,
    )
    for name in names.split()
}  # fmt: skip
SEASONS = {"spring": 1, "summer": 2, "autumn": 3, "fall": 3, "winter": 4, "春": 1, "夏": 2, "秋": 3, "冬": 4}

_MONTH = "|".join(sorted((name for name in (*MONTHS, *SEASONS) if name.isascii()), key=len, reverse=True))
_TOKEN = re.compile(
    rf"""
    (?P<benign> \*{{3}}.*$ | library\ has:? | see\ estar[\w ]*
        | (?:本馆)?现?(?:入藏|馆藏|收藏|存|有|藏)(?:年代|卷期|情况)?
        | 合订本 | 合订 | 创刊号? | 现刊 | 过刊 | 全年 | 印刷版 | 今(?!\w) | to\ date | present(?!\w) | \*\d+
        | 第 | nachgewiesen | online\ access | damit\ ersch(?:\.|einen)\ eingest(?:\.|ellt)
        | current\ issues? | print(?!\w) | published(?!\w) | publication(?!\w) )
  | (?P<incomplete> 不完整 | 不全 | 有缺期? | 缺期 | 零散 | 残本? | incomplete | scattered | imperfect | [?]
        | (?:some|many|several)\ (?:issues?|nos?\.?|numbers)(?:\ (?:missing|lacking|wanting))? )
  | (?P<gap> 所缺 | [缺欠无無] | (?:lack(?:s|ing)?|wanting|missing|deficient|except|without|fehl(?:t|en))(?!\w) )
  | (?P<all> 全套 | 完整 | 齐全 | 全 | 齐 | complete(?!\w) )
  | (?P<total> 总第?\.? | whole\ nos?\.? | cum(?:ulative)?\.?\ nos?\.? )
  | (?P<year> 年版 | 年度 | 年 | y(?:ears?|r)?\.(?=\s*\d) )
  | (?P<month> (?:{_MONTH})(?!\w)\.? | [春夏秋冬][季]?号? )
  | (?P<of_month> 月份? )
  | (?P<half> [上下]半年 | [上下](?:册|卷|编|集|部|辑)? | 中(?:册|卷|编|集|部|辑) | 中$ )
  | (?P<volume> (?:vols?|volumes?|v|bde?|band|t|tome|jahrg(?:ang)?|jg|arg|ano|annee)(?![^\W\d])\.?:? | 卷 )
  | (?P<issue> (?:issues?|iss|numbers?|nos?|nrs?|num|heft|hefte|h|ausgabe|n[°º])(?![^\W\d])\.?(?:\ nos?\.)?:?
        | [期号#] )
  | (?P<part> (?:parts?|pts?|teile?|reels?|discs?|disks?)(?![^\W\d])\.? | [册辑集部编] | 分册 )
  | (?P<vague> \d\d--|\d{3}-(?=\)) )
  | (?P<number> \d+(?:st(?!\w)|nd(?!\w)|rd(?!\w)|th(?!\w))? )
  | (?P<dash> -+ ) | (?P<slash> / ) | (?P<comma> , | 、 ) | (?P<stop> ;|。|[|] ) | (?P<colon> : )
  | (?P<open> \( ) | (?P<close> \) ) | (?P<same> = ) | (?P<dot> \. )
  | (?P<blank> [\s]+ )
  | (?P<word> [^\W\d_]+ | . )
    """,
    re.VERBOSE,
)

Token = tuple[str, str, bool]
"""Kind, text, and whether a blank stands before it: blanks part the pieces of a list (1983-1984 1989-1991)."""

_DASHES = re.compile(r"[‐‑‒–—―−─~～至到]+(?:-(?!-))?|\b(?:to|bis|through)\b")
_FOLDED = str.maketrans(
    "冊號總輯無欠齊殘夾創現過訂館參編卷", "册号总辑无欠齐残夹创现过订馆参编卷", "[]【】〔〕<>《》\u200b\ufeff"
)
_DIGITS = {c: i for i, c in enumerate("〇一二三四五六七八九")} | {"零": 0, "○": 0, "元": 1}
_CHINESE = "〇零○一二三四五六七八九十百廿卅元"
_BEFORE_UNIT = re.compile(
    rf"(?<![{_CHINESE}])([{_CHINESE}]{{1,8}})(?=\s*[年卷期册号集辑部编月])|(?<=第)([{_CHINESE}]{{1,8}})"
)
_REIGN = re.compile(r"(?:民[国國]|宣[统統]|光[绪緒緖])\s*(?:\d{1,3}|[元一二三四五六七八九十廿卅]{1,4})\s*年?")
_BEGAN = re.compile(
    r"^\s*(?:print\s+)?began\s+(?:publication\s+)?(?:and ceased\s+)?(?:(?:in|with)\b:?|(?=\d))"
    r"\s*(?:the\s+)?(?:vol\. for\s+)?"
)
_CEASED = re.compile(r"[;,.]?\s*\bceased\s+(?:in print\s+)?(?:in|with)\b:?\s*(?:the\s+)?")
_PARENTHESISED = re.compile(r"^\s*\(([^()]*)\)\s*-\s*(?:\(([^()]*)\))?")  # (May 2000)-(Nov. 2010)


def plain(text: str) -> str:
    """The statement as it is read: 第十二卷（民國二十三年） → 第12卷(1934年)."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = unicodedata.normalize("NFKD", text) if any("\u00c0" <= c <= "\u024f" for c in text) else text
        text = "".join(c for c in text if not "\u0300" <= c <= "\u036f") if max(text) >= "\u0300" else text
        text = _REIGN.sub(lambda found: f"{printed_year(found.group())}年", text)
        text = _BEFORE_UNIT.sub(lambda found: chinese_number(found.group(1) or found.group(2)), text)
    text = _DASHES.sub("-", text.lower().translate(_FOLDED))
    return _PARENTHESISED.sub(r"\1-\2", _told_ends(text))


def _told_ends(text: str) -> str:
    """Began with v. 1, 1966; ceased with v. 10, 1976. → v. 1, 1966 - v. 10, 1976."""
    if "began" not in text and "ceased" not in text:
        return text
    both = "began and ceased" in text
    begins = _BEGAN.match(text) is not None
    text = _BEGAN.sub("", text)
    if _CEASED.search(text):
        return _CEASED.sub("-", text)
    return text.rstrip(" .") + "-" if begins and not both else text


def chinese_number(text: str) -> str:
    """十二 → 12, 二十三 → 23, 一九八五 → 1985, 一百零三 → 103; what is no number stays."""
    text = text.replace("廿", "二十").replace("卅", "三十")
    if "百" not in text and "十" not in text:
        return "".join(str(_DIGITS[c]) for c in text)
    hundreds, found, rest = text.rpartition("百")
    total = 100 * _DIGITS.get(hundreds, 1) if found else 0
    tens, found, ones = rest.rpartition("十")
    if len(tens) > 1 or len(ones.lstrip("零〇")) > 1:
        return text
    if found:
        total += 10 * (_DIGITS.get(tens, 1) if tens else 1)
    ones = ones.lstrip("零〇")
    return str(total + (_DIGITS[ones] if ones else 0)) if not ones or ones in _DIGITS else text


def tokens(text: str) -> list[Token]:
    """The words of a statement that tell something."""
    found: list[Token] = []
    blank = False
    for match in _TOKEN.finditer(plain(text)):
        kind = str(match.lastgroup)
        if kind == "blank":
            blank = True
        elif kind != "benign":
            found.append((kind, match.group(), blank))
            blank = False
    return found
