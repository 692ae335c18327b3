"""Chromium, waited for: a key or a click has returned before the page that it leads to is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

SECONDS = 20
"""A page of the test's own server comes in some 20 ms; two busy cores may hold it up for seconds."""


@contextmanager
def next_page(driver: webdriver.Chrome) -> Iterator[None]:
    """What is done within leads to another page, if only to the same address anew: at its end that page is there."""
    before = _document(driver)
    yield

    def arrived(_: webdriver.Chrome) -> bool:
        return _document(driver) != before and driver.execute_script("return document.readyState") == "complete"

    # A document that goes away while it is asked raises errors of many kinds.
    WebDriverWait(driver, SECONDS, ignored_exceptions=[WebDriverException]).until(arrived)


def _document(driver: webdriver.Chrome) -> str:
    """The root element's id, which no other document has."""
    return driver.find_element(By.TAG_NAME, "html").id
