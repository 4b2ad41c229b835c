"""MySQL's wire: PyMySQL's packets, and the binary protocol that it has not."""

import re
import struct
from urllib.parse import urlsplit

import pymysql
from pymysql import err
from pymysql.constants import COMMAND
from pymysql.protocol import FieldDescriptorPacket, OKPacketWrapper

from outcome import Outcome

ANSWER_MAX_S = 20
FORMS = ("text", "prepared")
UNSIGNED, BINARY_ID = 32, 63
DECIMAL, DOUBLE, FLOAT = 246, 5, 4
# What no driver prepares, and MySQL does not.
UNPREPARED = re.compile(r"\s*(savepoint|rollback|release|start|begin|commit|set)\b", re.I)
STRINGS = {15, 249, 250, 251, 252, 253, 254, 245}
INTEGERS = {1, 2, 3, 8, 9, 13}
JSON = 245
BLOBS = {249, 250, 251, 252}
SCALED = {DECIMAL, 7, 11, 12}


def numbers(column):
    return column[1] in (DECIMAL, DOUBLE, FLOAT)


def describe(field):
    """What drivers decide by. They take the widths of texts for one type."""
    kind = field.type_code
    text = "" if kind not in STRINGS or kind == JSON else "binary" if field.charsetnr == BINARY_ID else "text"
    scale = field.scale if kind in SCALED else 0
    unsigned = bool(field.flags & UNSIGNED) and kind in INTEGERS | {DECIMAL, DOUBLE, FLOAT}
    if kind in BLOBS:
        kind = "blob"
    return (field.name, kind, unsigned, text, scale)


def detail(field):
    return (field.name, field.type_code, field.org_table, field.org_name, field.table_name, field.flags, field.length, field.charsetnr, field.scale)


def soften(native, proxied):
    """Integers and texts of an expression may differ in width: no driver gives another value for it."""
    for at, (a, b) in enumerate(zip(native.columns, proxied.columns)):
        plain = native.detail[at][2] and proxied.detail[at][2]
        if a[0] == b[0] and a[1] in INTEGERS and b[1] in INTEGERS and not plain:
            native.columns[at] = proxied.columns[at] = (a[0], "integer")
        elif a[0] == b[0] and a[3] == b[3] == "text" and not plain:
            native.columns[at] = proxied.columns[at] = (a[0], "text")


def lenenc(data):
    size = len(data)
    if size < 251:
        return bytes([size]) + data
    return b"\xfc" + struct.pack("<H", size) + data if size < 65536 else b"\xfd" + struct.pack("<I", size)[:3] + data


def parameter(value):
    """Type code, flags and bytes."""
    if isinstance(value, bool):
        return 1, 0, bytes([value])
    if isinstance(value, int):
        return (8, 0, struct.pack("<q", value)) if value < 2**63 else (8, 128, struct.pack("<Q", value))
    if isinstance(value, float):
        return DOUBLE, 0, struct.pack("<d", value)
    if isinstance(value, dict):  # {"decimal": "1.50"}
        return DECIMAL, 0, lenenc(value["decimal"].encode())
    return 253, 0, lenenc(str(value).encode())


def binary_cell(packet, kind, unsigned):
    if kind in (1, 2, 13, 3, 9, 8):
        letter = {1: "b", 2: "h", 13: "h", 3: "i", 9: "i", 8: "q"}[kind]
        value = struct.unpack("<" + (letter.upper() if unsigned else letter), packet.read(struct.calcsize(letter)))[0]
        return str(value).encode()
    if kind == DOUBLE:
        return repr(struct.unpack("<d", packet.read(8))[0]).encode()
    if kind == FLOAT:
        return repr(struct.unpack("<f", packet.read(4))[0]).encode()
    if kind in (7, 10, 11, 12):
        size = packet.read_uint8()
        return b"x" + packet.read(size).hex().encode()
    return packet.read_length_coded_string()


class Connection:
    def __init__(self, url):
        self.url = url
        self.open()

    def open(self):
        u = urlsplit(self.url)
        self.conn = pymysql.connect(
            host=u.hostname, port=u.port, user=u.username, password=u.password or "", database=u.path.strip("/"),
            charset="utf8mb4", autocommit=True, read_timeout=ANSWER_MAX_S, connect_timeout=10)

    def plain(self, sql):
        return self.guard(lambda: self.query(sql))

    def begin(self):
        return self.plain("BEGIN")

    def rollback(self):
        return self.plain("ROLLBACK")

    def execute(self, statement, form):
        if form == "text":
            sql = statement.text
            if statement.params is not None:
                # As PyMySQL and mysql2's query() do: values are put into the text.
                values = [v["decimal"] if isinstance(v, dict) else v for v in statement.params]
                pieces = sql.split("?")
                literals = [self.conn.escape(v) if not isinstance(s, dict) else v
                            for v, s in zip(values, statement.params)] + [""]
                sql = "".join(a + b for a, b in zip(pieces, literals))
            return self.guard(lambda: self.query(sql))
        if UNPREPARED.match(statement.text):
            return self.plain(statement.text)
        return self.guard(lambda: self.prepared(statement))

    def guard(self, work):
        try:
            return work()
        except err.MySQLError as error:
            code = error.args[0] if error.args else 0
            message = str(error.args[1]) if len(error.args) > 1 else str(error)
            if code == 0 or code in (2006, 2013, 2014) or not self.conn.open or self.conn._sock is None:
                self.open()
                return Outcome("lost", message=f"{code} {message}")
            return Outcome("error", code, message)
        except Exception as error:  # a packet that PyMySQL cannot read
            self.open()
            return Outcome("lost", message=f"{type(error).__name__}: {error}")

    def query(self, sql):
        self.conn._execute_command(COMMAND.COM_QUERY, sql.encode())
        return self.result(False)

    def result(self, binary):
        packet = self.conn._read_packet()
        if packet.is_ok_packet():
            ok = OKPacketWrapper(packet)
            return Outcome("count", tag=f"affected {ok.affected_rows} id {ok.insert_id}")
        fields = [self.conn._read_packet(FieldDescriptorPacket) for _ in range(packet.read_length_encoded_integer())]
        self.conn._read_packet()
        rows = []
        while True:
            packet = self.conn._read_packet()
            if packet.is_eof_packet():
                break
            rows.append(self.binary_row(packet, fields) if binary else [packet.read_length_coded_string() for _ in fields])
        return Outcome("rows", columns=map(describe, fields), detail=map(detail, fields), rows=rows, tag=f"{len(rows)} rows")

    def binary_row(self, packet, fields):
        packet.read(1)
        nulls = packet.read((len(fields) + 9) // 8)
        row = []
        for at, field in enumerate(fields, 2):
            null = nulls[at // 8] >> (at % 8) & 1
            row.append(None if null else binary_cell(packet, field.type_code, field.flags & UNSIGNED))
        return row

    def prepared(self, statement):
        conn = self.conn
        conn._execute_command(COMMAND.COM_STMT_PREPARE, statement.text.encode())
        packet = conn._read_packet()
        number, columns, params = struct.unpack("<IHH", packet.get_all_data()[1:9])
        for count in (params, columns):
            if count:
                for _ in range(count):
                    conn._read_packet(FieldDescriptorPacket)
                conn._read_packet()
        values = statement.params or []
        try:
            if params != len(values):
                return Outcome("error", "parameters", f"{params} parameters were counted")
            body = struct.pack("<IBI", number, 0, 1)
            if values:
                nulls, types, data = bytearray((len(values) + 7) // 8), b"", b""
                for at, value in enumerate(values):
                    if value is None:
                        nulls[at // 8] |= 1 << (at % 8)
                        types += bytes([6, 0])
                        continue
                    code, flags, piece = parameter(value)
                    types += bytes([code, flags])
                    data += piece
                body += bytes(nulls) + b"\x01" + types + data
            conn._execute_command(COMMAND.COM_STMT_EXECUTE, body)
            answer = self.result(True)
            if answer.kind == "rows" and columns not in (0, len(answer.columns)):
                return Outcome("error", "described", f"{columns} columns were described, {len(answer.columns)} sent")
            return answer
        finally:
            if conn.open:
                conn._execute_command(COMMAND.COM_STMT_CLOSE, struct.pack("<I", number))

    def restart_numbers(self):
        self.plain("ALTER TABLE tickets AUTO_INCREMENT = 101")
