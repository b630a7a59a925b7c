"""Which test shows which line of "What the clients out there need from a Contest API server".

A line is known by how it begins; of the paragraph about formats met in the wild, each of its phrases is one. This
module holds the table alone; `test_needs_table` checks it against the document and against the tests.
"""

BASICS = "tests.acceptance.test_real_clients"
READING = "tests.acceptance.test_real_clients_reading"
XCPCIO = "tests.acceptance.test_xcpcio"
CHECKER = "tests.acceptance.test_check_api"
VERSIONS = "tests.cds.contest_api.test_versions_clients"
TOKENS = "tests.cds.contest_api.test_tokens"
SCHEMAS = "tests.cds.contest_api.test_json_schemas"
DIALECTS = "tests.cds.dialects.test_feed_dialects"
RULINGS = "tests.cds.dialects.test_feed_rulings"
REFERENCES = "tests.cds.dialects.test_feed_references"
DATA = "tests.cds.packages.test_real_data"
LINES = "tests.cds.upstream.test_lines"

TESTS_OF_NEED: dict[str, dict[str, tuple[str, ...]]] = {
    "ICPC Tools": {
        "Reads `GET /api` (no slash)": (
            f"{BASICS}::TestIcpcTools::test_it_reads_the_api_without_a_slash_the_contest_and_the_feed",
        ),
        "Basic authentication is sent at once": (
            f"{BASICS}::TestIcpcTools::test_it_logs_in_at_once_without_waiting_for_a_challenge",
        ),
        "Times: exactly three decimals": (
            f"{BASICS}::TestIcpcTools::test_it_reads_times_with_three_decimals_only",
            f"{READING}::TestIcpcTools::test_recorded_contests_are_read_in_every_version",
        ),
        'A line with `"id": null` and an array': (
            f"{BASICS}::TestIcpcTools::test_no_line_replaces_a_whole_collection",
            f"{READING}::TestIcpcTools::test_recorded_contests_are_read_in_every_version",
        ),
        "An end of the stream before": (
            f"{BASICS}::TestIcpcTools::test_the_stream_does_not_end_before_the_end_of_updates",
            f"{READING}::TestIcpcTools::test_an_end_before_the_end_of_updates_is_an_outage_that_it_comes_back_from",
            f"{READING}::TestIcpcTools::test_the_end_of_updates_is_no_outage",
        ),
        "A 400 on `since_token`": (
            f"{BASICS}::TestIcpcTools::test_its_tokens_stay_good_over_a_restart",
            f"{READING}::TestIcpcTools::test_a_cache_goes_on_over_a_restart",
            f"{TOKENS}::test_tokens_of_others_are_refused",
        ),
        "It reads about 9,000 events a second": (f"{READING}::TestIcpcTools::test_a_slow_reader_slows_nobody",),
        "The response header `ICPC-Tools: CDS`": (
            f"{BASICS}::TestIcpcTools::test_the_header_of_its_own_protocol_is_never_sent",
        ),
        "Writes come with `Upgrade: h2c`": (
            f"{BASICS}::TestIcpcTools::test_an_upgrade_is_ignored",
            f"{READING}::TestIcpcTools::test_a_write_that_asks_for_an_upgrade_is_answered_in_http_1_1",
        ),
        "Resolver: needs a finalized state": (
            f"{BASICS}::TestIcpcTools::test_the_resolver_finds_a_finalized_contest_judged_in_full",
            f"{BASICS}::TestIcpcTools::test_it_downloads_pictures_with_conditions",
            f"{READING}::TestIcpcTools::test_the_resolver_has_all_it_needs_in_time",
            f"{READING}::TestIcpcTools::test_the_resolver_has_all_it_needs_of_the_world_finals_in_time",
            f"{READING}::TestIcpcTools::test_the_resolver_does_without_awards",
        ),
    },
    "DOMjudge as a shadow": {
        "Sends both `since_id=T`": (
            f"{BASICS}::TestDomjudgeAsAShadow::test_it_sends_both_names_of_the_token",
            f"{VERSIONS}::TestDomjudgeAsAShadow::test_it_sends_both_names_of_the_token",
        ),
        "Speaks 2023-06": (
            f"{VERSIONS}::TestDomjudgeAsAShadow::test_the_penalty_is_an_integer_of_minutes",
            f"{VERSIONS}::TestDomjudgeAsAShadow::test_judgements_and_runs_have_contest_times",
            f"{READING}::TestDomjudgeAsAShadow::test_the_newest_version_is_one_that_it_stumbles_over",
        ),
        "Needs: contest `id,name,duration,penalty_time`": (
            f"{BASICS}::TestDomjudgeAsAShadow::test_objects_have_what_it_needs",
            f"{BASICS}::TestDomjudgeAsAShadow::test_sources_are_relative_without_a_slash_in_front",
            f"{VERSIONS}::TestDomjudgeAsAShadow::test_sources_are_relative_to_the_address_it_was_given",
            f"{READING}::TestDomjudgeAsAShadow::test_recorded_contests_are_imported",
            f"{READING}::TestDomjudgeAsAShadow::test_sources_are_fetched_below_the_address_that_it_was_given",
        ),
        "Event type `commentary` stops its importer": (
            f"{BASICS}::TestDomjudgeAsAShadow::test_it_can_do_without_commentary",
            f"{VERSIONS}::TestDomjudgeAsAShadow::test_every_type_is_one_that_its_importer_knows",
        ),
        "Any answer but 200": (
            f"{BASICS}::TestDomjudgeAsAShadow::test_what_it_sends_is_answered_with_200",
            f"{READING}::TestDomjudgeAsAShadow::test_it_asks_again_and_again_with_the_same_token",
            f"{READING}::TestDomjudgeAsAShadow::test_the_token_of_an_outage_is_good_afterwards",
        ),
    },
    "live-v3": {
        "Drops a line whose token": (
            f"{BASICS}::TestLiveV3::test_a_token_is_unique_for_its_line",
            f"{VERSIONS}::TestLiveV3::test_every_line_has_a_token_of_its_own",
        ),
        "Never sends `since_token`": (
            f"{BASICS}::TestLiveV3::test_reading_everything_again_gives_the_same_lines",
            f"{READING}::TestLiveV3::test_reading_again_brings_what_is_new_and_nothing_else",
        ),
        "Needs contest `duration`": (
            f"{BASICS}::TestLiveV3::test_objects_have_what_it_needs",
            f"{VERSIONS}::TestLiveV3::test_objects_have_what_it_reads",
            f"{VERSIONS}::TestLiveV3::test_the_state_is_started_and_ended_once_updates_have_ended",
            f"{READING}::TestLiveV3::test_recorded_contests_are_read",
            f"{READING}::TestLiveV3::test_it_makes_of_a_recorded_contest_what_its_own_parser_makes",
        ),
    },
    "xcpcio archiver": {
        "Reads `/api/` (with slash)": (
            f"{BASICS}::TestXcpcioArchiver::test_it_archives_everything_that_access_lists",
            f"{BASICS}::TestXcpcioArchiver::test_a_feed_without_stream_ends_after_what_is_there",
            f"{XCPCIO}::test_its_archive_is_without_an_error_and_comes_back_as_it_was",
        ),
        "`provider.version` must be a semantic version": (
            f"{BASICS}::TestXcpcioArchiver::test_it_archives_everything_that_access_lists",
            f"{XCPCIO}::test_its_archive_is_without_an_error_and_comes_back_as_it_was",
        ),
    },
    "The specification's own checker": {
        "404 with JSON for unknown ids": (
            f"{BASICS}::TestCheckApi::test_unknown_ids_and_endpoints_are_404_in_json",
            f"{BASICS}::TestCheckApi::test_an_impossible_place_in_the_feed_is_400",
            f"{CHECKER}::test_what_does_not_exist_is_404_and_an_impossible_place_400",
        ),
        '`"id": null` present as a key': (
            f"{BASICS}::TestCheckApi::test_nulls_that_it_looks_for_are_written_out",
            f"{BASICS}::TestCheckApi::test_entry_points_are_there_for_java_and_null_for_cpp",
            f"{BASICS}::TestCheckApi::test_run_times_are_whole_milliseconds_and_uuids_are_real",
            f"{CHECKER}::test_a_captured_feed_is_good",
        ),
        "A keep-alive newline": (
            f"{BASICS}::TestCheckApi::test_no_sign_of_life_within_the_first_ten_seconds",
            f"{CHECKER}::test_a_captured_feed_is_good",
        ),
        "Its schemas, bent": (
            f"{CHECKER}::test_every_endpoint_is_good_and_an_object_is_the_one_in_its_collection",
            f"{SCHEMAS}::test_recorded_contests_keep_the_schemas_for_every_role",
            f"{SCHEMAS}::test_feeds_of_recorded_contests_keep_the_schema_for_every_role",
            f"{SCHEMAS}::test_the_small_contest_keeps_the_schemas",
        ),
    },
    "BAPCtools": {
        "`teams?public=1` must be accepted": (
            f"{BASICS}::TestBapctools::test_parameters_that_we_do_not_know_are_ignored",
        ),
    },
}
"""Part of the document → how a line begins → its tests."""

FORMATS = "Formats met in the wild"

TESTS_OF_FORMAT: dict[str, tuple[str, ...]] = {
    "`op` dialect of 2020-03": (f"{DIALECTS}::test_op_dialect_of_2020_03",),
    "2022-07, 2023-06, 2026-01, draft": (
        f"{DATA}::test_real_contest_is_read",
        f"{DATA}::test_feeds_of_two_versions_tell_the_same_contest",
        f"{DIALECTS}::test_todays_form_needs_no_warning",
    ),
    "`contests`/`contest` as type name": (f"{DIALECTS}::test_contests_and_contest_as_type_name",),
    "missing `id` on singletons": (f"{DIALECTS}::test_missing_id_on_singletons",),
    "blank keep-alive lines": (f"{LINES}::test_an_empty_line_is_a_sign_of_life",),
    "identical lines sent again": (f"{DIALECTS}::test_identical_lines_sent_again_are_counted_and_dropped",),
    "the contest object changed 19 times": (
        f"{DIALECTS}::test_contest_object_changed_many_times_start_time_and_duration_included",
    ),
    "organizations and groups deleted": (f"{REFERENCES}::test_organizations_and_groups_deleted_with_data_null",),
    "a judgement without verdict first": (f"{DIALECTS}::test_judgement_without_verdict_first_then_updated_many_times",),
    "negative contest times": (f"{DIALECTS}::test_negative_contest_times_before_the_start",),
    "zero-padded RELTIME": (f"{DIALECTS}::test_zero_padded_relative_times",),
    "zones `+02`, `-05` without minutes": (f"{DIALECTS}::test_zones_without_minutes_and_other_spellings_of_times",),
    "`penalty_time` 20": (f"{DIALECTS}::test_penalty_time_in_all_forms",),
    "`state.ended` far in the future": (f"{DIALECTS}::test_state_ended_far_in_the_future",),
    "events out of time order": (f"{REFERENCES}::test_events_out_of_order_wait_for_what_they_name",),
    "submissions pending for ever after finalization": (
        f"{DIALECTS}::test_submission_pending_for_ever_after_finalization",
    ),
    "judgements of submissions that never came": (
        f"{REFERENCES}::test_judgement_of_a_submission_that_never_came_is_dropped",
    ),
    "no problems, no state or no groups at all": (
        f"{DIALECTS}::test_no_state_at_all_is_filled_as_started_when_there_are_submissions",
        f"{DIALECTS}::test_no_state_and_no_problems_and_no_groups",
    ),
    "judgements with DOMjudge's `valid:false`": (f"{RULINGS}::test_judgement_with_valid_false_is_not_current",),
    "hidden groups and hidden teams": (
        f"{RULINGS}::test_hidden_team_puts_all_others_into_a_main_scoreboard_group",
        f"{RULINGS}::test_team_is_hidden_through_all_of_its_groups",
    ),
    "two live judgements for one submission": (f"{RULINGS}::test_two_live_judgements_latest_start_wins",),
    "submissions before the start and after the end": (
        f"{DIALECTS}::test_submissions_before_the_start_and_after_the_end",
    ),
    "`persons.role` + `team_id(s)` instead of `roles`": (
        f"{DIALECTS}::test_person_role_with_team_instead_of_roles",
        f"{DIALECTS}::test_coach_of_two_teams_has_two_roles",
    ),
    "`teams.group_ids` vs `group_id`": (f"{DIALECTS}::test_group_id_instead_of_group_ids",),
}
"""How a phrase of the paragraph begins → its tests."""
