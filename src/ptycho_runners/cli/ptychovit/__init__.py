"""`ptycho ptychovit …`: an external PtychoViT checkout, trained, resumed, fine-tuned, asked and examined."""

from __future__ import annotations

import typer

from ptycho_runners.cli.ptychovit import conformance, finetune, infer, inspect, plan, resume, train

app = typer.Typer(help="Run and examine PtychoViT checkouts on pairs.", no_args_is_help=True)
app.command("train")(train.train)
app.command("resume")(resume.resume)
app.command("infer")(infer.infer)
app.add_typer(plan.app, name="plan")
app.command("finetune")(finetune.finetune)
app.command("conformance")(conformance.conformance)
app.command("inspect")(inspect.inspect)


@app.callback()
def _group() -> None:
    """Keep `ptychovit` a group whatever its number of members."""
