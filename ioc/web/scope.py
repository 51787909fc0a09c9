"""What a grant makes of a channel: the sight that its bearer has."""

from __future__ import annotations

from ioc.web.access import Grant
from ioc.web.channels import Channel
from ioc.web.grid import Box
from ioc.web.sight import Sight


def sight(grant: Grant, channel: Channel, view: Box | None = None) -> Sight:
    """What the bearer sees of the channel, in that view. Other scopes are other sights, and so other epochs."""
    if channel.kind == "screen":
        # what an operator tells a screen to show is of no unit
        return Sight(None, view)
    causes = grant.channels if channel.kind == "alerts" and "*" not in grant.channels else None
    return Sight(grant.units, view, causes)
