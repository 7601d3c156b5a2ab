"""Runs inside a container of the stack's networks, on the standard library alone; prints JSON. See security.py."""

import base64
import http.client
import json
import socket
import sys

IDS = json.loads(sys.argv[1])
TARGET = "endurance-target-1"


def ask(host, port, method, path, body=None, headers=None):
    """Paths go out as they are written: no client tidies them up."""
    connection = http.client.HTTPConnection(host, port, timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return {"status": answer.status, "body": answer.read(200_000).decode("utf-8", "replace")}
    except (OSError, http.client.HTTPException) as error:
        return {"status": repr(error), "body": ""}
    finally:
        connection.close()


def speak(host, port, words):
    try:
        with socket.create_connection((host, port), 5) as connection:
            connection.sendall(words)
            return connection.recv(300).decode("latin-1")
    except OSError as error:
        return repr(error)


def reach(host, port):
    try:
        with socket.create_connection((host, port), 3):
            return True
    except OSError:
        return False


def docker(method, path, **more):
    return ask("docker-proxy", 2375, method, path, **more)


def main():
    if sys.argv[2:] == ["reach"]:
        services = {"docker-proxy": 2375, "postgres": 5432, "redis": 6379, "sidecar": 9110}
        print(json.dumps({"reach": {name: reach(name, port) for name, port in services.items()}}))
        return
    refused, allowed = {}, {}
    guess = {"Authorization": "Basic " + base64.b64encode(b"harness:harness").decode()}
    for server, port, requests in (
        ("prometheus", 9090, [
            ("GET", "/"), ("GET", "/metrics"), ("GET", "/api/v1/query?query=up"), ("GET", "/api/v1/status/config"),
            ("POST", "/api/v1/admin/tsdb/snapshot"), ("POST", "/api/v1/admin/tsdb/delete_series?match[]=up"),
            ("POST", "/api/v1/write"), ("POST", "/-/quit"), ("POST", "/-/reload"), ("GET", "/debug/pprof/"),
        ]),
        ("alertmanager", 9093, [
            ("GET", "/"), ("GET", "/api/v2/status"), ("POST", "/api/v2/silences"), ("POST", "/api/v2/alerts"),
            ("POST", "/-/reload"),
        ]),
    ):  # fmt: skip
        for method, path in requests:
            refused[f"{server} {method} {path}"] = ask(server, port, method, path)
        refused[f"{server} guessed"] = ask(server, port, "GET", "/", headers=guess)
    if IDS["run"]:
        for method, path in (("GET", "/status"), ("POST", "/hold"), ("POST", "/forget"), ("POST", "/quit")):
            body = "{}" if method == "POST" else None
            refused[f"locust {method} {path}"] = ask("locust-master", 9646, method, path, body)
    ids = [f"/v1.41/containers/{identity}/json" for identity in IDS["others"]]
    for path in (
        "/info", "/v1.41/info", "/v1.41/containers/json", "/v1.41/images/json", "/v1.41/volumes", "/v1.41/networks",
        "/v1.41/secrets", "/v1.41/system/df", f"/v1.41/containers/{TARGET}/logs?stdout=1",
        f"/v1.41/containers/{TARGET}/top",
        f"/v1.41/containers/{TARGET}/archive?path=/run/secrets", f"/v1.41/containers/{TARGET}/export",
        f"/v1.41/containers/{TARGET}/attach/ws", "/v1.41/containers/endurance-prometheus-1/json",
        f"/v1.41/containers/{TARGET}/json/../../endurance-prometheus-1/json",
        f"/v1.41/containers/{TARGET}%2F..%2Fendurance-prometheus-1/json", "//v1.41/containers/json",
        f"/v1.41/containers/{IDS['target']}/archive?path=/run/secrets", "/v1.41/events/../info", *ids,
    ):  # fmt: skip
        refused[f"docker GET {path}"] = docker("GET", path)
    for method, path in (
        ("POST", "/v1.41/containers/create"), ("POST", f"/v1.41/containers/{TARGET}/exec"),
        ("POST", f"/v1.41/containers/{TARGET}/kill"), ("POST", f"/v1.41/containers/{TARGET}/json"),
        ("DELETE", f"/v1.41/containers/{TARGET}"), ("PUT", f"/v1.41/containers/{TARGET}/archive?path=/"),
        ("POST", "/v1.41/events"), ("POST", "/build"), ("PATCH", "/version"),
    ):  # fmt: skip
        refused[f"docker {method} {path}"] = docker(method, path, body="{}")
    refused["docker upgrade"] = docker("GET", "/version", headers={"Connection": "Upgrade", "Upgrade": "tcp"})

    for path in ("/_ping", "/version", f"/v1.41/containers/{TARGET}/json",
                 f"/v1.41/containers/{IDS['target']}/stats?stream=false&one-shot=true",
                 "/v1.41/events?since=1&until=2"):  # fmt: skip
        allowed[f"docker {path}"] = docker("GET", path)
    metrics = [("sidecar", 9110), ("target", 9102)]
    if IDS["run"]:
        metrics += [("locust-master", 9646), ("locust-worker", 9646), ("harness", 9120)]
    for host, port in metrics:
        allowed[f"{host} metrics"] = ask(host, port, "GET", "/metrics")
    # A start-up message for user mingus: R is a request for authentication, E an error.
    parameters = b"user\0mingus\0database\0mingus\0\0"
    startup = (len(parameters) + 8).to_bytes(4, "big") + (196608).to_bytes(4, "big") + parameters
    print(json.dumps({
        "refused": refused,
        "allowed": allowed,
        "redis": speak("redis", 6379, b"PING\r\n"),
        "postgres": speak("postgres", 5432, startup)[:1],
    }))  # fmt: skip


main()
