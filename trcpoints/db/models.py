"""The tables as they are today (design, sections 2 and 10). How they came to be: `migrations/`."""

from __future__ import annotations

from peewee import (
    SQL,
    BigAutoField,
    BigIntegerField,
    BooleanField,
    Check,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
    fn,
)

from trcpoints.db.fields import TimeField

SUBSCRIPTION_STATUSES = ("NONE", "TRIALING", "ACTIVE", "PAST_DUE", "CANCELLED")
PROFILE_FIELDS = ("first_name", "last_name", "date_of_birth", "phone", "address")


class Member(Model):
    """A person, their points, and what the sync remembers of them.

    `points` caches the sum of the member's ledger. `xp_total` is the last XP known, None before
    the first baseline. `quiet` says that the last activity record has a delta of 0.
    `absences` and `deferrals` count syncs in a row (design, sections 2.2 and 3). `rebaseline`
    makes the next XP that is seen a baseline. `active` is cleared by a federation.

    `known_at` is when the XP was last seen, where that was not by the last completed sync.
    `held_at` is when the sync began that held the member (design, section A1; `Hold`).

    `current_streak`, its first active day `streak_since` and `longest_streak` say what the judged
    days made (section 2.6). `judged_through` is the date through which this member is judged,
    where that is not the job's: of one who is paused, or has just come back.
    """

    id = BigAutoField()
    discord_id = TextField(null=True, unique=True)
    name = TextField(null=True)
    email = TextField(null=True, index=True)
    subscription_status = TextField(
        default="ACTIVE",
        constraints=[
            SQL("DEFAULT 'ACTIVE'"),
            Check(f"subscription_status IN {SUBSCRIPTION_STATUSES}"),
        ],
    )
    active = BooleanField(default=True)
    first_name = TextField(null=True)
    last_name = TextField(null=True)
    date_of_birth = TextField(null=True)
    phone = TextField(null=True)
    address = TextField(null=True)
    points = BigIntegerField(default=0)
    carry = IntegerField(default=0, constraints=[Check("carry BETWEEN -99 AND 99")])
    xp_total = BigIntegerField(null=True)
    quiet = BooleanField(default=False)
    left_at = TimeField(null=True)
    absences = IntegerField(default=0)
    deferrals = IntegerField(default=0)
    rebaseline = BooleanField(default=False)
    last_active_at = TimeField(null=True)
    created_at = TimeField()
    updated_at = TimeField()
    current_streak = IntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    longest_streak = IntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    streak_since = TextField(null=True)
    judged_through = TextField(null=True)
    known_at = TimeField(null=True)
    held_at = TimeField(null=True)

    class Meta:
        table_name = "member"
        # Streaks are counted without reading a member (`trcpoints.jobs.status`).
        indexes = ((("active", "current_streak"), False),)


HAS_LEFT = Member.left_at.is_null(False)
IS_UNTRACKED = Member.discord_id.is_null() | ~Member.active
"""Whom no sync considers (design, section 2.2)."""

IS_AWAITING_BASELINE = Member.rebaseline & Member.discord_id.is_null(False) & Member.active
"""Members whose next XP that a sync sees is a baseline (design, section A4)."""

# SQLite counts from these only where a query says the very same.
Member.add_index(Member.index(Member.left_at, where=HAS_LEFT, name="member_left"))
Member.add_index(Member.index(Member.id, where=IS_UNTRACKED, name="member_untracked"))
Member.add_index(
    Member.index(Member.id, where=IS_AWAITING_BASELINE, name="member_awaiting_baseline")
)


class Activity(Model):
    """What a sync saw of a member's XP (design, section 2.4). A baseline has no `xp_delta`."""

    id = BigAutoField()
    member = ForeignKeyField(Member, index=False)
    member_id: int
    discord_id = TextField()
    activity_type = TextField()
    xp_delta = BigIntegerField(null=True)
    xp_total = BigIntegerField()
    synced_at = TimeField()
    sync_id = TextField()

    class Meta:
        table_name = "discord_activity"
        # The member comes first: it also finds one member's records. A sync records each once.
        indexes = ((("member", "sync_id"), True),)


class Hold(Model):
    """A change of a member's XP that waits, since it cannot have been earned (design, section A1).

    `kind` is gain or loss. `xp_tracked` is the member's XP in the books, and stays so. `xp_began`
    and `points_began` are the XP seen by the sync that began the hold and the points at stake
    then; `xp_seen` and `points` those of the last sync that saw the member. `ceiling` is the most
    XP that was plausible when the hold began; None: any. `accepted_by` has accepted the XP seen.

    `ending` is accepted, passed, rebaselined, relinked, deactivated or superseded, by `made_by`;
    no `ended_at`: the hold is open. `ended_run` is the sync that ended it, where one did.
    """

    id = BigAutoField()
    member = ForeignKeyField(Member, index=True)
    member_id: int
    discord_id = TextField()
    kind = TextField()
    began_at = TimeField()
    began_run = TextField()
    xp_tracked = BigIntegerField()
    xp_began = BigIntegerField()
    points_began = BigIntegerField()
    xp_seen = BigIntegerField()
    points = BigIntegerField()
    ceiling = BigIntegerField(null=True)
    accepted_by = TextField(null=True)
    accepted_at = TimeField(null=True)
    ended_at = TimeField(null=True)
    ended_run = TextField(null=True)
    ending = TextField(null=True)
    made_by = TextField(null=True)

    class Meta:
        table_name = "hold"
        indexes = ((("began_run",), False), (("ended_run",), False))


IS_OPEN_HOLD = SQL("ended_at IS NULL")

Hold.add_index(Hold.index(Hold.member, unique=True, where=IS_OPEN_HOLD, name="hold_open"))


class LedgerEntry(Model):
    """Points that were awarded or deducted (design, section 2.7). Never changed, never deleted."""

    id = BigAutoField()
    member = ForeignKeyField(Member, index=False)
    member_id: int
    source = TextField()
    points = BigIntegerField()
    idempotency_key = TextField()
    occurred_at = TimeField()
    created_at = TimeField()
    note = TextField(null=True)
    sync_id = TextField(null=True)

    class Meta:
        table_name = "ledger"
        indexes = (
            (("source", "idempotency_key"), True),
            (("member", "occurred_at"), False),
        )


class Run(Model):
    """One run of a job; `scope` says for what, where the job is done for several things.

    `status` is running, completed, failed, skipped, interrupted or abandoned. `stats` is a JSON
    object of its counts. `entries_after` and `entries_through` enclose the ids of the ledger's
    entries that it made, for entries are only made under the books lock; `records_after` and
    `records_through` those of its activity records. None: it made none. `machine` is the name
    of the one that ran it.
    """

    id = TextField(primary_key=True)
    job = TextField()
    scope = TextField(null=True)
    status = TextField()
    trigger = TextField()
    machine = TextField(null=True)
    started_at = TimeField()
    finished_at = TimeField(null=True)
    stats = TextField(null=True)
    entries_after = BigIntegerField(null=True)
    entries_through = BigIntegerField(null=True)
    records_after = BigIntegerField(null=True)
    records_through = BigIntegerField(null=True)
    error_code = TextField(null=True)
    error_message = TextField(null=True)
    error_hint = TextField(null=True)

    class Meta:
        table_name = "run"
        # `history list` counts and turns pages in these alone, whatever it is asked for.
        indexes = (
            (("job", "started_at"), False),
            (("started_at",), False),
            (("status", "started_at"), False),
            (("job", "status", "started_at"), False),
        )


DISABLED = "disabled"
"""The `error_code` of a run that was skipped because its job is switched off."""

IS_SWITCHED_OFF = (Run.status == "skipped") & (fn.COALESCE(Run.error_code, "") == DISABLED)
"""The runs that say since when their job is switched off; never NULL."""


class Lease(Model):
    """Who does a job now (design, section 9); no row: nobody. Times are by the lease clock.

    `name` is the job, or job:scope. `host`, `namespace`, `pid` and `process_started` name a
    process for good; `machine` is its machine's name, for people. `token` is the right to commit.
    """

    name = TextField(primary_key=True)
    token = TextField()
    run_id = TextField()
    host = TextField()
    namespace = TextField()
    pid = BigIntegerField()
    process_started = TextField()
    machine = TextField()
    acquired_at = TimeField()
    heartbeat_at = TimeField()

    class Meta:
        table_name = "lease"


class Job(Model):
    """What a job remembers from run to run. The last completed run is kept by its start.

    `judged_through` is the last weekday that the streaks job has judged, as an ISO date.
    `saved_boards` are the digests of the saved leaderboards that the sync has read, the newest
    first, with spaces between them.
    """

    name = TextField(primary_key=True)
    consecutive_failures = IntegerField(default=0)
    last_completed_run = TextField(null=True)
    last_completed_at = TimeField(null=True)
    cooldown_until = TimeField(null=True)
    judged_through = TextField(null=True)
    saved_boards = TextField(null=True)

    class Meta:
        table_name = "job"


class TrackedGuild(Model):
    """The guild whose leaderboard these books belong to (design, section A2): one row, or none.

    `since` and `run_id` name the sync that bound them to it. Both are empty where an upgrade did.
    """

    id = IntegerField(primary_key=True, constraints=[Check("id = 1")])
    guild_id = TextField()
    since = TimeField(null=True)
    run_id = TextField(null=True)

    class Meta:
        table_name = "tracked_guild"


class GraceDay(Model):
    """A weekday on which nobody's streak breaks (design, section 2.6), by its ISO date.

    `automatic`: an outage of the sync excused it (section A7). `removed_at` is when the excuse was
    taken back for good: the day is one like others again, and no outage excuses it.
    """

    day = TextField(primary_key=True)
    reason = TextField()
    created_at = TimeField()
    automatic = BooleanField(default=False, constraints=[SQL("DEFAULT FALSE")])
    removed_at = TimeField(null=True)

    class Meta:
        table_name = "grace_day"


IS_EXCUSED = GraceDay.removed_at.is_null()


class Milestone(Model):
    """A length that a member's streak reached, once per streak, which its first day names.

    `run_id` is the run of the streaks job that reported it; None: the next one will.
    """

    id = BigAutoField()
    member = ForeignKeyField(Member, index=False)
    member_id: int
    streak_since = TextField()
    days = IntegerField()
    reached_on = TextField()
    run_id = TextField(null=True)

    class Meta:
        table_name = "milestone"
        indexes = ((("member", "streak_since", "days"), True), (("run_id",), False))


class DailyPoints(Model):
    """The ledger summed up by the UTC day on which it happened; both sums are positive."""

    day = TextField(primary_key=True)
    awarded = BigIntegerField()
    deducted = BigIntegerField()

    class Meta:
        table_name = "daily_points"


class MemberEdit(Model):
    """Who last set a field of a member by hand, and when (design, section 8)."""

    id = BigAutoField()
    member = ForeignKeyField(Member, index=False)
    member_id: int
    field = TextField()
    modified_by = TextField()
    modified_at = TimeField()

    class Meta:
        table_name = "member_edit"
        indexes = ((("member", "field"), True),)


class MemberLink(Model):
    """A member as a record of a federation (design, section 8).

    `base` is a JSON object of the fields as the federation last said them; `digest` recognises
    that very record, and is empty where it is rejected now. `synced_at` is when its record was last
    applied, or last seen before it went missing or was rejected; `missing_since`, when a full read
    no longer had it. What a full read finds unchanged is as of the organization's `last_synced_at`.
    """

    id = BigAutoField()
    member = ForeignKeyField(Member, index=True)
    member_id: int
    connector = TextField()
    organization = TextField()
    external_id = TextField()
    digest = TextField()
    base = TextField()
    synced_at = TimeField()
    missing_since = TimeField(null=True)

    class Meta:
        table_name = "member_link"
        indexes = ((("connector", "organization", "external_id"), True),)


class FederationSource(Model):
    """An organization that was synced; `scope` is connector/organization."""

    scope = TextField(primary_key=True)
    last_synced_at = TimeField()
    last_run = TextField()

    class Meta:
        table_name = "federation_source"


class Conflict(Model):
    """A field that both sides had changed, and what was made of it (design, section 8).

    `kept` is "ours" or "theirs" once somebody has decided, by `kept_by` at `kept_at`.
    """

    id = BigAutoField()
    run_id = TextField()
    member = ForeignKeyField(Member, index=True)
    member_id: int
    connector = TextField()
    organization = TextField()
    field = TextField()
    base = TextField(null=True)
    federation = TextField(null=True)
    ours = TextField(null=True)
    resolved = TextField(null=True)
    strategy = TextField()
    note = TextField(null=True)
    created_at = TimeField()
    kept = TextField(null=True)
    kept_at = TimeField(null=True)
    kept_by = TextField(null=True)

    class Meta:
        table_name = "conflict"
        indexes = ((("run_id",), False), (("kept",), False))


class FederationJob(Model):
    """A job of the queue: an organization to be synced, or one member of it (`external_id`).

    `status` is pending, running, completed or failed. `run_id` is that of the last try, whose
    lease is `federation:connector/organization`. `retry_count` are the retries so far, with the
    one that waits; `next_retry_at` is when it is due, None for at once. `event` is what a webhook
    said.
    """

    id = BigAutoField()
    connector = TextField()
    organization = TextField()
    external_id = TextField(null=True)
    event = TextField(null=True)
    status = TextField()
    trigger = TextField()
    strategy = TextField()
    accept_changes = BooleanField(default=False)
    created_at = TimeField()
    started_at = TimeField(null=True)
    finished_at = TimeField(null=True)
    retry_count = IntegerField(default=0)
    max_retries = IntegerField(default=3)
    next_retry_at = TimeField(null=True)
    run_id = TextField(null=True)
    error_code = TextField(null=True)
    error_message = TextField(null=True)
    error_hint = TextField(null=True)

    class Meta:
        table_name = "federation_job"
        indexes = (
            (("status", "next_retry_at"), False),
            (("connector", "organization", "external_id", "status"), False),
        )


IS_RUNNING = SQL("status = 'running'")
IS_OPEN_AND_WHOLE = SQL("external_id IS NULL AND status IN ('pending', 'running')")

# One running job, and one open job for all members, per organization, whoever enqueues.
FederationJob.add_index(
    FederationJob.index(
        FederationJob.connector,
        FederationJob.organization,
        unique=True,
        where=IS_RUNNING,
        name="federation_job_running",
    )
)
FederationJob.add_index(
    FederationJob.index(
        FederationJob.connector,
        FederationJob.organization,
        unique=True,
        where=IS_OPEN_AND_WHOLE,
        name="federation_job_open",
    )
)


class WebhookDelivery(Model):
    """A verified webhook (design, section 8). `form` says what was signed: headers or body.

    `delivery_id` is its sender's, or the digest of a signed body. `outcome` is queued, duplicate,
    or rejected for a `reason`; `job_id` is what does it, or did when it was first told.
    """

    id = BigAutoField()
    connector = TextField()
    form = TextField()
    delivery_id = TextField()
    received_at = TimeField()
    organization = TextField(null=True)
    external_id = TextField(null=True)
    event = TextField(null=True)
    outcome = TextField()
    reason = TextField(null=True)
    job_id = BigIntegerField(null=True)

    class Meta:
        table_name = "webhook_delivery"
        indexes = (
            (("connector", "received_at"), False),
            (("connector", "delivery_id"), False),
            (("connector", "organization", "external_id"), False),
            (("outcome", "received_at"), False),
            (("received_at",), False),
        )


class WebhookRefusal(Model):
    """How many webhooks were refused in a minute, and why (design, section 8).

    `connector` is one that there is; "" stands for all others.
    """

    id = BigAutoField()
    connector = TextField()
    reason = TextField()
    minute = TimeField()
    count = BigIntegerField()

    class Meta:
        table_name = "webhook_refusal"
        indexes = ((("connector", "reason", "minute"), True),)


MODELS: tuple[type[Model], ...] = (
    Member,
    Activity,
    LedgerEntry,
    Hold,
    Run,
    Lease,
    Job,
    TrackedGuild,
    GraceDay,
    Milestone,
    DailyPoints,
    MemberEdit,
    MemberLink,
    FederationSource,
    Conflict,
    FederationJob,
    WebhookDelivery,
    WebhookRefusal,
)
