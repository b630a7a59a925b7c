"""`GET x-head`: the signed head over HTTP, for staff and administrators of the server alone."""

from cds.signed_heads import check_signature, read_head
from tests.cds.contest_api.serving import Running
from tests.cds.verifying.logs import verified

PATH = "x-head"


async def test_the_head_of_a_server(fresh: Running, fresh_dsn: str) -> None:
    """What is told is what the log holds, and what is printed is signed."""
    told = (await fresh.of_role("staff").get(PATH)).json
    heads = await fresh.store.heads()
    assert {each["name"]: (each["position"], each["chain"]) for each in told["streams"]} == {
        name: (head.position, head.chain.hex()) for name, head in heads.items()
    }
    head = read_head(told["text"])
    check_signature(head)
    assert (head.public_key.hex(), head.signature.hex(), head.time_s) == (
        told["public_key"],
        told["signature"],
        told["time_s"],
    )
    assert (await verified(fresh_dsn, head, quick=True)).differences == []


async def test_who_is_told(fresh: Running) -> None:
    """Accounts of a contest are not, whatever their type."""
    for role, status in (("public", 401), ("team", 401), ("judge", 403), ("analyst", 403), ("admin", 200)):
        assert (await fresh.of_role(role).get(PATH)).status == status
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert (await fresh.of_role("admin").ask(method, PATH)).status == 405
