"""Which test shows which requirement of the ContestWebServer API.

The numbers are those of the project's list of requirements 002; its acceptance checks are named by their words. This
module holds the tables alone; `test_cms_requirements` checks them.
"""

HERE = "tests.cds.cms_api"
LOGIN = f"{HERE}.test_login"
ADDRESSES = f"{HERE}.test_addresses"
ACTING = f"{HERE}.test_impersonation"
PHASES = f"{HERE}.test_phases"
TASKS = f"{HERE}.test_tasks"
MOUNTS = f"{HERE}.test_mounts"
SUBMITTING = f"{HERE}.test_submitting"
REFUSED = f"{HERE}.test_submitting_refused"
OVERRIDES = f"{HERE}.test_submit_overrides"
RACES = f"{HERE}.test_submitting_races"
LIST = f"{HERE}.test_submission_list"
MATCHING = f"{HERE}.test_file_matching"
ARCHIVES = f"{HERE}.test_submitted_archives"
RESULTS = f"{HERE}.test_results"
STATUS = f"{HERE}.test_status"
DETAILS = f"{HERE}.test_details"
CONTEST = "tests.acceptance.test_cms_contest"
ROI = "tests.acceptance.test_cms_roi"

ALIKE = f"{LOGIN}::test_whatever_is_wrong_is_answered_alike"
LOGGED_IN = f"{LOGIN}::test_a_password_becomes_a_token_by_either_kind_of_form"
ALREADY = f"{LOGIN}::test_who_is_logged_in_already_gets_the_header_back_or_is_told_who_they_are"
LIFETIME = f"{LOGIN}::test_a_token_is_good_for_half_an_hour_and_is_not_renewed"
NO_SECRET = f"{LOGIN}::test_a_token_holds_no_secret"
NO_COOKIE = f"{LOGIN}::test_no_cookie_is_set_and_none_is_read"
AUTOLOGIN = f"{ADDRESSES}::test_an_address_logs_in_where_the_contest_says_so_and_wins_over_every_token"
FOREIGN_PAGE = f"{ADDRESSES}::test_an_address_does_not_log_in_for_a_page_of_another_host"
RESTRICTED = f"{ADDRESSES}::test_a_login_is_restricted_to_the_addresses_of_the_account"
HIDDEN = f"{ADDRESSES}::test_hidden_participations_are_blocked_where_the_contest_says_so"
ACTS = f"{ACTING}::test_the_admin_token_lets_act_for_a_participant_and_is_recorded"
NO_ADMIN_TOKEN = f"{ACTING}::test_without_an_admin_token_nobody_acts_for_anybody"
GUESSING = f"{ACTING}::test_who_guesses_admin_tokens_has_to_wait"
SHORT = f"{ACTING}::test_a_short_admin_token_is_warned_of_at_the_start"
CONSTANT_TIME = f"{ACTING}::test_admin_tokens_are_compared_in_constant_time"
IN_THE_URL = f"{ACTING}::test_the_phase_is_overridden_in_the_url_and_each_use_recorded"
IGNORED = f"{ACTING}::test_overrides_of_ordinary_tokens_are_ignored"
UNRESTRICTED_BOUND = f"{ACTING}::test_an_override_binds_an_unrestricted_participation_too"
NOT_BOOLEAN = f"{ACTING}::test_what_is_neither_yes_nor_no_is_refused_by_name"
TABLE_OF_PHASES = f"{PHASES}::test_the_table_of_routes_has_the_phases_of_the_contract"
EACH_PHASE = f"{PHASES}::test_what_is_shown_in_each_phase"
BEFORE_START = f"{PHASES}::test_before_the_start_nothing_is_to_be_read_but_one_can_log_in"
TASK_LIST = f"{TASKS}::test_tasks_are_listed_as_the_contract_has_it"
USUAL_LANGUAGE = f"{TASKS}::test_a_statement_that_says_no_language_is_in_that_of_the_contest"
LANGUAGES = f"{TASKS}::test_which_language_a_file_name_says"
STATEMENT = f"{TASKS}::test_a_statement_is_a_pdf_that_is_shown_under_the_name_of_task_and_language"
NO_STATEMENT = f"{TASKS}::test_what_there_is_no_statement_of_is_404_in_json"
AT_ROOT = f"{MOUNTS}::test_one_contest_is_at_the_root_too_with_the_same_tokens"
FORMS_OF_ERRORS = f"{MOUNTS}::test_what_no_route_leads_to_is_told_in_the_form_of_cms"
SUBMITTED = f"{SUBMITTING}::test_a_source_is_a_submission_of_the_contest_api"
SAME_EVENT = f"{SUBMITTING}::test_both_doors_write_the_same_event"
ONE_ARCHIVE = f"{SUBMITTING}::test_all_files_in_one_archive"
BY_LANGUAGE = f"{SUBMITTING}::test_the_language_by_name_or_extension"
OUTPUTS = f"{SUBMITTING}::test_output_files_some_of_them"
REFUSALS = f"{REFUSED}::test_refusals"
UNKNOWN_TASK = f"{REFUSED}::test_an_unknown_task"
WRONG_PHASE = f"{REFUSED}::test_nobody_submits_without_a_login_or_in_a_wrong_phase"
TABLE_OF_OVERRIDES = f"{OVERRIDES}::test_who_acts_for_a_participant"
PLAIN_OVERRIDES = f"{OVERRIDES}::test_a_participant"
OVERRIDES_RECORDED = f"{OVERRIDES}::test_each_use_is_recorded_with_the_submission"
OWN_LIST = f"{LIST}::test_the_list_is_chronological_and_only_ones_own"
LISTED_FROM_BOTH = f"{LIST}::test_what_came_by_the_contest_api_is_listed_by_its_time"
MATCHES = f"{MATCHING}::test_matching_is_what_the_requirement_says"
JUDGED = f"{RESULTS}::test_a_submission_from_compiling_to_evaluated_and_once_more"
NOT_ONES_OWN = f"{RESULTS}::test_what_is_not_ones_own_is_not_there"
ANY_PHASE = f"{RESULTS}::test_results_are_there_in_every_phase_from_ones_own_start"
FREEZE = f"{RESULTS}::test_a_freeze_hides_ones_own_score_from_others_alone"
PIECE_OF_HTML = f"{RESULTS}::test_details_are_a_piece_of_html_that_loads_nothing"
ESCAPED = f"{RESULTS}::test_names_of_subtasks_and_verdicts_are_escaped"
SCORED = f"{STATUS}::test_what_is_scored_has_its_score_and_that_of_the_task"
NOT_COMPILED = f"{STATUS}::test_what_does_not_compile_has_no_score_of_its_own"
ROUNDED = f"{STATUS}::test_scores_are_rounded_to_the_precision_of_the_task"
PARTIAL = f"{STATUS}::test_the_task_is_partial_while_a_submission_that_counts_has_no_score"
REJUDGED = f"{STATUS}::test_a_rejudgement_tells_when_it_comes_to_its_verdict"
UNOFFICIAL = f"{STATUS}::test_what_is_unofficial_has_a_score_and_does_not_count"
PLAYED = f"{CONTEST}::test_a_contest_played_through_cms_requests_alone"

TESTS_OF_REQUIREMENT: dict[str, tuple[str, ...]] = {
    "1.1": (AT_ROOT, f"{MOUNTS}::test_without_a_contest_for_it_nothing_is_at_the_root"),
    "1.2": (ALIKE, FORMS_OF_ERRORS, f"{MOUNTS}::test_the_contest_itself_is_404_in_json"),
    "1.3": (LOGGED_IN, NO_COOKIE, AUTOLOGIN),
    "1.4": (LOGGED_IN, f"{LOGIN}::test_what_is_no_token_of_this_contest_is_nothing"),
    "1.5": (
        EACH_PHASE,
        BEFORE_START,
        f"{PHASES}::test_phases_do_not_bind_unrestricted_participations",
        f"{PHASES}::test_extra_time_and_delay_move_what_is_shown",
        f"{PHASES}::test_a_window_begins_with_the_request_to_start_and_not_with_the_login",
    ),
    "1.6": (LIFETIME,),
    "2.1": (LOGGED_IN, ALIKE, ALREADY, f"{LOGIN}::test_a_form_that_cannot_be_read_or_is_too_long_is_told_so"),
    "2.2": (TASK_LIST, TABLE_OF_PHASES),
    "2.3": (SUBMITTED, ONE_ARCHIVE, BY_LANGUAGE, UNKNOWN_TASK, REFUSALS, WRONG_PHASE, NOT_BOOLEAN),
    "2.4": (OWN_LIST, f"{LIST}::test_unknown_tasks_and_wrong_phases"),
    "2.5": (STATEMENT, NO_STATEMENT, TABLE_OF_PHASES),
    "2.6": (JUDGED, NOT_ONES_OWN, ANY_PHASE, f"{RESULTS}::test_who_has_not_logged_in_is_told_nothing"),
    "2.7": (PIECE_OF_HTML, NOT_ONES_OWN),
    "2.8": (
        f"{STATUS}::test_while_it_is_judged_there_is_the_state_alone",
        SCORED,
        NOT_COMPILED,
        f"{STATUS}::test_private_subtasks_are_told_once_they_may_be",
    ),
    "2.9": (ROUNDED, PARTIAL, UNOFFICIAL, f"{ROI}::test_every_participant_is_told_the_official_score_of_every_task"),
    "2.10": (TABLE_OF_OVERRIDES, UNOFFICIAL),
    "2.11": (SUBMITTED,),
    "2.12": (
        REFUSALS,
        f"{SUBMITTING}::test_the_largest_file_that_is_taken",
        f"{ARCHIVES}::test_twice_as_many_files_as_the_task_asks_for_are_the_most",
        f"{ARCHIVES}::test_all_files_together_have_a_limit",
        f"{RACES}::test_of_many_at_the_same_instant_one_wins",
        f"{RACES}::test_over_two_servers_one_wins",
    ),
    "2.13": (MATCHES, OUTPUTS, REFUSALS, f"{REFUSED}::test_a_language_for_output_files"),
    "3.1": (ACTS, f"{ACTING}::test_with_a_password_beside_it_the_admin_token_is_nothing"),
    "3.2": (RESTRICTED, HIDDEN),
    "3.3": (TABLE_OF_OVERRIDES, PLAIN_OVERRIDES, IN_THE_URL, IGNORED, UNRESTRICTED_BOUND, NOT_BOOLEAN),
    "4.1": (STATEMENT,),
    "4.2": (BEFORE_START, TABLE_OF_PHASES, EACH_PHASE),
    "4.3": (NO_STATEMENT, EACH_PHASE, FORMS_OF_ERRORS),
    "4.4": (LOGGED_IN,),
    "4.5": (NO_ADMIN_TOKEN, ACTS, GUESSING, SHORT, CONSTANT_TIME, IN_THE_URL, OVERRIDES_RECORDED),
    "4.6": (NO_SECRET, f"{LOGIN}::test_a_token_ends_with_the_login_that_it_was_made_for"),
    "4.7": (NO_COOKIE, FOREIGN_PAGE),
    "4.8": (OWN_LIST, f"{LIST}::test_of_one_time_the_log_decides"),
    "4.9": (SUBMITTED, LISTED_FROM_BOTH),
    "4.10": (
        AT_ROOT,
        f"{MOUNTS}::test_at_the_root_words_of_other_apis_name_no_task",
        f"{MOUNTS}::test_the_other_apis_stay_where_they_are",
        f"{MOUNTS}::test_a_slash_in_a_name_of_a_task_is_part_of_the_name",
    ),
    "4.11": (TASK_LIST,),
    "4.12": (TASK_LIST, USUAL_LANGUAGE, LANGUAGES),
    "4.13": (SCORED,),
    "4.14": (FREEZE, f"{STATUS}::test_a_freeze_hides_nobodys_own_score"),
    "4.15": (TABLE_OF_OVERRIDES, UNOFFICIAL),
    "4.16": (ESCAPED, PIECE_OF_HTML),
}
"""3.4 is left out: it is optional, and of a newer CMS alone."""

TESTS_OF_ACCEPTANCE_CHECK: dict[str, tuple[str, ...]] = {
    "login ok/wrong/unknown user identical 403": (LOGGED_IN, ALIKE),
    "login twice same/other user": (ALREADY,),
    "task order, `%l` element": (TASK_LIST,),
    "submit by exact field name, wrong field, missing file, unknown task, too big, too often, after end (403), "
    "after end with override (200, official false), `override_official=1`": (
        SUBMITTED,
        REFUSALS,
        UNKNOWN_TASK,
        WRONG_PHASE,
        TABLE_OF_OVERRIDES,
    ),
    "overrides ignored for normal token": (PLAIN_OVERRIDES, IGNORED),
    "list is chronological and only own": (OWN_LIST,),
    "status before/after judging, CE, rejudge": (JUDGED, NOT_COMPILED, REJUDGED),
    "foreign id 404": (NOT_ONES_OWN,),
    "PDF type and disposition": (STATEMENT,),
    "admin token unset/wrong/right": (NO_ADMIN_TOKEN, ACTS),
    "token expiry": (LIFETIME,),
}

TESTS_OF_ISSUE: dict[str, tuple[str, ...]] = {
    "a CMS submit and a Contest API submit are the same event": (
        SAME_EVENT,
        f"{CONTEST}::test_by_either_door_it_is_the_same_event",
    ),
    "a contest played through CMS requests alone": (PLAYED,),
    "two submits at the same instant": (
        f"{RACES}::test_of_many_at_the_same_instant_one_wins",
        f"{RACES}::test_both_doors_count_together",
        f"{RACES}::test_over_two_servers_one_wins",
    ),
    "roi-2021-mini served through it": (
        f"{ROI}::test_every_participant_is_told_the_official_score_of_every_task",
        f"{ROI}::test_the_scoreboard_of_the_contest_api_says_the_same",
    ),
    "cds submit": (f"{CONTEST}::test_cds_submit_prints_the_score_as_it_arrives",),
    "an Italian contest played": ("tests.acceptance.test_cms_italian::test_it_is_played_as_it_was_imported",),
}
