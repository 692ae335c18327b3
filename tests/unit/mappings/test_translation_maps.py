"""The tables themselves: no key twice, and only values that the model knows."""

from __future__ import annotations

from importlib.resources import files

import pytest
import yaml

from mappings.model import CARRIERS, MATERIALS
from mappings.translation_maps import load_map, look_up, map_names


@pytest.mark.parametrize("name", map_names())
def test_no_key_stands_twice(name: str) -> None:
    text = (files("mappings.translation_maps") / f"{name}.yaml").read_text(encoding="utf-8")
    root = yaml.compose(text, Loader=yaml.BaseLoader)
    assert isinstance(root, yaml.MappingNode)
    keys = [word.strip() for key, _ in root.value for word in key.value.split("|")]
    assert sorted({key for key in keys if keys.count(key) > 1}) == []


@pytest.mark.parametrize("name", [name for name in map_names() if "__lower__" in load_map(name)])
def test_keys_that_are_looked_up_in_lower_case_are_in_lower_case(name: str) -> None:
    assert [key for key in load_map(name) if key != key.lower()] == []


def values(name: str) -> set[str]:
    return {value for key, found in load_map(name).items() if not key.startswith("__") for value in found}


def test_values_are_words_of_the_model() -> None:
    for name in ("material_words", "leader_type_marc21", "leader_type_cnmarc"):
        assert values(name) <= set(MATERIALS)
    for name in ("carrier_words", "form_of_item"):
        assert values(name) <= set(CARRIERS)
    assert values("status") <= {"available", "on_loan", "reference", "in_process", "missing", "withdrawn"}
    assert values("level") == {"m", "s", "a", "c"}


def test_codes_have_the_length_of_codes() -> None:
    assert all(len(code) == 3 for code in values("languages") | values("roles") if code)
    assert all(len(code) == 2 and code.isupper() for code in values("countries") if code)


def test_a_missing_key_gives_the_default() -> None:
    assert look_up(load_map("level"), "9") == ("m",)
    assert look_up(load_map("languages"), "qqq") == ()
    assert look_up(load_map("languages"), "NO") == ("nor",)  # YAML's own reading of "no" would be false
    assert look_up(load_map("countries"), "no") == ("NO",)
