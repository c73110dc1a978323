#!/bin/sh
# A timestamping authority for trying things out (docs/evidence.md). A real one is somebody else.
#
#   scripts/tsa.sh REQUEST.tsq ANSWER.tsr CA.pem
#
# Makes an authority the first time, in the folder of CA.pem, and answers the request [RFC 3161].
set -eu

[ $# -eq 3 ] || { echo 'usage: scripts/tsa.sh REQUEST.tsq ANSWER.tsr CA.pem' >&2; exit 2; }
request=$1
answer=$2
ca=$3
folder=$(dirname "$ca")/tsa

config() {
  cat <<END
oid_section = oids
[oids]
policy = 1.3.6.1.4.1.99999.1
[req]
distinguished_name = name
prompt = no
[name]
CN = A timestamping authority for trying things out
[tsa]
default_tsa = authority
[authority]
serial = $folder/serial
signer_digest = sha256
default_policy = policy
digests = sha256, sha384, sha512
accuracy = secs:1
[usage]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
END
}

if [ ! -e "$ca" ]; then
  umask 077
  mkdir -p "$folder"
  config >"$folder/openssl.cnf"
  echo 01 >"$folder/serial"
  openssl req -x509 -newkey ed25519 -nodes -days 30 -config "$folder/openssl.cnf" \
    -subj '/CN=A root for trying things out' -addext basicConstraints=critical,CA:TRUE \
    -keyout "$folder/root.key" -out "$folder/root.pem" 2>/dev/null
  openssl req -newkey rsa:2048 -nodes -config "$folder/openssl.cnf" \
    -keyout "$folder/tsa.key" -out "$folder/tsa.csr" 2>/dev/null
  openssl x509 -req -in "$folder/tsa.csr" -CA "$folder/root.pem" -CAkey "$folder/root.key" \
    -CAcreateserial -days 30 -extfile "$folder/openssl.cnf" -extensions usage \
    -out "$folder/tsa.pem" 2>/dev/null
  cp "$folder/root.pem" "$ca"
fi
if ! openssl ts -reply -config "$folder/openssl.cnf" -queryfile "$request" -out "$answer" \
  -signer "$folder/tsa.pem" -inkey "$folder/tsa.key" -chain "$folder/root.pem" 2>"$folder/log"; then
  cat "$folder/log" >&2
  exit 1
fi
