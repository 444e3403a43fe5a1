"""`ptycho ptychovit plan train|resume|infer|finetune …`: the same commands, which then only print their plan."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

import typer

from ptycho_runners.cli.ptychovit import finetune, infer, resume, train

app = typer.Typer(help="What a command would do, and why; the same as its --dry-run.", no_args_is_help=True)


def _dry(command: Callable[..., None]) -> Callable[..., None]:
    """The command with `--dry-run` always given."""

    @wraps(command)
    def planned(*arguments: Any, **options: Any) -> None:
        command(*arguments, **options, dry_run=True)

    signature = inspect.signature(command, eval_str=True)
    left = [parameter for name, parameter in signature.parameters.items() if name != "dry_run"]
    vars(planned)["__signature__"] = signature.replace(parameters=left)
    return planned


for _command in (train.train, resume.resume, finetune.finetune, infer.infer):
    app.command(_command.__name__)(_dry(_command))
