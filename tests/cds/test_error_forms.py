"""The table of error forms: which path has which, and what each says."""

from http import HTTPStatus

import pytest

from cds.error_forms import Complaint, contest_api_form, form_of, jsend_form, plain_form, sync_form

PREFIXES = ("/api", "/x/y/api")


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/api/contests/finals/teams", contest_api_form),
        ("/", contest_api_form),
        ("/contests/sync/codeforces", sync_form),
        ("/contests/sync", sync_form),
        ("/contests/synced", contest_api_form),
        ("/api/contests/sync/teams", contest_api_form),
        ("/api/codeforces/sync/tourist", plain_form),
        ("/api/students", plain_form),
        ("/api/students/5", plain_form),
        ("/x/y/api/students/5", plain_form),
        ("/api/contests/api/students", contest_api_form),
        ("/students", contest_api_form),
        ("/v1/account/login", jsend_form),
        ("/v1", jsend_form),
        ("/info", jsend_form),
        ("/v12", contest_api_form),
    ],
)
def test_the_path_chooses_the_form(path: str, form: object) -> None:
    assert form_of(path, PREFIXES) is form


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, {"statusCode": 401, "message": "Unauthorized"}),
        (403, {"statusCode": 403, "message": "Forbidden resource"}),
        (500, {"statusCode": 500, "message": "why"}),
        (400, {"statusCode": 400, "message": "why", "error": "Bad Request"}),
        (404, {"statusCode": 404, "message": "why", "error": "Not Found"}),
        (413, {"statusCode": 413, "message": "why", "error": "Payload Too Large"}),
        (429, {"statusCode": 429, "message": "why", "error": "Too Many Requests"}),
        (503, {"statusCode": 503, "message": "why", "error": "Service Unavailable"}),
    ],
)
def test_the_sync_api_tells_of_errors_as_its_contract_does(status: int, body: dict[str, object]) -> None:
    told = sync_form(Complaint(status=HTTPStatus(status), message="why"))
    assert told == body
    assert list(told) == list(body)


def test_details_stand_beside_the_message() -> None:
    complaint = Complaint(status=HTTPStatus.INTERNAL_SERVER_ERROR, message="why", details={"cause": "gone"})
    assert plain_form(complaint) == {"error": "why", "cause": "gone"}
    assert contest_api_form(complaint) == {"code": 500, "message": "why", "cause": "gone"}
    assert sync_form(complaint) == {"statusCode": 500, "message": "why"}, "these have exactly two keys"


def test_jsend_tells_of_what_was_sent_wrong_by_name_and_of_the_rest_in_a_sentence() -> None:
    wrong = Complaint(status=HTTPStatus.BAD_REQUEST, message="why", details={"data": {"email": "why"}})
    assert jsend_form(wrong) == {"status": "fail", "data": {"email": "why"}}
    assert jsend_form(Complaint(status=HTTPStatus.NOT_FOUND, message="why")) == {"status": "error", "message": "why"}
