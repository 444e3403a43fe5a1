"""The pytest plug-in as the tests of somebody else see it: by entry point, strict, and cheap while unused.

Each in a process of its own: numpy and h5py cannot be imported twice in one.
"""

from __future__ import annotations

import pytest

from ptycho_contracts.contract import AnyContract, DocumentContract, all_contracts
from ptycho_contracts.testing.drawn import WRITABLE

pytest_plugins = ["pytester"]


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeini(
        "[pytest]\nfilterwarnings = error\naddopts = --strict-markers --strict-config -p no:cacheprovider\n"
    )
    return pytester


def test_valid_files_pass_and_a_broken_one_fails_with_the_report(project: pytest.Pytester) -> None:
    project.makepyfile("""
        def test_valid(ptycho_valid, ptycho_file):
            report = ptycho_valid(ptycho_file("ptychovit-pair"), depth="physics")
            assert report.contract == "ptychovit-pair"

        def test_broken(ptycho_valid, ptycho_broken_file):
            ptycho_valid(ptycho_broken_file("ptychovit-pair", "PTY104"))
    """)
    result = project.runpytest_subprocess()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            ">       ptycho_valid(ptycho_broken_file(*",
            "E       AssertionError: PTY104 para:/object@pixel_height_m in scan_dp.hdf5",
            "*ERROR PTY104 para:/object@pixel_height_m",
            "*fix:*",
            "*0 of 1 valid: 1 error*",
        ]
    )
    result.stdout.no_fnmatch_line("*assertions.py*")  # the failing line is the user's own


def test_the_depth_comes_from_argument_marker_or_ini_in_that_order(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\nfilterwarnings = error\nptycho_depth = data\n")
    project.makepyfile("""
        import pytest

        def test_ini(ptycho_valid, ptycho_file):
            assert ptycho_valid(ptycho_file("recon-npz")).depth == "data"

        @pytest.mark.ptycho(depth="physics")
        def test_marker(ptycho_valid, ptycho_file):
            path = ptycho_file("ptychovit-pair", n=16)
            assert ptycho_valid(path).depth == "physics"
            assert ptycho_valid(path, depth="header").depth == "header"
    """)
    project.runpytest_subprocess().assert_outcomes(passed=2)


def test_a_depth_that_does_not_exist_is_an_error(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\nptycho_depth = deep\n")
    project.makepyfile("def test_it(ptycho_valid, ptycho_file): ptycho_valid(ptycho_file('recon-npz'))")
    result = project.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*depth is one of header, data, physics, not 'deep'*"])


def is_written(contract: AnyContract) -> bool:
    if isinstance(contract, DocumentContract):
        return contract.role != "toml"
    return {model.container for model in contract.files.values()} <= set(WRITABLE)


def test_files_of_every_contract_that_can_be_written(project: pytest.Pytester) -> None:
    ids = [contract.id for contract in all_contracts().values() if is_written(contract)]
    project.makepyfile(f"""
        import pytest

        @pytest.mark.parametrize("contract", {ids!r})
        def test_it(contract, ptycho_file, ptycho_valid):
            ptycho_valid(ptycho_file(contract, name="mine"), contract=contract, depth="data")
    """)
    project.runpytest_subprocess().assert_outcomes(passed=len(ids))


def test_what_cannot_be_broken_so_lists_what_can(project: pytest.Pytester) -> None:
    project.makepyfile("""
        def test_code(ptycho_broken_file): ptycho_broken_file("recon-npz", "PTY310")
        def test_place(ptycho_broken_file): ptycho_broken_file("recon-npz", "PTY101", location="npz:/other")
        def test_container(ptycho_file): ptycho_file("ptychovit-checkpoint")
        def test_toml(ptycho_file): ptycho_file("project-config")
        def test_document(ptycho_broken_file, ptycho_valid):
            import pytest
            path = ptycho_broken_file("study", "PTY111")
            assert path.name == "scanstudy.yaml"
            with pytest.raises(AssertionError, match="PTY111 yaml:/a_field_that_nobody_knows"):
                ptycho_valid(path)
        def test_there(ptycho_broken_file, ptycho_valid):
            import pytest
            path = ptycho_broken_file("recon-npz", "PTY101", location="npz:/amp")
            with pytest.raises(AssertionError, match="PTY101 npz:/amp"):
                ptycho_valid(path, contract="recon-npz")
    """)
    result = project.runpytest_subprocess()
    result.assert_outcomes(passed=2, failed=4)
    result.stdout.fnmatch_lines(
        [
            "*no break of recon-npz yields PTY310; possible: PTY101 at npz:/YY_pred, *",
            "*no break of recon-npz yields PTY101 at npz:/other; possible:*",
            "*ptychovit-checkpoint lives in torch-zip, which is not written here*",
            "*project-config is a toml document, which is not written here*",
        ]
    )


def test_an_unused_plugin_imports_nothing(project: pytest.Pytester) -> None:
    project.makepyfile("""
        import sys

        def test_nothing_was_imported(request):
            assert request.config.pluginmanager.hasplugin("ptycho_contracts")
            loaded = {name.partition(".")[0] for name in sys.modules}
            assert not loaded & {"hypothesis", "pydantic", "h5py", "numpy", "xarray"}
            ours = {name for name in sys.modules if name.startswith("ptycho_contracts")}
            assert ours == {"ptycho_contracts", "ptycho_contracts.testing", "ptycho_contracts.testing.pytest_plugin"}
    """)
    project.runpytest_subprocess().assert_outcomes(passed=1)
