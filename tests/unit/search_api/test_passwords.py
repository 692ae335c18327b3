"""Which passwords are taken, codes as people type them, and what must not be asked for."""

from __future__ import annotations

import hashlib
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_api.access import contact
from search_api.access.passwords import COMMON, LONGEST, SHORTEST, Passwords, complaint
from search_api.access.tokens import code_hash, key_prefix, new_code, new_key, new_token, same, token_hash

PASSWORDS = Passwords()


@pytest.mark.parametrize(
    "password",
    ["三只猫坐在屋顶上看月", "correct horse battery staple", "kM9#vx2Lqp", "湖边 的 旧木船 1998", "x7Gq-2bVn-9k"],
)
def test_good_passwords_are_taken(password: str) -> None:
    assert len(password) >= SHORTEST and complaint(password) is None
    assert complaint(password[: SHORTEST - 1]) is not None


@pytest.mark.parametrize(
    "password",
    [
        "short", "password123", "Password2026!", "P@ssw0rd2026", "1234567890", "qwertyuiop", "qwerty123456",
        "iloveyou1314", "woaini5201314", "aaaaaaaaaaaa", "abababababab", "abcdefghijkl", "zyxwvutsrqpo", "asdfghjkl;'",
        "1qaz2wsx3edc", "admin@123456", "ＰＡＳＳＷＯＲＤ１２３", "tongcang-2026", "图书馆12345678", "88888888888",
        "20260301202603", "p.a.s.s.w.o.r.d", "abcabcabcabc", "长" * (LONGEST + 1),
    ],
)  # fmt: skip
def test_bad_passwords_are_refused_in_both_languages(password: str) -> None:
    words = complaint(password)
    assert words is not None and words.zh and words.en and words.zh != words.en


@pytest.mark.parametrize("known", ["wangfang88", "王芳", "CARD-0012345", "ｗａｎｇ"])
def test_what_others_know_of_one_is_no_password(known: str) -> None:
    words = complaint(f"湖边! {known.upper()} 七座灯塔", "", known)
    assert words is not None and "登录名" in words.zh
    assert complaint(f"湖边! {known.upper()} 七座灯塔", "别的登录名", "li") is None


def test_the_list_holds_what_people_choose_most() -> None:
    assert {"password", "woaini", "qwerty", "admin"} <= COMMON and "" not in COMMON


@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
def test_a_complaint_never_fails(password: str, known: str) -> None:
    complaint(password, known)


def test_a_hash_fits_its_password_however_the_keyboard_composed_it() -> None:
    hashed = PASSWORDS.hash("café 图书馆的猫")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert PASSWORDS.verify(hashed, "cafe\u0301 图书馆的猫")
    assert not PASSWORDS.verify(hashed, "cafe 图书馆的猫")
    assert not PASSWORDS.verify("", "nobody's")
    assert not PASSWORDS.verify("no hash", "x")
    assert PASSWORDS.hash("同一个密码也不同") != PASSWORDS.hash("同一个密码也不同")
    assert not PASSWORDS.outdated(hashed)


def test_a_flood_is_worked_on_a_few_at_a_time() -> None:
    few = Passwords(at_once=2)
    inside, most = 0, 0
    lock = threading.Lock()

    class Slow:
        def hash(self, _: bytes) -> str:
            nonlocal inside, most
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.01)
            with lock:
                inside -= 1
            return ""

    few._hasher = Slow()  # type: ignore[assignment]
    threads = [threading.Thread(target=few.hash, args=("x",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2


def test_a_code_may_be_typed_as_it_is_read() -> None:
    code = new_code()
    assert len(code) == 19 and not set(code) & set("ILOU")
    assert code_hash(code) == code_hash(code.lower().replace("-", " ")) == code_hash(code.replace("0", "o"))
    assert code_hash("1l0O-1234") == code_hash("11001234")
    assert code_hash(code) != code_hash(new_code())


def test_keys_and_tokens_are_long_and_differ() -> None:
    key, prefix = new_key()
    assert key_prefix(key) == prefix and len(key.rpartition(prefix)[2]) == 44
    assert len({new_token() for _ in range(100)}) == 100
    assert token_hash("通") == hashlib.sha256("通".encode()).hexdigest()
    assert same("通", "通") and not same("通", "藏")
    for none in ("", "tck_", f"{key}x", key[:-1], key.replace("tck_", "TCK_"), f"{key}\n", "tck_../../etc_" + "a" * 43):
        assert key_prefix(none) is None


@given(st.text())
def test_whatever_is_shown_as_key_is_looked_at_without_failing(text: str) -> None:
    assert key_prefix(text) is None
    assert len(token_hash(text)) == len(code_hash(text)) == 64


def identity_number(first: str) -> str:
    """With its check figure, by the other way of ISO 7064: the remainder of all 18 is 1."""
    for last in "0123456789X":
        weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2, 1]
        figures = [int(each) for each in first] + [10 if last == "X" else int(last)]
        if sum(a * b for a, b in zip(weights, figures, strict=True)) % 11 == 1:
            return first + last
    raise AssertionError


@given(st.from_regex(r"[1-9][0-9]{16}", fullmatch=True))
def test_identity_card_numbers_are_known_and_refused(first: str) -> None:
    number = identity_number(first)
    assert contact.is_identity_number(number) and contact.is_identity_number(number.lower())
    for field in ("card", "login", "name", "phone"):
        assert field in contact.complaints({field: f" {number} "})
    others = [first + last for last in "0123456789X" if first + last != number]
    assert not any(contact.is_identity_number(other) for other in others)


@pytest.mark.parametrize(
    ("field", "value", "good"),
    [
        ("email", "wang.fang@lib.example.edu.cn", True),
        ("email", "王芳@图书馆.中国", True),
        ("email", "", True),
        ("email", "wang", False),
        ("email", "a@b", False),
        ("email", "a@b.c\nBcc: x@y.z", False),
        ("email", "a b@c.de", False),
        ("email", "<a@b.cn>", False),
        ("phone", "+86 (010) 6735-8114", True),
        ("phone", "call me", False),
        ("name", "阿卜杜拉·热合曼", True),
        ("name", "王\x00芳", False),
        ("name", "王" * 101, False),
        ("card", "A-00012345", True),
        ("card", "1" * 41, False),
    ],
)
def test_contact_data(field: str, value: str, good: bool) -> None:
    assert (field not in contact.complaints({field: value})) == good
