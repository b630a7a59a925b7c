"""Who answers which row of the table of the League of Code API, by the name of the row.

This module must not know what the handlers do.
"""

from collections.abc import Mapping

from cds.loc_api import account, match_administration, matches, parties, people, user_administration
from cds.loc_api.rows import Handler

HANDLERS: Mapping[str, Handler] = {
    "post_signup": account.post_signup,
    "post_login": account.post_login,
    "logout": account.logout,
    "get_own_profile": account.get_own_profile,
    "put_own_profile": account.put_own_profile,
    "get_own_followers": account.get_own_followers,
    "get_own_following": account.get_own_following,
    "change_password": account.change_password,
    "forgot_password": account.forgot_password,
    "check_reset_token": account.check_reset_token,
    "reset_password": account.reset_password,
    "delete_own_profile": account.delete_own_profile,
    "list_matches": matches.list_matches,
    "list_past_matches": matches.list_past_matches,
    "get_match": matches.get_match,
    "get_leaderboard": matches.get_leaderboard,
    "join_match": matches.join_match,
    "leave_match": matches.leave_match,
    "list_participants": matches.list_participants,
    "list_looking_parties": matches.list_looking_parties,
    "get_submission": matches.get_submission,
    "put_submission": matches.put_submission,
    "join_party": parties.join_party,
    "leave_party": parties.leave_party,
    "kick": parties.kick,
    "disband": parties.disband,
    "set_looking": parties.set_looking,
    "list_parties": parties.list_parties,
    "list_past_parties": parties.list_past_parties,
    "get_profile": people.get_profile,
    "get_followers": people.get_followers,
    "get_following": people.get_following,
    "follow": people.follow,
    "list_matches_of_user": matches.list_matches_of_user,
    "list_past_matches_of_user": matches.list_past_matches_of_user,
    "create_match": match_administration.create_match,
    "change_match": match_administration.change_match,
    "get_any_leaderboard": match_administration.get_any_leaderboard,
    "set_leaderboard": match_administration.set_leaderboard,
    "delete_match": match_administration.delete_match,
    "list_deleted_matches": match_administration.list_deleted_matches,
    "list_users": user_administration.list_users,
    "list_deleted_users": user_administration.list_deleted_users,
    "delete_user": user_administration.delete_user,
}
