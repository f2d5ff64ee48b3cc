"""systemd: say that a service is ready and alive, and the unit that runs it.

The protocol of ``sd_notify(3)``: datagrams to the socket that ``NOTIFY_SOCKET`` names.
"""

import os
import shlex
import socket
from collections.abc import Sequence
from pathlib import Path

_WATCHDOG_SECONDS = 120


def notify(text: str) -> bool:
    """Send a state to systemd; False where the process is not its service.

    Parameters
    ----------
    text : str
        ``READY=1``, ``WATCHDOG=1``, ``STATUS=...``, ``STOPPING=1``.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
            link.connect("\0" + address[1:] if address.startswith("@") else address)
            link.sendall(text.encode())
    except OSError:
        return False
    return True


def unit(command: Sequence[str], *, machine: str, folder: Path, writable: Sequence[Path]) -> str:
    """Write a unit that runs a command of monitoring.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments.
    machine : str
        For the description.
    folder : Path
        Where it runs: relative paths of settings are below it.
    writable : sequence of Path
        Folders that it writes to; it may only read everything else.
    """
    allowed = " ".join(_quoted(str(path)) for path in dict.fromkeys(writable))
    return f"""\
[Unit]
Description=Acoustic monitoring of {machine.replace("%", "%%")} (asd)
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
NotifyAccess=main
WatchdogSec={_WATCHDOG_SECONDS}
Restart=always
RestartSec=5
SuccessExitStatus=130 143
WorkingDirectory={str(folder).replace("%", "%%")}
Environment=OMP_NUM_THREADS=1
# Secrets of webhooks and MQTT: ASD_WEBHOOK_TOKEN, ASD_MQTT_USER, ASD_MQTT_PASSWORD.
EnvironmentFile=-/etc/asd/monitoring.env
ExecStart={" ".join(_quoted(part) for part in command)}
Nice=5
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths={allowed}
ProtectHome=read-only
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
LockPersonality=yes
SystemCallArchitectures=native
CapabilityBoundingSet=
UMask=0027

[Install]
WantedBy=multi-user.target
"""


def _quoted(part: str) -> str:
    """Quote a word for a unit file, where % and $ have a meaning."""
    escaped = part.replace("%", "%%").replace("$", "$$")
    if shlex.quote(part) == part:
        return escaped
    return '"' + escaped.replace("\\", "\\\\").replace('"', '\\"') + '"'
