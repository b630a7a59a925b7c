"""POST, PUT, PATCH and DELETE of one object, of any type (Contest API, "HTTP methods").

What is peculiar to a type stands in PARTICULARS; everything else is read off table one. This module must not know the
wire, and must not decide who may write (permissions).
"""

from collections.abc import Callable

import msgspec

from cds.commands.awards import refuse_exclusive, released_team, taken_over
from cds.commands.clarifications import complete_clarification
from cds.commands.commentary import complete_commentary
from cds.commands.configuring import (
    around_account,
    around_contest,
    check_person,
    complete_configured,
    complete_contest,
)
from cds.commands.decision import ObjectChange, Refused
from cds.commands.extension_merging import merged_extension
from cds.commands.judging import around_judgement, check_run, complete_judgement, complete_run
from cds.commands.kept_starts import says_start, with_start_kept
from cds.commands.naming import readable_id
from cds.commands.object_rules import refuse_unruly
from cds.commands.permissions import Method
from cds.commands.properties import (
    NULL,
    Properties,
    check_identifier,
    given,
    instance_of,
    namespaces_of_body,
    properties_of,
    raw,
    refuse_given,
    require,
    text_of,
)
from cds.commands.submissions import around_submission, complete_submission, names_hidden
from cds.commands.write import Around, Write, Written
from projections.award_rules import named_kind
from projections.contest import ContestState
from projections.submission_scores import official_of
from projections.visibility import role_view
from schemas.extensions import EXTENSION
from schemas.object_types import OBJECT_TYPES, object_key, referenced_ids
from schemas.objects import ContestObject, Judgement, Run, Submission

PLATFORM_NAMESPACE = "sync"
"""The namespace of `ext` that says which contest of a platform this is, and what the platform says of a team."""

LAST_SYNCED_AT = "lastSyncedAt"
"""What a single contest tells besides in that namespace, and nobody writes: whoever sends it back sends that too."""

Complete = Callable[[ContestState, Write, Properties], Properties]
"""The properties that the server sets or corrects, given those of the body. Raises Refused."""

Surround = Callable[[ContestState, Write, ContestObject | None, ContestObject | None], Around]
"""What else changes when an object becomes another (None: is not there yet, or no longer). Raises Refused."""

NamesHidden = Callable[[ContestState, Write], frozenset[str]]
"""The types of which the writer may name also what is hidden from them."""


def _nothing_else(
    _state: ContestState, _write: Write, _before: ContestObject | None, _after: ContestObject | None
) -> Around:
    return Around()


def _complete_award(state: ContestState, write: Write, properties: Properties) -> Properties:
    """A client says who gets an award; `team_ids` null is the server's word alone (requirements A10)."""
    require(properties, ("citation", "team_ids"))
    if write.method != "POST":
        return {}
    award_id = readable_id(text_of(properties, "citation") or "", state.objects["awards"], write.fresh_id)
    # An id of a kind that the server keeps would be taken over by chance.
    return {"id": raw(write.fresh_id if named_kind(state, award_id) else award_id)}


def _around_award(
    state: ContestState, write: Write, before: ContestObject | None, after: ContestObject | None
) -> Around:
    award_id = write.identifier or object_key(write.row, after or _present(before))
    refuse_exclusive(state, award_id)
    return Around(after=() if before == after else tuple(taken_over(state, award_id)))


def _around_team(
    state: ContestState, write: Write, _before: ContestObject | None, after: ContestObject | None
) -> Around:
    """The server's own awards let go of a team that is deleted."""
    return Around(before=tuple(released_team(state, write.identifier)) if after is None else ())


def _names_visible(_state: ContestState, _write: Write) -> frozenset[str]:
    return frozenset()


class Particulars(msgspec.Struct, frozen=True, kw_only=True):
    """What is peculiar to one type. Of what is not `changeable` an object stays as it was made."""

    complete: Complete = complete_configured
    surround: Surround = _nothing_else
    names_hidden: NamesHidden = _names_visible
    changeable: bool = True


CONFIGURED = Particulars()

PARTICULARS: dict[str, Particulars] = {
    "contest": Particulars(complete=complete_contest, surround=around_contest),
    "teams": Particulars(surround=_around_team),
    "persons": Particulars(surround=check_person),
    "accounts": Particulars(surround=around_account),
    "submissions": Particulars(
        complete=complete_submission, surround=around_submission, names_hidden=names_hidden, changeable=False
    ),
    "judgements": Particulars(complete=complete_judgement, surround=around_judgement),
    "runs": Particulars(complete=complete_run, surround=check_run),
    "clarifications": Particulars(complete=complete_clarification, changeable=False),
    "awards": Particulars(complete=_complete_award, surround=_around_award),
    "commentary": Particulars(complete=complete_commentary, changeable=False),
}


RESULTS_REST_ON: dict[str, tuple[str, ...]] = {
    "contest": ("duration", "penalty_time", "scoreboard_type", "main_scoreboard_group_id"),
    "judgement-types": ("solved", "penalty"),
    "problems": ("max_score", "ext"),
    "teams": ("group_ids",),
    "submissions": (),
    "judgements": OBJECT_TYPES["judgements"].properties,
    "runs": OBJECT_TYPES["runs"].properties,
    "clarifications": (),
}
"""What is settled when a contest is made final, by the properties that count (JSON Format, "Contest state")."""


def decide_write(state: ContestState, write: Write) -> Written:
    """What a request comes to. Raises Refused."""
    _refuse_gone(state, write)
    write = _without_last_synced(write)
    if write.strict:
        said = write.properties if write.method == "PATCH" else given(write.properties)
        refuse_given(said, (EXTENSION,), "strict=1 leaves it out")
    return _DECISIONS[write.method](state, write)


def _without_last_synced(write: Write) -> Write:
    """The write of a contest without what only reads have."""
    if write.row.name != "contest":
        return write
    namespaces = namespaces_of_body(write.properties) or {}
    said = namespaces_of_body({EXTENSION: namespaces.get(PLATFORM_NAMESPACE, NULL)}) or {}
    if LAST_SYNCED_AT not in said:
        return write
    others = {name: value for name, value in said.items() if name != LAST_SYNCED_AT}
    extension = {**namespaces, PLATFORM_NAMESPACE: raw(others)}
    return msgspec.structs.replace(write, properties={**write.properties, EXTENSION: raw(extension)})


def _refuse_gone(state: ContestState, write: Write) -> None:
    """Nothing is written to a contest that is not there."""
    if write.row.name != "contest" and state.contest is None:
        raise Refused("the contest is gone", ground="unknown")


def _post(state: ContestState, write: Write) -> Written:
    """A new object, whose id the server chooses."""
    properties = given(write.properties)
    refuse_given(properties, ("id",), "the server chooses it")
    after = _made(state, write, properties)
    if object_key(write.row, after) in state.objects[write.row.name]:
        raise Refused(f"{write.row.endpoint} {write.identifier} was made at the same moment".strip(), ground="conflict")
    return _written(state, write, None, after)


def _put(state: ContestState, write: Write) -> Written:
    """A complete object in the place that the URL names, which may be there already."""
    properties = given(write.properties)
    require(properties, ("id",))
    _refuse_other_id(write, properties)
    before = state.objects[write.row.name].get(write.key[1])
    if before is None:
        check_identifier(write.identifier)
    else:
        properties |= _kept_extension(write, before, properties)
    return _written(state, write, before, _start_kept(state, write, _made(state, write, properties)))


def _start_kept(state: ContestState, write: Write, instance: ContestObject) -> ContestObject:
    """The object with what the server has written into it, unless the body speaks of that."""
    return instance if says_start(write.properties) else with_start_kept(state, write.row.name, instance)


def _kept_extension(write: Write, before: ContestObject, properties: Properties) -> Properties:
    """What stays of `ext` although the body does not speak of it; nothing of a namespace that it names, even as null.

    PUT gives the whole object, but which contest of a platform this is, say, is not for clients that know no platforms
    to end. In strict mode all stays: whoever does not see it cannot mean to take it away.
    """
    said = namespaces_of_body(properties)
    if said is None:
        return {}
    present = namespaces_of_body(properties_of(before)) or {}
    kept = {name: value for name, value in present.items() if write.strict or name == PLATFORM_NAMESPACE}
    return {EXTENSION: raw({**kept, **said})} if kept else {}


def _patch(state: ContestState, write: Write) -> Written:
    """Some properties of an object; null takes one away. What is said of extensions is laid over what they say."""
    before = _existing(state, write)
    _refuse_other_id(write, write.properties)
    kept = {name: value for name, value in properties_of(before).items() if name not in write.properties}
    said = given(write.properties)
    namespaces = namespaces_of_body(said)
    if EXTENSION in said and namespaces is not None:
        said[EXTENSION] = raw(merged_extension(namespaces_of_body(properties_of(before)) or {}, namespaces))
    after = _start_kept(state, write, _made(state, write, kept | said))
    return _written(state, write, before, after)


def _delete(state: ContestState, write: Write) -> Written:
    """The end of an object that nothing refers to, but for what lets go of it at the same time."""
    written = _written(state, write, _existing(state, write), None)
    letting_go = {(change.type, change.id) for change in written.changes}
    for referrer in state.referrers.of(write.key):
        if referrer not in letting_go:
            raise Refused(
                f"{write.row.endpoint} {write.identifier} cannot be deleted: {referrer[0]} {referrer[1]} refers to it",
                ground="conflict",
            )
    return written


_DECISIONS: dict[Method, Callable[[ContestState, Write], Written]] = {
    "POST": _post,
    "PUT": _put,
    "PATCH": _patch,
    "DELETE": _delete,
}


def _made(state: ContestState, write: Write, properties: Properties) -> ContestObject:
    """The object that the body and what the server sets make up."""
    particulars = PARTICULARS.get(write.row.name, CONFIGURED)
    return instance_of(write.row, {**properties, **particulars.complete(state, write, properties)})


def _written(state: ContestState, write: Write, before: ContestObject | None, after: ContestObject | None) -> Written:
    """The changes that lead from one object to the other."""
    particulars = PARTICULARS.get(write.row.name, CONFIGURED)
    if after is not None:
        _refuse_unchangeable(write, particulars, before, after)
        refuse_unruly(state, write.row, after, before)
        _refuse_unknown(state, write, after)
    key = (write.row.name, object_key(write.row, after or _present(before)))
    around = particulars.surround(state, write, before, after)
    if state.state is not None and state.state.finalized:
        _refuse_other_results(state, write, before, after)
    own = [] if before == after else [ObjectChange(*key, after)]
    return Written(key=key, created=before is None, changes=[*around.before, *own, *around.after])


def _refuse_other_results(
    state: ContestState, write: Write, before: ContestObject | None, after: ContestObject | None
) -> None:
    """Nothing on which results rest comes, goes or changes in a contest that is final."""
    shaping = RESULTS_REST_ON.get(write.row.name)
    if shaping is None or before == after:
        return
    if all(_never_counts(state, instance) for instance in (before, after) if instance is not None):
        return
    if before is None or after is None or any(getattr(before, name) != getattr(after, name) for name in shaping):
        raise Refused(
            "the contest is final; an administrator may take that back (state, finalized)", ground="forbidden"
        )


def _never_counts(state: ContestState, instance: ContestObject) -> bool:
    """Whether something is a submission that is not official, or says how one was judged."""
    if isinstance(instance, Run):
        instance = state.objects["judgements"].get(instance.judgement_id, instance)
    if isinstance(instance, Judgement):
        instance = state.objects["submissions"].get(instance.submission_id, instance)
    return isinstance(instance, Submission) and official_of(instance) is False


def _refuse_unchangeable(write: Write, particulars: Particulars, before: ContestObject | None, after: object) -> None:
    """The same once more is how a client makes sure after a lost connection; anything else clashes (A5)."""
    if before is not None and before != after and not particulars.changeable:
        raise Refused(f"{write.row.endpoint} {write.identifier} exists already", "id", ground="conflict")


def _refuse_unknown(state: ContestState, write: Write, instance: ContestObject) -> None:
    """What an object names must exist, and be visible to whoever names it; both look alike from outside.

    What the server itself fills in, such as the account of a submission, only has to exist.
    """
    view, team_id = role_view(write.viewer.role), write.viewer.team_id
    hidden = PARTICULARS.get(write.row.name, CONFIGURED).names_hidden(state, write)
    for reference in write.row.references:
        for identifier in referenced_ids(reference, instance):
            if view.visible(state, team_id, reference.target, identifier):
                continue
            if reference.target in hidden and identifier in state.objects[reference.target]:
                continue
            itself = (reference.target, identifier) == (write.row.name, object_key(write.row, instance))
            filled_in = write.properties.get(reference.property, NULL) == NULL
            if not itself and not (filled_in and identifier in state.objects[reference.target]):
                raise Refused(f"there is no {identifier} in {reference.target}", reference.property)


def _refuse_other_id(write: Write, properties: Properties) -> None:
    identifier = text_of(properties, "id")
    if "id" in properties and identifier != write.identifier:
        raise Refused(f"id {identifier} is not {write.identifier}, which the URL names", "id", ground="conflict")


def _existing(state: ContestState, write: Write) -> ContestObject:
    instance = state.objects[write.row.name].get(write.key[1])
    if instance is None:
        raise Refused(f"{write.row.endpoint} {write.identifier} not found", ground="unknown")
    return instance


def _present(instance: ContestObject | None) -> ContestObject:
    if instance is None:
        raise LookupError("an object neither was nor is")
    return instance
