"""Speak with the hypervisor on the machine (../lib/hypervisor_http.py says what it understands)."""

import http.client
import json
import socket
import time

SOCKET = "/run/hypervisor/socket"
# Longer than any request takes: a stop waits as long as it is told to.
TIMEOUT = 600
# Seconds, while it starts.
AWAY = 10


class HypervisorError(Exception):
    """What the hypervisor answered, in its own words, or that it does not."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Connection(http.client.HTTPConnection):
    def connect(self) -> None:
        """It may be away for a moment: it can be killed and started again at any time."""
        until = time.monotonic() + AWAY
        while True:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(TIMEOUT)
            try:
                return self.sock.connect(SOCKET)
            except OSError:
                self.sock.close()
                if time.monotonic() > until:
                    raise
            time.sleep(0.2)


def request(method: str, path: str, body=None):
    """The answer; HypervisorError for a refusal or when nobody listens."""
    connection = Connection("hypervisor")
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        found = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise HypervisorError(0, f"the hypervisor does not answer: {error}") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise HypervisorError(answer.status, found.get("error", f"HTTP {answer.status}"))
    return found
