"""A web surface as a process: `python -m api --surface public`.

1. Lock this process into its own folders, before any import that may start a thread.
2. Open what its routes need, with its own database role.
3. Serve until told to stop.
"""

import argparse
import sys

from triage.errors import HotlineError
from triage.process import Process, start_process


def run(process: Process, surface: str) -> None:
    """Serve a surface with a process that is locked already."""
    # Imported late: psycopg, obstore and the web server start threads, which the locks would not cover.
    import uvicorn

    from api.console.deps import open_staff_tools
    from api.deps import open_public_tools
    from api.main import create_app
    from api.patience import SERVER_OPTIONS

    settings = process.settings
    tools = (
        open_public_tools(settings, process.keys)
        if surface == "public"
        else open_staff_tools(settings, process.keys, process.index_dir)
    )
    app = create_app(tools, hosts=settings.served_hosts)
    try:
        uvicorn.run(
            app,
            host=settings.bind_host,
            port=settings.public_port if surface == "public" else settings.staff_port,
            timeout_graceful_shutdown=5,
            **SERVER_OPTIONS,
        )
    finally:
        tools.database.close()


def main(argv: list[str] | None = None) -> int:
    """Run a web surface; return its exit code."""
    parser = argparse.ArgumentParser(prog="hotline web", description="Serve a web surface.")
    parser.add_argument("--surface", choices=("public", "staff"), required=True)
    surface = parser.parse_args(argv).surface
    try:
        run(start_process(surface), surface)
    except HotlineError as error:
        print(f"hotline web: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
