"""Digests and commits."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from ptycho_runners import provenance


def commit_in(root: Path) -> None:
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", "-C", str(root), *identity, *command], check=True)


def test_a_file_is_pinned_and_named_relative_where_it_lies_inside(tmp_path: Path) -> None:
    path = tmp_path / "a" / "file"
    path.parent.mkdir()
    path.write_bytes(b"content")
    inside, outside = (provenance.file_digest("dp", path, root) for root in (tmp_path, tmp_path / "b"))
    assert (inside.path, outside.path) == ("a/file", str(path))
    assert inside.sha256 == hashlib.sha256(b"content").hexdigest()
    assert inside.bytes == 7


def test_the_tree_digest_follows_names_and_contents_of_sources_only(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("1")
    first = provenance.code_identity(tmp_path, "x")
    (tmp_path / "notes.txt").write_text("not a source")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "other.py").write_text("not ours")
    assert provenance.code_identity(tmp_path, "x") == first
    (tmp_path / "main.py").rename(tmp_path / "renamed.py")
    assert provenance.code_identity(tmp_path, "x").sha256 != first.sha256
    assert first.commit is None
    assert first.dirty is None


def test_a_commit_is_named_and_dirt_is_seen(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("1")
    commit_in(tmp_path)
    clean = provenance.code_identity(tmp_path, "x")
    (tmp_path / "main.py").write_text("2")
    dirty = provenance.code_identity(tmp_path, "x")
    assert clean.commit is not None
    assert len(clean.commit) == 40
    assert (clean.dirty, dirty.dirty) == (False, True)


def test_versions_name_what_a_result_depends_on() -> None:
    assert {"python", "numpy", "ptycho-contracts"} <= set(provenance.versions())
