#!/usr/bin/env bats
# create.bats: cert-create end to end: openssl verifies the certificates
# strictly, and refused input must leave no files behind.

# shellcheck disable=SC2154  # stderr is run's

load helper
load pki

# cert NAME: the path of its served chain.
cert() {
	printf '%s\n' "$CERTSTORE/certs/$1/fullchain.pem"
}

# subject NAME: RFC 4514, UTF-8 as it is.
subject() {
	openssl x509 -noout -subject -nameopt RFC2253,-esc_msb \
	    -in "$(cert "$1")" | sed 's/^subject=//'
}

# ext NAME EXTENSION: openssl's text of one extension.
ext() {
	openssl x509 -noout -ext "$2" -in "$(cert "$1")"
}

# days NAME: of life, from now.
days() {
	local end

	end=$(openssl x509 -noout -enddate -in "$(cert "$1")")
	echo $((($(date -d "${end#*=}" +%s) - $(date +%s) + 43200) / 86400))
}

# strictly NAME [PURPOSE]: as a client does it, that trusts the root alone.
strictly() {
	local root=$CERTSTORE/certs/$1/ca.pem

	[ -e "$root" ] || root=$(cert "$1")
	openssl verify -x509_strict -check_ss_sig -no-CApath -no-CAstore \
	    -CAfile "$root" -untrusted "$(cert "$1")" \
	    -purpose "${2:-sslserver}" "$(cert "$1")"
}

# pair NAME: key and certificate belong together, and are in combined.pem.
pair() {
	pki entry "$CERTSTORE/certs/$1"
}

# state: all of the store, to see that nothing was touched.
state() {
	[ ! -e "$CERTSTORE" ] ||
	    find "$CERTSTORE" -printf '%P %l %s %m %T@ %i\n' | LC_ALL=C sort
}

# refused TEXT ARG...: status 2, one line that says so, nothing changed.
refused() {
	local text=$1 before

	shift
	before=$(state)
	run -2 --separate-stderr cert-create "$@"
	[ -z "$output" ] || fail "stdout: $output"
	[ "${#stderr_lines[@]}" -eq 1 ] || fail "stderr: $stderr"
	[[ $stderr == "cert-create: "*"$text"* ]] || fail "stderr: $stderr"
	[ "$(state)" = "$before" ] || fail "something was changed: $*"
	[ -z "$(litter "$CERTSTORE")" ]
}

@test "self-signed: key, certificate, modes, no output" {
	run -0 --separate-stderr cert-create www.example.com
	[ -z "$output" ]
	[ -z "$stderr" ]
	strictly www.example.com
	pair www.example.com
	[ "$(mode "$CERTSTORE/certs/www.example.com/privkey.pem")" = 600 ]
	[ "$(mode "$CERTSTORE/certs/www.example.com/combined.pem")" = 600 ]
	[ "$(mode "$(cert www.example.com)")" = 644 ]
	cmp "$(cert www.example.com)" "$CERTSTORE/certs/www.example.com/ca.pem"
	[ "$(subject www.example.com)" = CN=www.example.com ]
	[ "$(days www.example.com)" = 397 ]
	[ "$(cert-show -o origin www.example.com)" = create ]
	proven www.example.com www.example.com
}

@test "every key type, for a CA and a certificate it issued" {
	local type name

	cert-create -c ca
	for type in p256 p384 ed25519 rsa:2048 rsa:3072 rsa:4096; do
		name=${type#*:}
		cert-create -A ca -t "$type" -s a.example "on-$name"
		[ "$(cert-show -o key "on-$name")" = "$type" ]
		strictly "on-$name"
		pair "on-$name"
		# large keys take long to make: once is enough
		case $type in
		rsa:[34]*) cert-create -c \
		    -K "$CERTSTORE/certs/on-$name/privkey.pem" "ca-$name" ;;
		*) cert-create -c -t "$type" "ca-$name" ;;
		esac
		[ "$(cert-show -o key "ca-$name")" = "$type" ]
		cert-create -A "ca-$name" -s a.example "below-$name"
		strictly "below-$name"
	done
	refused 'not a key type' -t rsa:1024 -s a.example x
	refused 'not a key type' -t '' -s a.example x
}

@test "CA, intermediate, server, all with the same subject" {
	cert-create -c -S CN=Same -S 'O=Same, Inc' top
	cert-create -c -A top -C pathlen=0 -S CN=Same -S 'O=Same, Inc' mid
	cert-create -A mid -S CN=Same -S 'O=Same, Inc' -s a.example leaf
	strictly leaf
	strictly mid any
	[ "$(grep -c BEGIN "$(cert leaf)")" = 2 ]
	[ "$(grep -c BEGIN "$CERTSTORE/certs/leaf/ca.pem")" = 2 ]
	[ "$(days top)" = 3650 ]
	refused 'path length 0' -c -A mid x
	proven leaf a.example "$(cert top)"
}

@test "SANs of all types, by form or by prefix" {
	cert-create -s a.example -s '*.a.example' -s 192.0.2.1 -s '[2001:db8::1]' \
	    -s u@a.example -s sip:u@a.example -s münchen.de -s dns:c.example \
	    -s ip:::1 -s uri:urn:x -s email:v@a.example -s A.EXAMPLE. x
	run -0 ext x subjectAltName
	[[ $output == *'DNS:a.example, DNS:*.a.example, IP Address:192.0.2.1,'* ]]
	[[ $output == *'IP Address:2001:DB8:0:0:0:0:0:1, email:u@a.example'* ]]
	[[ $output == *'URI:sip:u@a.example, DNS:xn--mnchen-3ya.de'* ]]
	[[ $output == *'DNS:c.example, IP Address:0:0:0:0:0:0:0:1'* ]]
	[[ $output == *'URI:urn:x, email:v@a.example' ]]
	strictly x
	for bad in 'a b' a..b .a -a.example 'a*.example' '*' 1.2.3 1.2.3.4.5 \
	    a_b.example a.example:443 '' @a.example dns:192.0.2.1 ip:a.example; do
		refused '-s ' -s "$bad" y
	done
}

@test "an entry name with a dot or localhost is the host, others need -s" {
	cert-create localhost
	cert-create 192.0.2.7
	[[ "$(ext localhost subjectAltName)" == *DNS:localhost ]]
	[[ "$(ext 192.0.2.7 subjectAltName)" == *'IP Address:192.0.2.7' ]]
	refused 'use -s with its host' phones
	refused 'use -s with its host' -P peer phones
	cert-create -c phones.CA
	[[ "$(ext phones.CA subjectAltName 2>&1)" != *DNS* ]]
	[ "$(subject phones.CA)" = CN=phones.CA ]
}

@test "a server certificate or request needs a host" {
	local hint bad r

	for r in '' -R; do
		while read -r bad hint; do
			refused "without a host: \"$bad\" is none: add -s $hint" \
			    ${r:+"$r"} -s "$bad" x
		done <<-'EOS'
			root@example.com example.com, or use -P mail
			sip:voip.example.com voip.example.com
			sips:u@192.0.2.1:5061 192.0.2.1
			spiffe://www.example.com/x www.example.com
		EOS
		refused 'use -s with its host' ${r:+"$r"} \
		    -s urn:x x
		refused 'use -s with its host' ${r:+"$r"} \
		    -S CN=www.example.com x
	done
	refused 'without a host' -P peer -s root@example.com x
	# The hint is all that was missing.
	cert-create -s root@example.com -s example.com x
	cert-create -P mail -s root@example.com mail
}

@test "the common name of a request is its first host, not an address" {
	cn() {
		openssl req -noout -subject -nameopt RFC2253 | sed 's/^subject=//'
	}

	cert-create -R -s 192.0.2.10 -s 2001:db8::1 -s www.example.com \
	    -s b.example a >csr
	[ "$(cn <csr)" = CN=www.example.com ]
	cert-create -R -s 192.0.2.10 -S O=Example b >csr
	[ "$(cn <csr)" = O=Example ]
	cert-create -R -s 2001:db8::1 c >csr
	[ -z "$(cn <csr)" ]
	openssl req -noout -text -in csr |
	    grep -F 'Subject Alternative Name: critical'
	cert-create -R -s 192.0.2.1 -s '*.example.com' d >csr
	[ "$(cn <csr)" = 'CN=*.example.com' ]
	cert-create -s 192.0.2.10 -s www.example.com e
	[ "$(subject e)" = CN=www.example.com ]
	cert-create -s 192.0.2.10 f
	[ "$(subject f)" = CN=192.0.2.10 ]
}

@test "a common name that is not a SAN is warned of; very many SANs match" {
	run -0 --separate-stderr cert-create -S CN=b.example -s a.example x
	[[ $stderr == 'cert-create: x: the common name "b.example" is no subject'*': add -s b.example' ]]
	run -0 --separate-stderr cert-create -R -S CN=192.0.2.1 -s a.example r
	[[ $stderr == *'r: the common name "192.0.2.1" is an address'* ]]
	run -0 --separate-stderr cert-create -S CN=A.example -s a.example y
	[ -z "$stderr" ]
	run -0 --separate-stderr cert-create -S 'CN=Our phones' -s a.example z
	[ -z "$stderr" ]
	# shellcheck disable=SC2046  # many words
	run -0 --separate-stderr cert-create \
	    $(seq -f '-s h%g.example' 1001) many
	[ -z "$stderr" ]
	run -0 cert-match -o name h1001.example
	[ "$output" = many ]
}

@test "the subject has only what was asked for" {
	local long=a23456789.b23456789.c23456789.d23456789.e23456789.f23456789

	cert-create -S O='Vodia Networks, Inc' -S OU=a=b -S C=fr -S L= \
	    -S ST=Île -S street=1 -S postalCode=2 -S serialNumber=3 \
	    -S emailAddress=a@b.example -S DC=x -S UID=y -S GN=g -S SN=s \
	    -S title=t -S organizationIdentifier=z -s a.example x
	[[ "$(subject x)" == 'CN=a.example,organizationIdentifier=z,title=t,'* ]]
	[[ "$(subject x)" == *',ST=Île,C=FR,OU=a=b,O=Vodia Networks\, Inc' ]]
	[[ "$(subject x)" != *L=* ]]
	cert-create -S CN= -s a.example y
	[ -z "$(subject y)" ]
	[[ "$(ext y subjectAltName)" == *critical* ]]
	[[ "$(ext x subjectAltName)" != *critical* ]]
	cert-create -s "$long.example.com" z
	[ -z "$(subject z)" ]
	strictly x
	strictly y
	refused '"XX": unknown subject attribute' -S XX=a -s a.example b
	refused '"": unknown subject attribute' -S =a -s a.example b
	refused 'not a subject attribute' -S CN -s a.example b
	refused "use -S CN=foo -S 'O=An Example'" -S 'CN=foo,O=An Example' \
	    -s a.example b
	refused 'two letters' -S C=FRA -s a.example b
	refused 'UTF-8' -S $'O=\xff' -s a.example b
	refused 'control character' -S $'O=a\nb' -s a.example b
	refused 'X.520 allows 64' -S "CN=$(printf 'a%.0s' $(seq 65))" \
	    -s a.example b
	refused 'a CA without a subject' -c -S CN= b
	refused 'neither a subject nor a name' -P client b
}

@test "profiles" {
	cert-create -c ca
	cert-create -A ca -P client -S CN=Alice client
	cert-create -A ca -P peer -s a.example peer
	cert-create -A ca -P mail -s a@b.example -t rsa:2048 mail
	strictly client sslclient
	run ! strictly client sslserver
	strictly peer sslclient
	strictly peer sslserver
	strictly mail smimesign
	strictly mail smimeencrypt
	[ "$(cert-list -k mail -o name)" = mail ]
	refused 'unknown profile' -P x -s a.example x
	refused 'a profile is not for a CA' -c -P server x
}

@test "validity: durations, dates, after 2049, cut to the CA's" {
	cert-create -l 90d -s a.example d90
	[ "$(days d90)" = 90 ]
	cert-create -l 2060-01-31 -s a.example y2060
	[[ "$(openssl x509 -noout -enddate -in "$(cert y2060)")" == \
	    *'Jan 31 23:59:59 2060 GMT' ]]
	openssl asn1parse -in "$(cert y2060)" |
	    grep 'GENERALIZEDTIME *:20600131235959Z'
	strictly y2060
	cert-create -c -l 30d short
	run -0 --separate-stderr cert-create -A short -s a.example cut
	[[ $stderr == "cert-create: cut: expires "*", with its CA short, not "* ]]
	[ "$(cert-show -o ends cut)" = "$(cert-show -o ends short)" ]
	strictly cut
	refused 'past' -l 2001-01-01 -s a.example x
	refused 'a part' -l 1/3 -s a.example x
	refused 'without a unit' -l 90 -s a.example x
	refused 'life: is zero' -l 0 -s a.example x
	refused 'year 9999' -l 9000y -s a.example x
}

@test "constraints of a CA apply to the certificates it issues" {
	cert-create -c -C permit=example.com -C permit=10.0.0.0/8 \
	    -C permit=email:example.com -C exclude=bad.example.com ca
	run -0 ext ca nameConstraints
	[[ $output == *critical* ]]
	[[ $output == *'DNS:example.com'*'IP:10.0.0.0/255.0.0.0'* ]]
	cert-create -A ca -s a.example.com -s 10.1.2.3 in
	strictly in
	refused 'a.example.org is outside the name constraints of ca' \
	    -A ca -s a.example.com -s a.example.org x
	refused 'a.bad.example.com is outside' -A ca -s a.bad.example.com x
	# a wildcard stands for names that are excluded, too
	refused '*.example.com is outside' -A ca -s '*.example.com' x
	cert-create -A ca -s '*.a.example.com' wildcard
	refused '192.0.2.1 is outside' -A ca -s 192.0.2.1 x
	refused 'the subject is outside' -A ca -S CN=10.1.2.3 -s 10.1.2.3 x
	# An address as CN would count as a host name: it is left out.
	cert-create -A ca -s 10.1.2.3 address
	strictly address
	[ -z "$(subject address)" ]
	refused 'u@example.org is outside' -A ca -P mail -s u@example.org x
	cert-create -c -A ca mid
	refused 'a.example.org is outside the name constraints of a CA in the chain of mid' \
	    -A mid -s a.example.org x
	# All CAs above count: here a chain that goes on where it may not.
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc \
	    -keyout root.key -subj /CN=short -out root.pem -days 999 \
	    -addext basicConstraints=critical,CA:TRUE,pathlen:0 2>said
	openssl req -x509 -CA root.pem -CAkey root.key -newkey ec \
	    -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout sub.key \
	    -subj /CN=long -out sub.pem -days 900 \
	    -addext keyUsage=critical,keyCertSign 2>said
	cat sub.key sub.pem root.pem | cert-import -q -N sub -
	refused 'the path length 0 of an issuer in its chain is exceeded' -A sub -s a.example x
	# Constraints that who verifies refuses are no basis to sign upon.
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc \
	    -keyout loose.key -subj /CN=loose -out loose.pem -days 999 \
	    -addext 'nameConstraints=permitted;DNS:example.com' \
	    -addext keyUsage=critical,keyCertSign 2>said
	cat loose.key loose.pem | cert-import -q -N loose -
	refused 'malformed or not critical' -A loose -s a.example.com x
	refused 'constraints are for a CA' -C pathlen=0 -s a.example x
	refused 'unknown constraint' -c -C foo=1 x
	refused 'from 0 to 99' -c -C pathlen=-1 x
	refused 'after the prefix' -c -C permit=10.0.0.1/8 x
}

@test "CAs and entries that cannot sign" {
	cert-create -c ca
	cert-create -A ca -s a.example leaf
	refused 'leaf: is not a CA' -A leaf -s a.example x
	refused 'none: there is no such entry' -A none -s a.example x
	refused "cannot be its own CA" -A x -s a.example x
	openssl x509 -in "$(cert ca)" >ca.pem
	CERTSTORE=$PWD/other cert-import -q -N keyless ca.pem
	CERTSTORE=$PWD/other refused 'keyless: its private key is not' \
	    -A keyless -s a.example x
	cert-create -c ca2
	cp "$CERTSTORE/certs/ca/privkey.pem" "$CERTSTORE/certs/ca2/"
	refused 'ca2: the private key does not match the certificate' \
	    -A ca2 -s a.example x
}

@test "a CA with an encrypted key" {
	printf 'secret\n' >pass
	printf 'wrong\n' >wrong
	chmod 600 pass wrong
	cert-create -c -E pass ca
	head -n 1 "$CERTSTORE/certs/ca/privkey.pem" |
	    grep -F 'BEGIN ENCRYPTED PRIVATE KEY'
	run ! grep -F 'BEGIN PRIVATE KEY' -r "$CERTSTORE"
	cert-create -A ca -p pass -s a.example one
	cert-create -A ca -p - -s a.example two <pass
	cert-create -A ca -p fd:5 -s a.example three 5<pass
	strictly one
	refused 'ca: the passphrase does not open the key' \
	    -A ca -p wrong -s a.example x
	# No terminal, no -p: not asked, not hung.
	run -2 --separate-stderr setsid cert-create -A ca -s a.example x \
	    </dev/null
	[[ $stderr == *passphrase* ]]
	[ ! -e "$CERTSTORE/certs/x" ]
	refused 'only the key of a CA can be encrypted' -E pass -s a.example x
	: >empty
	refused 'empty' -c -E empty x
	# Where nothing is needed nobody is asked.
	setsid cert-create -u -A ca -s a.example one </dev/null
}

@test "an existing entry, with -f and -n" {
	cert-create a.example
	refused 'use -f to replace it' a.example
	before=$(state)
	cert-create -nf a.example
	cert-create -n b.example
	[ "$(state)" = "$before" ]
	old=$(cert-show -o spki a.example)
	cert-create -f a.example
	[ "$(cert-show -o spki a.example)" != "$old" ]
	pair a.example
	refused 'none: there is no such entry' -nA none -s a.example y
}

@test "-n does not make a store" {
	cert-create -n a.example
	[ ! -e "$CERTSTORE" ]
	refused 'use -s' phones
	[ ! -e "$CERTSTORE" ]
}

@test "-u and -x: changes only if needed" {
	run -0 cert-create -ux -s a.example -s b.example app
	before=$(state)
	run -1 --separate-stderr cert-create -ux -s b.example -s a.example app
	[ -z "$stderr" ]
	run -0 cert-create -u -s b.example -s a.example app
	[ "$(state)" = "$before" ]
	run -1 cert-create -ux -s a.example app
	run -0 --separate-stderr cert-create -unx -t p384 -s a.example app
	[ "$stderr" = 'cert-create: app: has another key: p256, not p384: replaced' ]
	[ "$(state)" = "$before" ]
	said=$stderr
	run -0 --separate-stderr cert-create -ux -t p384 -s a.example app
	[ "$stderr" = "$said" ]
	run -1 --separate-stderr cert-create -ux -s b.example app
	[ -z "$stderr" ]
	cert-create -c ca
	run -0 --separate-stderr cert-create -quxA ca -s a.example app
	[ -z "$stderr" ]
	run -1 cert-create -ux -A ca -s a.example app
	run -1 cert-create -ux -s b.example app
	[ "$(cert-show -o names,key,issuer app)" = \
	    $'a.example,b.example\tp384\tCN=ca' ]
	run -1 cert-create -ux -A ca -e 30d -s a.example app
	cert-create -fA ca -l 20d -s a.example app
	run -0 cert-create -ux -A ca -e 30d -s a.example app
	run -1 cert-create -ux -A ca -e 30d -s a.example app
	refused 'would also expire within the time of -e' -u -l 20d -e 30d \
	    -s a.example app
	for part in 1/1 100%; do
		refused 'would already be due' -u -e "$part" -s a.example app
	done
	refused 'only with -u' -e 30d -s a.example y
}

@test "-u: a CA with or without an encrypted key and constraints" {
	(umask 077 && printf 'secret\n' >pass)
	cert-create -c ca
	run -0 --separate-stderr cert-create -ucx -C permit=example.com ca
	[[ ${stderr_lines[0]} == *'ca: does not permit dns:example.com: replaced' ]]
	run -0 --separate-stderr cert-create -ucx -E pass ca
	[[ ${stderr_lines[0]} == *'ca: has a key that is not encrypted: replaced' ]]
	run -1 cert-create -ucx -E pass -C permit=example.com ca
	run -1 cert-create -ucx ca
	openssl x509 -in "$(cert ca)" -noout -text | grep -F DNS:example.com
	refused 'use -E to encrypt the new one' -uc -C pathlen=0 ca
	refused 'ca: is a CA: use -f to replace it' -u -s a.example.com ca
}

@test "-u after the CA was renewed" {
	run -0 cert-create -c ca
	run -0 cert-create -A ca -s a.example app
	run -0 cert-create -cf -K "$CERTSTORE/certs/ca/privkey.pem" ca
	run -1 cert-create -ux -A ca -s a.example app
	run -0 cert-create -cf ca
	run -0 cert-create -ux -A ca -s a.example app
	run -1 cert-create -ux -A ca -s a.example app
	run -0 cert-create -c other
	run -0 cert-create -ux -A other -s a.example app
}

@test "-u for an imported entry" {
	CERTSTORE=$PWD/other cert-create -s '*.example.com' x
	cert-import -q -N app other/certs/x/combined.pem
	before=$(state)
	run -1 cert-create -ux -s a.example.com app
	[ "$(state)" = "$before" ]
	refused 'was imported and does not cover' -u -s example.com app
	refused 'was imported and has another key' -u -t p384 \
	    -s a.example.com app
	run -0 cert-create -uxf -s example.com app
}

@test "requests" {
	run -0 --separate-stderr cert-create -R -S O=Example -s a.example \
	    -s 192.0.2.1 web
	[ -z "$stderr" ]
	printf '%s\n' "$output" >csr
	openssl req -in csr -noout -verify
	openssl req -in csr -noout -text >text
	grep -F 'DNS:a.example, IP Address:192.0.2.1' text
	grep -F 'O = Example' text
	cert-show -o csr web | cmp - csr
	[ "$(cert-list -k waiting -o name)" = web ]
	[ "$(mode "$CERTSTORE/certs/web/request.key")" = 600 ]
	refused 'a request already waits' -R -s a.example web
	run -1 cert-create -Rux -s 192.0.2.1 -s a.example web
	[ "$output" = "$(cat csr)" ]
	refused 'another request' -Ru -s b.example web
	cert-create -Rf -s a.example web >csr2
	run ! cmp csr csr2
	refused 'remove -l or -R' -R -l 90d -s a.example y
	refused 'remove -A or -R' -R -A web -s a.example y
	run -0 cert-create -Rn -s a.example y
	[ -z "$output" ]
	[ ! -e "$CERTSTORE/certs/y" ]
}

@test "a request that cannot be printed waits; the message has the command" {
	# shellcheck disable=SC2016  # for the inner shell
	run -2 --separate-stderr sh -c 'cert-create -R -s a.example web >/dev/full'
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == *'No space left on device: the request waits'*': use cert-show -o csr web to print it' ]]
	printing=${stderr##*: use }
	run -0 sh -c "${printing% to print it} >csr"
	run -2 --separate-stderr sh -c 'cert-create -R -s a.example web'
	[[ $stderr == *'web: a request already waits: use cert-show -o csr web to print'* ]]
	run -1 --separate-stderr sh -c 'cert-create -Rux -s a.example web'
	[ "$output" = "$(cat csr)" ]
	openssl req -in csr -noout -verify
	run -2 --separate-stderr sh -c 'cert-create -d other -R -s a.example \
	    web >&-'
	printing=${stderr##*: use }
	sh -c "${printing% to print it} >csr"
	[ -s csr ]
	# Nobody reads on.
	run -0 --separate-stderr bash -c 'cert-create -R -s b.example pipe |
	    sleep 0; echo "${PIPESTATUS[0]}"'
	[[ $output == [02] ]]
	[ "$(cert-list -k waiting -o name | wc -l)" -eq 2 ]
}

@test "a request for an entry that has a certificate" {
	cert-create a.example
	old=$(cert-show -o spki a.example)
	cert-create -R a.example >csr
	[ "$(cert-show -o spki a.example)" = "$old" ]
	pair a.example
	[ "$(openssl req -in csr -noout -pubkey)" = \
	    "$(openssl pkey -in "$CERTSTORE/certs/a.example/request.key" \
	    -pubout)" ]
	# A pair made meanwhile does not lose what waits.
	cert-create -f a.example
	cert-show -o csr a.example | cmp - csr
	proven a.example a.example
}

@test "-K uses an existing key" {
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 \
	    -out k 2>/dev/null
	cert-create -K k a.example
	[ "$(openssl pkey -in k -pubout)" = \
	    "$(openssl x509 -noout -pubkey -in "$(cert a.example)")" ]
	pair a.example
	strictly a.example
	cert-create -R -K k b.example >csr
	[ "$(openssl pkey -in k -pubout)" = \
	    "$(openssl req -in csr -noout -pubkey)" ]
	cert-create -K - c.example <k
	run -1 cert-create -ux -K k c.example
	openssl genrsa -out weak 1024 2>/dev/null
	run -0 --separate-stderr cert-create -K weak d.example
	[[ $stderr == "cert-create: d.example: the key is weak (rsa:1024)"* ]]
	openssl genpkey -algorithm X25519 -out x 2>/dev/null
	refused "cannot sign" -K x e.example
	refused 'no private key' -K "$(cert a.example)" e.example
	refused 'remove -t or -K' -t p256 -K k e.example
	openssl pkey -in k -aes256 -passout pass:secret -out locked
	printf 'secret\n' >pass
	refused 'passphrase' -K locked e.example
	cert-create -K locked -p pass e.example
	pair e.example
	cat k weak >two
	refused 'more than one private key' -K two f.example
}

@test "-K: explicit curve parameters become a named curve (RFC 5480)" {
	openssl ecparam -name prime256v1 -param_enc explicit -genkey -noout \
	    -out explicit.key
	cert-create -K explicit.key a.example
	strictly a.example
	openssl x509 -in "$(cert a.example)" -noout -text |
	    grep -F 'ASN1 OID: prime256v1'
	openssl pkey -in "$CERTSTORE/certs/a.example/privkey.pem" -noout \
	    -text | grep -F 'ASN1 OID: prime256v1'
}

@test "no passphrase is asked for if the entry cannot be made" {
	printf 'secret\n' >pass
	cert-create -c -E pass ca
	refused 'without a name' -A ca nameless
	refused 'there is no such entry' -A none -s a.example x
	cert-create -A ca -p pass a.example
	refused 'the entry exists' -A ca a.example
}

@test "-Rn checks, but prints no request: its key is not kept" {
	run -0 cert-create -R -n -s a.example shop
	[ -z "$output" ]
	[ ! -e "$CERTSTORE" ]
	refused 'without a name' -R -n shop
}

@test "a list: an entry for each line, all of them or none" {
	local i

	cert-create -c -l 90d ca
	printf 'a.example\nb\tb.example\t192.0.2.1\n\n  c.example  x.example\r\n' |
	    cert-create -A ca -s all.example -l 30d -
	[ "$(cert-list -k server -o name,names)" = \
	    "$(printf '%s\t%s\n' a.example all.example \
		b all.example,b.example,192.0.2.1 \
		c.example all.example,x.example)" ]
	for i in a.example b c.example; do
		strictly "$i"
		pair "$i"
	done
	# each has a key of its own, and is recorded
	[ "$(cert-list -k server -o spki | sort -u | wc -l)" = 3 ]
	[ "$(cert-list -A ca -o name | wc -l)" = 3 ]
	printf 'd.example\ne.example\n' | cert-create -t rsa:2048 -A ca -
	[ "$(cert-show -o key e.example)" = rsa:2048 ]
	printf '0004f2000001\n0004f2000002\n' |
	    cert-create -A ca -P client -S O=Phones -
	strictly 0004f2000002 sslclient
	[ "$(subject 0004f2000002)" = CN=0004f2000002,O=Phones ]
	run -1 cert-create -uxA ca -P client -S O=Phones - <<<0004f2000001
	run -0 cert-create -A ca - </dev/null
	run -1 cert-create -ux -A ca - </dev/null
	# the end of the CA is told once, and the validity recorded
	run -0 --separate-stderr cert-create -A ca -l 1y - <<<$'f.example\ng.example'
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == *'certificates expire '*', with their CA ca, not '* ]]
	[ "$(cert-set -o life g.example)" = life=365d ]
}

@test "a list: lines that are refused are reported, and nothing is made" {
	local before

	cert-create -c -C permit=example ca
	cert-create -A ca there.example
	before=$(state)
	printf '%s\n' ok.example there.example 'x under_score' ok.example \
	    ../bad label out.org ok2.example >list
	for type in p256 rsa:2048; do
		run -2 --separate-stderr cert-create -t "$type" -A ca - <list
		[ -z "$output" ]
		[ "${#stderr_lines[@]}" -eq 7 ]
		[[ ${stderr_lines[0]} == 'cert-create: stdin:2: there.example: the entry exists'* ]]
		[[ ${stderr_lines[1]} == *'stdin:3: "under_score"'* ]]
		[[ ${stderr_lines[2]} == *'stdin:4: "ok.example": is there twice'* ]]
		[[ ${stderr_lines[3]} == *'stdin:5: '* ]]
		[[ ${stderr_lines[4]} == *'stdin:6: label: a server certificate without a name'* ]]
		[[ ${stderr_lines[5]} == *'stdin:7: out.org: '*'outside the name constraints'* ]]
		[[ ${stderr_lines[6]} == *'nothing was made' ]]
	done
	printf 'a\0b\n' >list
	run -2 cert-create -A ca - <list
	[[ $output == *'stdin:1: has a NUL byte'* ]]
	printf '%070000d\n' 0 >list
	run -2 cert-create -A ca - <list
	[[ $output == *'stdin:1: is longer than 65536 bytes'* ]]
	run -2 cert-create -A none - <<<n.example
	run -2 cert-create -A ca -R - <<<n.example
	run -2 cert-create -R - <<<n.example
	[[ $output == *'-R: '* ]]
	key k
	run -2 cert-create -A ca -K k.key - <<<n.example
	[[ $output == *'one key is not for many'* ]]
	run -2 cert-create -A ca -p - - <<<n.example
	run -0 cert-create -n -A ca - <<<n.example
	[ "$(state)" = "$before" ]
}

@test "a list: -u keeps what is there, -f replaces it" {
	local was

	cert-create -c ca
	printf 'a.example\nb.example\n' | cert-create -A ca -
	was=$(cert-show -o fingerprint a.example)
	run -1 cert-create -uxA ca - <<<$'a.example\nb.example'
	run -0 --separate-stderr cert-create -uxA ca - \
	    <<<$'a.example\nb.example new.example\nc.example'
	[ "$stderr" = 'cert-create: b.example: does not cover "new.example": replaced' ]
	[ "$(cert-show -o fingerprint a.example)" = "$was" ]
	[ "$(cert-show -o names b.example)" = new.example,b.example ]
	cert-create -A ca -f - <<<a.example
	[ "$(cert-show -o fingerprint a.example)" != "$was" ]
	(umask 077; echo secret >pass)
	cert-create -c -E pass locked
	printf 'd.example\ne.example\n' | cert-create -A locked -p pass -
	strictly e.example
}

@test "a list while others write, and one killed" {
	local i

	cert-create -c ca
	seq 40 | sed 's/.*/h&.example/' >list
	for i in 1 2 3; do
		cert-create -u -A ca - <list &
	done
	for i in 3 9 27; do
		cert-create -u -A ca -s "o$i.example" "h$i.example" || return 1
	done
	wait
	[ "$(cert-list -o name 'h*' | wc -l)" = 40 ]
	run -0 cert-check
	traceable
	run strace -f -qq -o /dev/null -e trace=rename,renameat \
	    -e inject=rename,renameat:signal=KILL:when=7 \
	    cert-create -f -A ca - <list
	[ "$status" -ne 0 ]
	cert-create -u -A ca after.example
	run -0 cert-check
	[ "$(cert-list -o name 'h*' | wc -l)" = 40 ]
}

@test "bad usage and bad names" {
	run -2 --separate-stderr cert-create
	run -2 --separate-stderr cert-create a.example b.example
	for bad in .x -- ../x x/y 'x y' x. ''; do
		run -2 --separate-stderr cert-create -s a.example -- "$bad"
		[ ! -e "$CERTSTORE" ]
	done
}

@test "a full disk leaves no files behind" {
	[ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null ||
	    skip 'needs to mount a small file system'
	mkdir small
	# shellcheck disable=SC2016  # for the inner shell
	run -2 --separate-stderr unshare -m sh -c '
	    mount -t tmpfs -o size=64k x small || exit 77
	    export CERTSTORE="$PWD/small/store"
	    cert-create a.example || exit 77
	    find small | LC_ALL=C sort >before
	    dd if=/dev/zero of=small/fill bs=1k 2>/dev/null
	    cert-create b.example
	    status=$?
	    rm -f small/fill
	    find small | LC_ALL=C sort >after
	    cert-create c.example || exit 77
	    exit $status'
	[[ $stderr == "cert-create: "*'No space left on device' ]]
	cmp before after
}

@test "an end in the past is refused with the parsed time" {
	run -2 --separate-stderr cert-create -l 2020-01-01 -s a.example.org a
	[[ $stderr == *"2020-01-01T23:59:59Z: the end is in the past"* ]]
	[ ! -e "$CERTSTORE" ]
}

@test "a CA whose own CA expired, or is not valid yet" {
	below() {
		sign "sub-$1" "$1" "/CN=sub-$1" 3000 \
		    basicConstraints=critical,CA:TRUE \
		    keyUsage=critical,keyCertSign,cRLSign
		cert-import -q "$1.crt" "$1.key" "sub-$1.crt" "sub-$1.key"
	}
	ca old /CN=old from=20200101000000Z to=20210101000000Z
	below old
	refused 'sub-old: CN=old in its chain: expired 2021-01-01T00:00:00Z: renew the CA first' \
	    -A sub-old -s a.example a
	ca new /CN=new from=20400101000000Z to=20410101000000Z
	below new
	refused 'sub-new: CN=new in its chain: is not yet valid (valid from 2040-01-01T00:00:00Z): check the clock' \
	    -A sub-new -s a.example a
}

@test "-u -K: the same key is kept, another one is taken" {
	key one
	key two
	cert-create -K one.key -s a.example a
	was=$(cert-show -o fingerprint a)
	run -0 cert-create -u -K one.key -s a.example a
	[ -z "$output" ]
	[ "$(cert-show -o fingerprint a)" = "$was" ]
	run -0 cert-create -u -K two.key -s a.example a
	[ "$output" = 'cert-create: a: has another key: replaced' ]
	pki pair two.key "$CERTSTORE/certs/a/cert.pem"

	cert-create -R -K one.key -s b.example b >first.csr
	cert-create -u -R -K one.key -s b.example b >again.csr
	cmp first.csr again.csr
	refused 'another request waits, which has another key: use -f' \
	    -u -R -K two.key -s b.example b

	ca ca /CN=ca
	cert-import -q ca.crt
	refused 'was imported and has no certificate or no private key: use -f' \
	    -cu -K ca.key ca
}

@test "-S: a backslash at the end" {
	refused 'the value is used as it is: remove the backslash' -S 'O=foo\' a
}
