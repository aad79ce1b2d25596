#!/usr/bin/env bats
# set.bats: cert-set: properties of entries shown and changed, settings of the
# store, and the default entry.

# shellcheck disable=SC2154  # run --separate-stderr sets stderr

load helper
load pki

setup() {
	common_setup
	cert-create -s a.example.com -s '*.w.example.com' a
}

# props NAME LINE...: these are its properties.
props() {
	local name=$1

	shift
	cert-set "$name" | diff - <([ $# -eq 0 ] || printf '%s\n' "$@") ||
	    fail "$name: not these properties"
}

# refused STATUS-2 PATTERN ARGUMENT...: and nothing is changed.
refused() {
	local pattern=$1

	shift
	cp -a "$CERTSTORE/." before
	run -2 --separate-stderr cert-set "$@"
	[ -z "$output" ] || fail "prints $output"
	[[ $stderr =~ $pattern ]] || fail "says $stderr"
	rm "$CERTSTORE/.lock" before/.lock 2>/dev/null || :
	diff -r --no-dereference before "$CERTSTORE" || fail "changed"
	rm -rf before
}

@test "properties are set, and values added and removed" {
	run -0 --separate-stderr cert-set a tenant=B.example.com tenant+=c.example.com \
	    user='/etc/nginx/a b' note="it's mine" x-rack=7 x-rack+=8
	[ "$output" = a ]
	props a tenant=b.example.com tenant+=c.example.com \
	    'user=/etc/nginx/a b' "note=it's mine" x-rack=7 x-rack+=8
	cert-set a tenant-=b.example.com user+=haproxy note= x-rack-=7
	props a tenant=c.example.com 'user=/etc/nginx/a b' user+=haproxy x-rack=8
	cert-set a tenant=d.example.com tenant= user=only x-rack-=none
	props a user=only x-rack=8
	# from left to right
	cert-set a note=one note=two
	props a user=only x-rack=8 note=two
	# the first "=" is the one
	cert-set a note=a=b+=c x-eq==
	props a user=only x-rack=8 note=a=b+=c x-eq==
	[ "$(cert-show -o users,group a)" = $'only\t' ]
}

@test "existing values change nothing" {
	cert-set a user=x user+=y
	gen=$(readlink "$CERTSTORE/certs/a")
	run -0 cert-set a user+=x user+=y user-=z note=
	[ -z "$output" ]
	run -1 cert-set -x a user+=x
	[ "$(readlink "$CERTSTORE/certs/a")" = "$gen" ]
	run -0 --separate-stderr cert-set -x a user=x
	[ "$output" = a ]
	props a user=x
}

@test "a list of values is replaced by one value" {
	cert-set a user=x user+=y
	cert-set a user=y
	props a user=y
	cert-set -u a user=z note=first
	props a user=y note=first
	run -1 cert-set -ux a note=second
	props a user=y note=first
}

@test "a change makes a generation with the same key pair and request" {
	cert-create -f -s a.example.com a
	cert-create -R -s a.example.com -s b.example.com a >/dev/null
	dir=$CERTSTORE/certs
	cp -L "$dir"/a/* .
	cert-set a note=x user=y
	[ "$(readlink "$dir/a")" = .a@4 ]
	for file in fullchain.pem privkey.pem combined.pem cert.pem chain.pem \
	    ca.pem request.key request.csr; do
		cmp "$file" "$dir/a/$file"
	done
	run -0 find "$dir" -name '.a@*' -printf '%f '
	[ "$output" = '.a@1 .a@4 ' ] || [ "$output" = '.a@4 .a@1 ' ]
	grep -qx 'kept 1' "$dir/a/info"
	[ "$(stat -c %a "$dir/a/request.key" "$dir/a/props" |
	    tr '\n' ' ')" = '600 644 ' ]
	run -0 cert-show a
	# an answer still fits, and a replacement carries the properties along
	cert-create -f -s a.example.com a
	props a note=x user=y
	run -1 grep '^pair' "$dir/a/info"
	# of an entry that only waits, and of a CA without key
	cert-create -R -s waits.example.com waits >/dev/null
	cert-set waits note=w
	cmp <(cert-show -o csr waits) "$dir/waits/request.csr"
	[ "$(cert-list -k waiting -o name)" = $'waits' ]
	props waits note=w
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -keyout /dev/null -subj /CN=Far-CA -days 30 -out far.pem 2>/dev/null
	cert-import -N far far.pem
	cert-set far note=far
	props far note=far
	cert-show far >/dev/null
}

@test "a group is added, changed and removed, in kept generations, too" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to give a file to a group"
	keys=("$CERTSTORE"/certs/a/{privkey,combined}.pem)
	cert-set a group=daemon
	[ "$(stat -c '%a %G' "${keys[@]}" | sort -u)" = '640 daemon' ]
	cert-create -f -s a.example.com -s b.example.com a
	[ "$(stat -c '%a %G' "${keys[@]}" | sort -u)" = '640 daemon' ]
	cert-set a group=sys
	[ "$(stat -c '%a %G' "${keys[@]}" | sort -u)" = '640 sys' ]
	[ -z "$(find "$CERTSTORE/certs" -group daemon -perm /040 -type f)" ]
	cert-set a group=
	[ -z "$(find "$CERTSTORE/certs" \( -name 'privkey.pem' -o \
	    -name 'combined.pem' \) -perm /077)" ]
	props a
}

@test "lines edited by hand take effect" {
	echo 'tenant h.example.com' >>"$CERTSTORE/certs/a/props"
	run -0 --separate-stderr cert-set a tenant+=h.example.com
	[ "$output" = a ]
	[[ $stderr == *'its props have other tenants: rewritten'* ]]
	[ "$(cert-match -o name h.example.com)" = a ]
	# lines that are unknown stay, and are shown with -v
	echo 'future yes' >>"$CERTSTORE/certs/a/props"
	cert-set a note=x
	grep -qx 'future yes' "$CERTSTORE/certs/a/props"
	props a tenant=h.example.com note=x
	[ "$(cert-set -v a | grep future)" = future=yes ]
	# a malformed one is refused, with its number
	echo 'group: x' >>"$CERTSTORE/certs/a/props"
	refused 'cert-set: certs/a/props:5: is not "group", a blank' a note=y
	[ "$(cert-set -o note a)" = note=x ]
	sed -i '5s/.*/ \tgroup=x/' "$CERTSTORE/certs/a/props"
	refused 'cert-set: certs/a/props:5: is not "group", a blank' a note=y
	sed -i '5s/.*/hold 2099-01-01T00:00:00Z000000000000/' \
	    "$CERTSTORE/certs/a/props"
	refused 'does not begin with a time' a note=y
	sed -i 5d "$CERTSTORE/certs/a/props"
	# of a link in the place of a file no mode counts
	ln -sf fullchain.pem "$CERTSTORE/certs/a/cert.pem"
	run -0 --separate-stderr cert-set a note=x
	[ -z "$output$stderr" ] || fail "$output$stderr"
}

@test "refused, and nothing is changed" {
	cert-create -c ca
	refused 'no such property: use tenant' a colour=red
	refused 'no such property' a origin=create
	refused 'no such property' a x-=1
	refused 'no such property' a =x
	refused 'names come before' a note=1 b
	refused 'a wildcard' a 'tenant=*.example.com'
	refused 'tenant: ' a tenant=192.0.2.1
	refused 'tenant: ' a 'tenant=no host'
	refused 'one value: use =' a note+=x
	refused 'one value: use =' a group-=daemon
	refused 'there is no value' a user+=
	refused 'ends with a blank' a 'user=x '
	refused 'printable' a $'note=a\tb'
	refused 'printable' a $'note=\xff'
	refused 'longer than 1000' a "note=$(printf '%01001d' 0)"
	refused 'longer than 1000' a "x5u=https://h.example/$(printf '%01000d' 0)"
	refused 'no such group' a group=nobody-has-this
	refused 'default=yes or' a default=maybe
	refused 'ca: cannot be the default' ca default=yes
	refused 'one entry can be the default' a ca default=yes
	refused 'ca: is a CA, and all members of group' ca group=daemon
	refused 'there is no entry|no such entry|missing' a missing note=x
	refused 'no such settings: use @new' @old note=x
	refused '@new: tenant: is a property of entries' @new tenant=x.example
	refused '@store: group: is a property of entries' @store group=daemon
	refused '@new: default: is' @new default=yes
	refused '@new: log: is a property of @store' @new log=syslog
	refused 'log: "x": use syslog, or no value' @store log=x
	refused 'of @store renewhost, log' @store renewhosts=x
	for endpoint in host 'host:' host:0 host:65536 host:99999999 :443 \
	    'http:host:80' ::1:443 '[::1]' host:443= 'host:44a' '*.x:1'; do
		refused 'endpoint: ' a "endpoint=$endpoint"
	done
	run -2 cert-set
	run -2 cert-set note=x
	run -2 cert-set -o colour a
}

@test "endpoints" {
	for endpoint in ::1:443 2001:db8::1:443 smtp:::1:25; do
		refused 'an IPv6 address in brackets' a "endpoint=$endpoint"
	done
	cert-set a endpoint=mail.example.com:25 \
	    endpoint+=smtp:mail.example.com:587=a.example.com \
	    'endpoint+=[2001:db8::1]:443' endpoint+=192.0.2.1:5061 \
	    'endpoint+=xmpp-server:[::1]:5269=a.example.com'
	[ "$(cert-set a | wc -l)" -eq 5 ]
	# the name to ask for is behind an address
	cert-create -q -s 192.0.2.7 -s b.example.net both
	cert-set both endpoint=h.example.org:443
	# without a host name to ask for
	cert-create -q -s '*.example.com' wild
	refused 'only wildcards: add =name' wild endpoint=192.0.2.1:443
	refused 'only wildcards: add =name' wild endpoint=example.com:443
	cert-set wild endpoint=192.0.2.1:443=b.example.com \
	    endpoint+=c.example.com:443
}

# next: the links of index/next, without the directory.
next() {
	(cd "$CERTSTORE/index/next" && find . -type l | sort)
}

@test "acme and its methods" {
	ok=(webroot:/var/www http http:8080 http:127.0.0.1:80 'http:[::1]:80'
	    hook:nsupdate 'hook:/usr/libexec/x,a,b' 'hook:x,,'
	    'hook:http-01:/usr/libexec/x,y' hook:tls-alpn-01:x dns-persist
	    tkauth:spc-token 'tkauth:/usr/libexec/x,a')
	cert-set a acme=letsencrypt acmeprofile=shortlived chain='ISRG Root X1'
	for m in "${ok[@]}"; do
		cert-set -q a method+="$m"
	done
	[ "$(cert-set -o method a | sed 's/.*=//' | tr '\n' ' ')" = \
	    "${ok[*]} " ]
	grep -qx 'acme letsencrypt' "$CERTSTORE/certs/a/info"
	cert-set -j a | grep -q '"method":\["webroot:/var/www","http"'
	for bad in acme=https://x acme=../x method=webroot:www method=webroot \
	    method=http:0 method=http:x:80 method=http:::1:80 method=http::80 \
	    method=hook: method=hook:"$(printf '%0201d' 0)" \
	    method=hook:../x method=hook:/x/ method=hook:http-01: \
	    method=hook:x-01:y method=dns-01 \
	    method=dns-persist:x method=tkauth method=tkauth: \
	    method=tkauth:../x method=tkauth:http-01:x; do
		run -2 cert-set a "$bad"
	done
	run -2 cert-set @store acme=x
	run -2 cert-set a acme+=x
	cert-set -q a acme= method=
	run ! grep -rE '^(acme|method) ' "$CERTSTORE/certs/a/"
}

@test "a certificate in the place of one by ACME is not replaced at once" {
	ca root /CN=Root
	server two root a.example.com
	cert-set -q a acme=letsencrypt
	mkdir "$CERTSTORE/acme"
	run -0 --separate-stderr cert-import two.crt two.key root.crt
	[[ $stderr == *'the ACME entry a serves these names: use -f -N a '* ]]
	[ "$output" = a.example.com ]
	run -0 --separate-stderr cert-import -f -N a two.crt two.key root.crt
	[[ $stderr == *'a: ACME does not replace this certificate before 20'*Z* ]]
	[[ $(cert-set -o hold a) == 'hold=20'*'Z put in by hand' ]]
	cert-set -q a hold=
	cert-import -qf -N a two.crt two.key root.crt
	[ -z "$(cert-set -o hold a)" ]
	# a hold of one's own goes with the certificate
	cert-set -q a hold='30d mine'
	cert-create -qf -s a.example.com a
	[[ $(cert-set -o hold a) == *'put in by hand' ]]
	cert-set -q a acme=
	cert-create -qf -s a.example.com a
	[ -z "$(cert-set -o hold a)" ]
}

@test "when there is something to do for an entry" {
	rm -rf "$CERTSTORE"
	cert-create -c -l 2500d ca
	cert-create -A ca -l 300d -s a.example.com a
	cert-create -A ca -l 6d -s b.example.com short
	cert-create -s c.example.com self
	cert-create -R -s d.example.com waits >/dev/null
	# a third before the end, or half, up to a tenth of that earlier
	for line in "ca 1583 1667" "a 190 200" "short 2 3"; do
		read -r name from to <<<"$line"
		link=$(next | grep "/$name\$")
		day=${link#./}
		day=${day%/*}
		day=$(date -u -d "${day/\//-}" +%s)
		now=$(date +%s)
		[ "$day" -ge $((now + (from - 1) * 86400)) ] || fail "$link"
		[ "$day" -le $((now + to * 86400)) ] || fail "$link"
	done
	[ "$(next | wc -l)" -eq 3 ]
	[ "$(readlink "$CERTSTORE/index/next/$link")" = ../../../../certs/short ]
	[ -e "$CERTSTORE/index/next/$link" ]
	# by properties
	ends=$(cert-list -o ends a)
	cert-set a renew=10d
	next | grep -Fx "./$(date -u -d "$ends - 10 days" +%Y-%m/%d)/a"
	cert-set a hold='2099-02-28 why not'
	[ "$(next | grep '/a$')" = ./2099-02/28/a ]
	[ "$(cert-set -o hold a)" = 'hold=2099-02-28T23:59:59Z why not' ]
	cert-set a hold= renew=no
	! next | grep '/a$' || false
	[ ! -e "$CERTSTORE/index/next/2099-02" ]
	cert-set self renew=yes
	next | grep '/self$'
	# at its end would be too late
	run -2 cert-set a renew=0d
	run -2 cert-set a renew=0/3
	# a life that is too short for it
	cert-set short renew=90d
	next | grep '/short$'
	cert-rm -f ca short self
	[ -z "$(ls -A "$CERTSTORE/index/next")" ]
	# what a copy lacks is made again
	cert-set a renew=yes
	was=$(next)
	rm -r "$CERTSTORE/index/next"
	cert-check -r
	[ "$(next)" = "$was" ]
}

@test "a new certificate ends a hold, and nothing else does" {
	ca root /CN=Root
	server two root www.example.com
	server three root www.example.com
	cert-import -qf -N a two.crt two.key root.crt 2>/dev/null
	held() { [ -n "$(cert-set -o hold a)" ]; }
	cert-set -q a hold='30d not now'
	cert-set -q a note=x
	held
	cert-create -R -s www.example.com a >a.csr
	held
	# the same one again, with another chain
	cert-import -qf -N a two.crt two.key 2>/dev/null
	held
	run -0 --separate-stderr cert-import -f -N a three.crt three.key
	[[ $stderr == *'cert-import: a: its new certificate ends the hold until 20'*Z* ]]
	! held || false
	run ! grep -r '^hold' "$CERTSTORE/certs/a/"
	cert-set -q a hold=30d
	pki answer a.crt a.csr copy ca=root.crt key=root.key
	run -0 --separate-stderr cert-import -n a.crt
	[[ $stderr == *'ends the hold'* ]]
	held
	cert-import -q a.crt
	! held || false
	cert-set -q a hold=30d
	cert-create -qf -s www.example.com a
	! held || false
	# one that is over ends without a word
	cert-set -q a hold=2020-01-01
	run -0 --separate-stderr cert-create -f -s www.example.com a
	[[ $stderr != *hold* ]]
	! held || false
	cert-create -R -s w.example.com w >w.csr
	cert-set -q w hold=30d
	pki answer w.crt w.csr copy ca=root.crt key=root.key
	cert-import -q w.crt
	[ -z "$(cert-set -o hold w)" ]
}

@test "renew, life, keepkey, hold and renewhost: what is refused" {
	for value in renew=maybe renew=2027-01-01 renew+=yes life=1/2 life=0d \
	    life=2027-01-01 keepkey=1 hold=never hold=1/2 renewhost=x; do
		run -2 --separate-stderr cert-set a "$value"
		[[ $stderr == *"${value%%[=+]*}"* ]] || fail "$value: $stderr"
		[ "${#stderr_lines[@]}" -eq 1 ]
	done
	run -2 cert-set @new hold=7d
	run -2 cert-set @store renew=yes
	run -2 cert-set @store renewhost='a b'
	cert-set @store renewhost=pbx1
	[ "$(cert-set @store)" = renewhost=pbx1 ]
	cert-set @new renew=1/2 life=90d keepkey=yes
	cert-create n.example.com
	[ "$(cert-set n.example.com)" = $'renew=1/2\nlife=90d\nkeepkey=yes' ]
	echo 'hold tomorrow' >>"$CERTSTORE/certs/a/props"
	run -2 --separate-stderr cert-set a note=x
	[[ $stderr == *'props:'*'hold does not begin with a time'* ]]
}

@test "many entries in one change: all or none" {
	for i in 1 2 3; do cert-create "e$i.example.com"; done
	cert-list -o name 'e*' | cert-set - user=x >out
	[ "$(wc -l <out)" -eq 3 ]
	cert-set a e1.example.com | diff - <(echo $'e1.example.com\tuser=x')
	# one of them cannot be changed
	: >"$CERTSTORE/certs/e2.example.com/privkey.pem"
	run -2 cert-set e1.example.com e2.example.com e3.example.com note=y
	props e1.example.com user=x
	props e3.example.com user=x
	# and the group of the first is not given
	if [ "$(id -u)" -eq 0 ]; then
		run -2 cert-set e1.example.com e2.example.com group=daemon
		props e1.example.com user=x
		closed e1.example.com
	fi
	# nothing in, nothing done
	run -0 cert-set - note=z </dev/null
	[ -z "$output" ]
	run -2 cert-set - a note=z <<<missing
}

@test "a dry run" {
	run -0 cert-set -n a note=x default=yes
	[ "$output" = a ]
	props a
	[ ! -e "$CERTSTORE/default" ]
	run -1 cert-set -nx a note=
	run -0 cert-set -nx @new note=x
	[ "$output" = @new ]
	props @new
}

@test "the output can be used as input" {
	cert-create -s b.example.com b
	cert-set a user='a b' user+="it's" note='back\slash "and" $HOME' \
	    x-one=1 tenant=t.example.com default=yes
	cert-set -0 a | xargs -r0 cert-set b 2>/dev/null
	diff <(cert-set a) <(cert-set b)
	[ "$(readlink "$CERTSTORE/default")" = certs/a ]
	[ "$(cert-set -j -o note,user,default a)" = \
	    '{"name":"a","user":["a b","it'\''s"],"note":"back\\slash \"and\" $HOME","default":true}' ] ||
	[ "$(cert-set -j -o note,user,default a)" = \
	    '{"name":"a","default":true,"user":["a b","it'\''s"],"note":"back\\slash \"and\" $HOME"}' ]
	cert-set -j a b | perl -MJSON::PP -ne 'decode_json($_)'
	[ "$(cert-set -j -o group a)" = '{"name":"a"}' ]
	[ "$(cert-set -o default a b)" = $'a\tdefault=yes' ]
	[ -z "$(cert-set -q a)" ]
}

@test "the default entry" {
	cert-create -s b.example.com b
	cert-set a default=yes
	[ "$(cert-match -D -o name,how other.example)" = $'a\tdefault' ]
	run -0 cert-set b default=yes note=sys
	[ "$output" = b ]
	[ "$(cert-list -o name,default)" = $'a\t\nb\tyes' ]
	run -1 cert-set -x b default=yes
	run -1 cert-set -x a default=no
	[ "$(cert-match -D -o name other.example)" = b ]
	cert-set b default=no
	run -1 cert-match -D other.example
	cert-rm b
	cert-create -R -s w.example.com w >/dev/null
	run -2 --separate-stderr cert-set w default=yes
	[[ $stderr == *'w: cannot be the default: it has no certificate'* ]]
	cert-create -P client -S CN=c c
	run -2 cert-set c default=yes
}

@test "tenants: warns if the certificate lacks one or another entry has it" {
	cert-create -s b.example.com b
	run -0 --separate-stderr cert-set a tenant=a.example.com \
	    tenant+=one.w.example.com
	[ -z "$stderr" ]
	run -0 --separate-stderr cert-set a tenant=no.example.com
	[[ $stderr == *'tenant no.example.com: is not among the names'* ]]
	run -0 --separate-stderr cert-set b tenant=b.example.com \
	    tenant+=no.example.com
	[[ $stderr == *'a has this tenant, too'* ]]
	[ "$(cert-match -o name,how -a no.example.com | wc -l)" -eq 2 ]
	[ "$(cert-set -q b tenant+=x.example.com 2>&1)" = '' ]
}

@test "settings for new entries" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to give a file to a group"
	run -0 --separate-stderr cert-set -u @new group=daemon user=svc \
	    note=new x-a=1
	[ "$output" = @new ]
	props @new group=daemon user=svc note=new x-a=1
	cert-set -u @new group=sys
	props @new group=daemon user=svc note=new x-a=1
	props a # those that are there stay
	cert-create -c ca
	cert-create -A ca -s s.example.com s
	cert-create -P client -S CN=c c
	cert-create -P mail -s x@example.com m
	cert-create -R -s w.example.com w >/dev/null
	for name in ca c m w; do props "$name" user=svc note=new x-a=1; done
	props s group=daemon user=svc note=new x-a=1
	[ "$(stat -c '%a %G' "$CERTSTORE"/certs/{s,ca,c,m}/privkey.pem |
	    tr '\n' ' ')" = '640 daemon 600 root 600 root 600 root ' ]
	[ "$(stat -c %a "$CERTSTORE/certs/w/request.key" \
	    "$CERTSTORE/props")" = $'600\n644' ]
	# an import is new, too; a replacement keeps what it has
	cert-set s note=mine
	cat "$CERTSTORE/certs/s/combined.pem" >s.pem
	cert-create -f -A ca -s s.example.com s
	props s group=daemon user=svc note=mine x-a=1
	cert-rm -f s
	cert-import -N t s.pem
	props t group=daemon user=svc note=new x-a=1
	cert-set @new group= user= note= x-a=
	props @new
	cert-set @store x-site=north
	cert-create -s plain.example.com plain
	props plain
	[ "$(cert-set @store)" = x-site=north ]
	# in a store that is still to be made
	cert-set -d ./fresh @new note=first
	[ "$(cert-set -d ./fresh @new)" = note=first ]
	# a malformed setting stops who would use it, and says which
	echo '@new group' >>"$CERTSTORE/props"
	run -2 --separate-stderr cert-create -s o.example.com other
	[[ $stderr == *'props: line 1 of those of @new: group without a value'* ]]
	run -0 cert-set a note=fine
}

@test "users of trust sets" {
	cert-set -q @trust user=nginx note=mail
	cert-set -q @trust/phones user=kamailio.service user+=/etc/x
	[ "$(cert-set @trust)" = $'user=nginx\nnote=mail' ]
	[ "$(cert-set -o user @trust/phones)" = \
	    $'user=kamailio.service\nuser+=/etc/x' ]
	grep -qx '@trust/phones user kamailio.service' "$CERTSTORE/props"
	run -2 --separate-stderr cert-set @trust group=daemon
	[[ $stderr == *'@trust: group: is a property of entries' ]]
	for name in @trust/ @trust/Phones @trust/trust @trust/../x @trusts; do
		run -2 --separate-stderr cert-set "$name" user=x
		[[ $stderr == *': no such settings: use '* ]]
	done
	run -0 --separate-stderr cert-set @trust/none user=/x
	[[ $stderr == *'@trust/none: there is no such trust set: use '* ]]
	cert-create -c ca
	cert-show -o cert ca | cert-trust -T phones add -
	run -0 --separate-stderr cert-set @trust/phones user=/x
	[ -z "$stderr" ]
}

@test "a user that nobody could tell of a change is named" {
	mkdir "$CERTSTORE/hooks"
	: >"$CERTSTORE/hooks/mine"
	run -0 --separate-stderr cert-set a user=mine user+=/etc/x.conf
	[ -z "$stderr" ]
	run -0 --separate-stderr cert-set a user+=nobody-has-it
	[[ $stderr == *'user "nobody-has-it": there is no hook and no unit of that name on this host: add '*/store/hooks/nobody-has-it ]]
	for user in 'a b' -h .x 'restart:x' 'a\x2' 'a:b'; do
		run -0 --separate-stderr cert-set a user+="$user"
		[[ $stderr == *': is not the name of a hook or unit: '* ]]
	done
	for user in 'no\x2dsuch.service' restart:no@such.service; do
		run -0 --separate-stderr cert-set a user="$user"
		[[ $stderr == *': there is no hook and no unit of '* ]]
	done
	run -0 --separate-stderr cert-set a user="restart:no@such.service"
	[ -z "$stderr" ] # nothing changed
	[ -z "$(cert-set -q a user=other 2>&1 >/dev/null)" ]
}

@test "a user that is a unit of this host" {
	[ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null ||
	    skip "needs root, to mount another /usr/lib/systemd"
	[ -d /usr/lib/systemd ] || skip "there is no /usr/lib/systemd"
	mkdir -p units/system
	: >units/system/pbx.service
	: >units/system/sip@.service
	run -0 --separate-stderr unshare -m sh -euc '
		mount --bind units /usr/lib/systemd
		cert-set a user=pbx.service user+=sip@main.service \
		    user+=restart:pbx.service
		cert-set a user=pbx'
	[ "$stderr" = 'cert-set: user "pbx": there is no hook of that name on this host: use pbx.service for the unit' ]
}

@test "default=no of several names, default=yes with -u" {
	cert-create -s b.example.com b
	cert-create -s c.example.com c
	cert-set b default=yes
	run -1 cert-set -ux a default=yes
	run -1 cert-set -ux b default=no
	[ "$(readlink "$CERTSTORE/default")" = certs/b ]
	run -1 cert-set -x a c default=no
	run -0 cert-set a b c default=no
	[ "$output" = b ]
	[ ! -e "$CERTSTORE/default" ] && [ ! -L "$CERTSTORE/default" ]
	run -0 cert-set -u a default=yes
	[ "$output" = a ]
	# the link alone says which it is
	echo 'default yes' >>"$CERTSTORE/certs/b/props"
	[ "$(cert-set -o default a b)" = $'a\tdefault=yes' ]
	[ -z "$(cert-set -v -o default b)" ]
}

@test "one tenant for two entries in one call is warned of" {
	cert-create -s b.example.com b
	run -0 --separate-stderr cert-set a b tenant=t.example.com
	[[ $stderr == *'a: tenant t.example.com: b has this tenant, too'* ]]
	[[ $stderr == *'b: tenant t.example.com: a has this tenant, too'* ]]
}

@test "long names and values of properties are shown" {
	prop=x-$(printf '%0100d' 0)
	cert-set a "$prop=1" "$prop+=2"
	printf 'future %05000d\nnul a\0b\n' 0 >>"$CERTSTORE/certs/a/props"
	[ "$(cert-set a)" = "$prop=1"$'\n'"$prop+=2" ]
	[ "$(cert-set -o "$prop" a | wc -l)" -eq 2 ]
	cert-set -v a >out
	[ "$(wc -l <out)" -eq 4 ]
	[ "$(tail -n 1 out)" = "future=$(printf '%05000d' 0)" ]
	[[ $(cert-set -j a) == *":[\"1\",\"2\"]}" ]]
}

@test "more than can be read again is refused" {
	local args=() i

	for i in {100..699}; do
		args+=("x-a+=$i$(printf '%0990d' 0)")
	done
	refused 'a: its properties would have more than 524288 bytes' \
	    a "${args[@]}"
	refused '@new: its properties would have more than 524288 bytes' \
	    @new "${args[@]}"
	# what somebody wrote into it can be made smaller
	printf 'future %0600000d\nx-b 1\n' 0 >>"$CERTSTORE/certs/a/props"
	refused 'a: its properties would have' a note=x
	cert-set a x-b=
	cert-set a >/dev/null
}

@test "props that is not a regular file is never replaced" {
	local props=$CERTSTORE/certs/a/props what

	for what in mkfifo mkdir 'ln -s /etc/passwd'; do
		rm -rf "$props"
		$what "$props"
		run -2 --separate-stderr within 5 cert-set a note=x
		[[ $stderr == *'a: props: '* ]]
		run -2 within 5 cert-set a
		[ "$(cert-match -o name a.example.com)" = a ]
	done
	for what in mkfifo mkdir 'ln -s /etc/passwd'; do
		rm -rf "$CERTSTORE/props"
		$what "$CERTSTORE/props"
		run -2 --separate-stderr within 5 cert-set @new note=x
		[[ $stderr == *'/store/props: '* ]]
		run -2 within 5 cert-create -s b.example.com b
	done
}

@test "bytes of foreign text do not reach the terminal" {
	printf '\xef\xbb\xbforigin create\r\nx-e \033[31mred\r\n%b%b' \
	    '\033]0;x\007 bad\n' '\xe2\x80\xaeuser bidi\n' \
	    >"$CERTSTORE/certs/a/props"
	for form in -v -vj -v0; do
		cert-set "$form" a >out
		! LC_ALL=C grep -a '[^ -~]' <(tr -d '\0' <out) ||
		    fail "$form: $(cat -v out)"
	done
	[ "$(cert-set a)" = 'x-e=\033[31mred' ]
	cert-set a x-e= note=x
	LC_ALL=C grep -qa $'^\033]0;x\a bad$' "$CERTSTORE/certs/a/props"
}

@test "no store is made for an entry that cannot be in it" {
	run -2 cert-set -d ./none a note=x
	run -2 cert-set -d ./none -n a note=x
	run -0 cert-set -d ./none - note=x </dev/null
	run -0 cert-set -d ./none -n @new note=x
	[ ! -e none ]
}

@test "the group of a server is not that of the CA in its place" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to give a file to a group"
	cert-set a group=daemon
	run -0 --separate-stderr cert-create -f -c a
	[[ $stderr == *'a: its key is no longer that of a TLS server'* ]]
	[ "$(stat -c '%a %G' "$CERTSTORE"/certs/a/privkey.pem)" = '600 root' ]
	props a
	# a group that a CA was given stays
	cert-set -f a group=daemon
	run -0 --separate-stderr cert-create -f -c a
	[[ $stderr != *group* ]]
	[ "$(stat -c %a "$CERTSTORE/certs/a/privkey.pem")" = 640 ]
	cert-set a group=
	# not by way of a request either
	cert-create -R -s w.example.com w >/dev/null
	cert-set w group=daemon
	cert-create -f -c w
	[ "$(stat -c %a "$CERTSTORE/certs/w/privkey.pem")" = 600 ]
}

@test "an owner that is not root gives only groups of its own" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to be somebody else"
	own=$(mktemp -d /tmp/certstore.XXXXXX)
	chown nobody "$own"
	be() {
		# setpriv can run what only root can reach, env cannot
		CERTSTORE="$own/store" setpriv --reuid=nobody --regid=nogroup \
		    --clear-groups "$@"
	}
	be cert-create -s n.example.com n || fail=1
	run -2 --separate-stderr be cert-set n group=daemon
	[[ $stderr == *'n: privkey.pem: you are not a member of the group in its props'* ]] || fail=1
	be cert-set n group=nogroup || fail=1
	be cert-set @new group=daemon || fail=1
	run -2 --separate-stderr be cert-create -s o.example.com o
	[[ $stderr == *'not a member of the group in the props of @new'* ]] ||
	    fail=1
	rm -rf "$own"
	[ -z "${fail:-}" ]
}

traceable() {
	[ -z "${CERTSTORE_SANITIZE:-}" ] ||
	    skip "strace and the leak sanitizer do not go together"
	strace -o /dev/null true 2>/dev/null || skip "strace cannot trace here"
}

# closed NAME...: nobody but the owner can read a key of these.
closed() {
	local name

	for name; do
		! find "$CERTSTORE/certs/.$name"@* -name '*.pem' \
		    \( -name 'priv*' -o -name 'comb*' \) -perm /077 | grep . ||
		    fail "a key of $name is open"
	done
}

@test "a group that loses an entry cannot read its keys before the switch" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to give a file to a group"
	traceable
	cert-set a group=daemon
	cert-create -f -s a.example.com a
	n=2
	for value in sys ''; do
		strace -y -qq -o trace -e trace=fchmod,fsync,renameat \
		    cert-set a "group=$value"
		# the live and the kept generation, each on disk before the link
		sed -n '/renameat.*"a"/q;p' trace >first
		for file in privkey.pem combined.pem; do
			[ "$(grep -c "fchmod.*/$file>, 0600" first)" -ge "$n" ]
			[ "$(grep -c "fsync.*/$file>" first)" -eq $((n + 1)) ]
		done
		n=1 # the kept one is closed by now
	done
	closed a
	# without a group to be withdrawn nothing is closed
	strace -y -qq -o trace -e trace=fchmod cert-set a group=daemon
	! grep 'certs/[.]a@.*pem.*, 0600)' <(grep -v "$(readlink \
	    "$CERTSTORE/certs/a")" trace) || fail "closed"
}

@test "a group is withdrawn on a full disk, too" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to mount a small file system"
	mkdir small
	mount -t tmpfs -o size=2m tmpfs small 2>/dev/null ||
	    skip "cannot mount here"
	export CERTSTORE=$PWD/small/store
	cert-create -s a.example.com a
	for i in {1..20}; do
		cp -a "$CERTSTORE/certs/a/combined.pem" .
		cert-import -d small/store -N "b$i" combined.pem
	done 2>/dev/null
	cert-list -o name | cert-set - group=daemon
	run -1 sh -c "cat /dev/zero >small/fill"
	status=0
	cert-set a group= 2>said || status=$?
	cert-list -o name 'b*' | cert-set -q - group= 2>/dev/null ||
	    status=$status$?
	find "$CERTSTORE/certs" -name '*.pem' -perm /070 \
	    \( -name 'priv*' -o -name 'comb*' \) >open
	rm small/fill
	after=$(cert-set a)
	cert-list -o name | cert-set -q - group= || status=$status$?
	cert-set -o group a b1 b20 >props
	umount small
	[ "$status" = 22 ]
	[ ! -s open ]
	grep -q 'No space left' said
	grep -q 'a: its group can no longer read its keys, but the' said
	[ "$after" = group=daemon ]
	[ ! -s props ]
}

@test "settings and the default entry: nothing changes if one cannot" {
	traceable
	cert-create -s b.example.com b
	cert-set @store x-a=0
	echo '@new group' >>"$CERTSTORE/props"
	refused 'line 1 of those of @new: group without a value' a @new note=x
	cert-set a default=yes
	sed -i /group/d "$CERTSTORE/props"
	cp -a "$CERTSTORE" saved
	afresh() {
		rm -rf "$CERTSTORE"
		cp -a saved "$CERTSTORE"
		: >"$CERTSTORE/.lock" # or it is seen to be a copy
	}
	for what in 'a @new @store note=x' 'b note=y default=yes'; do
		afresh
		# shellcheck disable=SC2086
		strace -y -qq -o trace -e trace=write,openat,symlinkat \
		    cert-set $what
		for call in write 'openat.*O_CREAT' symlinkat; do
			for n in $(awk '{ split($0, w, "("); i[w[1]]++ }
			    /^'"$call"'/ && /[/]store[>/]/ && !/[/"]log[>"]/ {
			    print i[w[1]] }' trace); do
				afresh
				# shellcheck disable=SC2086
				run -2 strace -qq -o /dev/null \
				    -e "inject=${call%%.*}:error=ENOSPC:when=$n" \
				    cert-set $what
				[ "$(cert-set -o note a b @new @store)" = '' ]
				[ "$(readlink "$CERTSTORE/default")" = certs/a ]
				[ "$(find "$CERTSTORE" -maxdepth 1 -name '*@*')" \
				    = '' ]
			done
		done
	done
}

@test "changes beside 25 replacements: none fails, no property is lost" {
	cert-create -s a.example.com -s '*.w.example.com' -d ./other a
	cp other/certs/a/combined.pem .
	cert-set a user=keep tenant=a.example.com x-site=north
	(
		for i in {1..50}; do
			cert-set a "note=$i" "x-n+=$i" || exit 1
		done >/dev/null
	) &
	for i in {1..12}; do
		cert-create -f -s a.example.com -s '*.w.example.com' a
		cert-import -q -f -N a combined.pem
	done
	cert-create -u -s a.example.com -s '*.w.example.com' a
	wait $!
	cert-set a | grep -v '^x-n' |
	    diff - <(printf '%s\n' user=keep tenant=a.example.com x-site=north \
	    note=50)
	[ "$(cert-set -o x-n a | wc -l)" -eq 50 ]
	[ -z "$(ls -A "$CERTSTORE/.pending")" ]
	[ "$(find "$CERTSTORE/certs" -name '.a@*' | wc -l)" -le 2 ]
}

@test "changes of an entry that is removed and made again meanwhile" {
	(
		for i in {1..40}; do
			cert-set a "note=$i" 2>>said || :
		done >/dev/null
	) &
	for i in {1..15}; do
		cert-rm a
		cert-create -s a.example.com a
	done
	wait $!
	! grep -v 'a: there is no such entry' said || fail "another failure"
	[ -z "$(ls -A "$CERTSTORE/.pending")" ]
	cert-set a note=last
	[ "$(find "$CERTSTORE/certs" -name '.a@*' | wc -l)" -le 2 ]
	cert-show a >/dev/null
}

@test "a tenant that moves is never without an answer" {
	cert-create -s b.example.com b
	cert-create -s c.example.com c
	cert-set -q a tenant=t.example.com
	cert-set c default=yes
	(
		for i in {1..25}; do
			cert-set -q b tenant+=t.example.com
			cert-set -q a tenant-=t.example.com
			cert-set -q a tenant+=t.example.com
			cert-set -q b tenant-=t.example.com
		done
		: >moved
	) &
	while [ ! -e moved ]; do
		yes t.example.com | head -n 2000 |
		    cert-match -D -o name,how - >>answers
	done
	wait $!
	[ -s answers ]
	! grep -v $'\ttenant' answers || fail "not always by tenant"
}

@test "a group that was renamed, and one with the number of another" {
	[ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null ||
	    skip "needs root, to mount another /etc/group"
	cp /etc/group groups
	cat >renamed <<-'EOT'
		mount --bind groups /etc/group
		echo phones:x:54321: >>groups
		cert-set a group=phones
		sed s/^phones/calls/ groups >other
		cat other >groups
		# readers need no group; writers say which is missing
		cert-match a.example.com
		for change in 'cert-set a note=x' 'cert-create -f -s a.example.com a'
		do
			if $change 2>said; then exit 1; fi
			grep 'a: there is no group "phones"' said
		done
		cert-set a group=calls
		[ "$(stat -c '%a %g' "$CERTSTORE/certs/a/privkey.pem")" = '640 54321' ]
		sed s/54321/54322/ groups >other
		cat other >groups
		cert-create -f -s a.example.com a
		[ -z "$(find "$CERTSTORE/certs" -gid 54321 -perm /070 -type f)" ]
		sed /^calls/d groups >other
		cat other >groups
		cert-set a group=
	EOT
	unshare -m sh -eu renamed
	closed a
	props a
}

@test "ignore: codes of cert-check, for entries and the store" {
	cert-set a ignore=expires,weak-key ignore+=key-shared
	[ "$(cert-set -o ignore a)" = "ignore=expires,weak-key
ignore+=key-shared" ]
	cert-set @store ignore=unknown-file
	cert-set @trust ignore=crl-uncovered
	refused 'ignore: "Expired": is not a code' a ignore=Expired
	refused 'is not a code' a ignore=a,
	refused 'ignore: no-such-code is not a code: see cert-check' a \
	    ignore=expires,no-such-code
	refused 'ignore: is a property of entries' @new ignore=expires
}
