"""What helps when MEE6 says no: the same for an answer over HTTP and for one in a file."""

from __future__ import annotations

OTHER_WAY = (
    "Nothing is lost: the next sync that works catches up. To sync now, read a saved answer: "
    "trcpoints sync --from FILE"
)
PUBLISH = (
    "On mee6.xyz: your server, Leaderboard settings, switch on "
    "'Make my server's leaderboard public'; or set MEE6_AUTH_TOKEN."
)
RENEW_ACCESS = (
    "Put a valid token into MEE6_AUTH_TOKEN, or unset it and make the leaderboard public: "
    "mee6.xyz, your server, Leaderboard settings, 'Make my server's leaderboard public'."
)
CHECK_GUILD = (
    "Check MEE6_GUILD_ID (Discord: right-click the server, Copy Server ID), and that MEE6 is on "
    "that server with its Levels plugin switched on."
)
CHECK_AGENT = (
    "MEE6 turns away some User-Agents and networks: check MEE6_USER_AGENT and any proxy, or read "
    "a saved answer: trcpoints sync --from FILE"
)
CHECK_BASE = "Check MEE6_API_BASE, or read a saved answer: trcpoints sync --from FILE"
OTHER_NETWORK = (
    "Cloudflare judges by network and User-Agent: run trcpoints from another network (without VPN "
    "or proxy), unset MEE6_USER_AGENT if it is set, or open the address in a browser, save the "
    "answer and read it: trcpoints sync --from FILE"
)
WAIT = (
    "The ban ends by itself, mostly within an hour. If it comes back, another program asks MEE6 "
    "from the same network address: stop that one, or raise MEE6_REQUEST_INTERVAL."
)

_SAVED = {
    401: (
        "the leaderboard is not public",
        "On mee6.xyz: your server, Leaderboard settings, switch on "
        "'Make my server's leaderboard public'. Then save the answer again.",
    ),
    403: (
        "MEE6 refuses the program that asked",
        "MEE6 turns away some User-Agents and networks: save the answer in a browser, or with "
        "curl -A trcpoints",
    ),
    404: (
        "MEE6 does not know the guild",
        "Check the guild's id in the address (Discord: right-click the server, Copy Server ID), "
        "and that MEE6 is on that server with its Levels plugin switched on. Then save the answer "
        "again.",
    ),
    429: (
        "MEE6 asks for a pause",
        "Wait half an hour, then save the answer again.",
    ),
}


def explain_status(status: object) -> tuple[str, str] | None:
    """Return what the `status_code` of an error in a body means, and what helps.

    None where neither is known.
    """
    return _SAVED.get(status) if isinstance(status, int) else None
