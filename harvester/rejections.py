"""Why a record was rejected: stable codes, with a reason in Chinese and English and what mends it."""

from __future__ import annotations

from msgspec import Struct


class RejectionText(Struct, frozen=True):
    zh: str
    en: str
    fix: str  # what the library can do, in English


TEXTS = {
    "garbage": RejectionText(
        "此段字节不是MARC记录。",
        "These bytes are no MARC record.",
        "Look at the bytes: a text or an error page was written into the file. Export the file again.",
    ),
    "not_marc": RejectionText(
        "此文件不是MARC文件。",
        "This file holds no MARC records.",
        "Take it out of the folder, or export it as ISO 2709 or MARCXML.",
    ),
    "empty_record": RejectionText(
        "记录没有任何字段。",
        "The record has no field.",
        "Delete the empty record in the library system, or export it again.",
    ),
    "too_large": RejectionText(
        "记录超过允许的大小。",
        "The record is larger than can be read.",
        "Two records may have grown together: look for a missing record terminator.",
    ),
    "broken_xml": RejectionText(
        "XML不完整或有错误。",
        "The XML is cut off or not well formed.",
        "Export the file again; the records before the break have been read.",
    ),
    "duplicate_identifier": RejectionText(
        "同一批数据中，另一条记录已使用此标识号。",
        "Another record of the same delivery has this identifier.",
        "Give each record a control number (001) of its own.",
    ),
    "no_metadata": RejectionText(
        "记录未删除，却没有元数据。",
        "The record is not deleted, yet it has no metadata.",
        "The provider must send the record or mark it as deleted.",
    ),
    "unknown_format": RejectionText(
        "无法识别的元数据格式。",
        "The metadata is in a format that is not known.",
        "Harvest with metadata prefix marcxml or oai_dc.",
    ),
    "no_identifier": RejectionText(
        "记录没有OAI标识号。",
        "The record has no OAI identifier.",
        "The provider must give each record an identifier in its header.",
    ),
    "extra_metadata": RejectionText(
        "一条OAI记录中含有多条书目记录，只采用第一条。",
        "One OAI record holds several bibliographic records; only the first was taken.",
        "The provider must send one bibliographic record in each OAI record.",
    ),
    "page_broken": RejectionText(
        "此页残缺，其余部分无法读取。",
        "The page is broken; the rest of it could not be read.",
        "Ask the provider's operator to look at this page; the next run tries again.",
    ),
    "not_delivered": RejectionText(
        "来源列出此记录，却始终未能提供。",
        "The provider lists this record and fails to deliver it.",
        "Ask the provider's operator to look at this record; the next run tries again.",
    ),
    "no_title": RejectionText(
        "没有题名。",
        "There is no title.",
        "Fill 245$a (MARC21) or 200$a (CNMARC); if the title stands elsewhere, give the source a mapping.",
    ),
    "not_bibliographic": RejectionText(
        "不是书目记录（规范、馆藏或分类记录）。",
        "It is no bibliographic record but one of authority, holdings or classification.",
        "Export bibliographic records only.",
    ),
    "unknown_dialect": RejectionText(
        "既不像MARC21，也不像CNMARC/UNIMARC。",
        "It looks neither like MARC21 nor like CNMARC or UNIMARC.",
        "Check the export: 245 or 200 must be there.",
    ),
}


def text_of(code: str) -> RejectionText:
    """The texts of a code that a reader or a crosswalk gave."""
    return TEXTS[code]
