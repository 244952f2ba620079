"""What goes out and what came in by itself: notifications are queued and sent, webhooks that wait are settled, old ones cleared.

All of it is decided by rows of ours: a tick that was lost or done twice changes nothing, and several daemons share the work.
"""

# No postponed annotations here: Dagster reads the context annotation as it stands.

import dagster as dg

from aura_migration.core.errors import AuraError
from aura_migration.migration import notifying, webhooks
from aura_migration.migration.workshop import Workshop
from aura_migration.orchestration.resources import WorkshopResource

INTERVAL_SECONDS = 15


@dg.sensor(
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells notification targets of failed runs, waiting approvals, gates that turned and accounts to reconnect.",
)
def messages(context: dg.SensorEvaluationContext, workshop: WorkshopResource) -> dg.SkipReason:
    """One round. It never launches a run."""
    try:
        return dg.SkipReason(_round(workshop.open()))
    except AuraError as error:
        return dg.SkipReason(str(error))


def _round(workshop: Workshop) -> str:
    with workshop.connect() as connection:
        settled = webhooks.settle(connection)
        cleared = webhooks.clear_old(connection)
        queued = notifying.gather(connection, workshop.settings.public_url)
    told = notifying.send_due(workshop)
    return (
        f"told {told.sent}, {told.waiting} wait, {told.failed} given up; queued {queued}; "
        f"webhooks settled {settled}, cleared {cleared}"
    )
