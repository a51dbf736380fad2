"""Each format of a list, from its file by the public command to a hit in the index; and what is said on the way."""

import argparse
import json
from functools import partial

import pytest

from hashsets.model import Algorithm, Fingerprint
from hashsets.search import Index
from tests.deployments import make_deployment
from triage.cli.hashset_import import add_import, run_import

MD5, SHA1, PDQ = "00112233445566778899aabbccddeeff", "0123456789" * 4, "0f1e2d3c4b5a6978" * 4

CSV = f"id,md5,pdq,category\nk-1,{MD5},{PDQ},baseline\nk-2,{MD5[::-1]},,advisory\nk-3,no hash,,advisory\n"

PROFILE = """
provider: example
format: csv
encoding: utf-8
delimiter: ";"
snapshot: changes
columns: {id: Ref, md5: MD5, sha1: SHA1, category: Cat}
map:
  category: {A: national_illegal, B: advisory}
on_bad_row: quarantine
max_bad_fraction: 1
"""
MAPPED = f"Ref;MD5;SHA1;Cat\nk-1;{MD5};;A\nk-2;;{SHA1};B\nk-3;{MD5};;unheard\n"

NCMEC = (
    '<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2"><images>'
    '<image><member id="900">Synthetic</member><timestamp>2026-01-02T03:04:05Z</timestamp><id>k-1</id>'
    f"<classification>A2</classification><fingerprints><md5>{MD5}</md5><pdq>{PDQ}</pdq></fingerprints></image>"
    '<image><member id="900">Synthetic</member><timestamp>2026-01-02T03:04:05Z</timestamp><id>k-2</id>'
    f"<classification>B1</classification><fingerprints><sha1>{SHA1}</sha1></fingerprints></image>"
    "</images></queryResult>"
)

VICS = "\ufeff" + json.dumps(
    {
        "@odata.context": "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/US/$metadata#Media",
        "value": [
            {"MediaID": 1, "Category": 1, "MD5": MD5.upper()},
            {"MediaID": 2, "Category": 2, "MD5": MD5[::-1], "SHA1": SHA1, "IsDistributed": "true"},
        ],
    }
)


@pytest.fixture
def take_in(tmp_path, database, as_role):
    """Give what imports a file and returns the exit code; and the folder of the index."""
    deployment = make_deployment(tmp_path / "state", database.dsns, "redis://127.0.0.1:1")
    conn = as_role("hotline_staff")

    def run(text, *words):
        path = tmp_path / "the list"
        path.write_text(text)
        parser = argparse.ArgumentParser()
        add_import(parser.add_subparsers())
        return run_import(parser.parse_args(["import", "lists", str(path), *words]), deployment, conn)

    run.index_dir = deployment.index_dir
    return run


def hits(folder, algorithm, value):
    orientation = "r0" if algorithm is Algorithm.PDQ else "bytes"
    query = Fingerprint(
        algorithm, value, orientation=orientation, quality=100 if algorithm is Algorithm.PDQ else None
    )
    return len(Index.open(folder).search([query]))


@pytest.mark.parametrize(
    ("text", "words", "profile", "listed", "bad"),
    [
        (CSV, ["--format", "csv"], "", [(Algorithm.MD5, MD5), (Algorithm.PDQ, PDQ)], 1),
        (MAPPED, ["--format", "mapped-csv"], PROFILE, [(Algorithm.MD5, MD5), (Algorithm.SHA1, SHA1)], 1),
        (
            NCMEC,
            ["--format", "ncmec"],
            "environment: csam",
            [(Algorithm.MD5, MD5), (Algorithm.SHA1, SHA1), (Algorithm.PDQ, PDQ)],
            0,
        ),
        (VICS, ["--format", "vics", "--region", "US"], "", [(Algorithm.MD5, MD5), (Algorithm.SHA1, SHA1)], 0),
    ],
    ids=["csv", "mapped-csv", "ncmec", "vics"],
)
def test_a_list_of_each_format_is_in_force_after_one_command_that_names_no_hash(
    take_in, tmp_path, capsys, caplog, text, words, profile, listed, bad
):
    caplog.set_level("DEBUG")
    if profile:
        path = tmp_path / "profile.yaml"
        path.write_text(profile)
        words = [*words, "--profile", str(path)]
    take = partial(take_in, text, *words, "--json")
    assert take() == 0
    said = capsys.readouterr()
    answer = json.loads(said.out)
    assert (answer["state"], answer["added"], answer["rejected"]) == ("applied", 2, bad)
    assert [hits(take_in.index_dir, *one) for one in listed] == [1] * len(listed)
    assert take() == 0
    again = capsys.readouterr()
    assert (json.loads(again.out)["added"], json.loads(again.out)["changed"]) == (0, 0)
    everything = (said.out + said.err + again.out + again.err + caplog.text).lower()
    for value in (MD5, MD5[::-1], SHA1, PDQ):
        assert value[:10] not in everything
