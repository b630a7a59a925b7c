"""Which test shows which requirement of the platform sync.

The numbers are those of the project's list of requirements 000; its acceptance checks are named by their words. This
module holds the table alone; `test_platform_sync_table` checks it.
"""

SYNC = "tests.acceptance.test_platform_sync"
REQUESTS = "tests.acceptance.test_platform_sync_requests"
HISTORY = "tests.acceptance.test_platform_sync_history"
PROCESSES = "tests.acceptance.test_platform_sync_processes"
DECISION = "tests.cds.platforms.test_sync_decision"
RUNS = "tests.cds.platforms.test_sync_runs"
SCHEDULE = "tests.cds.platforms.test_sync_schedule"
BUDGET = "tests.cds.platforms.test_sync_request_budget"

FIRST_AND_SECOND = f"{SYNC}::test_the_first_run_counts_all_as_synced_and_the_second_as_updated"
MISBEHAVING = f"{SYNC}::test_a_platform_that_misbehaves_is_500_and_the_log_unchanged"
SKIPPED = f"{SYNC}::test_a_second_run_soon_after_is_skipped_unless_it_is_forced"
WHILE_UNDER_WAY = f"{SYNC}::test_a_call_while_a_run_is_under_way_is_skipped_even_when_forced"
DISABLED = f"{REQUESTS}::test_a_disabled_platform_is_500_with_the_sentence_of_the_contract"
BROKEN_ROW = f"{SYNC}::test_a_broken_row_is_counted_as_failed_and_the_others_are_stored"
BODIES = f"{REQUESTS}::test_a_body_that_is_absent_empty_or_right_is_200"
NO_BODIES = f"{REQUESTS}::test_a_body_that_is_none_is_400_and_nobody_is_asked"
NO_LOGIN = f"{REQUESTS}::test_without_a_login_it_is_401_whatever_is_asked"
NO_ADMINISTRATOR = f"{REQUESTS}::test_whoever_is_no_administrator_gets_403"
NO_PLATFORM = f"{REQUESTS}::test_a_name_of_no_platform_is_400"
VALID = f"{SYNC}::test_each_stored_contest_is_visible_and_valid"
LAST_SYNCED = f"{HISTORY}::test_last_synced_at_is_that_of_the_last_run_that_had_the_contest"

TESTS_OF_REQUIREMENT: dict[str, tuple[str, ...]] = {
    "1.1": (f"{REQUESTS}::test_an_administrator_asks_with_a_token_or_a_password",),
    "1.2": (NO_PLATFORM, FIRST_AND_SECOND),
    "1.3": (
        f"{REQUESTS}::test_an_administrator_asks_with_a_token_or_a_password",
        f"{REQUESTS}::test_a_token_that_has_expired_or_whose_account_is_gone_is_401",
    ),
    "1.4": (BODIES, NO_BODIES, f"{REQUESTS}::test_a_post_without_body_and_type_is_200"),
    "1.5": (FIRST_AND_SECOND,),
    "1.6": (NO_LOGIN, f"{REQUESTS}::test_wrong_credentials_are_401"),
    "1.7": (NO_ADMINISTRATOR, f"{REQUESTS}::test_an_account_of_a_contest_is_no_administrator_of_the_server"),
    "1.8": (DISABLED, MISBEHAVING),
    "1.9": (NO_PLATFORM,),
    "1.10": (
        f"{REQUESTS}::test_the_hundred_and_first_run_of_an_hour_is_429",
        f"{REQUESTS}::test_what_is_skipped_does_not_count",
        f"{REQUESTS}::test_without_limits_nobody_is_refused_for_asking_often",
        f"{BUDGET}::test_no_hour_has_more_than_it_may_and_waiting_as_told_is_enough",
    ),
    "1.11": (SKIPPED, WHILE_UNDER_WAY),
    "1.12": (
        MISBEHAVING,
        f"{REQUESTS}::test_other_methods_and_paths_are_told_in_the_same_form",
        f"{REQUESTS}::test_a_body_that_is_too_large_is_413_in_the_same_form",
    ),
    "1.13": (
        f"{SYNC}::test_all_platforms_are_synced_one_after_the_other",
        f"{SYNC}::test_the_failure_of_one_platform_does_not_stop_the_next",
        f"{SYNC}::test_platforms_that_are_disabled_are_not_among_all",
    ),
    "2.1": (FIRST_AND_SECOND, f"{SYNC}::test_an_id_that_somebody_else_has_taken_is_a_failed_row"),
    "2.2": (FIRST_AND_SECOND, BROKEN_ROW),
    "2.3": (LAST_SYNCED,),
    "2.4": (MISBEHAVING, f"{SYNC}::test_half_of_codechef_is_no_success"),
    "2.5": (
        f"{PROCESSES}::test_workers_have_one_schedule_and_a_platform_that_fails_does_not_stop_the_next",
        f"{SCHEDULE}::test_the_next_run_follows_from_the_last_one_whenever_the_server_was_started",
        f"{SCHEDULE}::test_the_failure_of_one_platform_does_not_stop_the_next",
        f"{PROCESSES}::test_without_a_schedule_nobody_is_asked",
    ),
    "2.6": (
        f"{SYNC}::test_a_platform_that_does_not_answer_in_time_is_500",
        f"{SYNC}::test_a_platform_is_asked_again_before_it_has_failed",
    ),
    "2.7": (
        SKIPPED,
        f"{SYNC}::test_a_failed_run_begins_no_cool_down",
        f"{SYNC}::test_the_cool_down_is_of_each_platform_alone",
        f"{PROCESSES}::test_the_cool_down_survives_a_restart",
    ),
    "2.8": (VALID, f"{DECISION}::test_a_new_contest_is_the_contest_and_its_state"),
    "2.9": (VALID,),
    "2.10": (f"{SYNC}::test_codechef_is_read_to_its_last_page",),
    "3.1": (NO_PLATFORM, DISABLED),
    "3.2": (SKIPPED, f"{SYNC}::test_without_a_cool_down_nothing_is_skipped"),
    "3.3": (WHILE_UNDER_WAY, f"{PROCESSES}::test_workers_have_one_lock_and_all_show_what_one_has_synced"),
    "3.4": (FIRST_AND_SECOND, f"{SYNC}::test_a_contest_that_changed_is_one_event"),
    "3.5": (LAST_SYNCED, f"{RUNS}::test_last_synced_is_the_last_run_that_had_the_contest"),
    "3.6": (MISBEHAVING, f"{SYNC}::test_a_platform_that_is_not_there_is_500"),
    "3.7": (f"{SYNC}::test_atcoder_comes_from_both_of_its_sources",),
    "3.8": (
        f"{SYNC}::test_a_contest_without_a_start_has_none",
        f"{DECISION}::test_a_contest_without_a_start_has_an_empty_state",
    ),
    "3.9": (MISBEHAVING, f"{SYNC}::test_a_failed_run_begins_no_cool_down"),
    "3.10": (f"{SYNC}::test_a_contest_that_disappears_stays",),
    "3.11": (f"{REQUESTS}::test_an_administrator_asks_with_a_token_or_a_password",),
    "3.12": (f"{SYNC}::test_no_contest_may_be_called_sync",),
    "3.13": (
        NO_LOGIN,
        NO_ADMINISTRATOR,
        NO_PLATFORM,
        f"{REQUESTS}::test_the_hundred_and_first_run_of_an_hour_is_429",
        DISABLED,
    ),
}

TESTS_OF_ACCEPTANCE_CHECK: dict[str, tuple[str, ...]] = {
    "no token 401": (NO_LOGIN,),
    "non-admin 403": (NO_ADMINISTRATOR,),
    "`topcoder` 400": (NO_PLATFORM,),
    "disabled platform 500 exact body": (DISABLED,),
    "first run: synced=n updated=0": (FIRST_AND_SECOND,),
    "second run forced: synced=0 updated=n, no new public events": (FIRST_AND_SECOND,),
    "second run unforced: skipped": (SKIPPED,),
    "one broken row: failed=1, others stored": (BROKEN_ROW,),
    "upstream 403 HTML/timeout: 500, log unchanged": (
        MISBEHAVING,
        f"{SYNC}::test_a_platform_that_does_not_answer_in_time_is_500",
    ),
    'body absent / `{}` / `{"forceSync":"yes"}` → 200/200/400': (BODIES, NO_BODIES),
    "each stored contest visible at `/api/contests` and valid against the ICPC contest object": (VALID,),
}

TESTS_OF_ISSUE: dict[str, tuple[str, ...]] = {
    "killed in the middle of a sync and started again: no duplicates, the counts true": (
        f"{PROCESSES}::test_killed_in_the_middle_and_started_again_there_are_no_duplicates_and_the_counts_are_true",
    ),
    "when every row is broken the platform failed": (f"{SYNC}::test_when_every_row_is_broken_the_platform_failed",),
    "the command, its progress, beside a server": (
        f"{PROCESSES}::test_the_command_syncs_a_platform_and_says_what_it_came_to",
        f"{PROCESSES}::test_the_command_works_beside_a_server_which_shows_it_at_once",
    ),
    "one contest with its results, on request": (
        f"{SYNC}::test_one_contest_of_codeforces_can_be_asked_for_with_its_results",
        f"{SYNC}::test_a_contest_that_the_platform_does_not_give_is_500_and_nothing_changes",
        f"{REQUESTS}::test_single_contests_are_offered_for_codeforces_alone",
    ),
    "history of runs for admins, lastSyncedAt for staff": (
        f"{HISTORY}::test_the_history_is_for_administrators",
        f"{HISTORY}::test_the_history_tells_of_every_run_the_newest_first_page_by_page",
        f"{HISTORY}::test_staff_and_administrators_see_it_in_the_contest_itself_and_nobody_else",
    ),
    "one event only when something public changed, and the state follows the times": (
        f"{SYNC}::test_a_contest_that_changed_is_one_event",
        f"{DECISION}::test_a_contest_to_come_follows_its_times_from_then_on",
        f"{DECISION}::test_whenever_runs_come_the_state_never_goes_back",
    ),
}
