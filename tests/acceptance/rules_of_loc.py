"""Which test shows which rule of the League of Code API, beside the endpoints and their codes.

The numbers are those of the project's list of requirements 003: sections 1, 3 and 6, whose lines are numbered, and the
checks of section 8. This module holds the tables alone; `test_loc_table` checks them.
"""

ASKING = "tests.cds.loc_api.test_asking"
WIRE = "tests.cds.loc_api.test_wire"
DATES = "tests.cds.loc_api.test_dates"
ENDPOINTS = "tests.acceptance.test_loc_endpoints"
TABLE = "tests.acceptance.test_loc_table"
TOKENS = "tests.acceptance.test_loc_tokens"
CONTEST = "tests.acceptance.test_loc_contest"
CONTESTS = "tests.cds.matches.test_contests"
ADMINISTRATION = "tests.cds.matches.test_administration"
DUE = "tests.cds.matches.test_due"
JOINING = "tests.cds.matches.test_joining"
PARTIES = "tests.cds.matches.test_parties"
PARTY_TOKENS = "tests.cds.matches.test_party_tokens"
PROJECTS = "tests.cds.matches.test_projects"
MATCH_RACES = "tests.cds.matches.test_races"
ACCOUNT = "tests.cds.users.test_account_endpoints"
LOGINS = "tests.cds.users.test_logins"
ERASURE = "tests.cds.users.test_erasure"
REGISTER = "tests.cds.users.test_register"
RESETS = "tests.cds.users.test_resets"
USER_NAMES = "tests.cds.users.test_user_names"
COMMANDS = "tests.acceptance.test_user_commands"

EVERY_CASE = f"{ENDPOINTS}::test_what_comes_of"
EVERY_REFUSAL = f"{TABLE}::test_every_refusal_that_the_seed_shows_comes_word_for_word"
EVERY_CODE = f"{TABLE}::test_every_code_that_the_seed_lists_is_asked_for"
GOOD_FOR_NOTHING = f"{TOKENS}::test_a_token_that_is_good_for_nothing"
SAID_AT_ONCE = f"{ASKING}::test_wrong_types_are_named_all_at_once"
BY_QUERY = f"{ASKING}::test_what_is_no_secret_may_stand_in_the_query_of_a_get_and_the_body_counts_for_more"
BY_BODY = f"{ASKING}::test_get_reads_a_body_of_any_type_in_one_piece_or_in_chunks"
EVERY_WAY = f"{WIRE}::test_every_way_of_every_row_leads_to_its_handler"
NEW_SLUG = f"{ADMINISTRATION}::test_a_new_title_brings_a_new_slug_and_the_old_one_is_not_found"
IMPOSSIBLE = f"{ASKING}::test_a_match_that_cannot_be_is_400"
SPELLINGS = f"{ASKING}::test_dates_aliases_and_the_two_spellings_of_remember_me"
PUBLISHED = f"{ADMINISTRATION}::test_a_leaderboard_is_everybodys_once_it_is_over_and_published"
PAGES = f"{WIRE}::test_pages_of_a_list"
BANNED = f"{ACCOUNT}::test_a_banned_user_is_gone_until_the_next_login_behind_the_ban"
IN_NO_FEED = "tests.acceptance.test_loc_privacy::test_nothing_of_what_is_private_is_told_anywhere"
NOT_BEFORE = f"{CONTEST}::test_what_everybody_sees_when"

TESTS_OF_RULE: dict[str, tuple[str, ...]] = {
    "1.1": (EVERY_CASE, f"{WIRE}::test_errors_of_the_router_are_jsend_too", f"{WIRE}::test_information_is_no_jsend"),
    "1.2": (BY_BODY, EVERY_WAY),
    "1.3": (EVERY_CASE, f"{ASKING}::test_every_required_argument_is_missed_by_name"),
    "1.4": (f"{TOKENS}::test_no_token", f"{WIRE}::test_who_may_ask_follows_from_the_row"),
    "1.5": (PAGES, f"{ASKING}::test_pages_begin_with_1"),
    "1.6": (f"{TOKENS}::test_no_token", GOOD_FOR_NOTHING),
    "1.7": (f"{ASKING}::test_every_required_argument_is_missed_by_name", SAID_AT_ONCE),
    "3.1": (
        f"{ADMINISTRATION}::test_lists_come_in_pages_of_twenty",
        f"{ADMINISTRATION}::test_matches_are_listed_by_their_start_past_ones_apart",
        f"{ACCOUNT}::test_the_lists_of_users_come_in_pages_of_fifty",
        PAGES,
    ),
    "3.2": (f"{ACCOUNT}::test_passwords_that_nobody_may_have", f"{USER_NAMES}::test_passwords"),
    "3.3": (
        f"{LOGINS}::test_a_token_is_good_for_days",
        f"{ACCOUNT}::test_changing_the_password_ends_every_login",
        GOOD_FOR_NOTHING,
    ),
    "3.4": (
        f"{RESETS}::test_a_code_is_good_once",
        f"{RESETS}::test_only_the_newest_code_is_good",
        f"{RESETS}::test_a_code_expires",
    ),
    "3.5": (f"{ADMINISTRATION}::test_a_slug_is_made_of_the_title",),
    "3.6": (
        f"{JOINING}::test_only_who_takes_part_joins_a_party",
        f"{JOINING}::test_who_is_not_alone_joins_no_other_party",
        f"{JOINING}::test_who_joins_a_party_is_its_last_member_and_their_own_is_gone",
    ),
    "3.7": (IMPOSSIBLE, f"{ADMINISTRATION}::test_what_cannot_be_is_refused_beside_what_is_there_already"),
    "3.8": (f"{DATES}::test_one_moment_in_every_spelling", f"{DATES}::test_seconds_are_shown_where_there_are_any"),
    "3.9": (EVERY_CASE, f"{ADMINISTRATION}::test_a_leaderboard_has_nobody_who_does_not_take_part"),
    "3.10": (f"{PROJECTS}::test_each_party_that_takes_part_has_an_empty_project_from_the_start", PUBLISHED),
    "6.1": (EVERY_WAY,),
    "6.2": (EVERY_CASE, f"{PARTIES}::test_a_party_that_is_disbanded_is_private_and_has_a_new_token"),
    "6.3": (EVERY_CASE, f"{JOINING}::test_a_party_of_a_match_that_has_started_takes_nobody_in"),
    "6.4": (EVERY_CASE, f"{ACCOUNT}::test_signing_up_and_logging_in"),
    "6.5": (SPELLINGS,),
    "6.6": (EVERY_CASE, EVERY_REFUSAL),
    "6.7": (f"{RESETS}::test_a_code_is_kept_as_a_hash_only", f"{RESETS}::test_what_is_no_code"),
    "6.8": (PUBLISHED,),
    "6.9": (SPELLINGS, EVERY_CASE),
    "6.10": (
        f"{DATES}::test_one_moment_in_every_spelling",
        f"{DATES}::test_seconds_are_shown_where_there_are_any",
        f"{DATES}::test_what_is_shown_is_read_as_the_same_second",
    ),
    "6.11": (f"{TOKENS}::test_no_token", f"{TOKENS}::test_the_token_of_somebody_who_is_banned"),
    "6.12": (EVERY_CASE, f"{WIRE}::test_refusals_are_told_in_their_form"),
    "6.13": (EVERY_CASE, f"{ACCOUNT}::test_changing_ones_profile"),
    "6.14": (EVERY_CASE,),
    "6.15": (EVERY_CASE, EVERY_REFUSAL),
    "6.16": (EVERY_CASE, PUBLISHED),
    "6.17": (EVERY_CASE, f"{PARTIES}::test_nobody_kicks_themselves"),
    "6.18": (
        EVERY_CASE,
        f"{PARTY_TOKENS}::test_tokens_are_of_32_letters_and_digits_and_all_different",
    ),
    "6.19": (f"{ASKING}::test_what_is_no_json_object_is_400",),
    "6.20": (EVERY_WAY, f"{ACCOUNT}::test_logging_out_ends_this_token_everywhere_and_no_other"),
    "6.21": (f"{WIRE}::test_information_is_no_jsend", f"{WIRE}::test_errors_of_the_router_are_jsend_too"),
    "6.22": (
        NEW_SLUG,
        f"{ADMINISTRATION}::test_a_slug_that_is_given_wins",
        f"{ADMINISTRATION}::test_a_slug_is_made_of_the_title",
        f"{CONTESTS}::test_a_match_that_moves_moves_its_contest",
    ),
    "6.23": (EVERY_CASE,),
    "6.24": (f"{ADMINISTRATION}::test_matches_are_listed_by_their_start_past_ones_apart",),
    "6.25": (PUBLISHED,),
    "6.26": (EVERY_CASE, f"{ASKING}::test_pages_begin_with_1", SPELLINGS),
}

TESTS_OF_ACCEPTANCE_CHECK: dict[str, tuple[str, ...]] = {
    "All 44 routes × (ok, each listed code)": (EVERY_CASE, EVERY_CODE, GOOD_FOR_NOTHING),
    "races: two joins for the last place, start while joining, double signup": (
        f"{MATCH_RACES}::test_of_two_who_join_for_the_last_place_one_is_told_that_the_party_is_full",
        f"{MATCH_RACES}::test_who_joins_while_the_match_starts_takes_part_or_is_told_that_it_has_started",
        f"{REGISTER}::test_of_many_who_sign_up_alike_one_comes_in",
        f"{REGISTER}::test_whatever_happens_at_once_no_name_is_two_persons",
    ),
    "ban while logged in": (BANNED, f"{TOKENS}::test_the_token_of_somebody_who_is_banned"),
    "password change kills old token": (f"{ACCOUNT}::test_changing_the_password_ends_every_login", GOOD_FOR_NOTHING),
    "slug change": (NEW_SLUG, EVERY_CASE),
    "soft delete hides match everywhere except 41": (
        EVERY_CASE,
        f"{CONTEST}::test_a_match_that_is_hidden_or_deleted_is_404_everywhere_and_comes_back",
    ),
    "long description never leaks before start in any endpoint **or feed**": (
        EVERY_CASE,
        NOT_BEFORE,
        IN_NO_FEED,
        f"{ADMINISTRATION}::test_a_match_is_told_with_its_long_description_from_the_start",
    ),
    "party tokens never in a feed": (IN_NO_FEED, f"{DUE}::test_events_hold_ids_of_users_and_no_token"),
    "forgot-password same answer and similar time for known/unknown": (
        f"{ACCOUNT}::test_an_address_that_is_nobodys_is_answered_alike",
        f"{RESETS}::test_nobody_gets_no_code",
    ),
    "GET via body and via query": (BY_BODY, BY_QUERY),
}

TESTS_OF_ISSUE: dict[str, tuple[str, ...]] = {
    "a match seen through the Contest API is valid, and its feed folds to what GET says": (
        f"{CONTEST}::test_it_is_valid_whatever_has_happened_and_feeds_fold_to_what_get_says",
    ),
    "project edits are private until the end and become one submission per party": (
        f"{CONTESTS}::test_edits_of_a_project_are_private_and_one_submission_comes_at_the_end",
        f"{PROJECTS}::test_nobody_but_members_sees_a_project_during_the_match",
    ),
    "leaderboards become awards": (f"{CONTESTS}::test_a_published_leaderboard_is_awards_and_one_taken_back_is_none",),
    "the contest of a match is level with it whatever happens, and whoever dies": (
        "tests.cds.matches.test_contest_laws::test_contests_are_level_with_their_matches_whatever_happens",
        f"{CONTESTS}::test_a_process_that_dies_between_the_two_appends_is_made_up_for",
    ),
    "nothing depends on a timer being on time": (
        f"{DUE}::test_start_and_end_are_written_down_by_whoever_looks_first_and_once",
        f"{CONTEST}::test_the_duty_starts_and_ends_a_match_though_nobody_asks",
    ),
    "too small a party does not take part": (
        f"{PROJECTS}::test_participants_are_told_from_the_start_and_only_those_of_the_right_size",
        f"{CONTESTS}::test_at_the_start_participating_parties_are_teams_and_the_description_is_there",
    ),
    "one login for all APIs; an administrator's role counts for the sync": (
        f"{COMMANDS}::test_a_role_counts_at_once_for_the_administration_and_for_the_sync",
        f"{LOGINS}::test_accounts_of_the_server_log_in_too",
    ),
    "unknown users cost what wrong passwords cost, guessing is slowed": (
        f"{LOGINS}::test_unknown_names_cost_what_wrong_passwords_cost",
        f"{LOGINS}::test_guessing_is_slowed_alike_for_users_and_for_nobody",
    ),
    "personal data is erasable": (
        f"{COMMANDS}::test_nothing_is_left_of_who_is_forgotten",
        f"{DUE}::test_what_is_over_stays_as_it_was_and_shows_a_placeholder_for_who_is_erased",
        f"{ERASURE}::test_the_log_holds_no_personal_data",
        f"{ERASURE}::test_who_was_erased_cannot_be_found_out_from_the_log",
        "tests.cds.users.test_account_deletion::test_who_deletes_the_account_leaves_an_id",
    ),
    "a leader leaves or somebody joins": (f"{MATCH_RACES}::test_a_leader_leaves_or_somebody_joins_but_not_both",),
}
