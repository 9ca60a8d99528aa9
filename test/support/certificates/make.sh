#!/bin/sh
# Makes every certificate of this folder anew, with OpenSSL 3: sh make.sh <folder>
set -eu
out=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat > ca.cnf <<'CNF'
[ca]
default_ca = authority
[authority]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = name
unique_subject = no
[name]
commonName = supplied
[req]
distinguished_name = subject
[subject]
CNF
: > index.txt
echo 1000 > serial

begin=20200101000000Z
end=21200101000000Z

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }
request() { openssl req -new -key "$1.key" -subj "/CN=$2" -config ca.cnf -out request.csr; }
sign() { openssl ca -batch -notext -config ca.cnf -in request.csr -extfile extensions "$@" 2> signed; }

# authority <file> <name>
authority() {
  key "$1"
  request "$1" "$2"
  printf 'basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n' > extensions
  sign -selfsign -keyfile "$1.key" -startdate $begin -enddate $end -out "$1.pem"
}

# leaf <file> <common name> <alternative names> <usage> <issuer> <issuer's key> <from> <to>
leaf() {
  request leaf "$2"
  printf 'basicConstraints=critical,CA:false\nextendedKeyUsage=%s\nsubjectAltName=%s\n' "$4" "$3" > extensions
  if [ "$5" = self ]; then issuer=-selfsign; else issuer="-cert $5.pem"; fi
  sign $issuer -keyfile "$6.key" -startdate "$7" -enddate "$8" -out "$1.pem"
}

authority ca "Fluxhook test authority"
authority strange-ca "Strange test authority"
key leaf
name=receiver.test
leaf receiver $name "DNS:$name,DNS:*.$name" serverAuth ca ca $begin $end
leaf other other.test DNS:other.test serverAuth ca ca $begin $end
leaf localhost localhost DNS:localhost,IP:127.0.0.1 serverAuth ca ca $begin $end
leaf expired $name DNS:$name serverAuth ca ca $begin 20210101000000Z
leaf not-yet-valid $name DNS:$name serverAuth ca ca 21100101000000Z $end
leaf self-signed $name DNS:$name serverAuth self leaf $begin $end
leaf strange $name DNS:$name serverAuth strange-ca strange-ca $begin $end
leaf client-only $name DNS:$name clientAuth ca ca $begin $end
leaf by-leaf by-leaf.test DNS:$name serverAuth receiver leaf $begin $end
cat receiver.pem >> by-leaf.pem

cp ca.pem receiver.pem other.pem localhost.pem expired.pem not-yet-valid.pem self-signed.pem \
  strange.pem client-only.pem by-leaf.pem leaf.key "$out"
chmod 644 "$out/leaf.key"
