"""Debian's mosquitto on a free port, with a password, in a folder of its own."""

import contextlib
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

USER, PASSWORD = "quartier", "s3cret"
_PROGRAM = shutil.which("mosquitto") or "/usr/sbin/mosquitto"


class Broker:
    """A running broker; ``publish`` waits until it has taken the message."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.passwords = folder / "passwords"
        subprocess.run(["mosquitto_passwd", "-b", "-c", self.passwords, USER, PASSWORD], check=True)
        self.passwords.chmod(0o600)
        self.config = folder / "mosquitto.conf"
        self.config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\n"
            f"password_file {self.passwords}\npersistence true\n"
            f"persistence_location {folder}/\nautosave_interval 1\nmax_queued_messages 100000\n"
            "user root\n"
        )

    @contextlib.contextmanager
    def running(self):
        process = subprocess.Popen(
            [_PROGRAM, "-c", self.config], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        try:
            end = time.monotonic() + 10
            while True:
                with (
                    contextlib.suppress(OSError),
                    socket.create_connection(("127.0.0.1", self.port), 1),
                ):
                    break
                assert process.poll() is None, process.stderr.read()
                assert time.monotonic() < end
                time.sleep(0.05)
            yield self
        finally:
            process.terminate()
            process.wait()

    @contextlib.contextmanager
    def publisher(self):
        """A client that publishes: ``send(topic, payload)``, with quality of service 1."""
        client = Client(CallbackAPIVersion.VERSION2)
        client.username_pw_set(USER, PASSWORD)
        ready = threading.Event()
        client.on_connect = lambda *_: ready.set()
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        assert ready.wait(10)

        def send(topic, payload, qos=1):
            client.publish(topic, payload, qos=qos).wait_for_publish(10)

        try:
            yield send
        finally:
            client.disconnect()
            client.loop_stop()
