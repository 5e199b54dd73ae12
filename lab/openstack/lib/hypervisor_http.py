"""HTTP on the hypervisor's unix socket: JSON in, JSON out.

| request | does |
| --- | --- |
| GET / | its version |
| GET /instances | all, by id: name, address, state (running, off, missing), volumes |
| PUT /instances/ID | defines one; it is off |
| PUT /instances/ID/flavor | tells its flavor from the next start on |
| POST /instances/ID/start, stop?seconds=N, kill | powers it; stop is a shutdown by its systemd |
| GET /instances/ID/console | what it wrote to its console |
| DELETE /instances/ID | kills and removes it; its volumes stay |
| PUT, DELETE /instances/ID/volumes/VOLUME | attaches, detaches |
| PUT, DELETE /volumes/ID | makes (or grows) to `size` GB, or copies `from`; deletes |
| PUT, GET /firewall | ports, security groups, floating addresses: all at once |

Errors are {"error": one sentence}: 400 what was asked is wrong, 404 it is not
there, 409 it cannot be done now.
"""

import json
import re
import socketserver
import sys
import traceback
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from lab import LabError

ID = r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


def serve(socket: Path, version: str, instances, volumes, firewall) -> None:
    routes = [(re.compile(f"{method} {path}"), action) for method, path, action in (
        ("GET", "/", lambda body, query: {"version": version}),
        ("GET", "/instances", lambda body, query: instances.all()),
        ("PUT", f"/instances/{ID}", lambda body, query, uuid: instances.define(uuid, body)),
        ("PUT", f"/instances/{ID}/flavor",
         lambda body, query, uuid: instances.resize(uuid, body["flavor"])),
        ("DELETE", f"/instances/{ID}", lambda body, query, uuid: instances.remove(uuid)),
        ("POST", f"/instances/{ID}/start", lambda body, query, uuid: instances.start(uuid)),
        ("POST", f"/instances/{ID}/stop",
         lambda body, query, uuid: instances.stop(uuid, int(query.get("seconds", "60")))),
        ("POST", f"/instances/{ID}/kill", lambda body, query, uuid: instances.kill(uuid)),
        ("GET", f"/instances/{ID}/console",
         lambda body, query, uuid: {"text": instances.console(uuid)}),
        ("PUT", f"/instances/{ID}/volumes/{ID}", lambda body, query, uuid, volume:
         instances.attach(uuid, volume, body["device"])),
        ("DELETE", f"/instances/{ID}/volumes/{ID}",
         lambda body, query, uuid, volume: instances.detach(uuid, volume)),
        ("PUT", f"/volumes/{ID}",
         lambda body, query, volume: volumes.make(volume, body["size"], body.get("from"))),
        ("DELETE", f"/volumes/{ID}", lambda body, query, volume: instances.remove_volume(volume)),
        ("GET", "/firewall", lambda body, query: firewall.wanted()),
        ("PUT", "/firewall", lambda body, query: firewall.replace(body, instances.addresses())),
    )]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_request(self) -> None:
            address = urlsplit(self.path)
            query = {key: values[-1] for key, values in parse_qs(address.query).items()}
            length = int(self.headers.get("Content-Length") or 0)
            status, answer = 200, {}
            try:
                body = json.loads(self.rfile.read(length) or "null")
                action, ids = find(routes, f"{self.command} {address.path}")
                answer = action(body, query, *ids) or {}
            except LookupError as error:
                status, answer = 404, {"error": str(error.args[0])}
                if isinstance(error, KeyError):
                    status, answer = 400, {"error": f"the request lacks '{error.args[0]}'"}
            except (TypeError, ValueError) as error:
                status, answer = 400, {"error": str(error)}
            except LabError as error:
                status, answer = 409, {"error": str(error)}
            except Exception as error:  # whatever it is, the client is told and the daemon lives
                traceback.print_exc()
                status, answer = 500, {"error": f"{type(error).__name__}: {error}"}
            if status != 200:
                self.log_message("%s: %s", self.requestline, answer["error"])
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = do_POST = do_DELETE = handle_request  # noqa: N815

        def log_message(self, format: str, *args) -> None:
            sys.stderr.write(f"{self.log_date_time_string()} {format % args}\n")
            sys.stderr.flush()

        def log_request(self, code="-", size="-") -> None:
            if self.command != "GET":
                self.log_message("%s %s", self.requestline, code)

    socket.unlink(missing_ok=True)
    with Server(str(socket), Handler) as server:
        # Its directory is reached by root here, and in the control plane by its services.
        socket.chmod(0o666)
        server.serve_forever()


def find(routes, request: str):
    for pattern, action in routes:
        match = pattern.fullmatch(request)
        if match:
            return action, match.groups()
    raise LookupError(f"nothing is at {request}")
