"""Refused commands on the wire: which status code each ground has (requirements A7).

This module must not know any command.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from aiohttp import hdrs

from cds.commands.decision import Ground, Refused
from cds.contest_api.errors import RETRY_AFTER_S, Failure
from cds.live_contest import Contended
from cds.password_checking import TooManyLogins
from cds.turn import TooManyCommands
from eventstore.store import OutcomeUnknown, StoreRefused

STATUS_OF_GROUND: dict[Ground, HTTPStatus] = {
    "invalid": HTTPStatus.BAD_REQUEST,
    "forbidden": HTTPStatus.FORBIDDEN,
    "unknown": HTTPStatus.NOT_FOUND,
    "conflict": HTTPStatus.CONFLICT,
    "precondition": HTTPStatus.PRECONDITION_FAILED,
    "reused-key": HTTPStatus.UNPROCESSABLE_ENTITY,
}


def failure_of(refused: Refused) -> Failure:
    """The answer to a refusal; it names the property that is wrong."""
    named = refused.property is None or refused.property in refused.reason
    message = refused.reason if named else f"{refused.property}: {refused.reason}"
    return Failure(STATUS_OF_GROUND[refused.ground], message)


@contextmanager
def refusals_as_failures() -> Iterator[None]:
    """Turn what stops a command into an answer. A write of unknown outcome is said to be unknown."""
    try:
        yield
    except Refused as refused:
        raise failure_of(refused) from None
    except StoreRefused as refused:
        raise Failure(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(refused)) from None
    except (Contended, TooManyCommands) as busy:
        raise _try_again(f"too many are writing at once: {busy}") from None
    except TooManyLogins:
        raise _try_again("too many passwords are being checked") from None
    except OutcomeUnknown:
        raise _try_again(
            "the database went away while this was written, and it is not known whether it was; "
            "try again with the same Idempotency-Key until something else is answered, or look before you try again"
        ) from None


def _try_again(message: str) -> Failure:
    return Failure(HTTPStatus.SERVICE_UNAVAILABLE, message, {hdrs.RETRY_AFTER: str(RETRY_AFTER_S)})
