"""What the clock and the departure of users bring about in matches, whoever looks first (requirements-003, 5).

- At the start the parties of the right size take part, each with an empty project; the others stay as they are.
- At the end the projects are final.
- Users who are gone (banned, or erased) leave the parties of matches that have not started: a party goes on under its
  next member, with a new token; who was alone leaves none behind. In a match that is going on they stay, for who took
  part is history, but somebody who is still there takes the lead, so that the project can be finished. What is over is
  left alone, and nothing is given back to who returns.

Deciding twice brings nothing the second time. This module must not know how users come to be gone.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from cds.commands.matches.changes import Change, PartyGone
from projections.matches import Matches
from schemas.matches import Match, Party, Project


def decide_due(state: Matches, gone: Collection[str], now_ms: int) -> list[Change]:
    """All that is due at a moment; `gone` are the ids of the users who are gone."""
    changes, concerned = list[Change](), _concerned(state, gone)
    for match in state.unsettled():
        departed = _departed(match, concerned.get(match.id, {}), gone)
        due = msgspec.structs.replace(
            match, started=match.started or now_ms >= match.start_ms, ended=now_ms >= match.end_ms
        )
        changes += [party or PartyGone(match.id, identifier) for identifier, party in departed.items()]
        if due.started and not match.started:
            parties = (departed.get(party.id, party) for party in state.parties_of(match.id))
            changes += _begun(match, parties)
        if due != match:
            changes.append(due)
    return changes


def _begun(match: Match, parties: Iterable[Party | None]) -> Iterator[Change]:
    """Those of the parties that take part, and their projects."""
    for party in parties:
        if party is not None and match.min_members <= len(party.members) <= match.max_members:
            yield msgspec.structs.replace(party, participating=True)
            yield Project(match=match.id, party=party.id)


def _concerned(state: Matches, gone: Collection[str]) -> dict[str, dict[str, Party]]:
    """The parties in which there is anybody who is gone, by match and id; also those of matches that are over."""
    concerned: dict[str, dict[str, Party]] = {}
    for user in gone:
        for match, party in state.of_user(user):
            concerned.setdefault(match.id, {})[party.id] = party
    return concerned


def _departed(match: Match, concerned: Mapping[str, Party], gone: Collection[str]) -> dict[str, Party | None]:
    """What becomes of the parties that those who are gone leave in a match, by id; None: nothing is left of it."""
    departed = {identifier: _after_departure(match, party, gone) for identifier, party in concerned.items()}
    return {identifier: party for identifier, party in departed.items() if party != concerned[identifier]}


def _after_departure(match: Match, party: Party, gone: Collection[str]) -> Party | None:
    """What becomes of a party when some of its members are gone; None: nothing is left of it."""
    staying = tuple(member for member in party.members if member not in gone)
    if match.started:
        lead = staying[0] if staying else party.leader
        return msgspec.structs.replace(party, members=(lead, *(each for each in party.members if each != lead)))
    if not staying:
        return None
    # The token of a leader lives as long as the leader stays.
    generation = party.generation + (party.leader != staying[0])
    return msgspec.structs.replace(party, members=staying, generation=generation)
