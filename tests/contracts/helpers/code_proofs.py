"""For every code whose example is no file of its own: the test that makes what its example tells, and gets the code."""

from __future__ import annotations

_CONFORMANCE = "tests/runners/conformance"
_RUN = "tests/runners/ptychovit"
_VERDICT = f"{_RUN}/test_verdict.py"

PROOFS: dict[str, str] = {
    "PTY010": "tests/adapters/test_streaming.py::test_existing_outputs_are_refused",
    "PTY011": "tests/adapters/test_near_field_refusal.py::test_a_pair_of_near_field_patterns_is_refused",
    "PTY012": "tests/adapters/test_conversion_verified.py::test_a_quantity_that_the_source_states_otherwise_is_refused",
    "PTY013": "tests/adapters/test_adapters_api.py::test_a_scan_that_the_format_cannot_hold_is_a_finding",
    "PTY017": "tests/contracts/batch/test_examine.py::test_a_process_that_hangs_is_a_finding_about_its_file",
    "PTY501": f"{_RUN}/test_plan.py::test_an_object_without_normalization_is_refused",
    "PTY502": f"{_VERDICT}::test_what_went_wrong_is_named",
    "PTY503": f"{_VERDICT}::test_what_went_wrong_is_named",
    "PTY504": f"{_RUN}/test_checkout.py::test_package_generations_are_refused_by_name",
    "PTY505": f"{_RUN}/test_plan.py::test_patterns_of_another_size_are_refused",
    "PTY506": f"{_RUN}/test_resume.py::test_a_run_in_use_is_refused",
    "PTY507": f"{_RUN}/test_plan.py::test_a_test_pair_among_the_training_pairs_is_refused",
    "PTY508": f"{_RUN}/test_plan.py::test_a_split_without_patterns_is_refused",
    "PTY509": f"{_VERDICT}::test_reasons_with_a_remedy_of_their_own_have_a_code_of_their_own",
    "PTY510": f"{_VERDICT}::test_reasons_with_a_remedy_of_their_own_have_a_code_of_their_own",
    "PTY511": f"{_RUN}/test_execute.py::test_a_run_over_its_limit_is_stopped_and_told",
    "PTY512": f"{_RUN}/test_plan.py::test_half_a_pair_is_refused",
    "PTY513": f"{_VERDICT}::test_what_went_wrong_is_named",
    "PTY514": f"{_VERDICT}::test_reasons_with_a_remedy_of_their_own_have_a_code_of_their_own",
    "PTY515": "tests/runners/cli/test_ptychovit_commands.py::test_what_changes_the_training_is_refused",
    "PTY516": "tests/runners/cli/test_ptychovit_commands.py::test_what_is_missing_is_told_at_once",
    "PTY517": "tests/contracts/checkpoints/test_checkpoint_rules.py::test_weights_of_a_wrapped_model",
    "PTY518": "tests/contracts/checkpoints/test_checkpoint_rules.py::test_a_config_of_another_model",
    "PTY519": "tests/contracts/checkpoints/test_state_facts.py::test_each_contradiction_is_found_where_it_is",
    "PTY520": f"{_RUN}/test_restore.py::test_norm_parameters_of_ptycho_fm_have_a_fourth_group",
    "PTY521": f"{_RUN}/test_resume.py::test_a_complete_run_goes_on_only_for_more_epochs",
    "PTY522": f"{_RUN}/test_resume.py::test_other_data_is_refused_before_anything_starts",
    "PTY523": "tests/runners/finetune/test_orchestration.py::test_refusals_come_before_anything_is_written",
    "PTY524": f"{_VERDICT}::test_reasons_with_a_remedy_of_their_own_have_a_code_of_their_own",
    "PTY525": f"{_RUN}/test_execute.py::test_a_nan_loss_is_told_as_such",
    "PTY526": f"{_VERDICT}::test_a_lack_of_memory_is_seen_in_the_log",
    "PTY527": f"{_CONFORMANCE}/test_reference_conforms.py::test_a_broken_promise_is_told_and_fails_the_command",
    "PTY528": "tests/runners/gate/test_gate.py::test_json_is_the_manifest",
    "PTY529": "tests/runners/finetune/test_orchestration.py::test_a_stage_that_moved_a_frozen_part_is_invalid",
    "PTY901": "tests/contracts/examples/test_examples_per_code.py::test_a_rule_that_raises_is_a_finding_about_us",
    "PTY902": "tests/contracts/batch/test_examine.py::test_a_process_that_dies_is_a_finding_about_its_file",
}
