#!/usr/bin/env bats
# sets.bats: trust sets by name: cert-trust -T and cert-verify -T, distrust in
# all sets, CRLs, and the servers that read them.

# shellcheck disable=SC2154  # stderr and stderr_lines are run's

load helper
load pki

setup() {
	common_setup
	sets=$CERTSTORE/trusts
}

# makecas: A, B and Twin, which has the name of A; a certificate of each.
makecas() {
	local name

	ca A /CN=A
	ca B /CN=B
	ca Twin /CN=A
	for name in A B Twin; do
		sign "client$name" "$name" "/CN=client $name" 30 \
		    extendedKeyUsage=clientAuth
	done
}

cas() {
	shared cas makecas
	cp "$shared"/* .
}

origins() {
	cert-trust -T phones -o name,origin list | tr '\t\n' ' ,'
}

@test "a trust set: made by add, same layout, same verbs" {
	cas
	for verb in list 'rm A' 'distrust A.crt'; do
		# shellcheck disable=SC2086  # words are meant
		run -2 cert-trust -T phones $verb
	done
	cert-create -c site-CA
	for verb in list 'rm A' 'distrust A.crt'; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr cert-trust -T phones $verb
		[[ $stderr = *"$sets/phones: there is no such trust set"* ]]
	done
	[ ! -e "$sets" ]
	run -0 --separate-stderr cert-trust -T phones add A.crt B.crt Twin.crt
	[ "${#lines[@]}" -eq 3 ]
	[ -z "$stderr" ]
	pki anchors "$sets/phones"
	[ "$(readlink "$sets/phones")" = .phones@1 ]
	[ ! -e "$CERTSTORE/trust" ]
	run -0 cert-trust -T phones -o certfile list B
	[ "$output" = "$sets/phones/B.pem" ]
	run -0 cert-trust -T phones rm B
	run -1 cert-trust -T phones -x add A.crt
	cat A.crt B.crt >list
	run -0 cert-trust -T phones update list
	run -0 cert-trust -T phones reset list
	[ "$(origins)" = 'A shipped,B shipped,' ]
	run -0 cert-trust -T phones distrust B
	[ "$(origins)" = 'A shipped,B distrusted,' ]
	pki anchors "$sets/phones"
	[ "$(find "$sets" -maxdepth 1 -name '.phones@*' | wc -l)" -eq 2 ]
	# the others know nothing of it
	run -2 cert-verify -T phone -i clientA.crt
	cert-trust -q add B.crt
	cert-trust -q -T sip add B.crt
	run -0 cert-verify -i clientB.crt
	run -0 cert-verify -T sip -i clientB.crt
	run -1 cert-verify -T phones -i clientB.crt
}

@test "wrong names of sets; update and reset need a file" {
	cas
	cert-create -c site-CA
	for name in '' trust store list add rm distrust update reset A a.b a/b \
	    -a 1a a_b "$(printf 'a%.0s' {1..33})"; do
		run -2 --separate-stderr cert-trust -T "$name" add A.crt
		[[ $stderr = *'is not the name of a trust set'* ]]
	done
	[ ! -e "$sets" ]
	run -0 cert-trust -T "$(printf 'a%.0s' {1..32})" add A.crt
	for verb in update reset; do
		run -2 --separate-stderr cert-trust -T phones "$verb"
		[[ $stderr = *"-T phones $verb: use a file"* ]]
	done
	[ ! -e "$sets/phones" ]
}

@test "-T of cert-verify: a text with a slash or a dot is a path, else a set" {
	cas
	cert-create -c site-CA
	cert-trust -q -T phones add A.crt
	cp B.crt phones
	cp B.crt other
	run -0 cert-verify -T phones -i clientA.crt
	run -1 cert-verify -T ./phones -i clientA.crt
	run -0 cert-verify -T ./other -i clientB.crt
	run -0 cert-verify -T - -i clientB.crt <B.crt
	# not a file, not the default set
	cert-trust -q add B.crt
	run -2 --separate-stderr cert-verify -T other -i clientB.crt
	[[ $stderr = *'trusts/other: there is no such trust set'* ]]
	run -2 cert-verify -q -T trust -i clientB.crt
}

@test "trust settings: a set may be for clients; the default set is for servers" {
	ca ca /CN=A
	sign phone ca /CN=phone 30 extendedKeyUsage=clientAuth
	for what in '-addtrust clientAuth' '-addreject serverAuth' \
	    '-addtrust clientAuth -addtrust emailProtection'; do
		# shellcheck disable=SC2086  # words are meant
		openssl x509 -in ca.crt $what -out client.pem
		run -2 --separate-stderr cert-trust add client.pem
		[[ $stderr = *'is not an anchor for servers: its trust settings '*' serverAuth: '* ]]
		run -0 --separate-stderr cert-trust -T phones add client.pem
		[ "$output" = A ]
		[[ $stderr = *'its trust settings '*' serverAuth, and the set does not keep them: it is an anchor for whatever uses the set' ]]
		[ "${#stderr_lines[@]}" -eq 1 ]
		cmp ca.crt "$CERTSTORE/trusts/phones/A.pem"
		run -0 cert-verify -T phones -P client -i phone.crt
		# what verifies the same as a file, and for servers
		run -0 cert-verify -T ./client.pem -P client -i phone.crt
		run -1 cert-verify -T phones -P server -i phone.crt
		cert-trust -q -T phones rm A
		# a list, and that it drops it
		run -0 --separate-stderr cert-trust -T phones update client.pem
		[ "$output" = A ]
		run -2 cert-trust update client.pem
		cert-trust -q -T phones rm A
	done
	for what in '-addtrust emailProtection' '-addreject clientAuth -addreject serverAuth' \
	    '-addreject anyExtendedKeyUsage' '-addtrust serverAuth -addreject serverAuth'; do
		# shellcheck disable=SC2086  # words are meant
		openssl x509 -in ca.crt $what -out no.pem
		run -2 --separate-stderr cert-trust -T phones -f add no.pem
		[ -z "$output" ]
		[[ $stderr = *'is not an anchor for TLS: its trust settings '* ]]
		run -2 cert-trust -T phones update no.pem
	done
	# for servers only: a warning, as in the default set
	openssl x509 -in ca.crt -addtrust serverAuth -out server.pem
	run -0 --separate-stderr cert-trust -T phones add server.pem
	[[ $stderr = *'its trust settings lack clientAuth, and the set does not keep them'* ]]
	# put there by hand
	cp client.pem "$CERTSTORE/trusts/phones/A.pem"
	run -0 cert-trust -T phones -o name list
	[ "$output" = A ]
	cp no.pem "$CERTSTORE/trusts/phones/A.pem"
	run -2 cert-trust -T phones list
	[[ $output = *'/phones/A.pem: its trust settings '*' -T phones add '* ]]
}

@test "distrust without -T applies to all sets, also to later ones" {
	cas
	cert-create -c site-CA
	cert-trust -q -T phones add A.crt B.crt
	cert-trust -q -T sip add B.crt
	cert-trust -q distrust B.crt
	[ "$(origins)" = 'A added,' ]
	pki anchors "$sets/phones"
	[ ! -s "$sets/sip/bundle.pem" ]
	cat clientB.crt B.crt >chain
	run -1 cert-verify -T phones -i chain
	[[ $output = *distrusted* ]]
	for option in '' -f; do
		# shellcheck disable=SC2086  # none is meant
		run -2 --separate-stderr cert-trust -T phones $option add B.crt
		[[ $stderr = *'B: is distrusted in every set'* ]]
	done
	cat A.crt B.crt >list
	run -0 cert-trust -T phones update list
	[ "$(origins)" = 'A added,' ]
	# a set that a killed writer left as it was: nobody is fooled
	cert-trust -q -f add B.crt
	cert-trust -q rm B
	cert-trust -q -T phones add B.crt
	cp -a "$sets" kept
	cert-trust -q distrust B.crt
	rm -rf "$sets"
	cp -a kept "$sets"
	run -1 cert-verify -T phones -i clientB.crt
	run -1 cert-trust -T phones list B
	cert-trust -q distrust B.crt
	[ ! -e "$sets/phones/B.pem" ]
	# with -T for that one
	cert-trust -q -f add B.crt
	cert-trust -q -T sip add B.crt
	cert-trust -q -T sip distrust B
	run -0 cert-trust -T phones add B.crt
}

@test "a copy that followed links, and one without them" {
	cas
	cert-create -c site-CA
	cert-trust -q -T phones add A.crt B.crt
	cp -rL "$CERTSTORE" copy
	run -2 cert-trust -d copy -T phones -o name list
	cert-check -r -d copy
	run -0 cert-trust -d copy -T phones -o name list
	[ "$output" = "$(printf 'A\nB')" ]
	cert-create -d copy -c next-CA
	[[ $(readlink copy/trusts/phones) = .phones@* ]]
	cert-trust -d copy -q -T phones add Twin.crt
	pki anchors copy/trusts/phones
	rm "$sets/phones" "$CERTSTORE/.links"
	run -2 cert-verify -T phones -i clientA.crt
	cert-check -r
	run -0 cert-verify -T phones -i clientA.crt
	[ "$(readlink "$sets/phones")" = .phones@1 ]
	ln -sfn /etc "$sets/phones"
	run -2 cert-trust -T phones list
	# an intent whose directory was removed
	rm -rf "$sets"
	ln -s .phones@9 "$CERTSTORE/.pending/@phones"
	cert-create -c last-CA
	[ ! -L "$CERTSTORE/.pending/@phones" ]
	# others could write it
	cert-trust -q -T phones add A.crt
	chmod 777 "$sets"
	run -2 cert-trust -T phones add B.crt
}
