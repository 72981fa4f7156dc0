"""Whose the files of a work tree are, while an agent may still be at work in it."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

import pytest

from executors.containers.ownership import hand_over

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


def _owners(folder):
    return {path.lstat().st_uid for path in folder.rglob("*")}


def test_a_tree_gets_its_owner_and_what_its_links_lead_to_does_not(tmp_path):
    tree, other = tmp_path / "tree", tmp_path / "other"
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "a" / "b" / "file").touch()
    other.mkdir()
    (other / "file").touch()
    (tree / "link").symlink_to(other)

    hand_over(tree, 1_000, 1_000)

    assert _owners(tree) == {1_000}
    assert tree.stat().st_uid == 1_000
    assert other.stat().st_uid == (other / "file").stat().st_uid == 0


def test_a_folder_that_becomes_a_link_meanwhile_leads_nowhere(tmp_path):
    tree, other, ended = tmp_path / "tree", tmp_path / "other", threading.Event()
    (tree / "folder").mkdir(parents=True)
    for place in (tree / "folder", other):
        place.mkdir(exist_ok=True)
        (place / "file").touch()

    def swap():
        while not ended.is_set():
            with suppress(OSError):
                (tree / "folder").rename(tree / "aside")
                (tree / "folder").symlink_to(other)
                (tree / "folder").unlink()
                (tree / "aside").rename(tree / "folder")

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        for n in range(3_000):
            hand_over(tree, 1_000 + n % 2, 1_000)
    finally:
        ended.set()
        swapping.join()

    assert (other / "file").stat().st_uid == 0


def test_a_tree_that_is_gone_does_no_harm(tmp_path):
    hand_over(tmp_path / "gone", 1_000, 1_000)

    assert not (tmp_path / "gone").exists()
