"""Which addresses a page may have the field server connect to."""

import socket
from ipaddress import ip_address, ip_network

import pytest

from quartier.field import brokers
from quartier.field.brokers import NotAllowed, connect, is_allowed

OURS = (ip_network("192.168.10.0/24"), ip_network("fd12::/64"))


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1"),
        *("169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "255.255.255.255"),
        *("224.0.0.1", "198.18.0.1", "::", "::1", "fe80::1", "fec0::1", "fd00:ec2::254", "ff02::1"),
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::a00:1"),
        *("64:ff9b:1::a00:1", "2002:7f00:1::", "2001:0:808:808::80ff:fffe"),
    ],
)
def test_what_is_not_of_the_internet_is_refused(address):
    assert not is_allowed(ip_address(address), OURS)


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"),
        *("192.168.10.7", "::ffff:192.168.10.7", "fd12::7"),
    ],
)
def test_the_internet_and_what_the_operator_names_may_be(address):
    assert is_allowed(ip_address(address), OURS)


def test_a_name_is_resolved_once_and_what_was_looked_at_is_connected_to(monkeypatch):
    asked = []
    with (
        socket.create_server(("127.0.0.1", 0)) as inner,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as good,
    ):
        port = good.getsockname()[1]
        answers = {0: "::1", 1: "127.0.0.1"}

        def changing(host, given, **more):
            asked.append(host)
            return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", (answers[len(asked) - 1], given))]

        monkeypatch.setattr(brokers.socket, "getaddrinfo", changing)
        with connect("rebound.example", port, (ip_network("::1/128"),), 5) as line:
            assert line.getpeername()[0] == "::1"
        assert asked == ["rebound.example"]
        with pytest.raises(NotAllowed):
            connect("rebound.example", inner.getsockname()[1], (), 5)
