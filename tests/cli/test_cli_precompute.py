"""Tables of nonces: made, looked at, and used without a change in any report."""

import json
import os
import stat

import pytest


@pytest.fixture
def keys(greenprint):
    """p.key: provable, of h = 1; wide.key: of h = 2; plain.key."""
    for name, options in (
        ("p", ["--provable", "--profile", "distill"]),
        ("wide", ["--provable"]),
        ("min", ["--provable", "--seeding", "min"]),
        ("fixed", ["--provable", "--seeding", "fixed"]),
        ("plain", []),
    ):
        made = greenprint("keygen", "-o", f"{name}.key", "--unsealed", *options)
        assert made.returncode == 0, made.stderr


def precompute(command, *arguments, key="p.key", output="t.gpn"):
    result = command("precompute", "-k", key, *arguments, "-o", output)
    assert (result.returncode, result.stderr) == (0, ""), result.stderr
    return dict(line.split(None, 1) for line in result.stdout.splitlines())


@pytest.mark.parametrize("key, nonces", [("p", 300), ("min", 300), ("fixed", 1)])
def test_table(greenprint, keys, key, nonces):
    said = precompute(greenprint, "--vocabulary", "300", key=f"{key}.key")
    path = greenprint.folder / "t.gpn"
    size = 104 + 12 * nonces + 16 + 32
    assert said["table"] == "t.gpn"
    assert (said["nonces"], said["bytes"]) == (str(nonces), str(size))
    assert path.stat().st_size == size
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = json.loads(greenprint("inspect", "--json", "t.gpn").stdout)
    assert (found["file"], found["nonces"], found["tenant"]) == ("table", nonces, None)
    assert found["key_id"] == said["key"]
    shown = greenprint("inspect", "t.gpn").stdout
    assert f"nonces      {nonces}\n" in shown and said["key"] in shown
    # No report changes, whichever ids and tenants there are.
    (greenprint.folder / "a.tokens").write_text(" ".join(map(str, range(250, 400))) + "\n")
    for command, options in (
        ("verify", ["--json", "--per-document"]),
        ("verify", ["--json", "--tenants", "1-3"]),
        ("audit", ["--json", "--controls", "10"]),
        ("trace", ["--json", "--tenants", "1-3"]),
    ):
        start = (command, "-k", f"{key}.key", *options)
        without = greenprint(*start, "a.tokens")
        quick = greenprint(*start, "--table", "t.gpn", "a.tokens")
        assert without.returncode in (0, 1), without.stderr
        assert (quick.returncode, quick.stdout, quick.stderr) == (
            without.returncode,
            without.stdout,
            without.stderr,
        )


def test_tenant_threads_and_quiet(greenprint, keys):
    tenant = str(2**64 - 1)
    said = precompute(greenprint, "--vocabulary", "20", "--tenant", tenant, "-j", "3")
    assert said["tenant"] == tenant
    assert f"tenant      {tenant}\n" in greenprint("inspect", "t.gpn").stdout
    assert json.loads(greenprint("inspect", "--json", "t.gpn").stdout)["tenant"] == tenant
    quiet = greenprint("precompute", "-k", "p.key", "--vocabulary", "2", "-q", "-o", "q.gpn")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def test_sealed_key(greenprint, sealed):
    """A table asks for no passphrase of its own."""
    made = greenprint("keygen", "-o", "p.key", "--provable", "--profile", "distill",
                      "--passphrase-file", "pass", "--cost", "interactive")  # fmt: skip
    assert made.returncode == 0, made.stderr
    precompute(greenprint, "--vocabulary", "20", "--passphrase-file", "pass")
    (greenprint.folder / "a.tokens").write_text("1 2 3\n")
    result = greenprint("verify", "-k", "p.key", "--passphrase-file", "pass", "--table", "t.gpn",
                        "a.tokens")  # fmt: skip
    assert (result.returncode, result.stderr) == (1, "")


@pytest.mark.parametrize("command", ["verify", "audit", "trace --tenants 1-2"])
def test_tables_that_are_refused(greenprint, keys, command):
    precompute(greenprint, "--vocabulary", "20")
    (greenprint.folder / "a.tokens").write_text("1 2 3\n")
    data = (greenprint.folder / "t.gpn").read_bytes()
    start = f"greenprint {command.split()[0]}: "

    def refused(key, table="t.gpn"):
        return greenprint.fails(*command.split(), "-k", key, "--table", table, "a.tokens")

    assert refused("min.key").startswith(start + "t.gpn: is a table of key ")
    assert refused("plain.key") == (
        start + "a key of greenprint-1 needs no table of nonces: it is as fast without one"
    )
    assert refused("p.key", "none") == (
        start + "none: cannot open the table: No such file or directory"
    )
    assert refused("p.key", "p.pub") == start + "p.pub: not a Greenprint table of nonces"
    (greenprint.folder / "t.gpn").write_bytes(data[:-1])
    assert refused("p.key") == start + "t.gpn: the table is cut off"
    (greenprint.folder / "t.gpn").write_bytes(data[:150] + bytes([data[150] ^ 1]) + data[151:])
    assert refused("p.key") == (
        start + "t.gpn: the checksum does not match: the table is damaged; make it again"
    )


def test_pipes_are_not_waited_for(greenprint, keys):
    os.mkfifo(greenprint.folder / "pipe")
    (greenprint.folder / "a.tokens").write_text("1 2 3\n")
    message = greenprint.fails("verify", "-k", "p.key", "--table", "pipe", "a.tokens")
    assert message == "greenprint verify: pipe: a table has to be a regular file"


def test_a_table_is_of_one_key(greenprint, keys):
    precompute(greenprint, "--vocabulary", "20")
    (greenprint.folder / "a.tokens").write_text("1 2 3\n")
    assert greenprint.fails(
        "verify", "-k", "p.key", "-k", "plain.key", "--table", "t.gpn", "a.tokens"
    ) == ("greenprint verify: --table is of one key, and several are named")
    assert "t.gpn" in greenprint.fails(
        "verify", "-k", "p.key", "--table", "t.gpn", "--html", "t.gpn", "a.tokens"
    )


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("--vocabulary 5 -o t.gpn", "name the key file with -k KEYFILE"),
        ("-k p.key -o t.gpn", "say how many token ids there are with --vocabulary N"),
        ("-k p.key --vocabulary 5", "name the table to write with -o TABLE"),
        (
            "-k p.key --vocabulary 0 -o t.gpn",
            "--vocabulary 0 is not a whole number from 1 to 16777216",
        ),
        (
            "-k p.key --vocabulary 16777217 -o t.gpn",
            "--vocabulary 16777217 is not a whole number from 1 to 16777216",
        ),
        (
            "-k p.key --vocabulary 5 -o t.gpn x",
            "unexpected operand x: the table is named with -o",
        ),
        (
            "-k plain.key --vocabulary 5 -o t.gpn",
            "a key of greenprint-1 needs no table of nonces: it is as fast without one",
        ),
        (
            "-k wide.key --vocabulary 5 -o t.gpn",
            "there are tables for contexts of one id, and those of this key have 2: use a "
            "context width of 1, or the seeding scheme 'min'",
        ),
        (
            "-k p.key --vocabulary 5 -o none/t.gpn",
            "none/t.gpn: cannot create the table: No such file or directory",
        ),
        (
            "-k p.key --vocabulary 5 -o p.key",
            "p.key: exists already; a table is never overwritten: choose another name",
        ),
    ],
)
def test_refusals(greenprint, keys, arguments, message):
    before = sorted(os.listdir(greenprint.folder))
    assert greenprint.fails("precompute", *arguments.split()) == (
        "greenprint precompute: " + message
    )
    assert sorted(os.listdir(greenprint.folder)) == before
