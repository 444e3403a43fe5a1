"""The command line of the bridge, and a launch read back from it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ptycho_contracts.contracts.run_manifest import Command
from ptycho_runners.ptychovit.request import Launch

BRIDGE = Path(__file__).parents[1] / "bridge" / "bridge.py"
_TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node")


def command_of(launch: Launch, python: str, job: Path, workdir: Path, threads: int | None) -> Command:
    """The process that carries out a job; torchrun is the `torch.distributed.run` of the same interpreter.

    Args:
        launch: one process, or several under torchrun.
        python: the checkout's interpreter.
        job: the file that the bridge reads.
        workdir: current directory of the process.
        threads: CPU threads of one process; None: as torch decides.
    """
    launcher = (*_TORCHRUN, str(launch.nproc_per_node)) if launch.launcher == "torchrun" else ()
    env = {} if threads is None else {"OMP_NUM_THREADS": str(threads)}
    return Command(argv=(python, *launcher, str(BRIDGE), str(job)), cwd=str(workdir), env=env)


def launch_of(argv: Sequence[str]) -> tuple[str, Launch]:
    """Interpreter and launch of a command that `command_of` made."""
    python, *rest = argv
    size = len(_TORCHRUN)
    if tuple(rest[:size]) != _TORCHRUN:
        return python, Launch()
    return python, Launch(launcher="torchrun", nproc_per_node=int(rest[size]))
