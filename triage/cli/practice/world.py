"""What the practice world remembers between two runs: how its persons sign in, the reporter's token, and the
partner hotline's key.

One private file in the practice state folder. A live deployment has nothing like it: there, only the persons
themselves know their passwords.
"""

import json
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import pyotp

from triage.cli.state_dir import read_text_secret, write_secret
from triage.errors import KeyMissingError
from triage.vault import new_identity

STEP_S = 30


@dataclass(slots=True)
class Assessor:
    """One scripted person.

    Attributes:
        last_step: time step of the last one-time code that was used; each is taken once.
    """

    name: str
    role: str
    password: str
    secret: str = ""
    last_step: int = 0

    def next_code(self) -> str:
        """Return a one-time code that was not used yet; waits when all that are valid now were."""
        while (step := max(self.last_step + 1, int(time.time()) // STEP_S - 1)) > time.time() // STEP_S + 1:
            time.sleep(0.2)
        self.last_step = step
        return pyotp.TOTP(self.secret).generate_otp(step)


PERSONS = (
    ("Praktikë Lead", "lead"),
    ("Praktikë Analyst", "analyst"),
    ("Praktikë Second", "analyst"),
    ("Praktikë Clerk", "clerk"),
)


class PracticeWorld:
    """The scripted persons and the partner's key pair, kept in one file.

    Args:
        path: the file; made with its first content when it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            found = json.loads(read_text_secret(path))
        except KeyMissingError:
            found = {}
        if not found:
            identity, recipient = new_identity()
            found = {
                "persons": [
                    asdict(Assessor(name, role, secrets.token_urlsafe(18))) for name, role in PERSONS
                ],
                "partner_identity": identity,
                "partner_recipient": recipient,
                "token": "",
            }
        self.persons = {one["name"]: Assessor(**one) for one in found["persons"]}
        self.partner_identity: str = found["partner_identity"]
        self.partner_recipient: str = found["partner_recipient"]
        self.token: str = found["token"]
        self.keep()

    def keep(self) -> None:
        """Write the file."""
        content = {
            "persons": [asdict(one) for one in self.persons.values()],
            "partner_identity": self.partner_identity,
            "partner_recipient": self.partner_recipient,
            "token": self.token,
        }
        write_secret(self._path, json.dumps(content, ensure_ascii=False))
