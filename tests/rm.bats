#!/usr/bin/env bats
# rm.bats: cert-rm: what goes, what others depend on, what is refused.

# shellcheck disable=SC2154  # stderr and stderr_lines are run's

load helper

# state: all of the store, to see that nothing was touched.
state() {
	find "$CERTSTORE" -printf '%P %l %s %m %T@ %i\n' | LC_ALL=C sort
}

@test "every file, link and generation of an entry goes" {
	cert-create -s a.example -s 192.0.2.1 a
	empty=$(cert-create -d empty b.example && cert-rm -d empty b.example &&
	    cd empty && find . | LC_ALL=C sort)
	cert-create -f -s a.example a
	cert-create -q -R -s a.example a
	run -0 cert-rm a
	[ -z "$output" ]
	[ "$(cd "$CERTSTORE" && find . | LC_ALL=C sort)" = "$empty" ]
}

@test "an option behind the names removes nothing" {
	cert-create a.example
	before=$(state)
	for option in -n -f --help -nf; do
		run -2 --separate-stderr cert-rm a.example "$option"
		[ -z "$output" ]
		[[ $stderr == "cert-rm: $option: not a name: options come "* ]]
		[ "$(state)" = "$before" ]
	done
	run -2 cert-rm -- -x a.example
	[ "$(state)" = "$before" ]
}

@test "what others depend on stays without -f" {
	cert-create -c ca
	cert-create -A ca a.example
	cert-create -A ca b.example
	run -2 --separate-stderr cert-rm a.example ca
	[[ $stderr == 'cert-rm: ca: has issued b.example, '* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	run -0 cert-list -o name
	[ "$output" = "$(printf 'b.example\nca')" ]
	ln -s certs/b.example "$CERTSTORE/default"
	run -2 --separate-stderr cert-rm b.example ca
	[[ $stderr == *'b.example: is the default entry: '* ]]
	run -0 cert-rm -f b.example
	[ ! -L "$CERTSTORE/default" ]
	run -0 cert-rm ca
}

@test "-n says the same and changes nothing" {
	cert-create -c ca
	cert-create -A ca a.example
	before=$(state)
	for line in a.example ca 'ca a.example' none '-f ca' '-f none' \
	    'none a.example'; do
		# shellcheck disable=SC2086  # words are meant
		run cert-rm -n $line
		says=$status:$output
		[ "$(state)" = "$before" ]
		rm -rf copy
		cp -a "$CERTSTORE" copy
		# shellcheck disable=SC2086
		run cert-rm -d copy $line
		[ "$status:$output" = "$says" ]
	done
}

@test "names that are none are refused, the others go" {
	cert-create a.example
	run -2 --separate-stderr cert-rm ../certs '*' .a.example@1 '' a.example
	[ "${#stderr_lines[@]}" -eq 4 ]
	run -1 cert-list a.example
	run -2 cert-rm -f ../certs
	[ -d "$CERTSTORE/certs" ]
}

@test "names on stdin" {
	cert-create a.example
	cert-create b.example
	run -0 cert-rm - </dev/null
	run -0 cert-list -o name
	[ "${#lines[@]}" -eq 2 ]
	printf ' a.example\r\n\nb.example' | cert-rm -
	run -0 cert-list
	[ -z "$output" ]
	run -2 sh -c 'cert-rm - <&-'
	run -2 sh -c 'printf "x\0y\n" | cert-rm -f -'
}
