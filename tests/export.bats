#!/usr/bin/env bats
# export.bats: cert-export, read back by OpenSSL, GnuTLS, NSS, Java and us.

# shellcheck disable=SC2154  # stderr is run's

load helper
load pki

setup() {
	common_setup
	(umask 077; echo 'correct horse' >pass)
}

# hierarchy: root, sub below it, leaf below that.
hierarchy() {
	cert-create -c root
	cert-create -c -A root sub
	cert-create -A sub -s leaf.example.com leaf
}

# needs COMMAND PACKAGE
needs() {
	command -v "$1" >/dev/null || skip "no $1 ($2): NOT TESTED"
}

# opened FILE: what openssl finds in it.
opened() {
	openssl pkcs12 -in "$1" -passin file:pass -nodes -info 2>&1
}

@test "key, certificate, its issuers and the name, in AES with SHA-256" {
	hierarchy
	run -0 --separate-stderr cert-export -E pass leaf leaf.p12
	[ -z "$output$stderr" ]
	[ "$(mode leaf.p12)" = 600 ]
	run -0 opened leaf.p12
	[[ $output = *'MAC: sha256, Iteration 200000'* ]]
	[ "$(grep -c 'PBES2, PBKDF2, AES-256-CBC, Iteration 200000, PRF hmacWithSHA256' \
	    <<<"$output")" -eq 2 ]
	[ "$(grep -c 'friendlyName: leaf$' <<<"$output")" -eq 2 ]
	[ "$(grep localKeyID <<<"$output" | sort | uniq -c | grep -c ' 2 ')" = 1 ]
	[ "$(grep '^subject=' <<<"$output")" = "subject=CN = leaf.example.com
subject=CN = sub
subject=CN = root" ]
	openssl pkcs12 -in leaf.p12 -passin file:pass -nodes -nocerts |
	    openssl pkey >key
	cmp key "$CERTSTORE/certs/leaf/privkey.pem"
	[ "$(ls)" = "$(printf 'key\nleaf.p12\npass')" ]
}

@test "legacy is triple DES and SHA-1, and needs no legacy provider" {
	hierarchy
	cert-export -P legacy -E pass leaf leaf.p12
	run -0 opened leaf.p12
	[[ $output = *'MAC: sha1, Iteration 50000'* ]]
	[ "$(grep -c 'pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 50000' \
	    <<<"$output")" -eq 2 ]
	[[ $output != *RC2* ]]
	run -2 cert-export -P old -E pass leaf x.p12
	[ "$output" = "cert-export: -P old: use modern or legacy" ]
}

@test "cert-import puts it back into a store" {
	local type form=legacy

	hierarchy
	for type in p256 ed25519; do
		cert-create -f -A sub -t $type -s leaf.example.com leaf
		cert-export -f -P $form -E pass leaf leaf.p12
		rm -rf other
		cert-import -q -d other -p pass leaf.p12
		cmp "$CERTSTORE/certs/leaf/combined.pem" \
		    other/combined/leaf.example.com.pem
		form=modern
	done
	run -2 cert-import -d third -p /dev/null leaf.p12
	echo wrong >wrong
	run -2 cert-import -d third -p wrong leaf.p12
	[[ $output = *'the passphrase does not open it' ]]
}

@test "GnuTLS reads both" {
	local form

	needs certtool gnutls-bin
	hierarchy
	for form in modern legacy; do
		cert-export -P $form -E pass leaf $form.p12
		certtool --p12-info --inder --infile $form.p12 \
		    --password "$(cat pass)" >out
		[ "$(grep -c 'Friendly name: leaf' out)" -eq 2 ]
		[ "$(grep -c 'BEGIN CERTIFICATE' out)" -eq 3 ]
	done
}

@test "NSS reads both, and finds the key" {
	local form

	needs pk12util libnss3-tools
	hierarchy
	for form in modern legacy; do
		cert-export -P $form -E pass leaf $form.p12
		mkdir $form
		certutil -N -d sql:$form --empty-password
		pk12util -i $form.p12 -d sql:$form -w pass
		certutil -K -d sql:$form | grep -E '(leaf|:leaf)$'
		certutil -L -d sql:$form | grep '^leaf  *u,u,u'
	done
}

@test "Java reads it, with its chain" {
	needs keytool default-jre-headless
	hierarchy
	cert-export -E pass leaf leaf.p12
	run -0 keytool -J-XX:TieredStopAtLevel=1 -J-Xshare:auto -list -v \
	    -keystore leaf.p12 -storepass "$(cat pass)"
	[[ $output = *'Alias name: leaf'*PrivateKeyEntry* ]]
	[[ $output = *'Certificate chain length: 3'* ]]
}

@test "a passphrase is always needed, from a file or a descriptor" {
	hierarchy
	run -2 cert-export leaf leaf.p12
	[[ $output = *'use -E with the file of a passphrase'* ]]
	: >empty
	echo >blank
	run -2 cert-export -E empty leaf leaf.p12
	[[ $output = *'is empty: its first line must be the passphrase' ]]
	run -2 cert-export -E blank leaf leaf.p12
	run -2 cert-export -E nothere leaf leaf.p12
	[ ! -e leaf.p12 ]
	cert-export -E - leaf a.p12 <pass
	cert-export -E fd:5 leaf b.p12 5<pass
	opened b.p12 >/dev/null
	printf 'correct horse\r\n' | cert-export -P legacy -E - leaf c.p12
	opened c.p12 >/dev/null
	chmod 644 pass
	run -0 cert-export -P legacy -E pass leaf d.p12
	[[ $output = *'others can access it'* ]]
}

@test "only ASCII in a legacy file, a warning for a modern one" {
	hierarchy
	printf 'p\303\244ssword\n' >pass
	run -2 cert-export -P legacy -E pass leaf leaf.p12
	[[ $output = 'cert-export: passphrase: not all of it is ASCII'* ]]
	[ ! -e leaf.p12 ]
	run -0 cert-export -E pass leaf leaf.p12
	[[ $output = 'cert-export: passphrase: not all of it is ASCII'*cannot* ]]
	cert-import -d other -q -p pass leaf.p12
	run -0 cert-export -qf -E pass leaf leaf.p12
	[ -z "$output" ]
}

@test "the key of a CA leaves only with -f, other kinds always" {
	cert-create -c root
	run -2 cert-export -E pass root root.p12
	[[ $output = 'cert-export: root: is a CA, and who has its key '* ]]
	[ ! -e root.p12 ]
	run -1 grep -q '"reason":"export"' "$CERTSTORE/log"
	cert-export -f -P legacy -E pass root root.p12
	opened root.p12 | grep 'friendlyName: root'
	cert-create -A root -P client -S CN=laptop laptop
	cert-create -A root -P shaken -s spc:818H calls
	run -0 cert-export -P legacy -E pass laptop laptop.p12
	[ -z "$output" ]
	cert-revoke -q laptop
	run -0 cert-export -fP legacy -E pass laptop laptop.p12
	[[ $output = 'cert-export: laptop: was revoked at '20*Z ]]
	cert-export -P legacy -E pass calls calls.p12
}

@test "an encrypted key is unlocked with -p" {
	(umask 077; echo other >other)
	cert-create -c -E other locked
	run -2 setsid cert-export -f -E pass locked locked.p12 </dev/null
	[[ $output = *'is encrypted: use -p with its passphrase' ]]
	run -2 cert-export -f -E pass -p pass locked locked.p12
	[[ $output = *'the passphrase does not open the key' ]]
	[ ! -e locked.p12 ]
	run -2 cert-export -f -E - -p - locked locked.p12 <pass
	cert-export -f -P legacy -E pass -p other locked locked.p12
	opened locked.p12 | grep 'friendlyName: locked'
}

@test "what has no certificate or key is refused" {
	hierarchy
	cert-create -R -s new.example.com waiting >/dev/null
	run -2 cert-export -E pass waiting x.p12
	[[ $output = 'cert-export: waiting: has no certificate yet'* ]]
	cert-import -qd other "$CERTSTORE/certs/root/cert.pem"
	run -2 cert-export -f -d other -E pass root x.p12
	[[ $output = 'cert-export: root: its private key is not in the store'* ]]
	run -2 cert-export -E pass nope x.p12
	[[ $output = *'there is no such entry'* ]]
	run -2 cert-export -E pass leaf
	run -2 cert-export -E pass leaf sub x.p12
	[ ! -e x.p12 ]
}

@test "a file is replaced with -f only, a link or directory never" {
	hierarchy
	echo precious >file
	ln -s file link
	mkdir dir
	run -2 cert-export -E pass leaf file
	[ "$output" = "cert-export: file: exists: use -f to replace it" ]
	run -2 cert-export -f -E pass leaf link
	[ "$output" = "cert-export: link: is not a regular file" ]
	run -2 cert-export -f -E pass leaf dir
	[ "$output" = "cert-export: dir: is not a regular file" ]
	run -2 cert-export -E pass leaf nowhere/x
	[ "$output" = "cert-export: nowhere/x: No such file or directory" ]
	[ "$(cat file)" = precious ]
	run -1 grep -q '"reason":"export"' "$CERTSTORE/log"
	chmod 644 file
	cert-export -f -P legacy -E pass leaf file
	[ "$(mode file)" = 600 ]
	cert-export -P legacy -E pass leaf dir/leaf.p12
	[ -s dir/leaf.p12 ]
	[ "$(ls -A)" = "$(printf 'dir\nfile\nlink\npass')" ]
}

@test "a file that appears meanwhile is replaced by -f only" {
	local force

	cert-create -q -s a.example.com a
	for force in '' -f; do
		rm -f late.p12 phrase
		mkfifo phrase
		# it opens the FIFO after it has seen that there is no file
		cert-export $force -E phrase a late.p12 2>err &
		exec 5>phrase
		echo mine >late.p12
		echo 'correct horse' >&5
		exec 5>&-
		wait $! && [ -n "$force" ]
		[ "$force" = -f ] || [ "$(cat late.p12)" = mine ]
		[ -n "$force" ] || grep 'late.p12: exists: use -f to replace it' err
		[ -z "$(find . -name '.late*')" ]
	done
	[ "$(cat late.p12)" != mine ]
}

@test "standard output, and output that is lost" {
	hierarchy
	cert-export -P legacy -E pass leaf - >leaf.p12
	opened leaf.p12 >/dev/null
	run -2 sh -c 'cert-export -P legacy -E pass leaf - >/dev/full'
	[ "$output" = "cert-export: stdout: No space left on device" ]
	session 'cert-export -E pass leaf -; echo "status $?"'
	shown 'status 2'
	over
	grep -q 'is a terminal: use a file' log
}

@test "the log has each export, before the file is there" {
	hierarchy
	cert-export -P legacy -E pass leaf leaf.p12
	print=$(cert-show -o fingerprint leaf | sed 's/^sha256://')
	run -0 grep -c "\"command\":\"cert-export\",\"entry\":\"leaf\",\"reason\":\"export\",\"old\":\"$print\",\"new\":\"$print\"" \
	    "$CERTSTORE/log"
	[ "$output" = 1 ]
	run -1 grep -q correct "$CERTSTORE/log"
	traceable
	run strace -f -qq -o trace -e trace=link \
	    -e inject=link:signal=KILL cert-export -E pass leaf new.p12
	[ ! -e new.p12 ]
	run -0 grep -c '"reason":"export"' "$CERTSTORE/log"
	[ "$output" = 2 ]
	cert-check -q
	# what is left is encrypted, and is of no harm to the next call
	cert-export -P legacy -E pass leaf new.p12
	[ -s new.p12 ]
}

@test "a full disk leaves the file as it was, and nothing else" {
	hierarchy
	echo precious >file
	run -2 sh -c 'trap "" XFSZ; ulimit -f 1; exec cert-export -f -E pass leaf file'
	[[ $output = *'file: File too large' ]] || fail "$output"
	[ "$(cat file)" = precious ]
	[ "$(ls -A)" = "$(printf 'file\npass')" ]
	traceable
	run -2 strace -f -qq -o trace -e trace=fsync \
	    -e inject=fsync:error=ENOSPC cert-export -f -E pass leaf file
	[[ $output = *'file: No space left on device' ]] || fail "$output"
	[ "$(cat file)" = precious ]
	[ "$(ls -A)" = "$(printf 'file\npass\ntrace')" ]
}

@test "an expired certificate and one of the future are exported with a warning" {
	pki cert old.crt old.key /CN=old from=20200101000000Z \
	    to=20210101000000Z subjectAltName=DNS:old.example
	pki cert new.crt new.key /CN=new from=20400101000000Z \
	    to=20410101000000Z subjectAltName=DNS:new.example
	cert-import -q old.crt old.key new.crt new.key
	run -0 --separate-stderr cert-export -E pass old.example old.p12
	[ "$stderr" = 'cert-export: old.example: expired 2021-01-01T00:00:00Z' ]
	run -0 --separate-stderr cert-export -E pass new.example new.p12
	[ "$stderr" = 'cert-export: new.example: is not valid before 2040-01-01T00:00:00Z' ]
	[ -s old.p12 ] && [ -s new.p12 ]
}
