"""`hotline up`: the whole of a live deployment on this machine, until it is told to stop."""

import argparse

from triage.cli.deployment import run_deployment
from triage.cli.session import find_deployment
from triage.clock import utcnow
from triage.settings import Settings
from triage.steps.offer_first_admin import FirstAdmin, Offer, offer_first_admin
from triage.steps.sign_in import new_token
from triage.store.rows import Connection


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "up",
        help="start servers, web surfaces, workers and sweep",
        description="Start a live deployment below STATE_DIR/live: PostgreSQL and Valkey (unless DATABASE_URL_* and"
        " REDIS_URL name others), the public form on PUBLIC_PORT, the staff surface on STAFF_PORT, WORKERS capture"
        " workers, the process that sends, and the sweep. Runs until Ctrl+C or SIGTERM and restarts what dies."
        " While nobody can sign in as admin, it prints a one-time link.",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Run until SIGTERM or SIGINT.

    Raises:
        HotlineError: it cannot start.
    """
    del args
    deployment = find_deployment(settings, practice=False)
    offers: list[FirstAdmin] = []

    def offer(conn: Connection) -> None:
        offers.append(
            offer_first_admin(
                conn, settings.first_admin, token=new_token(), life_s=settings.join_link_s, now=utcnow()
            )
        )

    def say_where() -> None:
        print(f"Public form:   http://localhost:{settings.public_port}/", flush=True)
        print(f"Staff console: http://localhost:{settings.staff_port}/", flush=True)
        print(f"Logs:          {deployment.state.logs}", flush=True)
        for line in describe_offer(offers[-1], settings):
            print(line, flush=True)

    run_deployment(deployment, "live", set_up=offer, on_start=say_where)
    print("Stopped.", flush=True)
    return 0


def describe_offer(first: FirstAdmin, settings: Settings) -> list[str]:
    """Return the lines that say how the first admin comes in; none where somebody can."""
    if first.offer is Offer.MADE:
        hours = settings.join_link_s / 3600
        link = f"http://localhost:{settings.staff_port}/join/{first.token}"
        return [
            f"Nobody can sign in as admin yet. One-time link for {first.name}, good for {hours:g} h: {link}"
        ]
    if first.offer is Offer.OPEN:
        return [
            f"Nobody can sign in as admin yet; {first.name} has a one-time link that is still good. If it is lost:"
            f' hotline user link "{first.name}"'
        ]
    if first.offer is Offer.NAME_TAKEN:
        return [
            f"Nobody can sign in as admin, and {first.name} is somebody else: hotline user add NAME --role admin"
        ]
    return []
