"""The plan of an inference: a pure function of request and facts."""

from __future__ import annotations

from pathlib import Path

from ptycho_contracts.contracts.bridge_job import InferJob, PairPaths
from ptycho_runners.ptychovit import plan as shared
from ptycho_runners.ptychovit.facts import InferFacts
from ptycho_runners.ptychovit.found import JOB
from ptycho_runners.ptychovit.launch import command_of
from ptycho_runners.ptychovit.plan import WORK, Plan, decision, refuse
from ptycho_runners.ptychovit.request import InferRequest, Launch


def plan_inference(request: InferRequest, facts: InferFacts, run_dir: Path) -> Plan:
    """Plan an inference in a run directory of its own; the source run is only read.

    Raises:
        RunError: with every reason to refuse.
    """
    numbers, config, weights = facts.numbers, facts.start.config, facts.start.weights
    refuse([*shared.pair_refusals(facts.pairs, numbers.values), *shared.name_refusals(facts.pairs)])
    normalization = shared.normalization_path(numbers, run_dir)
    job = InferJob(
        **shared.job_fields(request, facts.checkout.root, run_dir),
        normalization=shared.entries(facts.pairs, numbers.values),
        pairs=tuple(PairPaths(name=p.name, dp=str(p.dp), para=str(p.para)) for p in facts.pairs),
        checkpoint=str(weights.path),
        model=config["model"],
        normalization_file=str(normalization),
        scale=float(config["data"]["scale"]),
        max_probe_modes=int(config["data"].get("max_probe_modes", 8)),
        batch_size=request.batch_size,
        output=str(run_dir),
    )
    inputs = [("checkpoint", weights.path), ("config", facts.config_path), ("normalization", normalization)]
    why = "the architecture and the input's scale must be those that the checkpoint was trained with"
    return Plan(
        kind="ptychovit-infer",
        run_dir=run_dir,
        code=facts.checkout.identity,
        command=command_of(Launch(), request.python, run_dir / JOB, run_dir / WORK, request.threads),
        config=None,
        job=job,
        normalization=numbers.values if numbers.file is None else None,
        promises=tuple(f"{pair.name}_patches.h5" for pair in facts.pairs),
        inputs=(*inputs, *shared.pair_inputs(facts.pairs)),
        start=shared.start_of(facts.start),
        decisions=(
            *facts.start.decisions,
            decision("model, data.scale", str(facts.config_path), why),
            *shared.normalization_decisions(numbers),
            decision("apply_noise", choice=False, reason="measured patterns have their noise already"),
        ),
        timeout_s=request.timeout_s,
    )
