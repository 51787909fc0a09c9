"""What a grant makes of a channel: the sight that its bearer has."""

from __future__ import annotations

from ioc import names
from ioc.web.access import Grant
from ioc.web.channels import Channel
from ioc.web.grid import Box
from ioc.web.sight import Sight


def sight(grant: Grant, channel: Channel, view: Box | None = None) -> Sight:
    """What the bearer sees of the channel, in that view. Other scopes are other sights, and so other epochs."""
    if channel.kind == "screen":
        # what an operator tells a screen to show is of no unit
        return Sight(None, view)
    if grant.tenant is not None and (channel.name == names.CANARY or names.tenant(channel.name) == grant.tenant):
        # what is its own is so wherever it lies
        return Sight(None, view)
    causes = grant.channels if channel.kind == "alerts" and "*" not in grant.channels else None
    agency = (grant.agency or "") if channel.agencies and grant.role == "agency" else None
    of_alerts = channel.kind == "alerts" or channel.name == names.layer_channel(names.ALARM_HISTORY)
    if grant.tenant is not None and channel.tenanted:
        return Sight(None, view, minds=False, tenant=grant.tenant)
    tenant = "" if channel.tenanted and grant.key is None else None
    minds = not channel.guarded or grant.minds(of_alerts)
    return Sight(grant.units, view, causes, agency=agency, minds=minds, tenant=tenant)
