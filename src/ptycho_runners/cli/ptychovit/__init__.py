"""`ptycho ptychovit …`: an external PtychoViT checkout, trained, resumed, fine-tuned, asked and examined."""

from __future__ import annotations

import typer

app = typer.Typer(help="Run and examine PtychoViT checkouts on pairs.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `ptychovit` a group whatever its number of members."""
