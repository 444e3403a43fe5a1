"""The helper that runs pages: it must see every kind of difference."""

from __future__ import annotations

from pathlib import Path

import pytest
from console import SHOWN_ONLY, blocks, check_page, difference

PAGE = """
```console
$ echo one; echo 0.25 s
one
0.5 s
$ false  # exit code 1
$ printf 'a\\nb\\nc\\n'
a
…
c
```
"""


def anything(command: str) -> bool:
    return bool(command)


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        (["a"], ["a"], True),
        (["a"], ["b"], False),
        (["a"], ["a", "b"], False),
        (["a", "b"], ["a"], False),
        (["b", "a"], ["a", "b"], False),
        (["a", "…"], ["a", "b", "c"], True),
        (["…", "c"], ["a", "b", "c"], True),
        (["…", "d"], ["a", "b", "c"], False),
        (["a … c"], ["a b c"], True),
        (["a … c"], ["a b d"], False),
        (["(.*)"], ["anything"], False),
        (["loss 0.25"], ["loss 1.5e-07"], True),
        (["run1   0.25  done"], ["run1  -0.251 done"], True),
        (["run1   0.25  done"], ["run2   0.25  done"], False),
        (["3 epochs"], ["4 epochs"], False),
        (["version 1.0.0"], ["version 1.0.1"], False),
    ],
)
def test_differences_are_seen(shown: list[str], printed: list[str], same: bool) -> None:
    assert (difference(shown, printed, figures=False) is None) == same


def test_figures_count_where_asked(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    assert check_page(page, tmp_path, figures=False, allowed=anything) == 3
    with pytest.raises(AssertionError, match=r"0\.25 s"):
        check_page(page, tmp_path, figures=True, allowed=anything)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [("false  # exit code 1", "false", "ended with 1"), ("$ false", "$ true", "ended with 0"), ("a\n…", "a", "shows")],
)
def test_a_wrong_page_fails(tmp_path: Path, old: str, new: str, why: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE.replace(old, new))
    with pytest.raises(AssertionError, match=why):
        check_page(page, tmp_path, figures=False, allowed=anything)


def test_commands_must_be_allowed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    with pytest.raises(AssertionError, match="echo"):
        check_page(page, tmp_path, figures=False, allowed=lambda command: command.startswith("ptycho "))


def test_a_shell_is_shared_by_a_block_and_some_are_only_shown(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    script = "$ sleep 60 > log &\n$ kill $!\n$ cat <<END\n> long\n> END\nlong\n"
    hidden, listed = f"{SHOWN_ONLY}```console\n$ false\n```\n", "1. a\n\n   ```console\n   $ echo b\n   b\n   ```\n"
    page.write_text(f"```console\n{script}```\n{hidden}{listed}")
    assert len(list(blocks(page))) == 2
    assert check_page(page, tmp_path, figures=True, allowed=anything) == 4
