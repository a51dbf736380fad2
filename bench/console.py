"""Measure the console: how long its pages take with a million items and twenty people who work at once.

1. Two databases are filled, with a million items and with a thousand; each has a staff surface of its own, the real
   process on embedded PostgreSQL, asked over loopback with connections that stay open.
2. In turns, each in several rounds: twenty people open the queue, filter it, take the next item, look at a picture,
   judge it, search, read an item's page; with a pause between two pages, since people read.
3. The peers, in the same rounds and by the same people: `/healthz`, and a page without content behind the same
   sign-in (`/break`). What a page costs beside them is its own.
4. Medians over the rounds of the 50th and the 95th percentile; a page must stay within 150 ms, a reveal within 300 ms,
   and nobody may be refused what they ask for.

    python -m bench.console [--items 1000000] [--users 20] [--rounds 3]    writes bench/results/console.json
    python -m bench.console --quick                                        20,000 items, one short round
"""

import argparse
import http.client
import json
import random
import re
import statistics
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import numpy as np

from bench.console_data import Visitor, write_reference
from bench.console_server import Console, run_console
from triage.cli.practice.pictures import draw_picture, encode

RESULT = Path(__file__).parent / "results" / "console.json"
SMALL = 1000
PAGE_MUST_MS, REVEAL_MUST_MS = 150.0, 300.0
PEERS = ("healthz", "bare")
REVEAL = "reveal"
_PAUSE_S = 1.0
_TOKEN = re.compile(r'"look":"([^"]+)","token":"([^"]+)"')


# One person


@dataclass
class Worker:
    """One person at the console, on one connection that stays open.

    Attributes:
        took: kind of page → milliseconds of each.
        refused: kind of page → how often the answer was none that it should be.
    """

    console: Console
    visitor: Visitor
    dice: random.Random
    pause_s: float
    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    refused: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def __post_init__(self) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", self.console.port, timeout=30)
        self._headers = {"Cookie": f"__Host-sid={self.visitor.token}"}

    def work(self, until: float) -> None:
        """Go through pages until a time of the monotonic clock."""
        time.sleep(self.dice.uniform(0, self.pause_s))
        while time.monotonic() < until:
            self.walk()
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def walk(self) -> None:
        """Do once what a person does, in an order of its own: each page is timed by its kind."""
        number = self.dice.randrange(1, self.console.items + 1)
        lane = self.dice.choice(("look", "second", "no_look", "look"))
        narrowed = urlencode({"lane": "look", "q": self.dice.choice(FILTERS)})
        terms = self.dice.choice(({"q": write_reference(number)}, {"host": "foto0.example.al"}))
        steps: list[Callable[[], object]] = [
            lambda: self._get("healthz", "/healthz"),
            lambda: self._get("bare", "/break"),
            lambda: self._get("home", "/"),
            lambda: self._get("queue", f"/queue?lane={lane}"),
            lambda: self._get("filtered queue", f"/queue?{narrowed}"),
            lambda: self._get("search", f"/search?{urlencode(terms)}"),
            lambda: self._get("search by operator", f"/search?operator=Operator+{number % 40}"),
            lambda: self._get("item page", f"/items/01900000-0000-7000-8000-{number:012x}/history"),
            self._judge_one,
        ]
        self.dice.shuffle(steps)
        for step in steps:
            step()

    def _judge_one(self) -> None:
        """Open the next item, look at its picture, judge it, and leave what comes next."""
        to = self._post("open", "/queue/next", {"lane": "look"})
        if not to.startswith("/items/"):
            return
        page = self._get("review", to)
        forms = re.findall(r'action="(/items/[^"]+)/reveal"', page)
        if not forms:
            return
        self._reveal(forms[0])
        to = self._post("assess", f"{forms[0]}/assess", {"label": "3", "round": "1", "lane": "look"})
        found = re.match(r"(/items/[0-9a-f-]{36})", to)
        if found:
            self._get("review", to.partition("#")[0])
            self._post("leave", f"{found[1]}/leave", {"lane": "look", "done": "bench"})

    def _reveal(self, picture: str) -> None:
        """Time a reveal as a person waits for it: the token and the picture; its end is another request."""
        self._pause()
        began = time.perf_counter()
        accepts = {"Accept": "application/json"}
        said = self._ask("POST", f"{picture}/reveal", {"rendering": "grey_half", "asked": "0"}, accepts)[1]
        found = _TOKEN.search(said)
        if found is None:
            self.refused[REVEAL] += 1
            return
        status = self._ask("GET", f"/looks/{found[2]}")[0]
        self.took[REVEAL].append((time.perf_counter() - began) * 1000.0)
        self.refused[REVEAL] += status != 200
        self._post("end of a look", f"/looks/{found[1]}/end", {"ms": "900"}, accepts)

    def _get(self, kind: str, path: str) -> str:
        self._pause()
        began = time.perf_counter()
        status, body, _ = self._ask("GET", path)
        self.took[kind].append((time.perf_counter() - began) * 1000.0)
        self.refused[kind] += status != 200
        return body

    def _post(
        self, kind: str, path: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> str:
        """Send a form; return where its answer leads."""
        self._pause()
        began = time.perf_counter()
        status, _, to = self._ask("POST", path, fields, headers)
        self.took[kind].append((time.perf_counter() - began) * 1000.0)
        self.refused[kind] += status not in (204, 303)
        return to

    def _ask(
        self,
        method: str,
        path: str,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, str, str]:
        body, sent = None, {**self._headers, **(headers or {})}
        if fields is not None:
            body = urlencode({**fields, "csrf": self.visitor.csrf})
            sent |= {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        self._connection.request(method, path, body, sent)
        answer = self._connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace"), answer.headers.get("location", "")

    def _pause(self) -> None:
        time.sleep(self.dice.uniform(0.5, 1.5) * self.pause_s)


FILTERS = ("host:.al", "host:foto0.example.al new:yes", "new:yes", "media2", "host:.nowhere.example")


# Rounds


def run_round(console: Console, *, seconds: float, pause_s: float, seed: int) -> dict[str, dict[str, float]]:
    """Let everybody work for some seconds; return for each kind of page its percentiles and counts.

    A kind that was only ever refused has no percentiles.
    """
    people = [
        Worker(console, visitor, random.Random(seed * 1000 + place), pause_s)
        for place, visitor in enumerate(console.visitors)
    ]
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=one.work, args=(until,)) for one in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return add_up([(one.took, one.refused) for one in people])


def add_up(
    people: Sequence[tuple[Mapping[str, Sequence[float]], Mapping[str, int]]],
) -> dict[str, dict[str, float]]:
    """Return for each kind of page the percentiles and counts of one round.

    Args:
        people: what each one took and was refused.
    """
    found: dict[str, dict[str, float]] = {}
    for kind in sorted({kind for took, refused in people for kind in (*took, *refused)}):
        all_ms = [ms for took, _ in people for ms in took.get(kind, ())]
        found[kind] = {
            "pages": len(all_ms),
            "refused": sum(refused.get(kind, 0) for _, refused in people),
        }
        if all_ms:
            p50, p95 = np.percentile(all_ms, (50, 95))
            found[kind] |= {"p50_ms": float(p50), "p95_ms": float(p95)}
    return found


def summarise(rounds: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Return for each kind the medians over the rounds, and sums of what was counted."""
    kinds = sorted({kind for one in rounds for kind in one})
    return {
        kind: {
            **{
                name: round(statistics.median(measured), 1)
                for name in ("p50_ms", "p95_ms")
                if (measured := [one[kind][name] for one in rounds if name in one.get(kind, {})])
            },
            **{
                name: int(sum(one[kind][name] for one in rounds if kind in one))
                for name in ("pages", "refused")
            },
        }
        for kind in kinds
    }


def judge(found: Mapping[str, Mapping[str, float]]) -> dict[str, bool]:
    """Say which kinds of page stay within what they must and were never refused; a reveal must have been measured."""
    kept = {REVEAL: False}
    for kind, each in found.items():
        if kind not in PEERS:
            must = REVEAL_MUST_MS if kind == REVEAL else PAGE_MUST_MS
            kept[kind] = each["refused"] == 0 and "p95_ms" in each and each["p95_ms"] <= must
    return kept


def measure(
    items: int, users: int, rounds: int, seconds: float, *, pause_s: float = _PAUSE_S
) -> dict[str, object]:
    """Return what was measured with so many items, beside a thousand."""
    views = draw_views()
    with run_console(items, users, views) as large, run_console(SMALL, users, views) as small:
        taken: dict[int, list[dict[str, dict[str, float]]]] = {items: [], SMALL: []}
        for console in (large, small):  # the first pages fill caches and compile templates
            run_round(console, seconds=min(10.0, seconds), pause_s=pause_s, seed=99)
        for number in range(rounds):
            for console in (large, small):
                taken[console.items].append(run_round(console, seconds=seconds, pause_s=pause_s, seed=number))
                print(f"round {number + 1}: {console.items} items", file=sys.stderr)
        many, few = summarise(taken[items]), summarise(taken[SMALL])
        return {
            "items": items,
            "users": users,
            "pause_s": pause_s,
            "rounds": rounds,
            "seconds": seconds,
            "filled_s": round(large.filled_s, 1),
            "must": {"page_p95_ms": PAGE_MUST_MS, "reveal_p95_ms": REVEAL_MUST_MS},
            "pages": many,
            "pages_with_1000_items": few,
            "p95_beside_bare_page": _compare(many, dict.fromkeys(many, many["bare"])),
            "p95_beside_1000_items": _compare(many, few),
            "is_kept": judge(many),
        }


def _compare(
    found: Mapping[str, Mapping[str, float]], peers: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    return {
        kind: round(each["p95_ms"] / peers[kind]["p95_ms"], 2)
        for kind, each in found.items()
        if "p95_ms" in each and "p95_ms" in peers.get(kind, {})
    }


def draw_views() -> dict[str, bytes]:
    """Return the views of one drawing."""
    drawing = draw_picture(5, "landscape", (1024, 768))
    grey = drawing.convert("L")
    return {
        "colour": encode(drawing, "JPEG", quality=85),
        "grey_half": encode(grey.resize((512, 384)), "JPEG", quality=80),
        "thumb": encode(grey.resize((24, 18)), "JPEG", quality=80),
    }


def main() -> int:
    """Measure and write the result; 1 when something takes longer than it must."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--quick", action="store_true", help="20,000 items, one short round, nothing written")
    options = parser.parse_args()
    if options.quick:
        options.items, options.rounds, options.seconds = 20_000, 1, 10.0
    found = measure(options.items, options.users, options.rounds, options.seconds)
    text = json.dumps(found, indent=2) + "\n"
    print(text)
    if not options.quick:
        RESULT.write_text(text, "utf-8")
    return 0 if all(judge(found["pages"]).values()) else 1  # type: ignore[arg-type]


if __name__ == "__main__":
    sys.exit(main())
