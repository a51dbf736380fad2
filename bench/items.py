"""Items a second, from upload over HTTP to the review queue, against plain hashing of the same files.

The peer is `imagehash` + `pdqhash` on Pillow in one process: no sandbox, no sealing, nothing stored. Both work on
the same drawn 2-megapixel JPEGs, in turns, and the medians are compared.

    python bench/items.py [--pictures 120] [--rounds 3]
"""

import argparse
import io
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx2
import imagehash
import numpy as np
import pdqhash
from PIL import Image

from triage.cli.practice.demo import WORLD_FILE
from triage.cli.practice.handing_in import find_token, import_lists, wait_until_captured
from triage.cli.practice.pictures import KINDS, draw_picture, encode
from triage.cli.practice.running import run_practice
from triage.cli.practice.world import PracticeWorld
from triage.cli.session import Deployment, find_deployment
from triage.settings import load_settings

SIZE = (1632, 1224)
FILES_A_REPORT = 20


def draw_files(count: int, seed: int) -> list[bytes]:
    """Return distinct drawn JPEGs."""
    return [
        encode(draw_picture(seed + number, KINDS[number % len(KINDS)], SIZE), "JPEG", quality=88)
        for number in range(count)
    ]


def hash_plainly(files: list[bytes]) -> float:
    """Return the seconds that the peer takes."""
    started = time.monotonic()
    for data in files:
        image = Image.open(io.BytesIO(data)).convert("RGB")
        pdqhash.compute_dihedral(np.asarray(image))
        imagehash.phash(image)
    return time.monotonic() - started


def send_through(base: str, token: str, files: list[bytes], deployment: Deployment) -> float:
    """Return the seconds from the first upload until every item waits for a person."""
    started = time.monotonic()
    headers = {"Authorization": f"Bearer {token}"}
    with httpx2.Client(base_url=base, headers=headers, timeout=120, trust_env=False) as client:
        for start in range(0, len(files), FILES_A_REPORT):
            parts = [
                ("file", (f"{number}.jpg", data, "image/jpeg"))
                for number, data in enumerate(files[start : start + FILES_A_REPORT])
            ]
            client.post("/api/v1/reports", files=parts, data={"remit": "csam"}).raise_for_status()
    wait_until_captured(deployment, within_s=600)
    return time.monotonic() - started


def main() -> int:
    """Run both in turns and print one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    plain, through = [], []
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as folder:
        os.environ["STATE_DIR"] = folder
        settings = load_settings(state_dir=Path(folder))
        deployment = find_deployment(settings, practice=True)
        with run_practice(settings) as running:
            import_lists(1)
            token = find_token(PracticeWorld(deployment.state.root / WORLD_FILE))
            for number in range(options.rounds):
                files = draw_files(options.pictures, 10_000 * (number + 1))
                plain.append(hash_plainly(files))
                through.append(send_through(running.base, token, files, deployment))
    ours, peer = statistics.median(through), statistics.median(plain)
    print(
        json.dumps(
            {
                "pictures": options.pictures,
                "workers": settings.workers,
                "items_a_second": round(options.pictures / ours, 1),
                "peer_files_a_second": round(options.pictures / peer, 1),
                "seconds_over_peer": round(ours / peer, 2),
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
