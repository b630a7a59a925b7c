"""The same parameters give the same bytes: in this process, in another, and under other parameters other bytes."""

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from cds.simulation.chance import Chance
from cds.simulation.contest import SimulatedContest, simulate
from cds.simulation.parameters import SimulationParameters

ROOT = Path(__file__).parents[3]

SMALL = SimulationParameters(seed=77, teams=9, problems=5, photos=True)
WITHOUT_IMAGES = msgspec.structs.replace(SMALL, photos=False, logos=False)

PINNED_DIGEST = "440d128cdbe71b8aa70291571ad0de6846e53edae2d4e2d3425f416e011301f9"
"""Of WITHOUT_IMAGES. It changes only when simulations are meant to change; images hang on the version of Pillow."""

PRINTING = """
import msgspec, sys
from cds.simulation.contest import simulate
from cds.simulation.parameters import SimulationParameters
from tests.cds.simulation.test_determinism import digest
print(digest(simulate(msgspec.json.decode(sys.argv[1], type=SimulationParameters))))
"""


def digest(contest: SimulatedContest) -> str:
    """Over all objects, changes, passwords and files."""
    summed = sha256()
    for name, instances in contest.objects.items():
        summed.update(name.encode())
        for instance in instances:
            summed.update(msgspec.json.encode(instance))
    for change in contest.timeline():
        summed.update(msgspec.json.encode(change))
    summed.update(msgspec.json.encode(contest.passwords))
    for path, content in contest.package_files():
        summed.update(path.encode() + content)
    return summed.hexdigest()


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_another_process_makes_the_same_bytes(hash_seed: str) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", PRINTING, msgspec.json.encode(SMALL).decode()],
        env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert finished.stdout.strip() == digest(simulate(SMALL))


def test_the_bytes_are_those_of_every_machine() -> None:
    assert digest(simulate(WITHOUT_IMAGES)) == PINNED_DIGEST


def test_another_seed_makes_other_bytes_of_every_part() -> None:
    one, other = simulate(SMALL), simulate(msgspec.structs.replace(SMALL, seed=78))
    for name in ("problems", "groups", "organizations", "teams", "persons", "submissions", "runs", "clarifications"):
        assert list(one.objects[name]) != list(other.objects[name]), name
    assert set(one.contents) != set(other.contents)
    assert not set(one.passwords.values()) & set(other.passwords.values())


@pytest.mark.parametrize("part", ["logos", "photos", "sources", "statements", "accounts"])
def test_leaving_out_a_part_changes_no_other(part: str) -> None:
    whole, without = simulate(SMALL), simulate(msgspec.structs.replace(SMALL, **{part: False}))
    for name in ("languages", "groups", "judgements", "runs", "clarifications", "awards", "persons"):
        assert list(whole.objects[name]) == list(without.objects[name]), name


def test_telling_twice_tells_the_same(contest: SimulatedContest) -> None:
    assert list(contest.timeline()) == list(contest.timeline())


def test_chance_is_pinned_and_fair() -> None:
    chance = Chance(1, "test")
    assert [chance.below(1000) for _ in range(5)] == [758, 534, 160, 700, 219]
    drawn = [chance.between(1, 6) for _ in range(6000)]
    assert set(drawn) == {1, 2, 3, 4, 5, 6}
    assert all(850 < drawn.count(face) < 1150 for face in range(1, 7))
    assert sorted(chance.shuffled(range(50))) == list(range(50))
    assert {chance.weighted([("often", 9.0), ("never", 0.0)]) for _ in range(500)} == {"often"}
