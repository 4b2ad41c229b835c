#!/usr/bin/env python3
"""What Handfast ships to be run with, checked without a cluster, an engine or a Grafana.

python3 tests/deploy/check.py [--handfast BINARY] [--metrics URL_OR_FILE]

Each check is a function whose name is its promise. --handfast: the configurations are read by it. --metrics: what a running Handfast tells is checked, too.
The last line counts; exit 1 if anything failed. A tool that is not here is told as SKIPPED."""

import argparse
import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "config"
ARGS = argparse.Namespace(handfast=None, metrics=None)


class Skip(Exception):
    """What a check needs is not here."""


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def run(*command, **more):
    """Runs a tool; its words if it fails."""
    if not shutil.which(command[0]):
        raise Skip(f"no {command[0]} here")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, **more)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


# ---- Prometheus and Grafana ------------------------------------------------------------------------------------------------

def published():
    """What src/telemetry/metrics.rs publishes: labels by name, a histogram by the names that it is rendered as."""
    listed = re.findall(r'= "((?:handfast|process)_\w+)",\s*(Counter|Gauge|Histogram),\s*\[([^\]]*)\]', text("src/telemetry/metrics.rs"))
    assert len(listed) > 10, "the list of metrics was not found in src/telemetry/metrics.rs"
    out = {}
    for name, kind, labels in listed:
        labels = set(re.findall(r'"(\w+)"', labels)) | {"instance", "job"}
        for part in ("_bucket", "_sum", "_count") if kind == "Histogram" else ("",):
            out[name + part] = labels | ({"le"} if part == "_bucket" else set())
    return out


def queries():
    """Every query of the alerts and of the dashboard, with its place."""
    for group in yaml.safe_load(text("config/prometheus/alerts.yml"))["groups"]:
        for rule in group["rules"]:
            yield f"alert {rule['alert']}", rule["expr"]
    for path in sorted((CONFIG / "grafana").glob("*.json")):
        board = json.loads(path.read_text(encoding="utf-8"))
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                yield f"{path.name}: {panel['title']}", target["expr"]
        for note in board["annotations"]["list"]:
            yield f"{path.name}: {note['name']}", note["expr"]
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                yield f"{path.name}: ${variable['name']}", variable["query"]["query"]


def every_queried_metric_is_published_with_the_labels_that_are_asked_for():
    metrics = published()
    found = 0
    for place, query in queries():
        plain = re.sub(r'"[^"]*"', '""', query)
        known = set()
        for name, selected in re.findall(r"\b(handfast_\w+)(?:\{([^}]*)\})?", plain):
            found += 1
            assert name in metrics, f"{place}: nobody publishes {name}"
            known |= metrics[name]
            unknown = set(re.findall(r"(\w+)\s*(?:=~|!=|!~|=)", selected)) - metrics[name]
            assert not unknown, f"{place}: {name} has no label {unknown}"
        for listed in re.findall(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)", plain):
            unknown = {label.strip() for label in listed.split(",") if label.strip()} - known
            assert not unknown, f"{place}: nobody publishes the label {unknown}"
    assert found > 25, f"only {found} names in queries"


def promtool_accepts_rules_and_configuration_and_every_alert_rings_when_it_should():
    assert "SUCCESS" in run("promtool", "check", "rules", "config/prometheus/alerts.yml")
    run("promtool", "check", "config", "config/prometheus/prometheus.yml")
    run("promtool", "test", "rules", "tests/deploy/alerts_test.yml")


def promtool_parses_every_query_of_the_dashboard():
    rules = [{"record": f"q:{at}", "expr": query.replace("$__rate_interval", "1m").replace("$node", "x")}
             for at, (place, query) in enumerate(queries()) if not place.startswith("alert") and "label_values" not in query]
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
        file.flush()
        run("promtool", "check", "rules", file.name)


def every_alert_has_its_part_of_the_runbook_and_the_other_way_round():
    book = text("config/prometheus/runbook.md")
    parts = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", book, re.M | re.S))
    alerts = [rule for group in yaml.safe_load(text("config/prometheus/alerts.yml"))["groups"] for rule in group["rules"]]
    assert {rule["alert"] for rule in alerts} == set(parts), {rule["alert"] for rule in alerts} ^ set(parts)
    for rule in alerts:
        assert rule["annotations"]["runbook"] == f"config/prometheus/runbook.md#{rule['alert'].lower()}", rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning"), rule["alert"]
        for word in ("**Means**", "**Safe**", "**Do**"):
            assert word in parts[rule["alert"]], f"{rule['alert']}: no {word}"


def the_dashboard_has_its_rows_and_no_panel_lies_on_another():
    board = json.loads(text("config/grafana/handfast.json"))
    rows = [panel["title"] for panel in board["panels"] if panel["type"] == "row"]
    assert rows == ["Promise", "Latency", "Backends", "Journal", "Statements and the process"], rows
    taken, ids = set(), set()
    for panel in board["panels"]:
        assert panel["id"] not in ids, panel["title"]
        ids.add(panel["id"])
        assert panel["type"] == "row" or panel["description"], f"{panel['title']} explains nothing"
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken and place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells


def what_a_running_handfast_tells_is_clean_and_on_the_list():
    if not ARGS.metrics or not (ARGS.metrics.startswith("http") or Path(ARGS.metrics).is_file()):
        raise Skip("nothing was told: no --metrics, or no such file")
    if ARGS.metrics.startswith("http"):
        with urllib.request.urlopen(ARGS.metrics, timeout=10) as answer:
            told = answer.read().decode()
    else:
        told = Path(ARGS.metrics).read_text(encoding="utf-8")
    names = set(published())
    told_names = set(re.findall(r"^((?:handfast|process)_\w+)", told, re.M))
    assert told_names, "nothing is told"
    assert told_names <= names, f"not on the list: {told_names - names}"
    for name in re.findall(r"^# TYPE ((?:handfast|process)_\w+)", told, re.M):
        assert f"# HELP {name} " in told, f"{name} has no help"
    if shutil.which("promtool"):
        # Exit 3: it has advice. Both are to be heeded.
        checked = subprocess.run(["promtool", "check", "metrics"], input=told, capture_output=True, text=True, timeout=60)
        assert checked.returncode == 0, f"promtool check metrics: {checked.stdout}{checked.stderr}"


# ---- systemd ---------------------------------------------------------------------------------------------------------------


def unit():
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str
    parser.read_string(text("config/systemd/handfast.service"))
    return parser["Service"]


def seconds(value):
    number, factor = re.fullmatch(r"([0-9]+)(s|min|)", value).groups()
    return int(number) * (60 if factor == "min" else 1)


def drain_timeout():
    """The default of limits.drain_timeout in seconds, from the annotated configuration."""
    return seconds(re.search(r'^drain_timeout\s*=\s*"(\w+)"', text("config/handfast.toml"), re.M).group(1))


def the_unit_is_told_when_handfast_is_ready_and_waits_for_its_drain():
    service = unit()
    assert service["Type"] == "notify" and "READY=1" in text("src/app/notify.rs") and "WATCHDOG=1" in text("src/app/notify.rs")
    assert seconds(service["TimeoutStopSec"]) > 2 * drain_timeout()
    assert service["StateDirectory"] == "handfast" and '"/var/lib/handfast"' in text("config/handfast.toml")
    # After a drain it stays down.
    assert service["Restart"] == "on-failure", service["Restart"]
    assert service["NoNewPrivileges"] == "yes" and service["User"] != "root"


def systemd_understands_the_unit():
    with tempfile.TemporaryDirectory() as folder:
        # The program it names does not stand at its place here.
        made = Path(folder) / "handfast.service"
        made.write_text(text("config/systemd/handfast.service").replace("/usr/local/bin/handfast", "/bin/true"), encoding="utf-8")
        said = run("systemd-analyze", "verify", "--recursive-errors=no", str(made))
        mine = [line for line in said.splitlines() if "handfast.service" in line]
        assert not mine, mine


def sockets():
    """The .socket units: each name with its part of the file."""
    out = {}
    for path in sorted((CONFIG / "systemd").glob("handfast-*.socket")):
        parser = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=("#",))
        parser.optionxform = str
        parser.read_string(path.read_text(encoding="utf-8"))
        out[path.stem.removeprefix("handfast-")] = parser["Socket"]
    return out


def the_sockets_are_those_that_handfast_knows_by_name_at_the_addresses_of_the_configuration():
    names = re.search(r'const NAMES: \[&str; 3\] = \[(.*?)\]', text("src/app/listeners.rs")).group(1)
    assert set(sockets()) == set(re.findall(r'"(\w+)"', names)), names
    configured = text("config/handfast.toml")
    for name, socket in sockets().items():
        assert socket["FileDescriptorName"] == name and socket["Service"] == "handfast.service", name
        assert f'"{socket["ListenStream"]}"' in configured, f"{name}: {socket['ListenStream']} is not in config/handfast.toml"


def systemd_understands_the_sockets():
    with tempfile.TemporaryDirectory() as folder:
        service = Path(folder) / "handfast.service"
        service.write_text(text("config/systemd/handfast.service").replace("/usr/local/bin/handfast", "/bin/true"), encoding="utf-8")
        made = []
        for path in sorted((CONFIG / "systemd").glob("handfast-*.socket")):
            made.append(Path(folder) / path.name)
            made[-1].write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
        assert len(made) == 3, made
        said = run("systemd-analyze", "verify", "--recursive-errors=no", *map(str, made))
        mine = [line for line in said.splitlines() if "handfast" in line]
        assert not mine, mine


# ---- images, compose, Kubernetes -------------------------------------------------------------------------------------------


def instructions():
    joined = re.sub(r"\\\n", " ", "\n".join(line for line in text("Dockerfile").splitlines() if not line.lstrip().startswith("#")))
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def copied():
    """(stage, source, target) of each COPY from the context."""
    stage, out = -1, []
    for word, rest in instructions():
        if word == "FROM":
            stage += 1
        if word == "COPY":
            parts = rest.split()
            flags = [part for part in parts if part.startswith("--")]
            parts = [part for part in parts if not part.startswith("--")]
            if not any(flag.startswith("--from") for flag in flags):
                out += [(stage, source, parts[-1]) for source in parts[:-1]]
    return out


def what_the_dockerfile_copies_is_there_and_what_the_sources_embed_is_copied():
    ignored = [line.strip("/") for line in text(".dockerignore").split()]
    for _, source, _ in copied():
        assert (ROOT / source).exists() and source.split("/")[0] not in ignored, source
    build = [source for stage, source, _ in copied() if stage == 0]
    inside = lambda path: any(path == one or path.startswith(f"{one}/") for one in build)
    manifest = text("Cargo.toml")
    for path in re.findall(r'^path = "(.*)"', manifest, re.M) + ["Cargo.lock", "Cargo.toml"]:
        assert inside(path), f"cargo needs {path}"
    embedded = 0
    for file in sorted((ROOT / "src").rglob("*.rs")):
        for name in re.findall(r'include(?:_str|_bytes)?!\(\s*"([^"]+)"', file.read_text(encoding="utf-8")):
            embedded += 1
            target = os.path.relpath((file.parent / name).resolve(), ROOT)
            assert (ROOT / target).exists() and inside(target), f"{file.name} embeds {target}, which is not copied"
    assert embedded, "nothing is embedded?"


def cargo_finds_every_target_among_what_the_dockerfile_copies():
    cargo = os.environ.get("CARGO", "cargo")
    if not shutil.which(cargo):
        raise Skip("no cargo here")
    with tempfile.TemporaryDirectory() as folder:
        for stage, source, _ in copied():
            if stage == 0:
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, Path(folder) / source)
                else:
                    shutil.copy(ROOT / source, Path(folder) / source)
        done = subprocess.run([cargo, "metadata", "--locked", "--offline", "--no-deps", "--format-version", "1"], cwd=folder, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        targets = [target for package in json.loads(done.stdout)["packages"] for target in package["targets"]]
        assert any(target["name"] == "handfast" and "bin" in target["kind"] for target in targets)
        for target in targets:
            assert Path(target["src_path"]).exists(), target["src_path"]


def the_image_runs_without_root_keeps_its_journal_in_a_volume_and_tells_its_health():
    words = {}
    final = [index for index, (word, _) in enumerate(instructions()) if word == "FROM"][-1]
    for word, rest in instructions()[final:]:
        words.setdefault(word, []).append(rest)
    assert words["USER"][-1] not in ("root", "0") and words["VOLUME"] == ["/var/lib/handfast"], words
    assert words["STOPSIGNAL"] == ["SIGTERM"] and json.loads(words["ENTRYPOINT"][0]) == ["handfast"] and json.loads(words["CMD"][0]) == ["serve"]
    assert json.loads(words["HEALTHCHECK"][0].split("CMD")[1]) == ["handfast-probe", "healthz"]
    assert "rust" not in instructions()[final][1], "the toolchain is shipped"


def the_probe_tells_health_from_sickness():
    import http.server
    import threading

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response({"/healthz": 200, "/readyz": 503}.get(self.path, 404))
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    probe = lambda what, port: subprocess.run(["bash", "config/docker/probe.sh", what], cwd=ROOT, capture_output=True, timeout=20, env={**os.environ, "HANDFAST_ADMIN": f"127.0.0.1:{port}"}).returncode
    assert probe("healthz", server.server_port) == 0
    assert probe("readyz", server.server_port) != 0
    server.shutdown()
    server.server_close()
    assert probe("healthz", server.server_port) != 0


def compose_names_only_what_is_there_and_its_parts_fit():
    compose = yaml.safe_load(text("config/compose.yaml"))
    services = compose["services"]
    assert set(services) == {"store", "delivery", "handfast"}
    for name, service in services.items():
        for mount in service["volumes"]:
            source = mount.split(":")[0]
            if source.startswith("."):
                assert (CONFIG / source).is_file(), f"{name}: {source}"
            else:
                assert source in compose["volumes"], f"{name}: {source}"
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), f"{name}: {port} is open to everybody"
        for other in service.get("depends_on", {}):
            assert services[other]["healthcheck"], other
    proxy = services["handfast"]
    assert (CONFIG / proxy["build"] / "Dockerfile").resolve() == ROOT / "Dockerfile"
    assert seconds(proxy["stop_grace_period"]) > 2 * drain_timeout()
    toml = text("config/compose/handfast.toml")
    for host in re.findall(r"@(\w+):", toml):
        assert host in services, host
    for variable in re.findall(r"\$\{(\w+)", toml):
        assert variable in proxy["environment"], variable
    listened = set(re.findall(r'^\w+ = "0\.0\.0\.0:(\d+)"', toml, re.M))
    assert listened == {port.split(":")[2] for port in proxy["ports"]}, listened
    assert any("max_prepared_transactions" in word for word in services["store"]["command"])


def resources():
    out = {}
    for name in yaml.safe_load(text("config/kubernetes/kustomization.yaml"))["resources"]:
        for document in yaml.safe_load_all(text(f"config/kubernetes/{name}")):
            assert document["apiVersion"], name
            out[document["kind"], document["metadata"]["name"]] = document
    return out


def the_kubernetes_files_refer_to_each_other_rightly():
    made = resources()
    listed = set(yaml.safe_load(text("config/kubernetes/kustomization.yaml"))["resources"])
    assert listed | {"kustomization.yaml"} == {file.name for file in (CONFIG / "kubernetes").glob("*.yaml")}
    state = made["StatefulSet", "handfast"]["spec"]
    pod, labels = state["template"]["spec"], state["template"]["metadata"]["labels"]
    assert state["selector"]["matchLabels"] == labels
    assert made["PodDisruptionBudget", "handfast"]["spec"]["selector"]["matchLabels"] == labels
    assert made["Service", state["serviceName"]]["spec"]["clusterIP"] == "None"
    container = pod["containers"][0]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for (kind, name), document in made.items():
        if kind == "Service":
            assert document["spec"]["selector"] == labels, name
            assert all(port["targetPort"] in ports for port in document["spec"]["ports"]), name
    volumes = {volume["name"] for volume in pod["volumes"]} | {claim["metadata"]["name"] for claim in state["volumeClaimTemplates"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert volumes == set(mounts), volumes ^ set(mounts)
    assert mounts["journal"] == "/var/lib/handfast", "the journal is not on the volume"
    toml = text("config/kubernetes/handfast.toml")
    passwords = re.findall(r'password_file = "(.*)"', toml)
    secret = made["Secret", "handfast"]["stringData"]
    assert {f"{mounts['passwords']}/{key}" for key in secret} == set(passwords), passwords
    assert {name: int(port) for name, port in re.findall(r'^(postgres|mysql) = "0\.0\.0\.0:(\d+)"', toml, re.M)} == ports
    generated = yaml.safe_load(text("config/kubernetes/kustomization.yaml"))["configMapGenerator"][0]
    used = next(volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume)
    assert generated["name"] == used and generated["files"] == ["handfast.toml"]


def a_pod_has_time_to_drain_no_root_and_no_more_rights_than_it_needs():
    state = resources()["StatefulSet", "handfast"]["spec"]
    pod, container = state["template"]["spec"], state["template"]["spec"]["containers"][0]
    wait = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] > 2 * drain_timeout() + wait
    user = next(rest.split() for word, rest in instructions() if word == "RUN" and "useradd" in rest)
    assert str(pod["securityContext"]["runAsUser"]) == user[user.index("--uid") + 1], "the image's user is another"
    assert str(pod["securityContext"]["runAsGroup"]) == user[user.index("--gid") + 1], "the image's group is another"
    assert pod["securityContext"]["runAsNonRoot"] and container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"]["drop"] == ["ALL"] and not pod["automountServiceAccountToken"]
    installed = [target.rsplit("/", 1)[1] for stage, _, target in copied() if stage == 1]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["exec"]["command"][0] in installed, f"{probe}: not in the image"
    assert state["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Retain"


def kustomize_puts_the_files_together():
    run("kubectl", "kustomize", "config/kubernetes")


def handfast_accepts_the_configurations_that_are_shipped():
    if not ARGS.handfast:
        raise Skip("no --handfast")
    for name in ("compose", "kubernetes"):
        with tempfile.TemporaryDirectory() as folder:
            toml = text(f"config/{name}/handfast.toml")
            for path in re.findall(r'_file = "(.*)"', toml):
                (Path(folder) / Path(path).name).write_text("a-secret-that-is-long-enough\n", encoding="utf-8")
                toml = toml.replace(path, f"{folder}/{Path(path).name}")
            file = Path(folder) / "handfast.toml"
            file.write_text(toml, encoding="utf-8")
            run(ARGS.handfast, "check", "--offline", "-c", str(file), env={**os.environ, "HANDFAST_DEMO_PASSWORD": "demo"})


def a_service_manager_is_told_when_the_real_handfast_stops_and_never_that_it_is_ready_without_its_databases():
    if not ARGS.handfast:
        raise Skip("no --handfast")
    import socket

    with tempfile.TemporaryDirectory() as folder:
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        manager.bind(f"{folder}/notify")
        manager.settimeout(20)
        file = Path(folder) / "handfast.toml"
        # Nobody listens at port 1: recovery cannot look, and clients are let in after transactions.commit_wait.
        file.write_text('[listen]\npostgres = "127.0.0.1:0"\n[[users]]\nname = "a"\npassword = "b"\n[backends.store]\nurl = "postgres://a:b@127.0.0.1:1/s"\ndefault = true\n'
                        f'[transactions]\ncommit_wait = "1h"\n[journal]\npath = "{folder}/journal"\n', encoding="utf-8")
        child = subprocess.Popen([ARGS.handfast, "serve", "-c", str(file)], env={**os.environ, "NOTIFY_SOCKET": f"{folder}/notify"}, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            first = manager.recv(4096).decode()
            assert "STATUS=Starting" in first and "READY" not in first, first
            child.terminate()
            told = ""
            end = time.monotonic() + 20
            while "STOPPING=1" not in told and time.monotonic() < end:
                told = manager.recv(4096).decode()
                assert "READY" not in told, told
            assert "STOPPING=1" in told, told
            child.wait(timeout=60)
        finally:
            child.kill()
            child.wait()
            manager.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--handfast")
    parser.add_argument("--metrics")
    parser.parse_args(namespace=ARGS)
    if ARGS.handfast:
        ARGS.handfast = str(Path(ARGS.handfast).resolve())
    helpers = {"text", "run", "published", "queries", "unit", "seconds", "drain_timeout", "sockets", "instructions", "copied", "resources", "main"}
    checks = [(name, value) for name, value in globals().items() if callable(value) and getattr(value, "__module__", None) == __name__ and name not in helpers and not isinstance(value, type)]
    passed = failed = 0
    for name, check in checks:
        words = name.replace("_", " ")
        try:
            check()
            passed += 1
            print(f"ok   {words}")
        except Skip as why:
            print(f"SKIPPED: {words}: {why}")
        except Exception as error:  # each check must be told, whatever the first does
            failed += 1
            print(f"FAIL {words}\n     {type(error).__name__}: {error}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
