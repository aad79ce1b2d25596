#!/usr/bin/env bats
# verify.bats: cert-verify: options and output.  For the rules see
# test-verify.c, for the search for paths path.bats, for external test suites
# suites.bats.

# shellcheck disable=SC2154  # stderr, stderr_lines and lines are run's

load helper

setup() {
	common_setup
	cert-create -c root-CA
	cert-create -c -A root-CA sub-CA
	cert-create -A sub-CA www.example.com
	cert-show -o cert root-CA >root.pem
	cert-show -o fullchain www.example.com >www.pem
}

# trust FILE...: these are the store's anchors, as certstore(5) has them.
trust() {
	local dir=$CERTSTORE/.trust@1 file hash

	rm -rf "$dir" "$CERTSTORE/trust"
	mkdir "$dir"
	for file; do
		cp "$file" "$dir/"
		hash=$(openssl x509 -in "$file" -noout -subject_hash)
		ln -s "${file##*/}" "$dir/$hash.0"
		cat "$file" >>"$dir/bundle.pem"
	done
	: >"$dir/distrusted"
	ln -s .trust@1 "$CERTSTORE/trust"
}

# says TEXT: one line of output has it.
says() {
	[[ $output == *"$1"* ]] || fail "not said: $1: $output"
}

@test "a good certificate: no output" {
	run -0 --separate-stderr cert-verify -T root.pem
	[ -z "$output$stderr" ]
	run -0 --separate-stderr cert-verify -T root.pem -H www.example.com \
	    www.example.com
	[ -z "$output$stderr" ]
	run -0 cert-verify -T root.pem -H WWW.example.com. -i www.pem
	cert-verify -T root.pem -i - <www.pem
	printf 'www.example.com\nsub-CA\n' | cert-verify -T root.pem -
	cert-verify -T root.pem - </dev/null
}

@test "a line for each reason: name, error, certificate, section, text" {
	run -1 --separate-stderr cert-verify -T root.pem -H shop.example.com \
	    www.example.com
	[ "$output" = "www.example.com	error	CN=www.example.com	RFC 9525 section 6	is not for this host: shop.example.com; it is for \"www.example.com\"" ]
	[ -z "$stderr" ]
	run -1 cert-verify -T root.pem -w 2020-01-01 www.example.com
	[ "${#lines[@]}" -eq 3 ]
	for cn in www.example.com sub-CA root-CA; do
		says "CN=$cn	RFC 5280 section 4.1.2.5	is not yet valid"
	done
	run -1 cert-verify -q -T root.pem -w 2020-01-01 www.example.com
	[ -z "$output" ]
}

@test "warnings are printed, and do not change the verdict" {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -subj /CN=old.example.com -days 30 -keyout old.key -out old.crt \
	    -addext subjectAltName=DNS:old.example.com 2>/dev/null
	run -0 cert-verify -T old.crt -P server -i old.crt
	says 'old.crt	warning	CN=old.example.com	CABF BR 7.1.2.7.8'
	run -1 cert-verify -T old.crt -P webpki -i old.crt
	says 'old.crt	error	CN=old.example.com	CABF BR 7.1.2.7.8'
}

@test "a server and its CA with the same subject are told apart" {
	printf '%s\n' '[req]' 'distinguished_name=d' '[d]' \
	    '[v3]' 'basicConstraints=CA:TRUE' >xivo.cnf
	openssl req -x509 -newkey rsa:1024 -nodes -config xivo.cnf \
	    -extensions v3 -subj /O=XiVO/CN=xivo.example.com -days 30 \
	    -keyout xivo.key -out xivo-ca.pem 2>/dev/null
	openssl req -newkey rsa:1024 -nodes -subj /O=XiVO/CN=xivo.example.com \
	    -keyout x.key -out x.csr 2>/dev/null
	openssl x509 -req -sha1 -in x.csr -CA xivo-ca.pem -CAkey xivo.key \
	    -set_serial 7 -days 20 -out x.pem 2>/dev/null
	run -1 cert-verify -P server -T xivo-ca.pem -i x.pem
	says 'x.pem	error	CN=xivo.example.com,O=XiVO [0]	RFC 9325 section 4.5	has a weak key: rsa:1024'
	says 'x.pem	error	CN=xivo.example.com,O=XiVO [1]	RFC 9325 section 4.5	has a weak key: rsa:1024'
	says 'x.pem	error	CN=xivo.example.com,O=XiVO [0]	RFC 9155 section 2	is signed with a weak digest: SHA1'
	# One without a subject has its fingerprint, and is nobody's namesake.
	cert-create -A root-CA -P mail -s joe@example.com joe-mail
	run -1 cert-verify -T root.pem -w 2020-01-01 joe-mail
	[[ ${lines[0]} == 'joe-mail	error	sha256:'*'is not yet valid'* ]]
	[[ ${lines[1]} == 'joe-mail	error	CN=root-CA	'* ]]
}

@test "for another host the names are printed, not all of many" {
	cert-create -A root-CA -s a.example.com -s 192.0.2.1 \
	    -s b.example.com -s c.example.com -s d.example.com many
	run -1 cert-verify -T root.pem -H 192.0.2.2 many
	says 'is not for this host: 192.0.2.2; it is for "a.example.com", 192.0.2.1, "b.example.com" and 2 more'
	cert-create -A root-CA -P client -S CN=jim jim
	run -1 cert-verify -T root.pem -P client -H jim.example.com jim
	[[ $output == *'is not for this host: jim.example.com' ]]
}

@test "-v prints the verdict and the path" {
	run -0 cert-verify -v -T root.pem www.example.com
	[ "${#lines[@]}" -eq 4 ]
	[ "${lines[0]}" = 'www.example.com	good	server' ]
	[[ ${lines[1]} == 'www.example.com	path	CN=www.example.com	0	ends '* ]]
	[[ ${lines[2]} == 'www.example.com	path	CN=sub-CA	1	ends '* ]]
	[[ ${lines[3]} == 'www.example.com	path	CN=root-CA	2	ends '* ]]
	run -1 cert-verify -v -T root.pem -P client www.example.com
	says 'www.example.com	bad	client'
}

@test "-j: an object for each, with reasons and path" {
	cert-verify -j -T root.pem -H www.example.com >out || [ $? -eq 1 ]
	[ "$(wc -l <out)" -eq 3 ]
	perl -MJSON::PP -ne '
		my $d = decode_json($_);
		$n{$d->{name}} = $d;
		END {
			my $w = $n{"www.example.com"};
			die "good" if $w->{verdict} ne "good";
			die "profile" if $w->{profile} ne "server";
			die "anchored" if !$w->{anchored};
			die "path" if @{$w->{path}} != 3;
			die "subject" if $w->{path}[2]{subject} ne "CN=root-CA";
			die "epoch" if $w->{path}[0]{ends_epoch} < 1e9;
			my $s = $n{"sub-CA"};
			die "bad" if $s->{verdict} ne "bad";
			my ($r) = grep { $_->{code} eq "host" } @{$s->{reasons}};
			die "severity" if $r->{severity} ne "error";
			die "depth" if $r->{depth} != 0;
			die "section" if $r->{section} !~ /RFC 9525/;
			die "hex" if $r->{fingerprint} !~ /^sha256:[0-9a-f]{64}$/;
		}' out
}

@test "the purpose is that of the certificate" {
	cert-create -A root-CA -P client -S CN=joe joe
	cert-create -A root-CA -P mail -s joe@example.com joe-mail
	cert-create -A root-CA -P peer sip.example.com
	run -0 cert-verify -v -T root.pem
	says 'joe	good	client'
	says 'joe-mail	good	mail'
	says 'sip.example.com	good	peer'
	says 'root-CA	good	ca'
	run -1 cert-verify -T root.pem -P server joe
	says 'is not for this purpose: it lacks serverAuth'
	run -1 cert-verify -T root.pem -P peer joe
	says 'is not for this purpose: it lacks serverAuth'
	[[ $output != *clientAuth* ]]
	run -1 cert-verify -T root.pem -P ca joe
	says 'RFC 5280 section 4.2.1.9	is not a CA'
	run -0 cert-verify -T root.pem -P any joe
	run -2 cert-verify -T root.pem -P teapot joe
	[[ $output == *'"teapot": is not a profile: use server,'* ]]
}

@test "the anchors of the store, read once" {
	trust root.pem
	cert-verify
	run -2 cert-verify -T /dev/null www.example.com
	# Trusted, but a path that ends there is not good.
	echo "sha256:$(openssl x509 -in root.pem -outform DER | sha256sum |
	    cut -d ' ' -f 1) root.pem" >"$CERTSTORE/.trust@1/distrusted"
	run -1 cert-verify www.example.com
	says 'error	CN=root-CA	RFC 5280 section 6.1	is distrusted in this store'
	# A list that cannot be read may hold who is needed.
	echo 'sha256:12 root' >"$CERTSTORE/.trust@1/distrusted"
	run -2 cert-verify www.example.com
	[[ $output == *'/trust/distrusted:1: '* ]]
	rm "$CERTSTORE/.trust@1/distrusted"
	run -2 cert-verify www.example.com
	[[ $output == *'/trust/distrusted: No such file'* ]]
	# A restore can make a directory of the link.
	: >"$CERTSTORE/.trust@1/distrusted"
	rm "$CERTSTORE/trust"
	mv "$CERTSTORE/.trust@1" "$CERTSTORE/trust"
	run -2 cert-verify
	[[ $output == *'use cert-check -r'* ]]
	mv "$CERTSTORE/trust" "$CERTSTORE/.trust@1"
	ln -s .trust@1 "$CERTSTORE/trust"
	cert-verify
	# A link to elsewhere is none of ours.
	cp -RL "$CERTSTORE/trust" ../elsewhere
	rm "$CERTSTORE/trust"
	ln -s ../elsewhere "$CERTSTORE/trust"
	run -2 cert-verify
}

@test "without anchors: an error with the remedy" {
	run -2 --separate-stderr cert-verify
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == *'/trust: there are no trust anchors: '*'cert-trust update'* ]]
	mkdir none
	run -2 cert-verify -T ./none www.example.com
	[[ $output == 'cert-verify: ./none: there are no trust anchors in it'* ]]
	run -2 cert-verify -T ./missing www.example.com
}

@test "-T: a bundle, links by hash, a directory without" {
	cert-create -c other-CA
	cert-show -o cert other-CA >other.pem
	cat other.pem root.pem >bundle
	cert-verify -T ./bundle www.example.com
	cert-verify -T - www.example.com <bundle
	mkdir plain hashed
	cp other.pem root.pem plain
	echo rubbish >plain/README
	echo rubbish >plain/broken.pem
	cert-verify -T ./plain www.example.com
	cp other.pem root.pem hashed
	openssl rehash hashed
	cert-verify -T ./hashed www.example.com
	run -1 cert-verify -T other.pem www.example.com
	says 'error	CN=root-CA	RFC 5280 section 6.1	is self-signed and not a trust'
	run -1 cert-verify -T other.pem -i www.pem
	says 'has no path to a trust anchor: it needs the certificate of CN=root-CA'
	# Only what is needed is read.
	rm hashed/root.pem
	run -2 cert-verify -T ./hashed www.example.com
	[[ $output == *'hashed/'*'.0: No such file or directory' ]]
	find hashed -xtype l -delete
	cp root.pem hashed/zzz.pem
	run -1 cert-verify -T ./hashed www.example.com
}

# nobody COMMAND...: as somebody who cannot read what is 0000.
nobody() {
	if [ "$(id -u)" -eq 0 ]; then
		chmod 755 "$BATS_TEST_TMPDIR"
		setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
	else
		"$@"
	fi
}

@test "-T: unreadable anchors are an error for every certificate" {
	root=$PWD/root.pem
	cert-create -c -S CN=alone alone
	cert-show -o cert alone >alone.pem
	cert-create -A root-CA other.example.com
	mkdir hashed plain empty wrong
	cp root.pem alone.pem hashed
	openssl rehash hashed
	echo rubbish >hashed/root.pem
	# The same file twice, behind another that is good, and by itself.
	run -2 --separate-stderr cert-verify -T ./hashed www.example.com \
	    other.example.com root-CA alone root-CA
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" -eq 4 ]
	run -2 cert-verify -T ./hashed root-CA
	# A certificate that is damaged, in a directory without links.
	head -c 300 root.pem >plain/root.pem
	cp alone.pem plain
	run -2 --separate-stderr cert-verify -T ./plain www.example.com \
	    other.example.com alone
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" -eq 2 ]
	[[ ${stderr_lines[1]} == *'plain/root.pem:1: '* ]]
	# Bad by itself is bad, whatever there is to read.
	run -1 cert-verify -T ./plain -H www.example.net www.example.com
	run -2 cert-verify -T ./plain -H www.example.com www.example.com
	# What is no certificate is in nobody's way.
	echo rubbish >plain/root.pem
	run -1 cert-verify -T ./plain www.example.com alone
	# A link to nothing; nothing at all; the same for each.
	ln -sf nothing plain/root.pem
	run -2 cert-verify -T ./plain www.example.com other.example.com
	run -2 --separate-stderr cert-verify -T ./empty alone root-CA
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" -eq 2 ]
	# A file that is good beside a directory that cannot be read.
	rm plain/root.pem
	cp root.pem plain
	chmod 0 plain/root.pem
	run -2 nobody cert-verify -T ./plain -i alone.pem
	cat alone.pem root.pem >both.pem
	run -2 nobody cert-verify -T ./plain -i both.pem
}

@test "-T: a directory of DER that is cut, and of nothing" {
	mkdir cut
	: >cut/empty.pem
	run -2 cert-verify -T ./cut www.example.com
	[[ $output == *'cut: there are no trust anchors in it'* ]]
	openssl x509 -in root.pem -outform DER | head -c 200 >cut/root.crt
	run -2 cert-verify -T ./cut www.example.com
	[[ $output == *'cut/root.crt: truncated: the DER says '* ]]
	{ openssl x509 -in root.pem -outform DER; echo; } >cut/root.crt
	run -2 cert-verify -T ./cut www.example.com
	[[ $output == *'cut/root.crt: 1 byte after the DER'* ]]
}

@test "-T: trust settings apply to anchors from every source" {
	cert-create -A root-CA -P client -S CN=joe joe
	openssl x509 -in root.pem -addreject serverAuth -out rej.pem
	openssl x509 -in root.pem -addtrust emailProtection -out mail.pem
	openssl x509 -in root.pem -addtrust serverAuth -out server.pem
	openssl x509 -in root.pem -setalias site -out alias.pem
	grep -l 'BEGIN TRUSTED' rej.pem mail.pem server.pem alias.pem
	cert-show -o cert www.example.com >chain
	cert-show -o chain www.example.com >>chain
	for file in rej mail; do
		run -2 openssl verify -purpose sslserver -CAfile $file.pem \
		    -untrusted chain chain
	done
	cert-verify -T server.pem -P server www.example.com
	cert-verify -T alias.pem
	run -1 cert-verify -T rej.pem -P server www.example.com
	says 'is not a trust anchor for this purpose: its trust settings reject serverAuth'
	run -1 cert-verify -T mail.pem -P server www.example.com
	says 'its trust settings lack serverAuth'
	run -1 cert-verify -T server.pem -P client joe
	says 'its trust settings lack clientAuth'
	# The stricter of two counts, in a file, in a directory, as it is.
	cat rej.pem root.pem >one
	cat root.pem rej.pem >two
	run -1 cert-verify -T ./one -P server www.example.com
	run -1 cert-verify -T ./two -P server www.example.com
	mkdir hashed plain
	cp rej.pem hashed
	openssl rehash hashed
	compgen -G 'hashed/????????.0' ||
	    ln -s rej.pem "hashed/$(openssl x509 -in root.pem -noout -hash).0"
	run -1 cert-verify -T ./hashed -P server www.example.com
	cp root.pem rej.pem plain
	run -1 cert-verify -T ./plain -P server www.example.com
	cert-verify -T ./plain -P client joe
	# The anchor is the certificate itself.
	run -1 cert-verify -T rej.pem -P server root-CA
	says 'reject serverAuth'
	# By hand in the store's own directory.
	cert-trust -q add root.pem
	cert-verify -P server www.example.com
	cat rej.pem >"$CERTSTORE/trust/root-CA.pem"
	run -1 cert-verify -P server www.example.com
	says 'reject serverAuth'
}

@test "the needed anchor is found among many" {
	for i in 1 2 3 4 5 6 7 8 9; do
		cert-create -c "ca$i"
		cert-show -o cert "ca$i"
	done >many
	cat many root.pem many >bundle
	cert-verify -T ./bundle www.example.com
	cert-show -o cert www.example.com >chain
	cat many >>chain
	cert-show -o cert sub-CA >>chain
	run -0 cert-verify -v -T ./bundle -i chain
	[ "${#lines[@]}" -eq 4 ]
	run -1 cert-verify -T ./many -i chain
	says 'it needs the certificate of CN=root-CA'
}

@test "a self-signed certificate is good only if it is an anchor" {
	cert-create self.example.com
	cert-show -o cert self.example.com >self.pem
	run -1 cert-verify -T root.pem self.example.com
	says 'is self-signed and not a trust anchor'
	cert-verify -T self.pem -H self.example.com self.example.com
	run -1 cert-verify -T self.pem -H www.example.com self.example.com
}

@test "an anchor need not be self-signed" {
	cert-show -o cert sub-CA >sub.pem
	run -0 cert-verify -v -T sub.pem www.example.com
	[ "${#lines[@]}" -eq 3 ]
}

@test "the subject of an anchor without its key is not enough" {
	cert-show -o cert www.example.com >leaf.pem
	run -1 cert-verify -T root.pem -i leaf.pem
	says 'it needs the certificate of CN=sub-CA'
	(
		export CERTSTORE=$BATS_TEST_TMPDIR/other
		cert-create -c root-CA
		cert-show -o cert root-CA >impostor.pem
	)
	run -1 cert-verify -T impostor.pem -i www.pem
	says 'is not signed by the key of its issuer'
}

@test "an expired issuer does not hide a good one of the same name and key" {
	cp "$CERTSTORE/certs/sub-CA/privkey.pem" sub.key
	openssl req -new -key sub.key -subj /CN=sub-CA -out sub.csr
	printf '%s\n' basicConstraints=critical,CA:true \
	    keyUsage=critical,keyCertSign,cRLSign subjectKeyIdentifier=hash \
	    authorityKeyIdentifier=keyid >ca.cnf
	faketime=$(date -u -d '2 days' +%F)
	openssl x509 -req -in sub.csr -CA root.pem \
	    -CAkey "$CERTSTORE/certs/root-CA/privkey.pem" -days 1 \
	    -extfile ca.cnf -out short.pem 2>/dev/null
	cert-show -o cert www.example.com >leaf.pem
	cert-show -o cert sub-CA >long.pem
	cat leaf.pem short.pem long.pem >chain.pem
	cert-verify -w "$faketime" -T root.pem -i chain.pem
	cat leaf.pem short.pem >chain.pem
	run -1 cert-verify -w "$faketime" -T root.pem -i chain.pem
	says 'error	CN=sub-CA	RFC 5280 section 4.1.2.5	is expired'
}

# crl CA [SERIAL]: a CRL of the CA entry, which revokes that serial.
crl() {
	local day

	day=$(date -u +%y%m%d000000Z)
	: >index.txt
	[ -z "${2:-}" ] ||
	    printf 'R\t%s\t%s\t%s\tunknown\t/CN=x\n' 491231000000Z "$day" "$2" \
		>index.txt
	echo 01 >number
	printf '%s\n' '[ca]' default_ca=c '[c]' database=index.txt \
	    crlnumber=number default_md=sha256 default_crl_days=30 \
	    crl_extensions=e '[e]' authorityKeyIdentifier=keyid >crl.cnf
	cert-show -o cert "$1" >ca.crt
	openssl ca -config crl.cnf -gencrl -cert ca.crt \
	    -keyfile "$CERTSTORE/certs/$1/privkey.pem" 2>/dev/null
}

@test "-L: revoked, not revoked, not covered" {
	serial=$(openssl x509 -in www.pem -noout -serial)
	crl root-CA >root.crl
	crl sub-CA >sub.crl
	cert-verify -T root.pem -L root.crl -L sub.crl www.example.com
	cat root.crl sub.crl >both.crl
	cert-verify -T root.pem -L both.crl www.example.com
	echo nothing >no.crl
	run -2 cert-verify -T root.pem -L no.crl www.example.com
	[ "$output" = 'cert-verify: no.crl: no PEM block: a CRL begins with `-----BEGIN X509 CRL-----`' ]
	# CRLs may be larger than what else is read.
	{
		head -c 3000000 /dev/zero | tr '\0' '\n'
		cat both.crl
	} >large.crl
	cert-verify -T root.pem -L large.crl www.example.com
	crl sub-CA "${serial#serial=}" >sub.crl
	run -1 cert-verify -T root.pem -L root.crl -L sub.crl www.example.com
	says 'error	CN=www.example.com	RFC 5280 section 6.3	is revoked'
	run -1 cert-verify -T root.pem -L root.crl www.example.com
	says 'error	CN=www.example.com	RFC 5280 section 6.3	is covered by none of the CRLs: it needs one of CN=sub-CA'
	openssl crl -in root.crl -outform DER -out root.der
	run -1 cert-verify -T root.pem -L root.der www.example.com
	run -1 cert-verify -T root.pem -L both.crl -w "$(date -u -d '60 days' \
	    +%F)" www.example.com
	says 'CN=www.example.com	RFC 5280 section 5.1.2.5	has only an expired CRL'
	says 'CN=sub-CA	RFC 5280 section 5.1.2.5	has only an expired CRL'
	# Of an anchor no CRL is asked for, so none can be too old.
	[ "${#lines[@]}" -eq 2 ]
	run -2 cert-verify -T root.pem -L www.pem www.example.com
	[[ $output == 'cert-verify: www.pem: there is no CRL in it'* ]]
}

@test "-i: every format, and -p for PKCS#12" {
	{ echo text; cat www.pem; echo more text; } >mixed
	cert-verify -T root.pem -i mixed
	openssl crl2pkcs7 -nocrl -certfile www.pem -out www.p7
	cert-verify -T root.pem -P any -i www.p7
	echo secret >pass
	openssl pkcs12 -export -in www.pem -passout file:pass -out www.p12 \
	    -inkey "$CERTSTORE/certs/www.example.com/privkey.pem" \
	    -certfile www.pem
	cert-verify -T root.pem -p pass -i www.p12
	run -2 cert-verify -T root.pem -i www.p12
	echo rubbish >rubbish
	run -2 cert-verify -T root.pem -i rubbish
	run -2 cert-verify -T root.pem -i missing
	run -2 cert-verify -T root.pem -i "$CERTSTORE/certs/www.example.com/privkey.pem"
	[[ $output == *'there is no certificate in it'* ]]
}

@test "malformed questions" {
	for host in '' '*.example.com' a..b .example.com 1.2.3.4.5 'a b'; do
		run -2 cert-verify -T root.pem -H "$host" www.example.com
		[ "${#lines[@]}" -eq 1 ]
		[[ $output == 'cert-verify: -H '* ]] || fail "$output"
	done
	for line in '-x' '-w tomorrow' '-i' '-i f www.example.com' \
	    'www.example.com -q'; do
		# shellcheck disable=SC2086  # words are meant
		run -2 cert-verify -T root.pem $line
	done
	run -2 cert-verify -T root.pem nobody www.example.com
	run -2 cert-verify -T - -i - <root.pem
	[[ $output == *"cannot both read it"* ]]
	# Anchors have no passphrase, and entries neither.
	echo secret >pw
	openssl pkcs12 -export -nokeys -in root.pem -passout file:pw -out r.p12
	run -2 cert-verify -T r.p12 www.example.com
	[[ $output == *'-T r.p12: is encrypted: '* ]]
	run -2 cert-verify -p pw -T root.pem www.example.com
	[[ ${lines[0]} == *'-p: is for the file of -i: remove it or add -i' ]]
}

@test "a certificate that cannot be verified does not hide the others" {
	cert-create -A root-CA -s b.example.com b
	echo rubbish >>"$CERTSTORE/certs/b/fullchain.pem"
	run -2 --separate-stderr cert-verify -v -T root.pem
	says 'www.example.com	good'
	[ -n "$stderr" ]
	# A request that waits is no certificate yet.
	cert-rm b
	cert-create -R c.example.com >/dev/null
	cert-verify -T root.pem
	run -2 cert-verify -T root.pem c.example.com
	[[ $output == *'c.example.com: has no certificate yet'* ]]
}

@test "foreign bytes do not reach the terminal" {
	for file in "$DATA"/hostile/*.pem; do
		cert-verify -T "$file" -v -i "$file" -H www.example.com \
		    >out 2>&1 || [ $? -lt 3 ]
		cert-verify -T root.pem -v -i "$file" >>out 2>&1 || [ $? -lt 3 ]
		cert-verify -T root.pem -j -i "$file" >>out 2>&1 || [ $? -lt 3 ]
		run -1 grep -aP '[\x00-\x08\x0b-\x1f\x7f]' out
		iconv -f UTF-8 -t UTF-8 out >/dev/null
	done
}

@test "names of all types, constraints and policies" {
	run -0 cert-verify -v -w 2030-01-01 -T "$DATA/verify/root.pem" \
	    -L "$DATA/verify/crls.pem" -H foo.example.com \
	    -i "$DATA/verify/chain.pem"
	[ "${#lines[@]}" -eq 4 ]
	# Inclusive to the second.
	end=$(openssl x509 -in "$DATA/verify/chain.pem" -noout -enddate)
	end=$(date -u -d "${end#notAfter=}" +%s)
	cert-verify -w "@$end" -T "$DATA/verify/root.pem" \
	    -i "$DATA/verify/chain.pem"
	run -1 cert-verify -w "@$((end + 1))" -T "$DATA/verify/root.pem" \
	    -i "$DATA/verify/chain.pem"
	[ "${#lines[@]}" -eq 1 ]
}

@test "certstore(7) has every rule with its severity" {
	tr '\n' ' ' <"$ROOT/lib/verify/rule.c" |
	    grep -oE '\] = \{ *"[a-z0-9-]+", *"[EW-]{3}"' |
	    sed -E 's/.*"([a-z0-9-]+)", *"(.)(.)(.)"/\1 \2 \3 \4/' |
	    sort >code
	[ "$(wc -l <code)" -gt 90 ]
	sed -n '/^\.Sh VERIFICATION/,/^\.El/p' "$ROOT/man/certstore.7" |
	    sed -n -e 's/\\(en/-/g' \
	    -e 's/^\.It Li \([a-z0-9-]*\) Ta \(.\) Ta \(.\) Ta \(.\) Ta$/\1 \2 \3 \4/p' |
	    sort >page
	diff code page
}

@test "an anchor is found among many of the same name" {
	"$ROOT/tests/forge" <<-'END'
	roots.pem Root:k% Root:k% times=103
	leaf%.pem leaf Root:k% times=103
	END
	cert-trust add roots.pem >names
	[ "$(wc -l <names)" -eq 103 ]
	for ((i = 0; i < 103; i++)); do
		cert-verify -P server -w 2026-06-01 -i leaf$i.pem
	done
}

@test "the order of the issuers does not matter" {
	"$ROOT/tests/forge" <<-'END'
	anchors.pem R R
	leaf.pem leaf I
	late.pem leaf I expired
	good I R
	constraint I R constraint
	old I R expired
	eku I R eku
	two I R expired eku
	twice I R:S
	END
	# anybody FILES...: what is said of both, whatever the order
	anybody() {
		local a b c first leaf
		for leaf in late leaf; do
			first=
			for a in "$@"; do for b in "$@"; do for c in "$@"; do
				[ "$a" != "$b" ] && [ "$b" != "$c" ] &&
				    [ "$a" != "$c" ] || continue
				cat $leaf.pem "$a" "$b" "$c" >chain
				cert-verify -v -P server -w 2026-06-01 \
				    -T anchors.pem -i chain >said || :
				: "${first:=$(cat said)}"
				[ "$(cat said)" = "$first" ] ||
				    fail "$leaf $a $b $c: $(cat said)"
			done; done; done
			echo "$first" >$leaf.said
		done
	}
	anybody good constraint old
	[ "$(cut -f 2,5 late.said | sed -n '/^error/p' | wc -l)" -eq 1 ]
	grep 'is expired' late.said
	grep 'good	server' leaf.said
	anybody constraint old two
	[ "$(grep -c '	error	' leaf.said)" -eq 1 ]
	[ "$(grep -c '	error	' late.said)" -eq 2 ]
	anybody constraint eku twice
	[ "$(grep -c '	error	' leaf.said)" -eq 1 ]
}
