"""Which test shows which requirement of the Contest API.

The lines are those of the project's list of requirements 004; a later group of lines is a later entry here. This
module holds the table alone; `test_requirements_table` checks it.
"""

HTTP = "tests.cds.contest_api.test_http"
LOGIN = "tests.cds.contest_api.test_authentication"
FILES = "tests.cds.contest_api.test_files"
INTEGRITY = "tests.cds.contest_api.test_integrity"
ACCESS = "tests.cds.contest_api.test_access"
FILTERS = "tests.cds.contest_api.test_filters"
BOARD = "tests.cds.contest_api.test_scoreboard"
FEED = "tests.cds.contest_api.test_event_feed"
TOKENS = "tests.cds.contest_api.test_tokens"
LAW = "tests.cds.contest_api.test_feed_equals_get"
SCHEMAS = "tests.cds.contest_api.test_json_schemas"
TLS = "tests.acceptance.test_encrypted_access"
OPERATING = "tests.acceptance.test_operating"
CLIENTS = "tests.acceptance.test_real_clients"
METHODS = "tests.cds.contest_api.test_writing_methods"
PERMISSIONS = "tests.cds.contest_api.test_writing_permissions"
CONTEST_PATCH = "tests.cds.contest_api.test_writing_contest_patch"
SUBMISSIONS = "tests.cds.contest_api.test_writing_submissions"
CLARIFICATIONS = "tests.cds.contest_api.test_writing_clarifications"
AWARDS = "tests.cds.contest_api.test_writing_awards"
COMMENTARY = "tests.cds.contest_api.test_writing_commentary"
CONFIGURATION = "tests.cds.contest_api.test_writing_configuration"
JUDGING = "tests.cds.contest_api.test_writing_judging"
REPEATED = "tests.cds.contest_api.test_writing_repeated_requests"
WEBHOOKS = "tests.cds.contest_api.test_webhooks"
CALLS = "tests.cds.contest_api.test_webhook_delivery"
CALLS_FAILING = "tests.cds.contest_api.test_webhook_failures"
CALLS_SEEN = "tests.cds.contest_api.test_webhook_visibility"
CALLS_PROVEN = "tests.acceptance.test_webhook_delivery"

LINES_COVERED: tuple[range, ...] = (range(1, 137),)
"""The lines that must have a test by now."""

TESTS_OF_LINE: dict[int, tuple[str, ...]] = {
    1: (
        f"{TLS}::test_everything_works_through_a_proxy_that_ends_tls",
        f"{OPERATING}::test_a_server_over_tls_from_its_start_to_its_end",
        f"{OPERATING}::test_other_machines_are_not_served_in_plain_text",
        "tests.acceptance.test_behind_nginx::test_everything_works_through_nginx",
    ),
    2: (f"{HTTP}::test_the_base_url_answers_with_and_without_its_slash",),
    3: (f"{HTTP}::test_every_path_works_below_a_nested_base_url",),
    4: (
        f"{HTTP}::test_a_collection_is_an_array_of_objects_with_an_id",
        f"{HTTP}::test_an_empty_collection_is_an_empty_array",
    ),
    5: (f"{HTTP}::test_one_object_is_exactly_the_object_of_the_collection",),
    6: (f"{HTTP}::test_everything_is_application_json_but_the_feed",),
    7: (
        f"{HTTP}::test_every_answer_may_be_read_from_every_origin",
        f"{HTTP}::test_a_preflight_request_is_answered_without_login",
    ),
    8: (f"{FILES}::test_files_say_how_long_they_may_be_kept_and_by_whom",),
    9: (f"{HTTP}::test_reading_changes_nothing",),
    10: (
        f"{METHODS}::test_post_makes_an_object_in_a_collection_and_says_where_it_is",
        f"{METHODS}::test_post_to_an_object_is_not_allowed",
        f"{METHODS}::test_post_takes_no_id",
        f"{CONFIGURATION}::test_a_contest_is_made_by_post",
    ),
    11: (
        f"{METHODS}::test_put_makes_or_replaces_the_object_that_the_url_names",
        f"{METHODS}::test_the_same_put_again_changes_nothing",
        f"{METHODS}::test_put_to_a_collection_is_not_allowed",
        f"{METHODS}::test_put_needs_the_id_in_its_body",
        f"{CONFIGURATION}::test_a_contest_is_made_by_put",
    ),
    12: (
        f"{METHODS}::test_patch_touches_only_what_it_names",
        f"{METHODS}::test_patch_with_null_takes_a_property_away",
        f"{METHODS}::test_put_to_a_collection_is_not_allowed",
    ),
    13: (f"{METHODS}::test_delete_is_empty_ignores_its_body_and_is_404_when_repeated",),
    14: (
        f"{METHODS}::test_every_success_answers_with_the_present_object",
        f"{METHODS}::test_the_contest_itself_follows_the_same_rules",
    ),
    15: (f"{METHODS}::test_a_missing_required_property_is_refused",),
    16: (
        f"{METHODS}::test_a_property_that_is_none_of_the_type_is_refused",
        f"{SUBMISSIONS}::test_the_time_is_the_servers_to_set",
    ),
    17: (f"{METHODS}::test_a_wrong_type_is_refused", f"{METHODS}::test_null_for_what_must_be_there_is_refused"),
    18: (f"{METHODS}::test_a_reference_to_what_is_not_there_is_refused",),
    19: (f"{METHODS}::test_patch_of_an_unknown_id_is_404",),
    20: (f"{METHODS}::test_an_id_that_is_not_the_one_in_the_url_is_409",),
    21: (f"{METHODS}::test_delete_of_an_unknown_id_is_404",),
    22: (
        f"{METHODS}::test_what_is_named_cannot_be_deleted",
        f"{CONFIGURATION}::test_no_deletion_leaves_anything_dangling",
        f"{CONFIGURATION}::test_deleting_a_contest_takes_everything_with_it",
    ),
    23: (
        f"{HTTP}::test_what_does_not_exist_is_404_in_the_error_form",
        f"{HTTP}::test_a_method_that_is_not_offered_is_405_and_says_what_is",
        f"{HTTP}::test_a_body_that_is_too_large_is_refused_in_the_error_form",
        f"{HTTP}::test_what_is_no_request_is_refused_in_the_error_form",
        f"{LOGIN}::test_wrong_credentials_are_refused_on_every_path",
    ),
    24: (f"{LOGIN}::test_without_login_there_is_what_is_fully_public_and_nothing_else",),
    25: (f"{HTTP}::test_writing_without_login_is_refused",),
    26: (
        f"{LOGIN}::test_the_account_endpoint_shows_the_callers_own",
        f"{LOGIN}::test_an_account_of_a_contest_is_public_in_the_others",
    ),
    27: (
        f"{LOGIN}::test_credentials_are_taken_at_once_without_a_challenge",
        f"{LOGIN}::test_wrong_credentials_are_refused_on_every_path",
        f"{LOGIN}::test_an_authorization_that_cannot_be_read_is_refused",
    ),
    28: (
        f"{LAW}::test_the_feed_of_every_account_folds_to_what_get_says",
        f"{BOARD}::test_who_is_behind_the_freeze",
        f"{FILES}::test_whoever_is_not_shown_a_reference_cannot_download_the_file",
    ),
    29: (f"{FILES}::test_every_reference_has_an_href_that_its_viewer_can_download",),
    30: (
        f"{FILES}::test_all_spellings_of_an_href_lead_to_the_same_file",
        f"{FILES}::test_hrefs_count_from_the_base_url_and_not_from_the_request",
    ),
    31: (
        f"{FILES}::test_every_reference_has_an_href_that_its_viewer_can_download",
        f"{FILES}::test_whoever_is_not_shown_a_reference_cannot_download_the_file",
        f"{FILES}::test_who_may_download_what",
    ),
    32: (f"{FILES}::test_files_are_uploaded_as_data_in_place_of_an_href",),
    33: (
        f"{INTEGRITY}::test_every_view_names_only_what_it_holds",
        f"{LAW}::test_no_prefix_of_any_feed_names_what_it_does_not_hold",
    ),
    34: (
        f"{INTEGRITY}::test_what_is_named_must_exist_before_what_names_it",
        f"{INTEGRITY}::test_what_is_named_can_go_only_after_what_names_it",
    ),
    35: (f"{INTEGRITY}::test_the_id_of_an_object_never_changes",),
    36: (f"{FEED}::test_deletions_are_announced_and_an_id_may_be_used_again",),
    37: (f"{INTEGRITY}::test_unknown_types_and_properties_of_a_followed_feed_are_accepted",),
    38: (f"{INTEGRITY}::test_nothing_beyond_the_specification_is_sent",),
    39: (f"{INTEGRITY}::test_null_and_absent_are_the_same",),
    40: (f"{HTTP}::test_everything_is_application_json_but_the_feed",),
    41: (f"{ACCESS}::test_access_and_api_are_not_in_the_feed",),
    42: (f"{ACCESS}::test_what_is_listed_is_served_and_nothing_else",),
    43: (f"{FEED}::test_configuration_changes_are_announced",),
    44: (
        f"{FEED}::test_live_data_is_only_added_and_a_judgement_gets_its_verdict_once",
        f"{FEED}::test_a_pending_judgement_becomes_a_verdict_in_one_line_each",
        f"{JUDGING}::test_a_judgement_begins_and_comes_to_its_verdict_once",
        f"{JUDGING}::test_a_rejudgement_is_atomic",
    ),
    45: (
        f"{FEED}::test_deletions_are_announced_and_an_id_may_be_used_again",
        f"{FEED}::test_a_pending_judgement_becomes_a_verdict_in_one_line_each",
    ),
    46: (f"{HTTP}::test_what_exists_once_is_an_object_and_no_array",),
    47: (f"{FILTERS}::test_every_visible_id_property_filters_by_every_value_it_has",),
    48: (f"{FILTERS}::test_an_empty_value_matches_null_and_absent",),
    49: (f"{FILTERS}::test_several_filters_must_all_hold",),
    50: (f"{FILTERS}::test_properties_that_are_no_single_id_need_not_filter_and_do_not",),
    51: (f"{ACCESS}::test_access_is_referentially_closed",),
    52: (f"{ACCESS}::test_a_team_sees_problems_and_team_submit_listed_before_the_start",),
    53: (f"{ACCESS}::test_access_depends_neither_on_data_nor_on_the_phase",),
    54: (
        f"{PERMISSIONS}::test_every_capability_that_is_listed_is_what_the_account_can_do",
        f"{PERMISSIONS}::test_the_capabilities_that_are_listed_are_those_of_the_role",
        f"{PERMISSIONS}::test_what_is_not_allowed_is_refused_and_what_is_allowed_is_looked_into",
    ),
    55: (
        f"{CONTEST_PATCH}::test_the_start_can_be_set_and_left_open",
        f"{CONTEST_PATCH}::test_a_start_is_set_by_itself_with_the_id_to_make_sure",
    ),
    56: (f"{CONTEST_PATCH}::test_a_pause_of_the_countdown_needs_an_open_start",),
    57: (f"{CONTEST_PATCH}::test_within_thirty_seconds_of_the_start_it_stays",),
    58: (f"{CONTEST_PATCH}::test_a_start_is_at_least_thirty_seconds_ahead",),
    59: (f"{CONTEST_PATCH}::test_a_thaw_is_set_by_itself_with_the_id_to_make_sure",),
    60: (f"{CONTEST_PATCH}::test_a_thaw_time_that_is_taken_as_given_is_204_with_nothing",),
    61: (f"{CONTEST_PATCH}::test_a_thaw_time_that_is_past_thaws_now_and_says_so",),
    62: (
        f"{CONTEST_PATCH}::test_what_cannot_be_thawed_then_is_403",
        f"{CONTEST_PATCH}::test_a_contest_without_a_freeze_cannot_be_thawed",
        f"{CONTEST_PATCH}::test_a_thaw_time_that_is_past_thaws_now_and_says_so",
    ),
    63: (
        f"{CONTEST_PATCH}::test_a_new_start_shows_in_get_and_in_a_notification",
        f"{CONTEST_PATCH}::test_a_thaw_shows_in_notifications_with_what_it_releases",
    ),
    64: (f"{SUBMISSIONS}::test_without_a_capability_nobody_submits",),
    65: (
        f"{SUBMISSIONS}::test_missing_properties_are_refused",
        f"{SUBMISSIONS}::test_unheard_of_properties_are_refused",
        f"{SUBMISSIONS}::test_the_time_is_the_servers_to_set",
    ),
    66: (f"{SUBMISSIONS}::test_the_type_of_the_archive_may_be_left_out_and_not_be_another",),
    67: (f"{SUBMISSIONS}::test_a_reaction_may_be_sent",),
    68: (f"{SUBMISSIONS}::test_teams_and_proxies_can_only_post",),
    69: (
        f"{SUBMISSIONS}::test_the_time_is_the_servers_to_set",
        f"{SUBMISSIONS}::test_a_submission_is_answered_with_its_place_and_its_initial_state",
    ),
    70: (f"{SUBMISSIONS}::test_a_team_may_name_itself_and_nobody_else",),
    71: (f"{SUBMISSIONS}::test_the_time_is_the_servers_to_set",),
    72: (
        f"{SUBMISSIONS}::test_a_proxy_names_the_team_and_leaves_the_time_to_the_server",
        f"{SUBMISSIONS}::test_teams_and_proxies_can_only_post",
        f"{SUBMISSIONS}::test_the_time_is_the_servers_to_set",
    ),
    73: (f"{SUBMISSIONS}::test_an_administrator_gives_the_time_and_with_put_the_id",),
    74: (
        f"{SUBMISSIONS}::test_what_is_not_there_is_refused",
        f"{SUBMISSIONS}::test_before_the_start_a_problem_cannot_be_submitted_to",
    ),
    75: (f"{SUBMISSIONS}::test_a_language_that_needs_an_entry_point_gets_one",),
    76: (
        f"{SUBMISSIONS}::test_a_bad_archive_is_refused",
        f"{SUBMISSIONS}::test_the_code_limit_of_the_problem_counts",
        f"{SUBMISSIONS}::test_a_body_that_is_too_large_is_413",
    ),
    77: (f"{SUBMISSIONS}::test_a_submission_cannot_be_put_over_another",),
    78: (
        f"{SUBMISSIONS}::test_a_submission_is_answered_with_its_place_and_its_initial_state",
        f"{SUBMISSIONS}::test_the_files_come_back_byte_by_byte",
    ),
    79: (f"{CLARIFICATIONS}::test_without_a_capability_nobody_writes",),
    80: (f"{CLARIFICATIONS}::test_nulls_may_be_left_out_and_may_be_written",),
    81: (f"{CLARIFICATIONS}::test_id_and_times_are_the_servers_to_set",),
    82: (f"{CLARIFICATIONS}::test_a_team_asks_the_judges_and_for_itself_alone",),
    83: (f"{CLARIFICATIONS}::test_a_judge_answers_one_team_a_group_or_everybody",),
    84: (
        f"{CLARIFICATIONS}::test_a_proxy_asks_for_a_team",
        f"{CLARIFICATIONS}::test_id_and_times_are_the_servers_to_set",
    ),
    85: (f"{CLARIFICATIONS}::test_an_administrator_gives_the_time_and_with_put_the_id",),
    86: (
        f"{CLARIFICATIONS}::test_what_is_not_there_is_refused",
        f"{CLARIFICATIONS}::test_what_is_not_visible_is_refused_as_if_it_were_not_there",
        f"{CLARIFICATIONS}::test_before_the_start_no_problem_can_be_asked_about",
    ),
    87: (f"{CLARIFICATIONS}::test_a_clarification_cannot_be_put_over_another",),
    88: (f"{CLARIFICATIONS}::test_a_clarification_is_answered_with_its_place_and_its_initial_state",),
    89: (
        f"{AWARDS}::test_an_administrator_makes_replaces_changes_and_deletes_awards",
        f"{AWARDS}::test_nobody_else_does",
    ),
    90: (f"{AWARDS}::test_post_takes_no_id_and_assigns_one",),
    91: (f"{AWARDS}::test_an_unknown_award_cannot_be_changed_or_deleted",),
    92: (f"{AWARDS}::test_citation_and_teams_are_needed",),
    93: (f"{AWARDS}::test_citation_and_teams_are_needed",),
    94: (f"{AWARDS}::test_an_id_that_is_not_the_one_in_the_url_is_409",),
    95: (
        f"{AWARDS}::test_what_the_server_keeps_for_itself_cannot_be_written",
        f"{AWARDS}::test_a_posted_award_never_becomes_one_that_the_server_keeps",
    ),
    96: (f"{AWARDS}::test_the_servers_awards_are_there_before_the_start",),
    97: (
        f"{AWARDS}::test_an_award_that_a_client_took_over_is_left_to_it",
        f"{AWARDS}::test_an_award_that_was_taken_over_can_be_given_back",
    ),
    98: (
        f"{COMMENTARY}::test_without_the_capability_nobody_comments",
        f"{COMMENTARY}::test_a_comment_can_only_be_posted",
    ),
    99: (
        f"{COMMENTARY}::test_id_times_and_source_are_the_servers_to_set",
        f"{COMMENTARY}::test_a_comment_is_answered_with_its_place_and_its_initial_state",
    ),
    100: (f"{COMMENTARY}::test_a_message_is_needed",),
    101: (f"{COMMENTARY}::test_what_is_not_there_is_refused",),
    102: (f"{COMMENTARY}::test_a_comment_is_answered_with_its_place_and_its_initial_state",),
    103: (f"{BOARD}::test_the_scoreboard_can_only_be_read",),
    104: (f"{BOARD}::test_all_teams_of_the_main_group_and_no_others_are_on_it",),
    105: (f"{BOARD}::test_a_group_is_ranked_by_itself",),
    106: (f"{BOARD}::test_a_group_that_is_none_is_refused",),
    107: (f"{FEED}::test_every_line_is_a_notification_with_a_token_of_its_own",),
    108: (
        f"{FEED}::test_configuration_changes_are_announced",
        f"{LAW}::test_the_feeds_of_recorded_contests_fold_to_what_get_says",
        f"{ACCESS}::test_access_and_api_are_not_in_the_feed",
    ),
    109: (
        f"{INTEGRITY}::test_nothing_beyond_the_specification_is_sent",
        f"{SCHEMAS}::test_feeds_of_recorded_contests_keep_the_schema_for_every_role",
    ),
    110: (f"{FEED}::test_what_another_process_appends_arrives",),
    111: (
        f"{LAW}::test_the_feed_of_every_account_folds_to_what_get_says",
        f"{FEED}::test_a_deletion_is_the_last_word_about_an_object",
    ),
    112: (
        f"{FEED}::test_get_is_never_older_than_a_notification",
        f"{REPEATED}::test_what_was_answered_is_in_the_next_get_everywhere",
    ),
    113: (
        f"{FEED}::test_the_end_of_updates_is_the_last_line_of_every_feed",
        f"{FEED}::test_a_release_at_thaw_is_whole_before_the_end_of_updates",
        f"{FEED}::test_after_the_end_of_updates_the_log_refuses_more",
    ),
    114: (f"{FEED}::test_many_listeners_get_the_same_lines",),
    115: (f"{FEED}::test_the_history_comes_first_and_the_stream_stays_open",),
    116: (f"{FEED}::test_the_feed_does_not_end_by_itself",),
    117: (
        f"{FEED}::test_the_history_comes_first_and_the_stream_stays_open",
        f"{CLIENTS}::TestCheckApi::test_no_sign_of_life_within_the_first_ten_seconds",
    ),
    118: (f"{FEED}::test_a_feed_can_only_be_read",),
    119: (
        f"{LAW}::test_every_single_token_resumes_exactly_behind_its_line",
        f"{LAW}::test_a_hundred_random_tokens_lead_to_what_get_says",
    ),
    120: (
        f"{TOKENS}::test_what_is_no_token_is_refused",
        f"{TOKENS}::test_tokens_of_others_are_refused",
        f"{TOKENS}::test_tokens_of_another_server_are_refused",
    ),
    121: (
        f"{TOKENS}::test_a_line_keeps_its_token_over_restarts_and_on_every_server",
        f"{LAW}::test_every_single_token_resumes_exactly_behind_its_line",
    ),
    122: (
        f"{TOKENS}::test_thaw_brings_what_was_hidden_to_those_who_resume",
        f"{TOKENS}::test_the_start_brings_the_problems_to_those_who_resume",
        f"{FEED}::test_deletions_are_announced_and_an_id_may_be_used_again",
    ),
    123: (f"{FEED}::test_every_line_is_a_notification_with_a_token_of_its_own",),
    124: (f"{FEED}::test_deletions_are_announced_and_an_id_may_be_used_again",),
    125: (
        f"{WEBHOOKS}::test_a_webhook_is_answered_with_its_place_and_without_its_token",
        f"{WEBHOOKS}::test_properties_that_are_given_are_kept",
    ),
    126: (
        f"{WEBHOOKS}::test_a_webhook_is_answered_with_its_place_and_without_its_token",
        f"{WEBHOOKS}::test_properties_that_are_given_are_kept",
        f"{WEBHOOKS}::test_what_is_wrong_is_refused_and_named",
    ),
    127: (
        f"{WEBHOOKS}::test_a_webhook_is_answered_with_its_place_and_without_its_token",
        f"{WEBHOOKS}::test_what_is_wrong_is_refused_and_named",
        f"{WEBHOOKS}::test_secrets_are_in_no_log",
    ),
    128: (
        f"{CALLS}::test_nothing_is_told_of_what_was_before",
        f"{CALLS}::test_a_contest_that_is_made_later_is_told_from_its_start",
    ),
    129: (
        f"{WEBHOOKS}::test_what_changes_after_the_registration_is_told_as_the_feed_has_it",
        f"{CALLS}::test_contests_take_turns_and_each_is_in_order",
    ),
    130: (
        f"{CALLS}::test_only_the_endpoints_and_contests_that_were_chosen_are_told",
        f"{CALLS}::test_inactive_webhooks_are_not_called_and_go_on_where_they_stopped",
        f"{CALLS}::test_other_endpoints_hold_from_the_change_on",
        f"{CALLS_SEEN}::test_for_accounts_that_may_have_no_webhooks_nobody_is_called",
    ),
    131: (f"{CALLS}::test_every_call_brings_token_signature_and_a_number_of_its_own",),
    132: (
        f"{CALLS}::test_a_row_of_misbehaviour_loses_and_repeats_nothing",
        f"{CALLS_SEEN}::test_a_server_that_comes_back_goes_on_where_it_stopped",
        f"{CALLS_PROVEN}::test_nothing_is_lost_or_reordered_whatever_receivers_do_and_however_the_server_dies",
    ),
    133: (
        f"{CALLS}::test_what_is_not_taken_is_sent_again_from_the_same_place_and_may_have_grown",
        f"{CALLS}::test_a_receiver_that_died_is_told_when_it_comes_back",
        f"{CALLS}::test_a_receiver_says_when_it_wants_to_be_called_again",
    ),
    134: (
        f"{CALLS}::test_a_row_of_misbehaviour_loses_and_repeats_nothing",
        f"{CALLS_SEEN}::test_with_two_servers_one_calls_and_both_may_be_asked",
        f"{CALLS_PROVEN}::test_nothing_is_lost_or_reordered_whatever_receivers_do_and_however_the_server_dies",
    ),
    135: (
        f"{CALLS}::test_a_webhook_that_fails_for_too_long_is_deactivated",
        f"{CALLS_FAILING}::test_time_in_which_nobody_called_does_not_count_against_the_receiver",
    ),
    136: (f"{CALLS}::test_every_call_brings_token_signature_and_a_number_of_its_own",),
}
"""Line → the tests that show it, as module::function or module::Class::method."""
