"""What can go wrong in a request, and how it is told: status, code, and a sentence in Chinese and in English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from search_api.answers import BadParameter, ProblemAnswer

TITLES = {
    401: ("请先登录", "Sign in first"),
    403: ("没有权限", "Not allowed"),
    404: ("未找到", "Not found"),
    405: ("不支持的请求方法", "Method not allowed"),
    409: ("与现有数据冲突", "In conflict with what is there"),
    410: ("记录已删除", "The record is gone"),
    413: ("提交的内容过大", "Too much at once"),
    422: ("请求参数有误", "A parameter is wrong"),
    429: ("次数过多", "Too many"),
    500: ("系统出错", "An error of ours"),
    503: ("服务暂时不可用", "Not available for the moment"),
}


class ProblemError(Exception):
    """A request that can't be answered. Raised at the HTTP boundary only."""

    def __init__(
        self,
        status: int,
        code: str,
        zh: str,
        en: str,
        *,
        parameters: tuple[BadParameter, ...] = (),
        record_id: str = "",
        headers: Mapping[str, str] | None = None,
        by_number: bool = False,
    ) -> None:
        super().__init__(en)
        self.status = status
        self.code = code
        self.zh = zh
        self.en = en
        self.parameters = parameters
        self.record_id = record_id
        self.headers = dict(headers or {})
        self.by_number = by_number  # looking up by number is a way round it

    def title(self, language: str) -> str:
        zh, en = TITLES.get(self.status, ("请求失败", "The request failed"))
        return en if language == "en" else zh

    def answer(self) -> ProblemAnswer:
        return ProblemAnswer(
            type=f"urn:tongcang:problem:{self.code}",
            title=self.title("en"),
            status=self.status,
            detail=self.en,
            title_zh=self.title("zh"),
            detail_zh=self.zh,
            parameters=self.parameters,
            id=self.record_id,
        )


def no_such_page() -> ProblemError:
    return ProblemError(
        404, "not-found", "没有这个地址。请从首页开始检索。", "There is no such page. Start from the home page."
    )


def wrong_method(allowed: str) -> ProblemError:
    return ProblemError(
        405,
        "method-not-allowed",
        f"此地址只接受 {allowed} 请求。",
        f"This address takes {allowed} requests only.",
        headers={"Allow": allowed},
    )


def too_large() -> ProblemError:
    return ProblemError(
        413, "too-large", "提交的内容超过了允许的大小。", "What was sent is larger than this address takes."
    )


def unreadable() -> ProblemError:
    return bad_parameter(
        "body",
        "无法解读提交的内容：编码或格式有误。",
        "What was sent can't be read: its encoding or its form is wrong.",
    )


def sign_in_first() -> ProblemError:
    return ProblemError(
        401,
        "sign-in",
        "此页面须登录后使用；程序须出示有效的接口密钥。",
        "Sign in for this page. A program shows an API key that is valid.",
        headers={"WWW-Authenticate": 'Bearer realm="Tongcang"'},
    )


def bad_key() -> ProblemError:
    return ProblemError(
        401,
        "bad-key",
        "接口密钥无效、已过期或已撤销。请向本馆管理员申请新密钥。",
        "The API key is not valid, has expired or was revoked. Ask your library's admin for a new one.",
        headers={"WWW-Authenticate": 'Bearer realm="Tongcang", error="invalid_token"'},
    )


def forbidden() -> ProblemError:
    return ProblemError(
        403,
        "forbidden",
        "您的账户没有此项权限，或所涉及的数据属于其他成员馆。",
        "Your account may not do this, or it belongs to another library.",
    )


def forged() -> ProblemError:
    return ProblemError(
        403,
        "forged",
        "无法确认这次提交来自本站页面，未作任何更改。请重新打开页面，再提交一次。",
        "It is not certain that this was sent from a page of ours, so nothing was changed. "
        "Open the page again and send it once more.",
    )


def unknown_thing() -> ProblemError:
    return ProblemError(
        404, "unknown", "没有这一项，或您无权查看。", "There is no such thing, or it is not yours to see."
    )


def too_many_attempts(seconds: int) -> ProblemError:
    minutes = -(-seconds // 60)
    return ProblemError(
        429,
        "too-many-attempts",
        f"尝试次数过多。请在 {minutes} 分钟后再试。",
        f"Too many attempts. Try again in {minutes} minutes.",
        headers={"Retry-After": str(seconds)},
    )


def too_many_requests(seconds: int) -> ProblemError:
    minutes = -(-seconds // 60)
    return ProblemError(
        429,
        "too-many-requests",
        f"短时间内提交过多。请在 {minutes} 分钟后再试。",
        f"That was too much in a short time. Try again in {minutes} minutes.",
        headers={"Retry-After": str(seconds)},
    )


def conflict(code: str, zh: str, en: str) -> ProblemError:
    return ProblemError(409, code, zh, en)


def unknown_record(record_id: str) -> ProblemError:
    return ProblemError(
        404,
        "unknown-record",
        f"没有编号为 {record_id} 的记录。编号由八个字母和数字组成，请检查是否抄错。",
        f"There is no record {record_id}. An id has eight letters and digits: check it for a slip.",
        record_id=record_id,
    )


def deleted_record(record_id: str) -> ProblemError:
    return ProblemError(
        410,
        "deleted-record",
        f"记录 {record_id} 已删除：各成员馆都不再收藏这一文献。",
        f"Record {record_id} was deleted: no member library holds the publication any longer.",
        record_id=record_id,
    )


def engine_unavailable(retry_after: int) -> ProblemError:
    return ProblemError(
        503,
        "unavailable",
        f"检索引擎暂时不可用，请在 {retry_after} 秒后重试。记录页面和按号码查馆藏不受影响。",
        f"The search engine can't answer. Try again in {retry_after} seconds. Records, and holders by number, "
        "can be looked up meanwhile.",
        headers={"Retry-After": str(retry_after)},
        by_number=True,
    )


def store_unavailable(retry_after: int) -> ProblemError:
    return ProblemError(
        503,
        "unavailable",
        f"数据库暂时不可用，请在 {retry_after} 秒后重试。",
        f"The database can't be used. Try again in {retry_after} seconds.",
        headers={"Retry-After": str(retry_after)},
    )


def internal_error() -> ProblemError:
    return ProblemError(
        500,
        "internal",
        "系统出错，已记入日志。请稍后重试；若仍出错，请告知管理员。",
        "Something failed on our side and has been logged. Try again later; if it persists, tell the administrator.",
    )


def bad_cursor() -> ProblemError:
    return bad_parameter(
        "after",
        "翻页标记无效，或与排序方式不符。请去掉它，从第一页开始。",
        "The cursor is not one of ours, or of another order. Leave it out to start from the first page.",
    )


def query_too_long() -> ProblemError:
    return ProblemError(
        422,
        "query-too-long",
        "检索词太长，检索引擎无法处理。请减少检索词。",
        "The query has more words than the search engine takes. Search for fewer words.",
    )


def bad_parameter(parameter: str, zh: str, en: str) -> ProblemError:
    return bad_parameters((BadParameter(parameter, zh, en),))


def bad_parameters(found: tuple[BadParameter, ...]) -> ProblemError:
    return ProblemError(
        422,
        "bad-parameter",
        "；".join(f"{each.parameter}：{each.zh}" for each in found),
        " ".join(f"{each.parameter}: {each.en}" for each in found),
        parameters=found,
    )


_COMPLAINTS = {
    "string_too_long": ("最多 {max_length} 个字符。", "At most {max_length} characters."),
    "too_long": ("最多 {max_length} 个值。", "At most {max_length} values."),
    "int_parsing": ("应为整数。", "A whole number is needed."),
    "bool_parsing": ("应为 1 或 0。", "Either 1 or 0 is needed."),
    "greater_than_equal": ("不得小于 {ge}。", "Not less than {ge}."),
    "less_than_equal": ("不得大于 {le}。", "Not more than {le}."),
    "literal_error": ("只能是 {expected} 之一。", "One of {expected} is needed."),
    "unknown_facet": ("只能是 {known} 之一，或 none。", "One of {known} is needed, or none."),
    "extra_forbidden": ("没有这个参数。", "There is no such parameter."),
    "missing": ("此参数必填。", "This parameter is needed."),
}


def from_validation(errors: Sequence[Mapping[str, Any]]) -> ProblemError:
    """From the errors that pydantic found in the parameters."""
    found = []
    for error in errors:
        zh, en = _COMPLAINTS.get(str(error["type"]), ("值无效。", "The value is not valid."))
        known = error.get("ctx", {})
        name = str(error["loc"][1]) if len(error["loc"]) > 1 else str(error["loc"][0])
        found.append(BadParameter(name[:64], zh.format_map(known), en.format_map(known)))
    return bad_parameters(tuple(found))
