"""A name server on loopback that answers what a test laid out, for all who ask the DNS; by UDP and by TCP."""

import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


@dataclass
class LocalDns:
    """Use it as a context manager.

    Attributes:
        records: name → its addresses of both kinds.
        codes: names that are answered by that code.
        silent: names that are never answered; `name TYPE` is silent for one type only.
        aliases: name → the name that it is another word for, whose addresses are in `records`.
        long: names whose answer fits only into TCP.
        forged: name → what is sent before the true answer, as a stranger would.
        delays: name → seconds before it is answered.
        raw: name → bytes that are sent as they are.
        asked: `name TYPE` of every question, in order.
    """

    records: dict[str, list[str]] = field(default_factory=dict)
    codes: dict[str, dns.rcode.Rcode] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    aliases: dict[str, str] = field(default_factory=dict)
    long: set[str] = field(default_factory=set)
    forged: dict[str, list[str]] = field(default_factory=dict)
    delays: dict[str, float] = field(default_factory=dict)
    raw: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    @property
    def server(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> "LocalDns":
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(self._listener.getsockname())
        self._socket.settimeout(0.1)
        self._listener.settimeout(0.1)
        self._is_stopping = False
        self._threads = [
            threading.Thread(target=serve, daemon=True) for serve in (self._serve, self._serve_streams)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_stopping = True
        for thread in self._threads:
            thread.join()
        self._socket.close()
        self._listener.close()

    def _serve(self) -> None:
        while not self._is_stopping:
            try:
                data, peer = self._socket.recvfrom(4096)
            except TimeoutError:
                continue
            query = dns.message.from_wire(data)
            name = query.question[0].name.to_text(omit_final_dot=True)
            for wrong in self._forge(query, name):
                self._socket.sendto(wrong, peer)
            if name in self.raw:
                self._socket.sendto(data[:2] + self.raw[name], peer)
                continue
            answer = self._answer(query)
            if answer is not None:
                if name in self.long:
                    answer.answer.clear()
                    answer.flags |= dns.flags.TC
                if name in self.delays:
                    time.sleep(self.delays[name])
                self._socket.sendto(answer.to_wire(), peer)

    def _serve_streams(self) -> None:
        while not self._is_stopping:
            try:
                peer, _ = self._listener.accept()
            except TimeoutError:
                continue
            with peer, contextlib.suppress(OSError, struct.error):
                peer.settimeout(1)
                (length,) = struct.unpack("!H", peer.recv(2, socket.MSG_WAITALL))
                answer = self._answer(dns.message.from_wire(peer.recv(length, socket.MSG_WAITALL)))
                if answer is not None:
                    wire = answer.to_wire(max_size=65535)
                    peer.sendall(struct.pack("!H", len(wire)) + wire)

    def _forge(self, query: dns.message.Message, name: str) -> list[bytes]:
        """Return answers of somebody who could not see the question: another id, another name."""
        if name not in self.forged:
            return []
        kind = dns.rdatatype.A
        wrong_id = dns.message.make_response(query)
        wrong_id.id ^= 0xFFFF
        wrong_id.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", kind, *self.forged[name]))
        other = dns.message.make_query("elsewhere.example", kind)
        wrong_name = dns.message.make_response(other)
        wrong_name.id = query.id
        wrong_name.answer.append(
            dns.rrset.from_text("elsewhere.example.", 60, "IN", kind, *self.forged[name])
        )
        return [wrong_id.to_wire(), wrong_name.to_wire()]

    def _answer(self, query: dns.message.Message) -> dns.message.Message | None:
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True)
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append(f"{name} {kind}")
        if name in self.silent or f"{name} {kind}" in self.silent:
            return None
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        target, owner = name, question.name
        if name in self.aliases:
            target = self.aliases[name]
            alias = dns.rrset.from_text(question.name, 60, question.rdclass, "CNAME", f"{target}.")
            answer.answer.append(alias)
            owner = dns.name.from_text(f"{target}.")
        if name in self.codes:
            answer.set_rcode(self.codes[name])
        elif target in self.records:
            is_long = question.rdtype == dns.rdatatype.AAAA
            texts = [text for text in self.records[target] if (":" in text) is is_long]
            if texts:
                answer.answer.append(
                    dns.rrset.from_text(owner, 60, question.rdclass, question.rdtype, *texts)
                )
        elif name == ".":
            answer.answer.append(
                dns.rrset.from_text(question.name, 60, question.rdclass, dns.rdatatype.NS, "a.root.example.")
            )
        else:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer
