#!/usr/bin/env bats
# report.bats: cert-report: a page that is valid, the same each time, complete
# in itself, and in which no foreign byte is more than text.

# shellcheck disable=SC2154  # stderr is run's

load helper
load pki

# valid FILE: it is HTML, and refers to nothing outside.
valid() {
	if command -v tidy >/dev/null; then
		run -0 tidy -q -e "$1"
		[ -z "$output" ] || fail "$output"
	else
		echo "# NOT VALIDATED: tidy is not installed" >&3
	fi
	grep -o '<[^>]*>' "$1" >tags
	run -1 grep -inE '^<(script|link|iframe|img|object|base|form)\b|[ "]on[a-z]+=' tags
	run -1 grep -nE '(src|href)="[^#"]' tags
	run -1 grep -nE '@import|url\([^#]' "$1"
	[ "$(grep -c 'Content-Security-Policy.*default-src .none.' "$1")" -eq 1 ]
}

# texts FILE: what is to be read in it, without markup, a line for each piece.
texts() {
	sed -e '/<style>/,/<\/style>/d' -e 's/<[^>]*>/\n/g' \
	    -e 's/&lt;/</g' -e 's/&gt;/>/g' -e 's/&quot;/"/g' \
	    -e "s/&#39;/'/g" -e 's/&amp;/\&/g' "$1"
}

fill() {
	cert-create -c -S O=Example -S CN='Example Root' root-CA
	cert-create -c -A root-CA -S CN='Example Phones' phones-CA
	cert-create -A phones-CA -s voip.example.com -s 192.0.2.10 phones
	cert-create -s lab.example.com lab
	cert-create -q -R -s shop.example.com shop >/dev/null
}

@test "all entries, their chains, their users and their anchors" {
	fill
	cert-set phones user=kamailio group=root tenant=voip.example.com \
	    note='of the <lobby>' endpoint=localhost:5061 default=yes
	mkdir -p "$CERTSTORE/hooks"
	printf '#!/bin/sh\n' >"$CERTSTORE/hooks/kamailio"
	chmod 755 "$CERTSTORE/hooks/kamailio"
	cert-deploy -q
	# another host that shares the store
	cp -a "$CERTSTORE"/deployed/* "$CERTSTORE/deployed/0123456789ab"
	cert-show -o cert root-CA | cert-trust add -
	cert-show -o cert root-CA | cert-trust -T phones add -
	cert-report >page
	valid page
	texts page >text
	for word in root-CA phones-CA phones lab shop voip.example.com \
	    192.0.2.10 self-signed 'has its key' 'key waits' kamailio \
	    'told on 2 hosts' 'of the <lobby>' localhost:5061 default \
	    'request waits' Example_Root 'Set phones' p256; do
		grep -qF "$word" text || fail "no $word"
	done
	# phones-CA is below root-CA, which has the root of the tree
	tr -d '\n' <page | grep -q \
	    '<ul class="tree"><li class="own">.*>root-CA<.*<ul><li.*>phones-CA<.*>phones</a>.*</ul></ul>'
	# no key in it
	run -1 grep -q 'PRIVATE' page
}

@test "what expired and what expires, as of a time" {
	fill
	cert-create -l 20d -s soon.example.com soon
	cert-report -w "$(date -u -d '25 days' +%F)" >page
	texts page >text
	grep -q 'Something is wrong' text
	grep -qE 'expired [0-9]+ days ago' text
	cert-report -e 10d >page
	texts page | grep -q 'All is well'
	cert-report -e 30d >page
	texts page | grep -qE '(19|20) days left'
	grep -q '<tr><td><span class="s soon">warning</span><th scope="row"><a href="#e-soon">' page
	grep -q '<tr id="e-soon">' page
	cert-report -w 2027-01-01 -e 2090-01-31 >page
	texts page | grep -q '[0-9] expire by 2090-01-31; '
	cert-report -w 2027-01-01 -e 1/1000 >page
	texts page | grep -q '0 expire within 1/1000 of the validity; '
}

@test "the same store at the same time is the same page" {
	fill
	cert-report -w 2027-01-01 >a
	cert-report -w 2027-01-01 >b
	cmp a b
	# and that of a copy
	cp -a "$CERTSTORE" copy
	export CERTSTORE=$PWD/copy
	cert-report -w 2027-01-01 >b
	diff <(sed 's|<code>/.*</code>||' a) <(sed 's|<code>/.*</code>||' b)
}

@test "an empty store" {
	mkdir -p "$CERTSTORE/certs"
	run -0 --separate-stderr cert-report
	[ -z "$stderr" ]
	printf '%s\n' "$output" >page
	valid page
	texts page | grep -q 'There is none: cert-create'
}

@test "foreign bytes are text" {
	pki cert a.crt a.key '/O=<b>"&/CN="><script>alert(1)<\/script>' \
	    basicConstraints=CA:false
	pki cert b.crt b.key \
	    "/O=$(printf 'a\342\200\256b\001c\033[31m')/CN=caf$(printf '\303\251')" \
	    basicConstraints=CA:false
	pki cert c.crt c.key '/CN=c' basicConstraints=CA:false \
	    'subjectAltName=email:<i>@example.com,URI:javascript:alert(1)' \
	    ca=a.crt key=a.key
	for i in a b c; do
		cat $i.crt $i.key >$i.pem
		cert-import -q -N $i $i.pem
	done
	cert-set a note="<u onclick='x'>&amp;"
	cert-report >page
	valid page
	# neither markup, nor what a terminal or a line of text obeys
	run -1 grep -nE '<(b>"|i>@|u )' page
	run -1 env LC_ALL=C grep -n $'[\001-\010\013-\037\177]' page
	run -1 grep -nF $'\342\200\256' page
	iconv -f UTF-8 -t UTF-8 page >/dev/null
	texts page >text
	grep -qF '"><script>alert(1)</script>' text
	grep -qF 'a\E2\80\AEb\01c\1B' text
	grep -qF 'café' text
	grep -qF "<u onclick='x'>&amp;" text
}

@test "CAs that issued each other, and an issuer of whose key nothing is said" {
	local is=('basicConstraints=critical,CA:true' subjectKeyIdentifier=hash
	    authorityKeyIdentifier=keyid:always)

	pki cert a.crt a.key /CN=A "${is[@]}" -- \
	    cert b.crt b.key /CN=B "${is[@]}" -- \
	    cert ab.crt a.key /CN=A ca=b.crt key=b.key "${is[@]}" -- \
	    cert ba.crt b.key /CN=B ca=a.crt key=a.key "${is[@]}" -- \
	    cert c.crt c.key /CN=C ca=a.crt key=a.key basicConstraints=CA:false
	cert-import -q -N ab ab.crt
	cert-import -q -N ba ba.crt
	cat c.crt c.key | cert-import -q -N c -
	cert-report | tr -d '\n' >page
	valid page
	grep -q '>ab</a>.*>A<.*1 certificate.*<a href="#e-c">.*<ul><li.*>ba</a>.*</ul></ul>' \
	    <(sed 's/.*<h2 id="chains"//' page)
}

@test "many entries are grouped, and each is there" {
	shared thousand thousand
	export CERTSTORE=$shared/store
	cert-report >page
	valid page
	[ "$(grep -c '<tr id="e-' page)" -eq "$(cert-list -o name | wc -l)" ]
	[ "$(grep -c '<details class="group">' page)" -ge 6 ]
	texts page | grep -q 'Use cert-check to look at the files'
	# a CA has the names of few
	texts page | grep -qE 'and [0-9,]+ more'
}

@test "what cannot be read is told, and the status is 2" {
	fill
	: >"$CERTSTORE/certs/lab/info"
	run -2 --separate-stderr cert-report
	[[ $stderr == *lab* ]]
	printf '%s\n' "$output" >page
	valid page
	texts page >text
	grep -q 'this page is not complete' text
	grep -q voip.example.com text
	run -2 cert-report -d absent
	run -2 sh -c 'cert-report >/dev/full'
}

@test "options" {
	fill
	run -0 cert-report -q
	[ -z "$output" ]
	run -2 cert-report -e 30
	run -2 cert-report -w yesterday
	run -2 cert-report phones
}

@test "a store that its user cannot write, or read the keys of" {
	[ "$(id -u)" -eq 0 ] || skip "not root"
	fill
	reachable
	chmod 711 "$BATS_TEST_TMPDIR/cwd"
	run -0 setpriv --reuid=65534 --regid=65534 --clear-groups \
	    "$BIN/cert-report" -d "$CERTSTORE"
	[[ $output == *keys-unread* ]]
}

@test "in a browser: no message, nothing wider than a phone" {
	command -v chromium >/dev/null || {
		echo "# NOT SHOWN: chromium is not installed" >&3
		skip "chromium is not installed"
	}
	fill
	cert-set phones note="$(printf '%0250d' 0)"
	cert-report >page.html
	cat >frame.html <<-'END'
	<iframe id="f" src="page.html" style="width:390px;height:900px;border:0">
	</iframe><pre id="out"></pre><script>
	onload = () => { const d = f.contentDocument.documentElement;
	out.textContent = "width " + d.scrollWidth + " of " + d.clientWidth +
	" rows " + d.querySelectorAll("tr[id]").length; }
	</script>
	END
	within 60 chromium --headless --no-sandbox --disable-gpu \
	    --user-data-dir="$PWD/profile" --allow-file-access-from-files \
	    --enable-logging=stderr --dump-dom "file://$PWD/frame.html" \
	    >dom 2>log </dev/null
	grep -qE '>width ([0-9]+) of \1 rows 5<' dom ||
	    fail "$(grep -o '<pre.*' dom)"
	run -1 grep CONSOLE log
}
