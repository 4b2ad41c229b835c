"""PostgreSQL's wire by libpq itself, so that what is compared are the bytes."""

import os
import socket
import struct
import threading

from psycopg import pq

from outcome import Outcome

ANSWER_MAX_S = 20
FORMS = ("simple", "extended")
NUMBERS = {700, 701, 1700}
BINARY = {
    16: lambda v: b"\x01" if v else b"\x00",
    20: lambda v: struct.pack("!q", v),
    21: lambda v: struct.pack("!h", v),
    23: lambda v: struct.pack("!i", v),
    701: lambda v: struct.pack("!d", v),
    25: lambda v: v.encode(),
    1043: lambda v: v.encode(),
}


def numbers(column):
    return column[1] in NUMBERS


def soften(native, proxied):
    """Every type is compared as it is."""


def as_text(value):
    if value is None:
        return None
    if isinstance(value, bool):
        return b"t" if value else b"f"
    return str(value).encode()


def numeric(data):
    count, weight, sign, scale = struct.unpack("!hhHh", data[:8])
    if sign not in (0, 0x4000):
        return b"NaN"
    digits = struct.unpack(f"!{count}h", data[8:])
    whole = "".join(f"{digits[i] if i < count else 0:04}" for i in range(weight + 1)) or "0"
    part = "0000" * max(0, -weight - 1) + "".join(f"{d:04}" for d in digits[max(0, weight + 1):])
    text = (whole.lstrip("0") or "0") + ("." + part[:scale].ljust(scale, "0") if scale > 0 else "")
    return (("-" if sign else "") + text).encode()


def readable(kind, data):
    """Binary values as text where the digits matter; else the bytes."""
    if data is None:
        return None
    if kind == 1700:
        return numeric(data)
    if kind == 701:
        return repr(struct.unpack("!d", data)[0]).encode()
    if kind == 700:
        return repr(struct.unpack("!f", data)[0]).encode()
    return data


class Connection:
    def __init__(self, url):
        self.url, self.count = url, 0
        self.open()

    def open(self):
        self.conn = pq.PGconn.connect(self.url.encode())
        if self.conn.status != pq.ConnStatus.OK:
            raise ConnectionError(self.conn.error_message.decode())
        self.run(lambda: self.conn.exec_(b"SET client_min_messages TO error"))

    def run(self, work):
        """`work`, unless it takes too long: then the connection is cut."""
        fd = os.dup(self.conn.socket)
        cut = socket.socket(fileno=fd)
        timer = threading.Timer(ANSWER_MAX_S, lambda: cut.shutdown(socket.SHUT_RDWR))
        timer.start()
        try:
            return work()
        finally:
            timer.cancel()
            cut.close()

    def alive(self):
        return self.conn.status == pq.ConnStatus.OK

    def plain(self, sql):
        result = self.run(lambda: self.conn.exec_(sql.encode()))
        if not self.alive():
            self.open()
        return self.outcome(result, False)

    def begin(self):
        return self.plain("BEGIN")

    def rollback(self):
        return self.plain("ROLLBACK")

    def execute(self, statement, form):
        if form == "simple":
            return self.plain(statement.text) if statement.params is None else None
        return self.run(lambda: self.extended(statement))

    def extended(self, statement):
        conn, sql = self.conn, statement.text.encode()
        self.count += 1
        name = f"s{self.count}".encode()
        result = conn.prepare(name, sql)
        if result.status != pq.ExecStatus.COMMAND_OK:
            return self.outcome(result, True)
        described = conn.describe_prepared(name)
        if described.status != pq.ExecStatus.COMMAND_OK:
            return self.outcome(described, True)
        oids = [described.param_type(i) for i in range(described.nparams)]
        said = [(described.fname(i), described.ftype(i)) for i in range(described.nfields)]
        values, formats = [], []
        for oid, value in zip(oids, statement.params or []):
            encode = BINARY.get(oid)
            try:
                binary = encode(value) if encode and value is not None else None
            except (struct.error, AttributeError):
                binary = None
            values.append(as_text(value) if binary is None else binary)
            formats.append(pq.Format.TEXT if binary is None else pq.Format.BINARY)
        result = conn.exec_prepared(name, values, formats, pq.Format.BINARY)
        answer = self.outcome(result, True)
        conn.close_prepared(name)
        if answer.kind == "rows":
            got = [(result.fname(i), result.ftype(i)) for i in range(result.nfields)]
            if said != got:
                return Outcome("error", "described", f"described as {said}, sent as {got}")
            # A parameter that is text is text to every driver, whatever its length may be.
            answer.columns += [("$", 25 if oid == 1043 else oid) for oid in oids]
            answer.detail += [("$", oid) for oid in oids]
        return answer

    def outcome(self, result, binary):
        if not self.alive():
            message = result.error_message.decode(errors="replace")
            self.open()
            return Outcome("lost", message=message)
        if result.status in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
            count = range(result.nfields)
            columns = [(result.fname(i).decode(), result.ftype(i)) for i in count]
            detail = [(result.fname(i).decode(), result.fmod(i), result.fsize(i)) for i in count]
            rows = [[result.get_value(r, c) for c in count] for r in range(result.ntuples)]
            if binary:
                rows = [[readable(columns[c][1], row[c]) for c in count] for row in rows]
            kind = "rows" if result.status == pq.ExecStatus.TUPLES_OK else "count"
            return Outcome(kind, columns=columns, detail=detail, rows=rows, tag=(result.command_status or b"").decode())
        field = lambda f: (result.error_field(f) or b"").decode(errors="replace")
        message = " | ".join(
            filter(None, [field(pq.DiagnosticField.MESSAGE_PRIMARY), field(pq.DiagnosticField.MESSAGE_DETAIL),
                          field(pq.DiagnosticField.MESSAGE_HINT)]))
        code = field(pq.DiagnosticField.SQLSTATE)
        return Outcome("error", code, message)

    def restart_numbers(self):
        self.plain("ALTER TABLE tickets ALTER COLUMN id RESTART WITH 101")
