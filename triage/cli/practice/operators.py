"""The fictional operators: they read the mail that was sent to them, and one of them takes down what it names.

1. Read each new file of the outbox once.
2. Keep the notices to one mailbox; their attachments give the exact addresses.
3. Tell the practice site to answer 410 for those, and remember the reference for the answer.
"""

import email
import email.policy
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

import httpx2

from triage.cli.practice.site import REMOVE_PATH


@dataclass(slots=True)
class PracticeOperator:
    """An operator that removes what it is told of.

    Attributes:
        mailbox: where its notices go.
        site: address of the practice site.
        outbox: folder of the mails.
    """

    mailbox: str
    site: str
    outbox: Path
    _read: set[str] = field(default_factory=set)
    _came: dict[str, bool] = field(default_factory=dict)

    def remove_what_came(self) -> list[str]:
        """Take down what new notices name; return the references that are not answered yet."""
        for path in sorted(self.outbox.glob("new/*.eml")):
            if path.name in self._read:
                continue
            mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            if isinstance(mail, EmailMessage) and mail["To"].addresses[0].addr_spec == self.mailbox:
                urls = [url for attached in read_attachments(mail) for url in _find_urls(attached)]
                if urls:
                    httpx2.post(
                        f"{self.site}{REMOVE_PATH}", json={"remove": urls}, trust_env=False, timeout=10
                    )
                    self._came.setdefault(read_reference(mail), False)
            self._read.add(path.name)
        return [reference for reference, is_answered in self._came.items() if not is_answered]

    def note_answered(self, reference: str) -> None:
        """Note that the answer to a notice was recorded."""
        self._came[reference] = True


def read_attachments(mail: EmailMessage) -> Iterator[dict[str, object]]:
    """Yield the JSON files that came with a mail."""
    for part in mail.iter_attachments():
        if part.get_content_type() == "application/json":
            content = part.get_content()
            yield json.loads(content)


def read_reference(mail: EmailMessage) -> str:
    """Return the reference that stands in the subject, such as `NT-7K2M-9QXT`."""
    return str(mail["Subject"]).partition("]")[0].split()[-1]


def _find_urls(attached: dict[str, object]) -> Iterator[str]:
    if attached.get("message") == "retraction":
        return
    if isinstance(url := attached.get("url"), str):
        yield url
    listed = attached.get("items")
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, dict) and isinstance(url := item.get("url"), str):
            yield url
