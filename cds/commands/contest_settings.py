"""How this server runs a contest, changed by an administrator: its clock, its awards, its patience with webhooks.

This module must not know what the settings lead to.
"""

from typing import Literal

import msgspec

from cds.commands.contest_moments import PLAYED, present_contest, read_relative_time_ms, settings_change
from cds.commands.decision import ObjectChange, Refused
from projections.contest import ContestState
from schemas.properties import NonNegativeInteger
from schemas.records import AwardKind, Settings, WebhookSettings
from schemas.times import format_relative_time

DEACTIVATE_AFTER = "webhooks.deactivate_after"


class WebhooksPatch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`deactivate_after` is a RELTIME: how long calls about the contest may fail."""

    deactivate_after: str | None = None


class SettingsPatch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is to be different; None stays as it is.

    `computed`: whether this server keeps the awards. `medals` are the places of gold, silver and bronze. `taken_over`
    are the awards for which clients are responsible; one that is no longer named is the server's again.
    """

    clock: bool | None = None
    computed: bool | None = None
    rule: Literal["places", "world-finals"] | None = None
    medals: tuple[NonNegativeInteger, NonNegativeInteger, NonNegativeInteger] | None = None
    extra_bronzes: NonNegativeInteger | None = None
    kinds: tuple[AwardKind, ...] | None = None
    exclusive: tuple[AwardKind, ...] | None = None
    taken_over: tuple[str, ...] | None = None
    webhooks: WebhooksPatch | None = None


OF_AWARDS = ("computed", "rule", "extra_bronzes", "kinds", "exclusive", "taken_over")
MEDALS = ("gold", "silver", "bronze")


def shown_settings(settings: Settings) -> SettingsPatch:
    """The settings in the form in which they can be changed."""
    awards = settings.awards
    return SettingsPatch(
        clock=settings.clock,
        medals=(awards.gold, awards.silver, awards.bronze),
        webhooks=WebhooksPatch(deactivate_after=settings.webhooks.deactivate_after),
        **{name: getattr(awards, name) for name in OF_AWARDS},
    )


def decide_settings(state: ContestState, patch: SettingsPatch) -> list[ObjectChange]:
    """The change to the settings, none when they are so already. Raises Refused."""
    present_contest(state)
    given: dict[str, object] = {name: getattr(patch, name) for name in OF_AWARDS if getattr(patch, name) is not None}
    if patch.medals is not None:
        given |= dict(zip(MEDALS, patch.medals, strict=True))
    awards = msgspec.structs.replace(state.settings.awards, **given)
    clock = state.settings.clock if patch.clock is None else patch.clock
    if state.settings.playback is not None and (clock or awards.computed):
        raise Refused(PLAYED, "clock" if clock else "computed", ground="forbidden")
    webhooks = _webhooks(state.settings.webhooks, patch.webhooks)
    return settings_change(
        state, msgspec.structs.replace(state.settings, awards=awards, clock=clock, webhooks=webhooks)
    )


def _webhooks(settings: WebhookSettings, patch: WebhooksPatch | None) -> WebhookSettings:
    if patch is None or patch.deactivate_after is None:
        return settings
    deactivate_after_ms = read_relative_time_ms(DEACTIVATE_AFTER, patch.deactivate_after)
    return msgspec.structs.replace(settings, deactivate_after=format_relative_time(deactivate_after_ms))
