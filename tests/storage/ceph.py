"""A real S3 server for tests: Ceph's RADOS Gateway on an in-memory object store, on loopback.

Debian and Ubuntu have it: apt-get install -y --no-install-recommends ceph-mon ceph-osd radosgw ceph-common
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

PROGRAMS = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "monmaptool", "ceph")
WHY_SKIPPED = "no S3 server here: install ceph-mon, ceph-osd, radosgw and ceph-common to run this test"
ACCESS_KEY = "testkey"
SECRET_KEY = "testsecret"

CONFIGURATION = """
[global]
fsid={fsid}
mon host=[v1:127.0.0.1:{mon_port}]
mon initial members=a
auth cluster required=none
auth service required=none
auth client required=none
auth allow insecure global id reclaim=true
osd pool default size=1
osd pool default min size=1
osd pool default pg num=1
osd pool default pg autoscale mode=off
osd crush chooseleaf type=0
osd objectstore=memstore
memstore device bytes=2147483648
mon allow pool size one=true
mon warn on pool no redundancy=false
run dir={folder}/run
admin socket={folder}/run/$name.$pid.asok
log file={folder}/log/$name.log
mon data={folder}/mon
osd data={folder}/osd$id
[client.rgw]
rgw frontends=beast endpoint=127.0.0.1:{port}
rgw data={folder}/rgw
"""


def available() -> bool:
    """Say whether the server's programs are installed."""
    return all(shutil.which(program) for program in PROGRAMS)


class S3Server:
    """Starts the server's three daemons; `pause` and `resume` take it off the network and back, objects kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.endpoint = f"127.0.0.1:{self.port}"
        self._conf = folder / "ceph.conf"

    def start(self) -> None:
        for name in ("mon", "osd0", "rgw", "run", "log"):
            (self.folder / name).mkdir(parents=True)
        fsid, mon_port = str(uuid.uuid4()), free_port()
        self._conf.write_text(
            CONFIGURATION.format(fsid=fsid, mon_port=mon_port, port=self.port, folder=self.folder)
        )
        conf, monmap = ["-c", str(self._conf)], str(self.folder / "monmap")
        self._run(
            "monmaptool", "--create", "--fsid", fsid, "--addv", "a", f"[v1:127.0.0.1:{mon_port}]", monmap
        )
        self._run("ceph-mon", *conf, "--mkfs", "-i", "a", "--monmap", monmap)
        self._run("ceph-mon", *conf, "-i", "a", "--pid-file", self._pid_file("mon"))
        osd_uuid = str(uuid.uuid4())
        self._insist("ceph", *conf, "osd", "new", osd_uuid)
        self._run("ceph-osd", *conf, "-i", "0", "--mkfs", "--osd-uuid", osd_uuid)
        self._insist("ceph-osd", *conf, "-i", "0", "--pid-file", self._pid_file("osd"))
        self.resume()
        self._make_user("test", ACCESS_KEY, SECRET_KEY)

    def add_user(self, name: str) -> None:
        """Make a user who owns nothing, with the keys NAME-key and NAME-secret."""
        self._make_user(name, f"{name}-key", f"{name}-secret")

    def _make_user(self, name: str, access_key: str, secret_key: str) -> None:
        self._run(
            *("radosgw-admin", "-c", str(self._conf), "-n", "client.rgw", "user", "create", f"--uid={name}"),
            *(f"--display-name={name}", f"--access-key={access_key}", f"--secret-key={secret_key}"),
        )

    def _insist(self, *command: str) -> None:
        """Run a command that a monitor which has only just come up may refuse: the next time it will not."""
        for attempts_left in reversed(range(10)):
            try:
                self._run(*command)
                return
            except subprocess.CalledProcessError:
                if not attempts_left:
                    raise
                time.sleep(0.5)

    def resume(self) -> None:
        """Start the gateway and wait until it answers."""
        self._run("radosgw", "-c", str(self._conf), "-n", "client.rgw", "--pid-file", self._pid_file("rgw"))
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                with contextlib.suppress(urllib.error.HTTPError):
                    urllib.request.urlopen(f"http://{self.endpoint}", timeout=5).close()
                return
            time.sleep(0.25)
        raise TimeoutError("the S3 gateway did not start")

    def pause(self) -> None:
        """Stop the gateway; connections are refused from then on."""
        self._kill("rgw")

    def stop(self) -> None:
        for name in ("rgw", "osd", "mon"):
            self._kill(name)

    def _pid_file(self, name: str) -> str:
        return str(self.folder / "run" / f"{name}.pid")

    def _kill(self, name: str) -> None:
        path = Path(self._pid_file(name))
        if not path.exists() or not (text := path.read_text().strip()):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(text), signal.SIGKILL)
            while True:
                os.kill(int(text), 0)
                if "\nState:\tZ" in Path(f"/proc/{text}/status").read_text():
                    break
                time.sleep(0.02)
        path.unlink(missing_ok=True)

    def _run(self, *command: str) -> None:
        subprocess.run(command, check=True, timeout=90, capture_output=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
