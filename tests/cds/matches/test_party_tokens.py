"""The tokens with which parties invite."""

from cds.matches.party_tokens import ALPHABET, PartyTokens, party_tokens
from eventstore.memory import MemoryStore
from schemas.matches import Party


def test_a_token_is_the_same_as_long_as_its_party_has_had_no_other() -> None:
    """Members and whether it is found do not matter."""
    tokens = PartyTokens(bytes(32))
    party = Party(id="p1", match="loc-1", members=("u1",))
    assert tokens.of(party) == tokens.of(Party(id="p1", match="loc-1", members=("u2", "u1"), public=True))


def test_tokens_are_of_32_letters_and_digits_and_all_different() -> None:
    """By match, party, generation and key."""
    keys = (bytes(32), b"1" * 32)
    tokens = {
        PartyTokens(key).of(Party(id=f"p{party}", match=f"loc-{match}", members=("u1",), generation=generation))
        for key in keys
        for match in (1, 11)
        for party in (1, 11)
        for generation in (0, 1, 11)
    }
    assert len(tokens) == 24
    assert all(len(token) == 32 and set(token) <= set(ALPHABET) for token in tokens)


async def test_all_processes_on_a_database_make_the_same_tokens() -> None:
    store = MemoryStore()
    party = Party(id="p1", match="loc-1", members=("u1",))
    first, second = await party_tokens(store), await party_tokens(store)
    assert first.of(party) == second.of(party)
    assert first.of(party) != (await party_tokens(MemoryStore())).of(party)
