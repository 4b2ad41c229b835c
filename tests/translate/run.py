"""Runs the corpus natively and through Handfast, and compares. See README.md.

    run.py DIALECT NATIVE_URL PROXIED_URL ENGINE [--foreign URL] [--theme T]... [--json FILE] [--wrong FILE] [-v]

DIALECT: postgres | mysql, the client's. ENGINE: postgres | mariadb | mysql, where the tables are behind PROXIED_URL.
--native NAME: which engine NATIVE_URL is (default: by its version). --foreign: that engine's own URL, to start the generated
keys anew. PROXIED_URL `-`: natively only, which shows what is at fault in the corpus itself. Exit 1: something is WRONG.
"""

import argparse
import collections
import json
import pathlib
import sys
import time

import corpus
from outcome import compare

HERE = pathlib.Path(__file__).parent
VERDICTS = ("equal", "digits", "error", "refused", "behind", "code", "WRONG")
WORST = ("WRONG", "code", "behind", "refused", "digits", "error", "equal")


def wire(dialect):
    if dialect == "postgres":
        import wire_pg as module
    else:
        import wire_my as module
    return module


def connect(url):
    return wire("postgres" if url.startswith("postgres") else "mysql").Connection(url)


class Report:
    def __init__(self):
        self.entries = []

    def add(self, paragraph, statement, results):
        verdict = min((r["verdict"] for r in results), key=WORST.index)
        self.entries.append({"theme": paragraph.theme, "line": statement.line, "sql": statement.text,
                             "params": statement.params, "verdict": verdict, "forms": results})

    def of(self, *verdicts):
        return [e for e in self.entries if e["verdict"] in verdicts]

    def share(self, entries):
        asked = [e for e in entries if e["verdict"] != "behind"]
        good = [e for e in asked if e["verdict"] in ("equal", "digits", "error")]
        return 100.0 * len(good) / len(asked) if asked else 100.0

    def table(self):
        themes = collections.defaultdict(list)
        for entry in self.entries:
            themes[entry["theme"]].append(entry)
        print(f"{'theme':<18}{'all':>5}" + "".join(f"{v:>9}" for v in VERDICTS) + f"{'share':>9}")
        for theme, entries in [*sorted(themes.items()), ("TOTAL", self.entries)]:
            counts = collections.Counter(e["verdict"] for e in entries)
            cells = "".join(f"{counts[v] or '.':>9}" for v in VERDICTS)
            print(f"{theme:<18}{len(entries):>5}{cells}{self.share(entries):>8.1f}%")

    def details(self):
        return [f"{e['theme']}:{e['line']} {f['form']} {f['why']}  {e['sql']}"
                for e in self.of("equal") for f in e["forms"] if f["why"]]


def listing(entries):
    lines = []
    for entry in entries:
        lines.append(f"[{entry['verdict']}] {entry['theme']}.sql:{entry['line']}\n    {entry['sql']}")
        if entry["params"] is not None:
            lines.append(f"    params {json.dumps(entry['params'], ensure_ascii=False)}")
        for form in entry["forms"]:
            if form["verdict"] == entry["verdict"]:
                lines.append(f"  {form['form']}: {form['why']}\n    native  {form['native']}\n    proxied {form['proxied']}")
                break
    return "\n".join(lines)


def play(connection, paragraph, statements, form):
    """The outcomes of one paragraph, in order."""
    outcomes, over = [], None
    if paragraph.transaction:
        begun = connection.begin()
        over = None if begun.kind == "count" else begun
    for statement in statements:
        outcome = over or connection.execute(statement, form)
        # On a new connection the rest would be no transaction.
        if outcome and outcome.kind == "lost" and not paragraph.independent:
            over = outcome
        outcomes.append(outcome)
    if paragraph.transaction:
        connection.rollback()
    return outcomes


def judge(paragraph, statements, natives, proxieds, module):
    """One result per statement. Behind the first one that is not as natively, nothing can be asked in a transaction."""
    results, behind = [], False
    for _, native, proxied in zip(statements, natives, proxieds):
        if native is None or proxied is None:
            results.append(None)
            continue
        module.soften(native, proxied)
        verdict, why = compare(native, proxied, module.numbers)
        if behind and verdict not in ("equal", "digits", "error"):
            verdict = "behind"
        if verdict in ("refused", "code", "WRONG") and not paragraph.independent:
            behind = True
        results.append({"verdict": verdict, "why": why, "native": native.show(), "proxied": proxied.show()})
    return results


def version_of(native, dialect):
    if dialect == "postgres":
        return "postgres"
    rows = native.plain("SELECT VERSION()").rows
    return "mariadb" if b"MariaDB" in rows[0][0] else "mysql"


def run(arguments):
    module = wire(arguments.dialect)
    native = connect(arguments.native)
    proxied = None if arguments.proxied == "-" else connect(arguments.proxied)
    foreign = connect(arguments.foreign) if arguments.foreign else None
    engines = {version_of(native, arguments.dialect), arguments.engine}
    report = Report()
    for paragraph in corpus.read(HERE / arguments.dialect, arguments.theme):
        statements = [s for s in paragraph.statements if s.only is None or s.only in engines]
        forms = []
        for form in module.FORMS:
            for side in (native, foreign):
                if paragraph.numbers and side:
                    side.restart_numbers()
            natives = play(native, paragraph, statements, form)
            if proxied is None:
                proxieds = natives
            else:
                proxieds = play(proxied, paragraph, statements, form)
            forms.append((form, judge(paragraph, statements, natives, proxieds, module)))
        for at, statement in enumerate(statements):
            results = [{"form": form, **judged[at]} for form, judged in forms if judged[at]]
            report.add(paragraph, statement, results)
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dialect", choices=("postgres", "mysql"))
    parser.add_argument("native")
    parser.add_argument("proxied")
    parser.add_argument("engine", choices=("postgres", "mariadb", "mysql"))
    parser.add_argument("--foreign")
    parser.add_argument("--theme", action="append", default=[])
    parser.add_argument("--json")
    parser.add_argument("--wrong")
    parser.add_argument("--share", type=float, default=0.0, help="least share in percent")
    parser.add_argument("-v", "--verbose", action="store_true", help="list refusals and details too")
    arguments = parser.parse_args()
    started = time.monotonic()
    report = run(arguments)
    wrong = report.of("WRONG", "code")
    if arguments.proxied == "-":
        print(listing(report.of("error")))
    if wrong:
        print(listing(wrong), end="\n\n")
    if arguments.verbose:
        print(listing(report.of("refused")), end="\n\n")
        print("\n".join(report.details()), end="\n\n")
    report.table()
    details = len(report.details())
    share = report.share(report.entries)
    print(f"{len(report.entries)} statements, {share:.1f} % translate, {len(report.of('WRONG'))} WRONG, "
          f"{len(report.of('code'))} with another code, {details} answers differ in detail; {time.monotonic() - started:.1f} s")
    if arguments.json:
        summary = {"dialect": arguments.dialect, "engine": arguments.engine, "share": share, "statements": report.entries}
        pathlib.Path(arguments.json).write_text(json.dumps(summary, ensure_ascii=False, indent=1), encoding="utf-8")
    if arguments.wrong:
        text = listing(wrong) + "\n\n" + listing(report.of("refused")) + "\n\n" + "\n".join(report.details()) + "\n"
        pathlib.Path(arguments.wrong).write_text(text, encoding="utf-8")
    sys.exit(1 if report.of("WRONG") or share < arguments.share else 0)


main()
