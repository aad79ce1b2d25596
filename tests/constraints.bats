#!/usr/bin/env bats
# constraints.bats: name constraints, RFC 5280 section 4.2.1.10, in cert-verify:
# tables of the constraints of a CA, the names of a certificate it issued, and
# the verdict.

load helper

# judged: reads lines "constraints names verdict"; "+" precedes the constraints
# of a further CA that the first one issued.
judged() {
	local n=0 constraint below names answer status failed=

	cat >table
	while read -r constraint names answer; do
		[ -n "$constraint" ] || continue
		n=$((n + 1))
		below=${constraint#*+}
		constraint=${constraint%%+*}
		if [ "$below" = "$constraint" ]; then
			echo "$n.pem leaf I san=$names"
			echo "$n.pem I R nameConstraints=critical,$constraint"
		else
			echo "$n.pem leaf J san=$names"
			echo "$n.pem J I nameConstraints=critical,$below"
			echo "$n.pem I R nameConstraints=critical,$constraint"
		fi
	done <table >lines
	echo 'anchors.pem R R' >>lines
	"$ROOT/tests/forge" <lines
	n=0
	while read -r constraint names answer; do
		[ -n "$constraint" ] || continue
		n=$((n + 1))
		status=0
		cert-verify -T anchors.pem -P any -w 2026-06-01 -i $n.pem \
		    >said 2>&1 || status=$?
		case $status.$answer in
		0.good|1.bad) ;;
		*)
			failed=1
			echo "$constraint, $names: status $status," \
			    "wanted $answer: $(head -n 1 said)"
			;;
		esac
	done <table
	[ -z "$failed" ]
}

@test "DNS names" {
	judged <<-'END'
	permitted;DNS:example.com DNS:example.com good
	permitted;DNS:example.com DNS:www.example.com good
	permitted;DNS:example.com DNS:a.b.c.example.com good
	permitted;DNS:example.com DNS:WWW.EXAMPLE.COM good
	permitted;DNS:EXAMPLE.COM DNS:www.example.com good
	permitted;DNS:example.com DNS:badexample.com bad
	permitted;DNS:example.com DNS:example.com.net bad
	permitted;DNS:example.com DNS:example.net bad
	permitted;DNS:example.com DNS:com bad
	permitted;DNS:www.example.com DNS:example.com bad
	permitted;DNS:example.com DNS:www.example.com,DNS:example.net bad
	permitted;DNS:example.com DNS:example.net,DNS:www.example.com bad
	permitted;DNS:example.com,permitted;DNS:example.net DNS:a.example.net good
	permitted;DNS:com DNS:example.com good
	excluded;DNS:example.com DNS:example.com bad
	excluded;DNS:example.com DNS:www.example.com bad
	excluded;DNS:example.com DNS:WWW.Example.Com bad
	excluded;DNS:example.com DNS:badexample.com good
	excluded;DNS:example.com DNS:example.net good
	excluded;DNS:www.example.com DNS:example.com good
	excluded;DNS:example.com DNS:example.net,DNS:example.com bad
	permitted;DNS:example.com,excluded;DNS:www.example.com DNS:ftp.example.com good
	permitted;DNS:example.com,excluded;DNS:www.example.com DNS:www.example.com bad
	permitted;DNS:www.example.com,excluded;DNS:example.com DNS:www.example.com bad
	END
}

@test "DNS names with a wildcard" {
	judged <<-'END'
	permitted;DNS:example.com DNS:*.example.com good
	permitted;DNS:example.com DNS:*.www.example.com good
	permitted;DNS:www.example.com DNS:*.www.example.com good
	permitted;DNS:www.example.com DNS:*.example.com bad
	permitted;DNS:www.example.com DNS:*.ftp.example.com bad
	excluded;DNS:example.com DNS:*.example.com bad
	excluded;DNS:www.example.com DNS:*.example.com bad
	excluded;DNS:WWW.example.com DNS:*.Example.com bad
	excluded;DNS:www.example.com DNS:*.ftp.example.com good
	excluded;DNS:a.www.example.com DNS:*.example.com good
	excluded;DNS:example.net DNS:*.example.com good
	END
}

@test "addresses" {
	judged <<-'END'
	permitted;IP:192.0.2.0/255.255.255.0 IP:192.0.2.1 good
	permitted;IP:192.0.2.0/255.255.255.0 IP:192.0.3.1 bad
	permitted;IP:192.0.2.1/255.255.255.255 IP:192.0.2.1 good
	permitted;IP:192.0.2.1/255.255.255.255 IP:192.0.2.2 bad
	permitted;IP:192.0.2.128/255.255.255.128 IP:192.0.2.127 bad
	permitted;IP:192.0.2.128/255.255.255.128 IP:192.0.2.128 good
	permitted;IP:0.0.0.0/0.0.0.0 IP:192.0.2.1 good
	excluded;IP:0.0.0.0/0.0.0.0 IP:192.0.2.1 bad
	excluded;IP:192.0.2.0/255.255.255.0 IP:192.0.2.255 bad
	excluded;IP:192.0.2.0/255.255.255.0 IP:192.0.3.0 good
	permitted;IP:192.0.2.0/255.255.255.0 IP:2001:db8::1 bad
	excluded;IP:192.0.2.0/255.255.255.0 IP:2001:db8::1 good
	permitted;IP:2001:db8::/ffff:ffff:: IP:2001:db8::1 good
	permitted;IP:2001:db8::/ffff:ffff:: IP:2001:db9::1 bad
	permitted;IP:2001:db8::/ffff:ffff:: IP:192.0.2.1 bad
	excluded;IP:2001:db8::/ffff:ffff:: IP:2001:db8::1 bad
	excluded;IP:0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0 IP:192.0.2.1 good
	permitted;IP:192.0.2.0/255.0.255.0 IP:192.0.2.1 bad
	END
}

@test "mail addresses" {
	judged <<-'END'
	permitted;email:example.com email:sip@example.com good
	permitted;email:example.com email:sip@EXAMPLE.com good
	permitted;email:example.com email:sip@www.example.com bad
	permitted;email:example.com email:sip@badexample.com bad
	permitted;email:.example.com email:sip@www.example.com good
	permitted;email:.example.com email:sip@example.com bad
	permitted;email:sip@example.com email:sip@example.com good
	permitted;email:sip@example.com email:sip@Example.Com good
	permitted;email:sip@example.com email:SIP@example.com bad
	permitted;email:sip@example.com email:tel@example.com bad
	excluded;email:example.com email:sip@example.com bad
	excluded;email:example.com email:sip@www.example.com good
	excluded;email:.example.com email:sip@www.example.com bad
	excluded;email:sip@example.com email:sip@example.com bad
	excluded;email:sip@example.com email:tel@example.com good
	END
}

@test "URIs" {
	judged <<-'END'
	permitted;URI:example.com URI:https://example.com/path good
	permitted;URI:example.com URI:https://EXAMPLE.com:8443/path good
	permitted;URI:example.com URI:https://www.example.com/ bad
	permitted;URI:.example.com URI:https://www.example.com/ good
	permitted;URI:.example.com URI:https://example.com/ bad
	permitted;URI:example.com URI:https://example.net/example.com bad
	permitted;URI:example.com URI:urn:example.com bad
	permitted;URI:example.com URI:https://192.0.2.1/ bad
	excluded;URI:example.com URI:https://example.com/ bad
	excluded;URI:.example.com URI:https://www.example.com/ bad
	excluded;URI:example.com URI:https://example.net/ good
	END
}

@test "names that resemble others" {
	judged <<-'END'
	permitted;URI:.example.com URI:https://evil.net?.example.com/ bad
	permitted;URI:.example.com URI:https://evil.net#.example.com bad
	permitted;URI:.example.com URI:https://www.example.com:@evil.net/ bad
	permitted;URI:.example.com URI:https://www.example.com:1@evil.net/ bad
	permitted;URI:.example.com URI:https://www.example.com:8443?a@evil.net good
	excluded;URI:evil.net URI:https://user@evil.net/ bad
	excluded;URI:evil.net URI:https://evil.net./ bad
	excluded;URI:evil.net URI:https://evil.net/a:b bad
	excluded;URI:evil.net URI:https://192.0.2.1/ bad
	excluded;URI:evil.net URI:https://example.com/@evil.net good
	excluded;URI:evil.net URI:https://example.com good
	excluded;DNS:evil.net DNS:www.evil.net. bad
	excluded;DNS:evil.net. DNS:www.evil.net bad
	excluded;DNS:*.evil.net DNS:www.evil.net bad
	excluded;email:evil.net email:me@evil.net. bad
	excluded;email:evil.net. email:me@evil.net bad
	excluded;DNS:evil.net. email:me@example.com good
	excluded;DNS:evil.net email:me@example.com. good
	END
}

@test "an e-mail address in the subject is checked, too" {
	for host in evil.net evil.net. example.com; do
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
		    -noenc -keyout key.pem -subj /CN=I -out ca.pem -days 9999 \
		    -addext 'nameConstraints=critical,excluded;email:evil.net' \
		    -addext keyUsage=critical,keyCertSign 2>said
		openssl req -x509 -CA ca.pem -CAkey key.pem -newkey ec \
		    -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout /dev/null \
		    -subj "/CN=me/emailAddress=me@$host" -out $host.pem \
		    -days 9999 -addext basicConstraints=critical,CA:FALSE \
		    2>said
		run -0 --separate-stderr cert-show -i $host.pem -o subject
		[[ $output = *"me@$host"* ]]
		run cert-verify -T ca.pem -P any -i $host.pem
		if [ $host = example.com ]; then
			[ "$status" -eq 0 ]
		else
			[ "$status" -eq 1 ]
		fi
	done
}

@test "a constraint applies only to names of its type" {
	judged <<-'END'
	permitted;DNS:example.com IP:192.0.2.1 good
	permitted;DNS:example.com email:sip@example.net good
	permitted;DNS:example.com URI:https://example.net/ good
	permitted;IP:192.0.2.0/255.255.255.0 DNS:example.com good
	permitted;email:example.com DNS:example.net good
	excluded;DNS:example.com email:sip@example.com good
	permitted;DNS:example.com,permitted;IP:192.0.2.0/255.255.255.0 DNS:example.com,IP:192.0.3.1 bad
	permitted;DNS:example.com,permitted;IP:192.0.2.0/255.255.255.0 DNS:example.com,IP:192.0.2.1 good
	END
}

@test "constraints of two CAs both apply" {
	judged <<-'END'
	permitted;DNS:example.com+permitted;DNS:www.example.com DNS:www.example.com good
	permitted;DNS:example.com+permitted;DNS:www.example.com DNS:ftp.example.com bad
	permitted;DNS:www.example.com+permitted;DNS:example.com DNS:ftp.example.com bad
	permitted;DNS:example.com+permitted;DNS:example.net DNS:example.com bad
	permitted;DNS:example.com+permitted;DNS:example.net DNS:example.net bad
	permitted;DNS:example.com+excluded;DNS:www.example.com DNS:www.example.com bad
	permitted;DNS:example.com+excluded;DNS:www.example.com DNS:ftp.example.com good
	excluded;DNS:www.example.com+permitted;DNS:example.com DNS:www.example.com bad
	permitted;DNS:example.com+permitted;IP:192.0.2.0/255.255.255.0 DNS:example.com,IP:192.0.2.1 good
	END
}

# What is empty stands for all names of its kind (tags: 81 mail, 82 DNS, 86 URI,
# 87 address, A4 directory name; A0 permitted, A1 excluded).
@test "empty subtrees" {
	judged <<-'END'
	DER:3006A10430028100 email:me@example.com bad
	DER:3006A10430028100 otherName:1.3.6.1.5.5.7.8.9;UTF8:me@example.com bad
	DER:3006A10430028100 DNS:example.com good
	DER:3006A10430028200 DNS:example.com bad
	DER:3006A10430028200 DNS:*.example.com bad
	DER:3006A10430028200 email:me@example.com good
	DER:3006A10430028600 URI:https://example.com/ bad
	DER:3006A10430028600 URI:urn:example:com bad
	DER:3006A10430028600 DNS:example.com good
	DER:3006A10430028700 IP:192.0.2.1 bad
	DER:3006A10430028700 DNS:example.com bad
	DER:3008A1063004A4023000 DNS:example.com bad
	DER:3006A00430028100 email:me@example.com bad
	DER:3006A00430028200 DNS:example.com good
	DER:3006A00430028600 URI:https://example.com/ bad
	DER:3006A00430028700 IP:192.0.2.1 bad
	DER:3008A0063004A4023000 DNS:example.com good
	DER:300AA1083002810030028600 email:me@example.com bad
	DER:300AA1083002810030028600 URI:https://example.com/ bad
	DER:3006A10430028100+permitted;email:example.com email:me@example.com bad
	permitted;email:example.com+DER:3006A10430028100 email:me@example.com bad
	END
}

@test "malformed excluded subtrees" {
	judged <<-'END'
	excluded;email:@ email:me@example.com bad
	excluded;email:me@ email:me@example.com bad
	excluded;email:. email:me@example.com bad
	excluded;email:mailto:evil.net email:me@evil.net bad
	excluded;email:@evil.net email:me@evil.net bad
	excluded;email:@evil.net email:me@example.com good
	excluded;URI:. URI:https://example.com/ bad
	excluded;URI:https://evil.net/ URI:https://evil.net/ bad
	excluded;URI:evil.net:443 URI:https://evil.net:443/ bad
	excluded;URI:https://evil.net/ DNS:example.com good
	END
}

# leaf FILE CN EXT: what ca.pem signs.
leaf() {
	openssl req -x509 -CA ca.pem -CAkey key.pem -key leaf.key \
	    -subj "/CN=$2" -out "$1.pem" -days 999 -addext "$3" \
	    -config /dev/stdin 2>said <<-'END'
	[req]
	distinguished_name = dn
	x509_extensions = ext
	[dn]
	[ext]
	subjectKeyIdentifier = hash
	authorityKeyIdentifier = keyid
	END
}

@test "a common name counts as a host if no SAN is one" {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
	    -noenc -keyout key.pem -subj /CN=I -out ca.pem -days 9999 \
	    -addext 'nameConstraints=critical,permitted;DNS:example.com' \
	    -addext keyUsage=critical,keyCertSign 2>said
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
	    -out leaf.key
	end=basicConstraints=critical,CA:FALSE
	leaf in in.example.com $end
	leaf joe Joe $end
	leaf dns out.example.net subjectAltName=DNS:a.example.com
	leaf sub out.example.net basicConstraints=critical,CA:TRUE
	leaf out out.example.net $end
	leaf ip out.example.net subjectAltName=IP:192.0.2.1
	for file in in joe dns sub; do
		cert-verify -T ca.pem -P any -i $file.pem || fail $file
	done
	for file in out ip; do
		run -2 openssl verify -CAfile ca.pem $file.pem
		run -1 cert-verify -T ca.pem -P any -i $file.pem
		[[ $output = *'has a name that the name constraints of an issuer forbid'* ]]
	done
}
