"""Reads the corpus: files of paragraphs of statements.

A statement ends with `;` at the end of a line. A paragraph (blank lines around it) that writes is one transaction, rolled
back at its end; statements of one that only reads stand alone. Directives, before a statement or, for `alone`, anywhere in
the paragraph:

    --@ params [1, "a", null]     it is a prepared statement with these values
    --@ only mariadb              (or mysql, postgres) where the engine matters; of the paragraph when it comes first in it
    --@ alone                     the paragraph is no transaction: DDL, or it says BEGIN itself
"""

import json
import pathlib
import re

CHANGES = re.compile(r"^\s*(create|alter|drop|truncate|begin|start|commit|rollback|set|release)\b", re.I)
WRITES = re.compile(r"^\s*(insert|update|delete|replace)\b|\b(insert\s+into|update\s+\S+\s+(as\s+\w+\s+)?set|delete\s+from|replace\s+into|savepoint|for\s+(no\s+key\s+)?update|"
                    r"for\s+(key\s+)?share|lock\s+in)\b", re.I)


class Statement:
    def __init__(self, text, params, only, line):
        self.text, self.params, self.only, self.line = text, params, only, line


class Paragraph:
    def __init__(self, theme, statements, alone):
        self.theme, self.statements = theme, statements
        reads = not any(CHANGES.match(s.text) or WRITES.search(s.text) for s in statements)
        self.transaction = not alone and not reads
        # Statements that stand alone share nothing: a refusal of one says nothing of the next.
        self.independent = not alone and reads
        text = " ".join(s.text for s in statements).lower()
        self.numbers = bool(re.search(r"\b(insert|replace)\b[^;]*\btickets\b", text))


def read(folder, themes=()):
    paragraphs = []
    for path in sorted(pathlib.Path(folder).glob("*.sql")):
        if path.name.startswith("legacy."):
            continue
        if themes and not any(path.stem == t or path.stem.startswith(t) for t in themes):
            continue
        paragraphs += read_file(path)
    return paragraphs


def read_file(path):
    paragraphs, state = [], None

    def close():
        if state and state["statements"]:
            paragraphs.append(Paragraph(path.stem, state["statements"], state["alone"]))

    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        inside = state and state["text"]
        if not line.strip() and not inside:
            close()
            state = None
            continue
        if state is None:
            state = {"statements": [], "alone": False, "text": [], "params": None, "only": None, "all": None}
        if line.startswith("--@") and not inside:
            word, _, rest = line[3:].strip().partition(" ")
            if word == "params":
                state["params"] = json.loads(rest)
            elif word == "only":
                state["only"] = rest.strip()
                if not state["statements"]:
                    state["all"] = rest.strip()
            elif word == "alone":
                state["alone"] = True
            else:
                raise SystemExit(f"{path}:{number}: unknown directive {word}")
            continue
        if line.startswith("--") and not inside:
            continue
        state["text"].append(line)
        if line.rstrip().endswith(";"):
            text = "\n".join(state["text"]).strip()[:-1]
            state["statements"].append(Statement(text, state["params"], state["only"] or state["all"], number))
            state.update(text=[], params=None, only=None)
    close()
    return paragraphs
