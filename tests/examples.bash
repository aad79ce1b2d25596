# examples.bash: the shell lines of the manual and of README, and an environment
# in which they work: hosts to connect to, a CA that answers requests, files
# from a CA.  Load it after helper.bash.
#
# In the manual .Dl lines and .Bd -literal blocks are shell commands; other
# text, such as the configuration of a server, is .Bd -unfilled.  In README
# lines after one tab are shell commands, other text follows four blanks.

load pki

# blocks FILE DIR: writes the blocks of FILE to DIR/001 and so on, each with a
# comment that names its section.
blocks() {
	mkdir -p "$2"
	case $1 in
	*.[1-9]) awk -v dir="$2" -v file="${1##*/}" '
		function begin() {
			out = sprintf("%s/%03d", dir, ++n)
			printf "# %s: %s\n", file, title >out
		}
		function plain(s) {
			gsub(/\\e/, "\\", s)
			gsub(/\\&/, "", s)
			gsub(/\\-/, "-", s)
			return s
		}
		/^\.S[hs] / { title = substr($0, 5) }
		/^\.Ed/ { inside = 0 }
		inside { print plain($0) >out }
		/^\.Bd -literal/ { inside = 1; begin() }
		/^\.Dl / { begin(); print plain(substr($0, 5)) >out }
		' "$1" ;;
	*) awk -v dir="$2" -v file="${1##*/}" '
		/^\t/ {
			if (!inside) {
				out = sprintf("%s/%03d", dir, ++n)
				printf "# %s: %s\n", file, title >out
			}
			inside = 1
			was = $0
			print substr($0, 2) >out
			next
		}
		{ inside = 0 }
		/^[0-9]+\. / { title = $0 }
		/^$/ && was == "" { title = "" }
		{ was = $0 }
		' "$1" ;;
	esac
}

# network N: the lines of a recipe in certstore(7) that need a CA, which are -unfilled.
network() {
	awk -v n="$1." '
	/^\.S[hs] / { wanted = $2 == n }
	/^\.Ed/ { inside = 0 }
	inside { gsub(/\\e/, "\\"); print }
	wanted && /^\.Bd -unfilled/ { inside = 1 }' "$ROOT/man/certstore.7"
}

# stub NAME: makes a command of the environment from stdin.
stub() {
	cat >"$BATS_TEST_TMPDIR/stubs/$1"
	chmod 755 "$BATS_TEST_TMPDIR/stubs/$1"
}

# sell CSR OUT: issues the certificate for a request, with the intermediate.
sell() {
	pki answer "$2" "$1" copy "ca=$seller/int.crt" \
	    "key=$seller/int.key" days=90 "${selling[@]}" || return 1
	cat "$seller/int.crt" >>"$2"
}
selling=("basicConstraints=critical,CA:false" "keyUsage=critical,digitalSignature"
    extendedKeyUsage=serverAuth subjectKeyIdentifier=hash
    authorityKeyIdentifier=keyid)

# buy NAME SAN: makes NAME.crt and NAME.key, as a public CA delivers them.
buy() {
	pki cert "$1.crt" "$1.key" "/CN=$1" ca=int.crt key=int.key days=90 \
	    "subjectAltName=$2" "${selling[@]}"
}

# Makes a public CA, a root and an intermediate that issues, in $seller, and
# certificates from it, in $seller/goods.
seller() {
	pki cert root.crt root.key '/O=Seller/CN=Seller Root' days=3650 \
	    subjectKeyIdentifier=hash authorityKeyIdentifier=keyid:always \
	    basicConstraints=critical,CA:true \
	    keyUsage=critical,keyCertSign,cRLSign -- \
	    cert int.crt int.key '/O=Seller/CN=Seller Intermediate' \
	    ca=root.crt key=root.key days=3000 \
	    basicConstraints=critical,CA:true,pathlen:0 \
	    keyUsage=critical,keyCertSign,cRLSign \
	    subjectKeyIdentifier=hash authorityKeyIdentifier=keyid
	buy www.example.com DNS:www.example.com,DNS:example.com
	buy star.example.com 'DNS:*.example.com,DNS:example.com'
	buy mail.example.com DNS:mail.example.com
	(umask 077; echo 'a passphrase' >mail.pass)
	openssl pkcs12 -export -in mail.example.com.crt \
	    -inkey mail.example.com.key -certfile int.crt \
	    -passout file:mail.pass -out mail.example.com.p12
	pki cert router.csr router.key /O=Old/CN=router1.example.com csr \
	    subjectAltName=DNS:router1.example.com
	pki cert shaken.crt shaken.key '/CN=SHAKEN 818H' ca=int.crt \
	    key=int.key days=90 keyUsage=critical,digitalSignature \
	    1.3.6.1.5.5.7.1.26=DER:3008a006160438313848 \
	    subjectKeyIdentifier=hash authorityKeyIdentifier=keyid
	mkdir goods
	cat shaken.crt int.crt shaken.key >goods/shaken.pem
	mv ./*.example.com.* mail.pass router.csr goods
	cd goods || return 1
	cp ../int.crt intermediate.crt
	cat star.example.com.crt intermediate.crt star.example.com.key \
	    >star.example.com.pem
	mkdir live
	cat www.example.com.crt intermediate.crt >live/fullchain.pem
	cp www.example.com.key live/privkey.pem
	cp "$DATA/vodia-localhost.pem" vodia-localhost.pem
}

world() {
	lib=$BATS_TEST_TMPDIR/lib
	mkdir -p "$lib" "$BATS_TEST_TMPDIR/stubs" "$BATS_TEST_TMPDIR/www/certs"
	export CERTSTORE=$lib/certstore
	export PATH="$BATS_TEST_TMPDIR/stubs:$PATH"
	stub hostname <<-'EOS'
		#!/bin/sh
		echo pbx.example.com
	EOS
	stub systemctl <<-EOS
		#!/bin/sh
		echo "\$*" >>"$BATS_TEST_TMPDIR/systemctl.log"
	EOS
	# pbx is this host, newpbx another with a /var/lib of its own.
	stub ssh <<-EOS
		#!/bin/sh
		host=\$1; shift
		command=\$*
		if [ "\$host" = newpbx ]; then
			mkdir -p "$BATS_TEST_TMPDIR/newpbx"
			CERTSTORE=$BATS_TEST_TMPDIR/newpbx/certstore
			command=\$(printf '%s\n' "\$command" |
			    sed 's|$lib|$BATS_TEST_TMPDIR/newpbx|g')
		fi
		exec sh -c "\$command"
	EOS
	shared seller seller
	seller=$shared
	cp -a "$seller/goods/." .
}

# What others do between two blocks: the CA answers requests.
meanwhile() {
	local csr

	for csr in *.csr; do
		if [ ! -s "$csr" ] || [ ! "$csr" -nt "${csr%.csr}.pem" ]; then
			continue
		fi
		sell "$csr" "${csr%.csr}.pem" || return 1
	done
}

# Serves the entry phones, or else the only server entry, on a free port.
serving() {
	local name

	name=$(cert-list -k server -o name phones) ||
	    name=$(cert-list -k server -o name | head -n 1)
	serve -cert "$CERTSTORE/certs/$name/fullchain.pem" \
	    -key "$CERTSTORE/certs/$name/privkey.pem"
}

# block FILE: runs it with sh -e, or without -e if it has a line "case $? in".
# The time fields of a crontab line are removed, and its command may have
# status 1.
block() {
	local flag=-e times='[0-9*/,-]+( +[0-9*/,-]+){4} +'

	if grep -q 'localhost:5061' "$1"; then
		serving || return 1
	fi
	if grep -q 'found\.key' "$1"; then
		cp "$CERTSTORE/certs/phones/privkey.pem" found.key
	fi
	sed -E -e "s!^$times(.*)!( \\2 ) || [ \$? -eq 1 ]!" \
	    -e "s|localhost:5061|127.0.0.1:${port:-0}|g" \
	    -e "s|/var/lib|$lib|g" \
	    -e "s|/usr/local/share/certstore|$ROOT/dist|g" \
	    -e "s|/var/www|$BATS_TEST_TMPDIR/www|g" "$1" >"$1.sh"
	# shellcheck disable=SC2016  # as it stands
	if grep -q '^case \$? in' "$1"; then
		flag=-u
	fi
	if ! sh "$flag" "$1.sh"; then
		sed 's/^/> /' "$1.sh" >&2
		return 1
	fi
	meanwhile
}
