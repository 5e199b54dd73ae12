#!/usr/bin/env python3
"""Write the systemd units of services.json into a directory, and print their names."""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# One process each where it may have threads: two cores serve the whole cloud.
# `Connection: close` since uwsgi drops connections that it kept alive, which
# Python's clients take badly.
UWSGI = ("/usr/bin/uwsgi-core --plugin python3 --master {workers} --enable-threads --lazy-apps "
         "--need-app --die-on-term --disable-logging --buffer-size 65535 --post-buffering 65535 "
         "--add-header Connection:close")
THREADS = "--processes 1 --threads 4"
# Nova uses eventlet, whose locks no two threads may share: a request would hang
# for ever. And once it has patched itself for eventlet, replies to its calls get
# lost here.
GREEN = "--processes 2 --threads 1"
UNPATCHED = """\
Environment=OS_NOVA_DISABLE_EVENTLET_PATCHING=1
"""
UNIT = """\
[Unit]
Description=OpenStack {name}
After=mariadb.service rabbitmq-server.service network.target
Wants=mariadb.service rabbitmq-server.service
StartLimitIntervalSec=0

[Service]
User={user}
Group={user}
Environment=PYTHONPATH=/opt/lab/drivers PYTHONDONTWRITEBYTECODE=1
WorkingDirectory=/
{extra}ExecStart={command}
Restart=on-failure
RestartSec=1
TimeoutStopSec=10

[Install]
WantedBy=multi-user.target
"""
# Where instances look for their metadata: an address of this container alone.
ADDRESS = """\
ExecStartPre=+/sbin/ip address replace {address}/32 dev lo
AmbientCapabilities=CAP_NET_BIND_SERVICE
"""


def unit(name: str, service: dict) -> str:
    address = service.get("address", "")
    extra = ADDRESS.format(address=address) if address else ""
    green = service.get("green", False)
    extra += UNPATCHED if green else ""
    if "wsgi" in service:
        uwsgi = UWSGI.format(workers=GREEN if green else THREADS)
        command = f"{uwsgi} --http-socket {address}:{service['port']} --wsgi-file {service['wsgi']}"
    else:
        command = f"{HERE}/run {service['main']}"
        for file in service.get("config", []):
            command += f" --config-file {file}"
    return UNIT.format(name=name, user=service["user"], command=command, extra=extra)


def main() -> None:
    for name, service in json.loads((HERE / "services.json").read_text()).items():
        Path(sys.argv[1], f"{name}.service").write_text(unit(name, service))
        print(name)


if __name__ == "__main__":
    main()
