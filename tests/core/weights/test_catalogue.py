"""The catalogue as data: nothing twice, nothing malformed, every entry of use to a person."""

import re
from urllib.parse import urlsplit

import pytest

from pdgrad_core.errors import UnknownNameError
from pdgrad_core.weights.catalogue import CATALOGUE, weight_file, weight_names
from pdgrad_core.weights.folders import COMFYUI_CATEGORIES


def test_names_and_file_names_are_unique():
    names = weight_names()
    assert len(set(names)) == len(names)
    file_names = [name.lower() for file in CATALOGUE for name in file.file_names]
    assert len(set(file_names)) == len(file_names)


@pytest.mark.parametrize("file", CATALOGUE, ids=weight_names())
def test_an_entry_is_well_formed(file):
    assert re.fullmatch(r"[a-z0-9]+([-.][a-z0-9]+)*", file.name)
    assert file.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", file.sha256)
    assert file.category in COMFYUI_CATEGORIES
    assert file.purpose and file.licence
    for address in filter(None, (file.page, file.url)):
        assert urlsplit(address).scheme == "https"
    assert file.url is None or urlsplit(file.url).path.endswith(f"/{file.file_name}")
    assert file.size_bytes is None or file.size_bytes > 1_000_000


def test_torch_hub_file_names_carry_the_start_of_their_hash():
    file = weight_file("vgg16")
    assert f"-{file.sha256[:8]}." in file.file_name


def test_sizes_in_words():
    assert weight_file("codeformer").size_text == "377 MB"
    assert weight_file("vgg16").size_text == "about 553 MB"
    assert weight_file("pgdiff-rrdb").size_text == "size unknown"


def test_an_unknown_name_lists_near_ones():
    with pytest.raises(UnknownNameError, match=r"no weight file named 'code-former'.*'codeformer'"):
        weight_file("code-former")
