"""What a statement gave, and how two of them compare."""

from decimal import Decimal, InvalidOperation


class Outcome:
    """`columns`: what a driver decides by; `detail`: what few look at; `rows`: lists of bytes or None, as on the wire."""

    def __init__(self, kind, code=None, message="", columns=(), detail=(), rows=(), tag=""):
        self.kind, self.code, self.message = kind, code, message
        self.columns, self.detail, self.rows, self.tag = list(columns), list(detail), list(rows), tag

    def refused(self):
        """Handfast's own `not supported` in the dialect's code, or that the other engine's type cannot hold a value."""
        return self.kind == "error" and (self.code in ("0A000", 1235) or "HF0215" in self.message)

    def show(self):
        if self.kind == "error":
            return f"error {self.code} {self.message}"
        if self.kind == "lost":
            return f"connection lost: {self.message}"
        rows = [[None if c is None else c.decode("utf-8", "backslashreplace") for c in r] for r in self.rows[:6]]
        more = f" … {len(self.rows)} rows" if len(self.rows) > 6 else ""
        return f"{self.tag} {self.columns} {rows}{more}".strip()


def close_enough(a, b):
    """Equal to 16 significant digits."""
    try:
        x, y = Decimal(a.decode()), Decimal(b.decode())
    except (InvalidOperation, UnicodeDecodeError, AttributeError):
        return False
    if not (x.is_finite() and y.is_finite()):
        return False
    return x == y or abs(x - y) <= Decimal("1e-15") * max(abs(x), abs(y))


def compare(native, proxied, numbers):
    """`numbers`: whether column i is one whose digits may end elsewhere. Gives a verdict and what differs."""
    if proxied.kind == "lost":
        return "WRONG", "the connection broke"
    if native.kind == "error" and proxied.kind == "error":
        if native.code == proxied.code:
            return "error", ""
        if proxied.refused():
            return "refused", proxied.message
        return "code", f"{native.code} became {proxied.code}"
    if proxied.refused():
        return "refused", proxied.message
    if native.kind != proxied.kind:
        return "WRONG", f"{native.kind} became {proxied.kind}"
    if native.columns != proxied.columns:
        pairs = [(a, b) for a, b in zip(native.columns, proxied.columns) if a != b]
        return "WRONG", f"columns: {pairs or (len(native.columns), len(proxied.columns))}"
    if native.tag != proxied.tag:
        return "WRONG", f"tag {native.tag!r} became {proxied.tag!r}"
    if len(native.rows) != len(proxied.rows):
        return "WRONG", f"{len(native.rows)} rows became {len(proxied.rows)}"
    digits = False
    for at, (a, b) in enumerate(zip(native.rows, proxied.rows)):
        for column, (x, y) in enumerate(zip(a, b)):
            if x == y:
                continue
            if numbers(native.columns[column]) and x is not None and y is not None and close_enough(x, y):
                digits = True
                continue
            return "WRONG", f"row {at + 1} {native.columns[column][0]}: {x!r} became {y!r}"
    if digits:
        return "digits", ""
    if native.detail != proxied.detail:
        pairs = [(a, b) for a, b in zip(native.detail, proxied.detail) if a != b]
        return "equal", f"detail: {pairs}"
    return "equal", ""
