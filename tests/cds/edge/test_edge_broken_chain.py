"""A stream with messages of two publishers: an edge has every line once and in order, from the core if need be.

What one of them has on the way when the other gets in may be taken behind the other's, which it does not follow.
"""

from pathlib import Path

from cds.jetstream.subjects import GENERATION, MESSAGE_ID, PREVIOUS, subject_of
from projections.told import encode_told
from tests.cds.edge.tellings import PREFIX, ToldCore, following, telling, token, told_of
from tests.nats_servers import nats_server

CONTEST = "told"


async def test_what_is_missing_in_a_stream_or_comes_again_makes_no_difference(tmp_path: Path) -> None:
    core = ToldCore(2)
    async with nats_server(tmp_path / "nats") as node, telling(node) as teller:
        await teller.begin(CONTEST)
        await teller.tell(CONTEST, range(1, 3))
        async with following(node, core) as followed:
            audience = await followed.served(CONTEST)
            core.count = 5
            await teller.tell(CONTEST, range(5, 6))
            assert await followed.has(CONTEST, 5) is audience
            core.away = True
            headers = {MESSAGE_ID: token(7, "public"), PREVIOUS: token(3, "public"), GENERATION: "a"}
            again = encode_told(told_of(range(4, 8)))
            await teller.jetstream.publish(subject_of(PREFIX, CONTEST, "public"), again, headers=headers)
            await teller.tell(CONTEST, range(8, 9))
            assert await followed.has(CONTEST, 8) is audience
            assert audience.view.line_count == 8
            assert list(audience.view.identifiers("teams")) == [f"t{number}" for number in range(2, 9)]
            assert audience.ended is None
