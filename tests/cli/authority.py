"""A timestamping authority with its certificates, made by the openssl program on the spot."""

import datetime
import subprocess

# OIDs that no openssl.cnf of a distribution knows, so that ours alone decides.
POLICY = "1.3.6.1.4.1.55555.7.1"
OTHER_POLICY = "1.3.6.1.4.1.55555.7.2"

CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = replaced
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[middle]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[stamping]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[mailing]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,emailProtection
[any]
commonName = supplied
[ca]
default_ca = issuing
[issuing]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
default_days = 30
default_crl_days = 30
policy = any
unique_subject = no
[tsa]
default_tsa = stamps
[stamps]
serial = tsa.serial
signer_digest = sha256
default_policy = {policy}
other_policies = {other}
digests = sha256, sha512, sha1
accuracy = secs:1, millisecs:500
ess_cert_id_alg = sha256
"""


def moment(seconds: float) -> str:
    """Return a time so far from now as openssl ca takes it."""
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return now.strftime("%Y%m%d%H%M%SZ")


class Authority:
    """Root, middle and stamping certificates in a folder of their own."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "tsa.cnf").write_text(CONFIG.format(policy=POLICY, other=OTHER_POLICY))
        (folder / "index.txt").write_text("")
        self.root("root")
        self.issue("stamper", "stamping", "root")

    def run(self, *arguments, **options) -> subprocess.CompletedProcess:
        """Run openssl in the folder."""
        return subprocess.run(
            ["openssl", *arguments],
            cwd=self.folder,
            capture_output=True,
            check=True,
            timeout=60,
            **options,
        )

    def path(self, name) -> str:
        return str(self.folder / name)

    def key(self, name, *options) -> None:
        options = options or ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        self.run("genpkey", *options, "-out", f"{name}.key")

    def root(self, name, days=30) -> None:
        """NAME.pem and NAME.key: a certificate that signs itself."""
        self.key(name)
        self.run(
            *(
                "req",
                "-config",
                "tsa.cnf",
                "-x509",
                "-new",
                "-key",
                f"{name}.key",
                "-days",
                str(days),
            ),
            *("-subj", f"/CN=Test {name}", "-extensions", "root", "-out", f"{name}.pem"),
        )

    def issue(self, name, kind, issuer, *, begins=-3600, ends=86400, key=(), md="sha256") -> None:
        """NAME.pem and NAME.key: a certificate by an issuer, from one time to another."""
        self.key(name, *key)
        self.run(
            *("req", "-config", "tsa.cnf", "-new", "-key", f"{name}.key"),
            *("-subj", f"/CN=Test {name}", "-out", f"{name}.csr"),
        )
        self.run(
            *("ca", "-config", "tsa.cnf", "-batch", "-notext", "-md", md),
            *("-cert", f"{issuer}.pem", "-keyfile", f"{issuer}.key", "-extensions", kind),
            *("-startdate", moment(begins), "-enddate", moment(ends)),
            *("-in", f"{name}.csr", "-out", f"{name}.pem"),
        )

    def revoke(self, name, issuer) -> None:
        self.run(
            *("ca", "-config", "tsa.cnf", "-cert", f"{issuer}.pem"),
            *("-keyfile", f"{issuer}.key", "-revoke", f"{name}.pem"),
        )

    def revocations(self, issuer, out) -> None:
        self.run(
            *("ca", "-config", "tsa.cnf", "-cert", f"{issuer}.pem"),
            *("-keyfile", f"{issuer}.key", "-gencrl", "-out", out),
        )

    def reply(self, query, response, *options, signer="stamper") -> None:
        """Answer a request, as an authority does."""
        self.run(
            *("ts", "-reply", "-config", "tsa.cnf", "-queryfile", str(query)),
            *("-signer", f"{signer}.pem", "-inkey", f"{signer}.key", "-out", str(response)),
            *options,
        )

    def forge(self, content, response, *, signer="stamper", md="sha256") -> None:
        """Sign the content of a stamp as it is, which openssl ts would not."""
        (self.folder / "content").write_bytes(content)
        self.run(
            *("cms", "-sign", "-binary", "-nodetach", "-nosmimecap", "-cades", "-md", md),
            *("-econtent_type", "1.2.840.113549.1.9.16.1.4", "-in", "content"),
            *("-signer", f"{signer}.pem", "-inkey", f"{signer}.key"),
            *("-outform", "DER", "-out", "token"),
        )
        token = (self.folder / "token").read_bytes()
        response.write_bytes(der(0x30, der(0x30, der(0x02, b"\0")) + token))

    def content(self, response) -> bytes:
        """Return the TSTInfo of a response."""
        self.run("ts", "-reply", "-in", str(response), "-token_out", "-out", "token")
        self.run(
            *("cms", "-verify", "-noverify", "-inform", "DER", "-in", "token", "-binary"),
            *("-out", "content.out"),
        )
        return (self.folder / "content.out").read_bytes()


def der(tag: int, content: bytes) -> bytes:
    """Return an element of DER."""
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def elements(content: bytes) -> list[tuple[int, bytes]]:
    """Return the elements that follow each other, each with its tag."""
    found = []
    while content:
        tag, size, at = content[0], content[1], 2
        if size >= 128:
            at = 2 + size - 128
            size = int.from_bytes(content[2:at], "big")
        found.append((tag, content[at : at + size]))
        content = content[at + size :]
    return found
