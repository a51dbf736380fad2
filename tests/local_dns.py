"""A name server on loopback that answers what a test laid out, for the client and for the job that asks it."""

import socket
import threading
from dataclasses import dataclass, field
from types import TracebackType

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


@dataclass
class LocalDns:
    """Use it as a context manager; `silent` names are never answered, `codes` are answered by that code."""

    records: dict[str, list[str]] = field(default_factory=dict)
    codes: dict[str, dns.rcode.Rcode] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    @property
    def server(self) -> str:
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> "LocalDns":
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self._is_stopping = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_stopping = True
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._is_stopping:
            try:
                data, peer = self._socket.recvfrom(4096)
            except TimeoutError:
                continue
            answer = self._answer(dns.message.from_wire(data))
            if answer is not None:
                self._socket.sendto(answer.to_wire(), peer)

    def _answer(self, query: dns.message.Message) -> dns.message.Message | None:
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True)
        self.asked.append(f"{name} {dns.rdatatype.to_text(question.rdtype)}")
        if name in self.silent:
            return None
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if name in self.codes:
            answer.set_rcode(self.codes[name])
        elif name in self.records:
            is_long = question.rdtype == dns.rdatatype.AAAA
            texts = [text for text in self.records[name] if (":" in text) is is_long]
            if texts:
                answer.answer.append(
                    dns.rrset.from_text(question.name, 60, question.rdclass, question.rdtype, *texts)
                )
        elif name == ".":
            answer.answer.append(
                dns.rrset.from_text(question.name, 60, question.rdclass, dns.rdatatype.NS, "a.root.example.")
            )
        else:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer
