"""Which test shows which requirement of the sync of a Codeforces handle.

The numbers are those of the project's list of requirements 001; its acceptance checks are named by their words. This
module holds the table alone; `test_handle_sync_table` checks it.
"""

SYNC = "tests.acceptance.test_handle_sync"
REQUESTS = "tests.acceptance.test_handle_sync_requests"
PROCESSES = "tests.acceptance.test_handle_sync_processes"
STUDENTS = "tests.cds.student_api.test_students"
KEEPING = "tests.cds.students.test_keeping"
CACHE = "tests.cds.students.test_cache"
REGISTER = "tests.cds.students.test_register"

ALL_SEVEN = f"{SYNC}::test_a_sync_sets_all_seven_properties"
UNRATED = f"{SYNC}::test_an_unrated_user_is_a_newbie_with_ratings_of_zero"
NO_ACTIVITY = f"{SYNC}::test_without_an_accepted_submission_there_was_no_activity"
PRACTICE = f"{SYNC}::test_practice_is_taken_with_the_contest_time_that_codeforces_gives_it"
EMPTIED_FIRST = f"{SYNC}::test_the_cache_is_emptied_before_codeforces_is_asked_and_filled_again"
NOBODY = f"{SYNC}::test_whoever_is_no_student_is_404_and_codeforces_is_not_asked"
EACH_FAILING = f"{SYNC}::test_each_of_the_three_questions_failing_is_500_and_changes_nothing"
REFUSAL = f"{SYNC}::test_a_refusal_with_status_400_is_500"
GONE = f"{SYNC}::test_codeforces_being_gone_is_500"
TOGETHER = f"{SYNC}::test_two_who_ask_at_once_cost_three_questions"
PERSONAL = f"{REQUESTS}::test_personal_data_is_for_staff_alone"
ENVELOPE = f"{SYNC}::test_with_an_envelope_the_answer_has_the_message_of_the_original"
UNKNOWN_THERE = f"{SYNC}::test_a_handle_that_codeforces_does_not_know_is_500_with_its_cause_and_not_asked_again"
CASE = f"{SYNC}::test_case_does_not_count_and_codeforces_is_asked_in_the_stored_spelling"
LARGE = f"{SYNC}::test_ten_thousand_submissions_come_back_compressed"
LOG = f"{SYNC}::test_the_log_holds_ratings_and_no_personal_data_and_no_lists"
ENTERED = f"{STUDENTS}::test_an_administrator_enters_a_student"

TESTS_OF_REQUIREMENT: dict[str, tuple[str, ...]] = {
    "1.1": (ALL_SEVEN,),
    "1.2": (NOBODY, CASE),
    "1.3": (f"{REQUESTS}::test_no_login_is_needed", f"{REQUESTS}::test_nobody_may_keep_an_answer"),
    "1.4": (
        EMPTIED_FIRST,
        f"{SYNC}::test_the_newest_ten_thousand_submissions_are_asked_for",
        f"{SYNC}::test_a_sync_never_answers_from_the_cache",
        NO_ACTIVITY,
        ALL_SEVEN,
    ),
    "1.5": (ALL_SEVEN, ENVELOPE, ENTERED, f"{CACHE}::test_redis_has_the_keys_of_the_contract_and_forgets_by_itself"),
    "1.6": (NOBODY,),
    "1.7": (EACH_FAILING, REFUSAL, GONE),
    "2.1": (ALL_SEVEN, ENVELOPE),
    "2.2": (
        f"{SYNC}::test_post_is_the_same_as_get",
        f"{REQUESTS}::test_nobody_may_keep_an_answer",
        f"{REQUESTS}::test_a_login_can_be_made_necessary",
        f"{REQUESTS}::test_many_syncs_from_one_address_are_429_where_a_limit_is_set",
        f"{REQUESTS}::test_by_default_nobody_is_refused_for_asking_often",
        f"{REQUESTS}::test_other_methods_are_405_and_ask_nobody",
    ),
    "2.3": (PERSONAL, LOG, f"{STUDENTS}::test_anonymous_readers_are_shown_no_personal_data"),
    "2.4": (f"{SYNC}::test_the_three_questions_share_the_limiter_of_the_platform",),
    "2.5": (
        TOGETHER,
        f"{SYNC}::test_those_who_wait_together_fail_together",
        f"{SYNC}::test_who_leaves_does_not_take_the_answer_from_the_others",
        f"{PROCESSES}::test_two_workers_that_are_asked_at_once_ask_three_questions",
    ),
    "2.6": (NOBODY,),
    "2.7": (EACH_FAILING, f"{SYNC}::test_the_keys_of_what_failed_stay_empty"),
    "2.8": (UNKNOWN_THERE,),
    "2.9": (CASE,),
    "2.10": (NOBODY, f"{STUDENTS}::test_what_cannot_be_right_is_400_and_named"),
    "2.11": (
        f"{STUDENTS}::test_the_same_handle_in_any_case_is_409",
        f"{REGISTER}::test_of_the_same_address_or_handle_in_two_processes_at_once_one_wins",
    ),
    "2.12": (LARGE, f"{STUDENTS}::test_fields_choose_what_is_shown"),
    "2.13": (UNRATED, ALL_SEVEN),
    "2.14": (PRACTICE,),
}
"""2.15 is left out: the endpoint that it is about (`POST /cron/sync`) is not offered; students are refreshed by the
server itself (test_keeping)."""

TESTS_OF_ACCEPTANCE_CHECK: dict[str, tuple[str, ...]] = {
    "200 sets all seven fields": (ALL_SEVEN,),
    'unrated user → 0/"Newbie"/0': (UNRATED,),
    "no OK submission → `lastActiveAt` null": (NO_ACTIVITY,),
    "PRACTICE with `relativeTimeSeconds` 2147483647 accepted": (PRACTICE,),
    "keys deleted before first upstream call": (EMPTIED_FIRST,),
    "404 makes no upstream call": (NOBODY,),
    "each of the 3 calls failing → 500 and unchanged document": (EACH_FAILING,),
    "HTTP 400 JSON, HTTP 403 HTML, timeout, non-JSON all → 500": (EACH_FAILING, REFUSAL),
    "two parallel requests → 3 upstream calls in total": (TOGETHER,),
    "no e-mail for anonymous": (PERSONAL,),
}

TESTS_OF_ISSUE: dict[str, tuple[str, ...]] = {
    "students: create, list, read, update, delete": (
        ENTERED,
        f"{STUDENTS}::test_the_list_is_a_bare_array_of_whole_documents_in_the_order_of_entry",
        f"{STUDENTS}::test_a_change_keeps_what_it_does_not_name",
        f"{STUDENTS}::test_who_is_removed_is_gone_and_the_personal_data_erased",
    ),
    "bulk from CSV": (
        "tests.cds.student_api.test_student_lists::test_all_students_of_a_list_are_entered",
        "tests.cds.student_api.test_student_lists::test_every_line_that_is_wrong_is_told_and_nobody_entered",
        f"{PROCESSES}::test_a_list_is_imported_beside_a_running_server_and_all_goes_on_after_a_kill",
    ),
    "409 for the same handle in other case": (f"{STUDENTS}::test_the_same_handle_in_any_case_is_409",),
    "400 for a missing field": (f"{STUDENTS}::test_a_missing_property_is_400_and_named",),
    "401 for anonymous writes": (f"{STUDENTS}::test_writing_without_a_login_is_401",),
    "handle sync: wrong Basic credentials 401": (f"{REQUESTS}::test_wrong_credentials_are_401",),
    "cache; Redis is optional, CDS_REDIS_URL switches": (
        f"{CACHE}::test_what_is_put_is_there_until_it_is_forgotten",
        f"{CACHE}::test_a_cache_that_fails_says_so_and_stops_nobody",
        f"{PROCESSES}::test_servers_share_a_cache_in_redis",
    ),
    "background refresh": (
        f"{KEEPING}::test_the_server_refreshes_by_itself_and_goes_on_where_it_was",
        f"{KEEPING}::test_one_failure_does_not_stop_the_rest",
        f"{KEEPING}::test_without_an_interval_nobody_is_refreshed",
    ),
    "personal data in side tables": (LOG, f"{REGISTER}::test_who_is_removed_leaves_nothing_personal"),
}
