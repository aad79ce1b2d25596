#!/usr/bin/env bats
# moving.bats: recipe 14 of certstore(7) at Pebble: what other clients of ACME
# had moves in, and nothing is issued again.

# shellcheck disable=SC2154  # run --separate-stderr sets stderr

load helper
load examples
load acme

setup_file() {
	HTTP01='' TLSALPN01='' bed_start
}

teardown_file() {
	bed_end
}

setup() {
	common_setup
	bed_need
	pebble plain
	mkdir www
}

# theirs KEY NAME...: an account with this key, and certificates from it, in the
# store of another client.
theirs() {
	inside cert-account -d theirs -qy -T "$serverca" new old \
	    "directory=$directory" "key=$1"
	shift
	for name; do
		inside cert-acme -d theirs -q -A old -m http:5002 "$name"
	done
}

# block_of FROM TO: those of the recipe, for Pebble instead of Let's Encrypt.
block_of() {
	network 14 | sed -n "\\|$1|,\\|$2|p" | sed \
	    -e "s|/etc/letsencrypt|$PWD/letsencrypt|" \
	    -e "s|new letsencrypt|-T $serverca new letsencrypt directory=$directory|"
}

# url STORE ACCOUNT: that of the account at the CA.
url() {
	cert-account -d "$1" show "$2" | sed -n 's/^url=//p'
}

# fingerprint STORE NAME
fingerprint() {
	cert-show -d "$1" -o fingerprint "$2"
}

@test "from certbot: certificates, account and webroots, nothing issued" {
	cp "$DATA/acme/rsa.jwk" key.jwk
	chmod 600 key.jwk
	theirs key.jwk a.example.test b.example.test
	key=letsencrypt/accounts/acme-v02.api.letsencrypt.org/directory/0123abcd
	mkdir -p "$key" letsencrypt/live letsencrypt/renewal
	mv key.jwk "$key/private_key.json"
	echo 'certbot keeps its certificates here' >letsencrypt/live/README
	for name in a.example.test b.example.test; do
		mkdir -p "letsencrypt/archive/$name" "letsencrypt/live/$name"
		for part in fullchain privkey; do
			cp "theirs/certs/$name/$part.pem" \
			    "letsencrypt/archive/$name/${part}1.pem"
			ln -s "../../archive/$name/${part}1.pem" \
			    "letsencrypt/live/$name/$part.pem"
		done
		cat >"letsencrypt/renewal/$name.conf" <<-EOC
			# renew_before_expiry = 30 days
			version = 2.1.0
			archive_dir = /etc/letsencrypt/archive/$name
			[renewalparams]
			account = 0123abcd
			authenticator = webroot
			webroot_path = $PWD/www,
			server = https://acme-v02.api.letsencrypt.org/directory
			key_type = ecdsa
			[[webroot_map]]
			$name = $PWD/www
		EOC
	done
	block_of '^cd /etc/letsencrypt' '^cert-renew -n' >script
	[ "$(grep -c . script)" -gt 5 ]
	run -0 --separate-stderr inside sh -e script
	[ -z "$stderr" ] || fail "$stderr"
	[ "$(url "$CERTSTORE" letsencrypt)" = "$(url theirs old)" ]
	cert-renew -n >due
	for name in a.example.test b.example.test; do
		[ "$(fingerprint "$CERTSTORE" "$name")" = \
		    "$(fingerprint theirs "$name")" ]
		[ "$(cert-set -o acme,method "$name")" = \
		    "$(printf 'method=webroot:%s\nacme=letsencrypt' "$PWD/www")" ] ||
		    fail "$(cert-set -o acme,method "$name")"
		grep -q "^$name	later	" due || fail "$(cat due)"
	done
	# once more: nothing is left to keep
	run -1 inside cert-acme -ux -A letsencrypt -m webroot:"$PWD/www" \
	    a.example.test
	# and the account orders
	was=$(fingerprint "$CERTSTORE" a.example.test)
	run -0 --separate-stderr inside cert-acme -f -m http:5002 a.example.test
	[ "$(fingerprint "$CERTSTORE" a.example.test)" != "$was" ]
}

@test "from acme.sh" {
	key account
	chmod 600 account.key
	theirs account.key www.example.com
	mkdir -p .acme.sh/ca/acme-v02.api.letsencrypt.org/directory \
	    .acme.sh/www.example.com_ecc
	cp -p account.key .acme.sh/ca/acme-v02.api.letsencrypt.org/directory
	cp theirs/certs/www.example.com/fullchain.pem \
	    .acme.sh/www.example.com_ecc/fullchain.cer
	cp theirs/certs/www.example.com/privkey.pem \
	    .acme.sh/www.example.com_ecc/www.example.com.key
	block_of '^cd ~/.acme.sh' '^cert-acme' | sed "s|/var/www/html|$PWD/www|" \
	    >script
	run -0 --separate-stderr inside env HOME="$PWD" sh -e script
	[ -z "$stderr" ] || fail "$stderr"
	[ "$(url "$CERTSTORE" letsencrypt)" = "$(url theirs old)" ]
	[ "$(fingerprint "$CERTSTORE" www)" = \
	    "$(fingerprint theirs www.example.com)" ]
	[ "$(cert-set -o method www)" = "method=webroot:$PWD/www" ]
}
