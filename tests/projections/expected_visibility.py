"""What each role sees, typed once more from roles.md, for comparison with table two.

Nothing here is taken from the program: the words below are judged against facts about the objects of
tests/projections/test_law_table_two.py that are written down there by hand.
"""

from schemas.viewers import ROLES, Role

COLUMNS: tuple[Role, ...] = ("public", "proxy", "team", "analyst", "judge", "staff", "admin")

OBJECTS = """
contest          yes      yes      yes         yes      yes  yes  yes
state            yes      yes      yes         yes      yes  yes  yes
judgement-types  yes      yes      yes         yes      yes  yes  yes
languages        yes      yes      yes         yes      yes  yes  yes
groups           yes      yes      yes         yes      yes  yes  yes
organizations    yes      yes      yes         yes      yes  yes  yes
problems         started  started  started     started  yes  yes  yes
teams            yes      yes      yes         yes      yes  yes  yes
persons          yes      yes      yes         yes      yes  yes  yes
accounts         no       no       no          no       no   yes  yes
submissions      inside   inside   inside/own  inside   yes  yes  yes
judgements       pf       pf       pf/own      pf       yes  yes  yes
runs             pf       pf       pf/own      pf       yes  yes  yes
clarifications   all      all      all/own     yes      yes  yes  yes
awards           yes      yes      yes         yes      yes  yes  yes
commentary       no       no       no          yes      yes  yes  yes
"""
"""Which objects. `inside`: of a team, within the contest. `all`: addressed to everybody."""

PROPERTIES = """
problems.package        no       no   no   no       yes  yes  yes
teams.backup            no       no   no   yes      no   no   yes
teams.key_log           no       no   no   yes      no   no   yes
teams.tool_data         no       no   no   yes      no   no   yes
teams.desktop           open     no   own  open     yes  yes  yes
teams.webcam            open     no   own  open     yes  yes  yes
teams.audio             open     no   own  open     yes  yes  yes
persons.email           no       no   own  no       yes  yes  yes
persons.sex             no       no   own  no       yes  yes  yes
persons.icpc_id         no       no   own  no       yes  yes  yes
submissions.entry_point no       no   own  yes      yes  yes  yes
submissions.files       no       no   own  yes      yes  yes  yes
submissions.reaction    pf       no   own  pf       yes  yes  yes
submissions.account_id  no       no   no   no       no   yes  yes
"""
"""Which properties, where a role does not see all. `open`: until the freeze, again after thaw. An account's id is
shown to those alone who are offered accounts."""

ALTERATIONS = """
contest     brief   brief   brief        brief   full  full  full
judgements  simple  simple  simple/own  full  full  full  full
runs        simple  simple  simple/own  full  full  full  full
awards      frozen  frozen  frozen      frozen  live  live  live
"""
"""What stands in the place of an object. `simple/own`: full for the own team, simplified for others.
`brief`: until the start without the task of a match (mapping.md, 4)."""

CAPABILITIES: dict[Role, set[str]] = {
    "public": set(),
    "proxy": {"proxy_submit", "proxy_clar"},
    "team": {"team_submit", "post_clar"},
    "analyst": {"post_comment"},
    "judge": {"post_clar"},
    "staff": {"post_comment"},
    "admin": {"contest_start", "contest_thaw", "post_comment", "admin_submit", "admin_clar"},
}


def matrix(text: str) -> dict[str, dict[Role, str]]:
    """Rows by name, each with a word for every role."""
    rows = (line.split() for line in text.strip().splitlines())
    return {name: dict(zip(COLUMNS, words, strict=True)) for name, *words in rows}


assert set(COLUMNS) == set(ROLES)
